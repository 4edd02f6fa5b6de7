import { describe, expect, it } from 'vitest';
import type { BlockedRecord } from '../../../../src/model/blocked.ts';
import type { Network } from '../../../../src/model/network.ts';
import { BlockedWatch } from '../../../../src/sensor/host/firewall/blocked-watch.ts';
import { parseIptablesSave } from '../../../../src/sensor/host/firewall/iptables-save.ts';
import type { FirewallReading } from '../../../../src/sensor/host/firewall/read.ts';
import { SECOND, T0 } from '../../../support/inventory-facts.ts';
import { network } from '../../../support/records.ts';

const FRONT: Network = network({
  id: 'f'.repeat(64),
  name: 'front',
  bridge: 'br-front',
  subnets: ['172.30.50.0/24'],
});
const BACK: Network = network({
  id: 'b'.repeat(64),
  name: 'back',
  bridge: 'br-back',
  subnets: ['172.30.51.0/24'],
  internal: true,
});

const TO_FRONT = '-A DOCKER-ISOLATION-STAGE-2 -o br-front -j DROP';
const OUT_OF_BACK = '-A DOCKER-ISOLATION-STAGE-1 ! -d 172.30.51.0/24 -i br-back -j DROP';
const OPERATORS = '-A DOCKER-USER -s 172.30.50.7/32 -j REJECT';

interface Rules {
  readonly rules?: readonly (readonly [packets: number, rule: string])[];
  readonly policy?: string;
  readonly fell?: number;
}

function reading({ rules = [], policy = 'DROP', fell = 0 }: Rules): FirewallReading {
  const chains = ['DOCKER', 'DOCKER-USER', 'DOCKER-ISOLATION-STAGE-1', 'DOCKER-ISOLATION-STAGE-2'];
  const text = [
    '*filter',
    `:FORWARD ${policy} [${fell}:${fell * 60}]`,
    ...chains.map((chain) => `:${chain} - [0:0]`),
    ...rules.map(([packets, rule]) => `[${packets}:${packets * 60}] ${rule}`),
    'COMMIT',
  ].join('\n');
  return { rulesets: [parseIptablesSave(text, 'ipv4', 'iptables-nft')], unread: new Set(), problems: [] };
}

const FAILED: FirewallReading = {
  rulesets: [],
  unread: new Set(['ipv4 iptables-nft-save']),
  problems: ['`/usr/sbin/iptables-nft-save -c` did not end within 5000 ms'],
};

/** What is told at each reading, ten seconds apart. */
async function told(...readings: readonly FirewallReading[]) {
  const records: BlockedRecord[][] = [];
  const problems: string[] = [];
  const changes: number[] = [];
  let at = 0;
  let round: BlockedRecord[] = [];
  const watch = new BlockedWatch({
    reader: { read: async () => readings[at]! },
    networks: () => [FRONT, BACK],
    emit: (record) => round.push(record),
    onProblem: (problem) => problems.push(problem),
    onRulesChanged: () => changes.push(at),
    pollIntervalMs: 10_000,
    clock: () => T0 + at * 10 * SECOND,
  });
  for (; at < readings.length; at++) {
    round = [];
    await watch.poll();
    records.push(round);
  }
  const packets = records.map((each) => each.map((record) => record.packets));
  return { records, packets, problems, changes, last: watch.problems() };
}

describe('the counters of the firewall', () => {
  it('tell what a rule grew by, for whom, between which networks, since when', async () => {
    const { records } = await told(
      reading({
        rules: [
          [5, TO_FRONT],
          [7, OUT_OF_BACK],
        ],
      }),
      reading({
        rules: [
          [25, TO_FRONT],
          [7, OUT_OF_BACK],
        ],
      }),
      reading({
        rules: [
          [25, TO_FRONT],
          [8, OUT_OF_BACK],
        ],
      }),
    );

    expect(records[0]).toEqual([]);
    expect(records[1]).toEqual([
      {
        kind: 'blocked',
        time: T0 + 10 * SECOND,
        family: 'ipv4',
        backend: 'iptables-nft',
        table: 'filter',
        chain: 'DOCKER-ISOLATION-STAGE-2',
        rule: TO_FRONT,
        verdict: 'drop',
        reason: 'isolation',
        to: FRONT,
        packets: 20,
        bytes: 1200,
        intervalSecs: 10,
      },
    ]);
    expect(records[2]).toMatchObject([{ reason: 'internal', from: BACK, packets: 1 }]);
    expect(records[2]![0]).not.toHaveProperty('to');
  });

  it('go on where a rule has moved in its chain', async () => {
    const { packets } = await told(
      reading({
        rules: [
          [5, TO_FRONT],
          [7, OUT_OF_BACK],
        ],
      }),
      reading({
        rules: [
          [8, OUT_OF_BACK],
          [5, TO_FRONT],
        ],
      }),
    );

    expect(packets[1]).toEqual([1]);
  });

  it('begin anew where they fell: no burst, and never a negative one', async () => {
    const { packets } = await told(
      reading({ rules: [[1000, TO_FRONT]] }),
      reading({ rules: [[3, TO_FRONT]] }),
      reading({ rules: [[0, TO_FRONT]] }),
      reading({ rules: [[2, TO_FRONT]] }),
    );

    expect(packets).toEqual([[], [3], [], [2]]);
  });

  it('of a rule that came, or came back, count from zero', async () => {
    const { packets, records } = await told(
      reading({ rules: [[9, TO_FRONT]] }),
      reading({ rules: [] }),
      reading({
        rules: [
          [4, TO_FRONT],
          [2, OUT_OF_BACK],
        ],
      }),
    );

    expect(packets).toEqual([[], [], [2, 4]]);
    expect(records[2]![0]!.intervalSecs).toBe(10);
  });

  it('of a whole ruleset that is flushed and written again count from zero too', async () => {
    const gone: FirewallReading = { rulesets: [], unread: new Set(), problems: [] };
    const { packets } = await told(
      reading({ rules: [[9, TO_FRONT]] }),
      gone,
      reading({ rules: [[1, TO_FRONT]] }),
    );

    expect(packets).toEqual([[], [], [1]]);
  });

  it('go on over a reading that failed, with its longer interval, and it is said once', async () => {
    const { packets, records, problems, last } = await told(
      reading({ rules: [[9, TO_FRONT]] }),
      FAILED,
      FAILED,
      reading({ rules: [[19, TO_FRONT]] }),
    );

    expect(packets).toEqual([[], [], [], [10]]);
    expect(records[3]![0]!.intervalSecs).toBe(30);
    expect(problems).toEqual(FAILED.problems);
    expect(last).toEqual([]);
  });

  it('of the policy count only what it drops: what it let through before is no drop', async () => {
    const { packets } = await told(
      reading({ fell: 10 }),
      reading({ fell: 14 }),
      reading({ fell: 500, policy: 'ACCEPT' }),
      reading({ fell: 900 }),
      reading({ fell: 901 }),
    );

    expect(packets).toEqual([[], [4], [], [], [1]]);
  });

  it('of the operator’s rules name the network by the prefix', async () => {
    const { records } = await told(
      reading({ rules: [[0, OPERATORS]] }),
      reading({ rules: [[2, OPERATORS]] }),
    );

    expect(records[1]).toMatchObject([{ reason: 'operator', verdict: 'reject', from: FRONT, packets: 2 }]);
  });

  it('keep no more of a rule than 300 characters', async () => {
    const long = `-A DOCKER-USER -m comment --comment "${'x'.repeat(400)}" -j DROP`;
    const { records } = await told(reading({ rules: [[0, long]] }), reading({ rules: [[2, long]] }));

    expect(records[1]![0]!.rule).toBe(long.slice(0, 300));
  });

  it('are watched up to a bound, which is told', async () => {
    const many = Array.from({ length: 20_001 }, (_, i): [number, string] => [
      i,
      `-A DOCKER-USER -o v${i} -j DROP`,
    ]);
    const { problems } = await told(reading({ rules: many }));

    expect(problems).toEqual([expect.stringMatching(/^2 rules beyond 20000/)]);
  });
});

describe('other rules than before', () => {
  const isolated = (packets: number) =>
    reading({
      rules: [
        [packets, TO_FRONT],
        [packets, OUT_OF_BACK],
      ],
    });

  it('are told when one is gone, comes, or is back, and not at the first reading', async () => {
    const flushed = reading({ rules: [[3, TO_FRONT]] });
    const { changes } = await told(isolated(1), isolated(2), flushed, flushed, isolated(0));

    expect(changes).toEqual([2, 4]);
  });

  it('are told when all of the firewall is flushed, or lets through what nobody allows', async () => {
    const nothing: FirewallReading = { rulesets: [], unread: new Set(), problems: [] };
    const open = reading({ policy: 'ACCEPT', rules: [[1, TO_FRONT]] });
    const shut = reading({ rules: [[1, TO_FRONT]] });

    expect((await told(isolated(1), nothing)).changes).toEqual([1]);
    expect((await told(shut, open)).changes).toEqual([1]);
  });

  it('are not what could not be read', async () => {
    expect((await told(isolated(1), FAILED, isolated(2))).changes).toEqual([]);
  });

  it('are not the same in another order', async () => {
    const turned = reading({
      rules: [
        [9, OUT_OF_BACK],
        [9, TO_FRONT],
      ],
    });

    expect((await told(isolated(1), turned)).changes).toEqual([]);
  });
});
