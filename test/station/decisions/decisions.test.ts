/** What people decide about findings, on a station with its database: applied at once, kept, ended, told to sinks. */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../../src/model/finding.ts';
import { type PublicDecision, type PublicFinding, parseRecord } from '../../../src/model/serialize.ts';
import type { Micros } from '../../../src/model/time.ts';
import { MAX_MUTES } from '../../../src/station/decisions/decisions.ts';
import { Station } from '../../../src/station/station.ts';
import { memoryLogger, stationConfig, temporaryDirectory, until } from '../support/harness.ts';
import { finding, T0 } from '../support/records.ts';
import { startWebhookPeer, type WebhookPeer } from '../support/webhook-peer.ts';

const HOUR = 3_600_000_000;
const BY = 'root (uid 0)';
const FOREVER = { by: BY, reason: 'backup host', forever: true } as const;

let directory: ReturnType<typeof temporaryDirectory>;
let station: Station;
let now: Micros;

beforeEach(async () => {
  directory = temporaryDirectory();
  now = T0 + HOUR;
  station = await start('run');
});

afterEach(async () => {
  await station.stop();
  directory.remove();
});

async function start(run: string, sinks: readonly object[] = []): Promise<Station> {
  const started = new Station(stationConfig(directory.path, {}, {}, sinks), {
    logger: memoryLogger().logger,
    now: () => now,
  });
  await started.start(run);
  return started;
}

async function restart(run = 'another run'): Promise<void> {
  await station.stop();
  station = await start(run);
}

async function tell(...findings: readonly Finding[]): Promise<void> {
  for (const each of findings) station.receive(each);
  await new Promise<void>((resolve) => station.whenKept(resolve));
}

function stored<T>(kind: string): T[] {
  const db = new Sqlite(join(directory.path, 'bridgewatch.db'), { readonly: true });
  const rows = db
    .prepare<[string], string>('SELECT record FROM events WHERE kind = ? ORDER BY seq')
    .pluck()
    .all(kind);
  db.close();
  return rows.map((row) => parseRecord(row) as T);
}

const trail = () => stored<PublicDecision>('decision').map(({ action, by, reason }) => [action, by, reason]);

/** Status, reason, and the marks, of each record of a finding. */
const life = (id: string) =>
  stored<PublicFinding>('finding')
    .filter((each) => each.id === id)
    .map(({ status, reason, muted, acknowledged }) => ({
      status,
      reason,
      ...(muted === undefined ? {} : { muted: muted.begins === true ? 'begins' : 'goes on' }),
      ...(acknowledged === undefined ? {} : { acknowledged: acknowledged.by }),
    }));

const decisions = () => station.decisions!;

describe('a mute of a finding', () => {
  it('tells the finding again at once, muted, and every later record of its analyzer and key', async () => {
    await tell(finding(1));

    const { value, findings } = await decisions().muteFinding('f-1', FOREVER);
    await tell(finding(1, { status: 'update', count: 2 }), finding(1, { status: 'closed', reason: 'quiet' }));
    await tell(finding(7, { key: finding(1).key }), finding(2));

    expect(findings).toBe(1);
    expect(life('f-1')).toEqual([
      { status: 'open', reason: 'first report' },
      { status: 'update', reason: `muted by ${BY}: backup host`, muted: 'begins' },
      { status: 'update', reason: 'first report', muted: 'goes on' },
      { status: 'closed', reason: 'quiet', muted: 'goes on' },
    ]);
    expect(life('f-7')).toEqual([{ status: 'open', reason: 'first report', muted: 'goes on' }]);
    expect(life('f-2')).toEqual([{ status: 'open', reason: 'first report' }]);
    expect(stored<PublicDecision>('decision')).toMatchObject([
      {
        id: value.id,
        action: 'mute',
        finding: 'f-1',
        analyzer: 'internal-egress',
        key: finding(1).key,
        by: BY,
      },
    ]);
  });

  it('is the same when it is said again, and takes the place of the earlier when said otherwise', async () => {
    await tell(finding(1));
    const first = await decisions().muteFinding('f-1', FOREVER);
    const again = await decisions().muteFinding('f-1', FOREVER);
    const other = await decisions().muteFinding('f-1', { ...FOREVER, reason: 'other' });

    expect(again).toMatchObject({ isNew: false, value: { id: first.value.id } });
    expect(
      decisions()
        .mutes()
        .map(({ id }) => id),
    ).toEqual([other.value.id]);
    expect(trail().map(([action]) => action)).toEqual(['mute', 'unmute', 'mute']);
    expect(life('f-1').map(({ muted }) => muted)).toEqual([undefined, 'begins', 'goes on']);
  });

  it('ends when it is taken back, and the open finding is told without it', async () => {
    await tell(finding(1));
    await decisions().muteFinding('f-1', FOREVER);
    const { findings } = await decisions().unmute('f-1', { by: 'ops', note: 'not known after all' });

    expect(findings).toBe(1);
    expect(life('f-1').at(-1)).toEqual({ status: 'update', reason: 'unmuted by ops: not known after all' });
    expect(trail().at(-1)).toEqual(['unmute', 'ops', 'not known after all']);
    await expect(decisions().unmute('f-1', { by: 'ops' })).rejects.toMatchObject({ code: 'POINTLESS' });
  });

  it('holds until its last microsecond, by the wall clock and not by that of packets', async () => {
    await tell(finding(1));
    await decisions().muteFinding('f-1', { by: BY, reason: 'r', for: '1h' });
    now += HOUR - 1;
    await tell(finding(1, { status: 'update', count: 2, lastSeen: T0 + 9 * HOUR }));
    now += 1;
    await tell(finding(1, { status: 'update', count: 3 }));

    expect(life('f-1').map(({ muted }) => muted)).toEqual([undefined, 'begins', 'goes on', undefined]);
  });

  it('that ended while no station ran is ended by the next, with a record', async () => {
    await tell(finding(1));
    await decisions().muteFinding('f-1', { by: BY, reason: 'r', for: '1h' });
    now += HOUR;
    await restart('run');
    await until('the mute ends', () => trail().length === 2);
    await until('the finding is told again', () => life('f-1').length === 3);

    expect(trail().at(-1)).toEqual(['expire', 'bridgewatch', 'its time was over']);
    expect(life('f-1').at(-1)).toEqual({ status: 'update', reason: 'its mute has ended' });
    expect(decisions().mutes()).toEqual([]);
  });

  it('ends by itself while the station runs, no finding being told', async () => {
    await tell(finding(1));
    await decisions().muteFinding('f-1', { by: BY, reason: 'r', for: '1h' });
    now += HOUR - 200_000;
    await decisions().muteFinding('f-1', { by: BY, reason: 'r', for: '200ms' });
    const timer = setInterval(() => {
      now += 50_000;
    }, 50);
    await until('it ends', () => trail().some(([action]) => action === 'expire'));
    await until('it is told again', () => life('f-1').at(-1)?.reason === 'its mute has ended');
    clearInterval(timer);
  });

  it('outlives the station and the run of the sensor', async () => {
    await tell(finding(1), finding(2));
    await decisions().muteFinding('f-1', FOREVER);
    await restart('run');
    await tell(finding(1, { status: 'update', count: 2 }));
    await restart('another run');
    await tell(finding(1, { status: 'reopened', reason: 'goes on', count: 3 }));

    expect(life('f-1').map(({ status, muted }) => [status, muted])).toEqual([
      ['open', undefined],
      ['update', 'begins'],
      ['update', 'goes on'],
      ['closed', 'goes on'],
      ['reopened', 'goes on'],
    ]);
    expect(life('f-2').map(({ muted }) => muted)).toEqual([undefined, undefined]);
  });
});

describe('a mute of what a filter describes', () => {
  it('mutes what is open and what comes, whatever its status, and nothing else', async () => {
    await tell(finding(1), finding(2, { severity: 'low' }));
    const { findings } = await decisions().muteWhere('severity>=high', FOREVER);
    await tell(finding(3), finding(4, { severity: 'low' }));

    expect(findings).toBe(1);
    expect(life('f-1').at(-1)).toMatchObject({ muted: 'begins' });
    expect(life('f-3')).toMatchObject([{ muted: 'goes on' }]);
    expect([...life('f-2'), ...life('f-4')].map(({ muted }) => muted)).toEqual([undefined, undefined]);
    await expect(decisions().unmute('f-1', { by: BY })).rejects.toMatchObject({
      code: 'POINTLESS',
      message: expect.stringContaining('severity>=high'),
    });
  });

  it('is refused where it is none, asks for times, or there are too many', async () => {
    for (const where of ['', 'nosuch:field', 'time>-1h', '((']) {
      await expect(decisions().muteWhere(where, FOREVER), where).rejects.toThrow(/no filter of findings/);
    }
    for (let i = 0; i < MAX_MUTES; i++) await decisions().muteWhere(`id:${i}`, FOREVER);
    await expect(decisions().muteWhere('id:more', FOREVER)).rejects.toMatchObject({ code: 'FULL' });
    expect((await decisions().muteWhere('id:7', { ...FOREVER, reason: 'x' })).isNew).toBe(true);
  });
});

describe('what is said with a decision', () => {
  it.each([
    [{ for: '1h', forever: true }, /one of three/],
    [{}, /one of three/],
    [{ for: 'soon' }, /number with a unit/],
    [{ for: '0s' }, /number with a unit/],
    [{ until: '2020-01-01' }, /over already/],
    [{ until: '24.12.2027' }, /a day/],
    [{ forever: true, reason: ' ' }, /reason is empty/],
    [{ forever: true, reason: 'a\u001b[31mb' }, /control characters/],
    [{ forever: true, reason: 'a\u202eb' }, /control characters/],
    [{ forever: true, reason: 'a\nb' }, /control characters/],
    [{ forever: true, reason: 'x'.repeat(201) }, /longer than 200/],
    [{ forever: true, by: 'a\u0007' }, /control characters/],
  ] as const)('is refused: %j', async (said, problem) => {
    await tell(finding(1));
    const whole = { by: BY, reason: 'r', ...said };

    await expect(decisions().muteFinding('f-1', whole as typeof FOREVER)).rejects.toThrow(problem);
    expect(trail()).toEqual([]);
  });

  it('may be 200 characters of any language', async () => {
    await tell(finding(1));
    const reason = 'ж'.repeat(200);

    expect((await decisions().muteFinding('f-1', { ...FOREVER, reason })).value.reason).toBe(reason);
  });
});

describe('an acknowledgement', () => {
  it('stands in the finding until it closes, and is then over', async () => {
    await tell(finding(1));
    decisions().acknowledge('f-1', { by: BY, note: 'looking' });
    await tell(finding(1, { status: 'update', count: 2 }), finding(1, { status: 'closed', reason: 'quiet' }));
    await tell(finding(1, { status: 'reopened', reason: 'returned', count: 3 }));

    expect(life('f-1')).toEqual([
      { status: 'open', reason: 'first report' },
      { status: 'update', reason: `acknowledged by ${BY}: looking`, acknowledged: BY },
      { status: 'update', reason: 'first report', acknowledged: BY },
      { status: 'closed', reason: 'quiet', acknowledged: BY },
      { status: 'reopened', reason: 'returned' },
    ]);
    expect(trail()).toEqual([
      ['acknowledge', BY, 'looking'],
      ['expire', 'bridgewatch', 'the finding closed'],
    ]);
  });

  it('ends when the severity rises, not when it stays', async () => {
    await tell(finding(1));
    decisions().acknowledge('f-1', { by: BY });
    await tell(finding(1, { status: 'update', severity: 'high' }));
    await tell(finding(1, { status: 'update', severity: 'critical', reason: 'severity rose' }));

    expect(life('f-1').map(({ acknowledged }) => acknowledged)).toEqual([undefined, BY, BY, undefined]);
    expect(trail().at(-1)).toEqual(['expire', 'bridgewatch', 'severity rose from high to critical']);
  });

  it('outlives a restart of the agent, which is no end of what was acknowledged', async () => {
    await tell(finding(1));
    decisions().acknowledge('f-1', { by: BY });
    await restart('another run');
    await tell(finding(1, { status: 'reopened', reason: 'goes on' }));

    expect(life('f-1').map(({ status, acknowledged }) => [status, acknowledged])).toEqual([
      ['open', undefined],
      ['update', BY],
      ['closed', BY],
      ['reopened', BY],
    ]);
    expect(trail()).toHaveLength(1);
  });

  it('can be taken back; both can be said twice', async () => {
    await tell(finding(1));
    const said = [
      decisions().acknowledge('f-1', { by: BY }),
      decisions().acknowledge('f-1', { by: BY }),
      decisions().unacknowledge('f-1', { by: BY }),
      decisions().unacknowledge('f-1', { by: BY }),
    ];

    expect(said.map(({ isNew }) => isNew)).toEqual([true, false, true, false]);
    expect(life('f-1').at(-1)).toEqual({ status: 'update', reason: `no longer acknowledged, says ${BY}` });
    expect(trail().map(([action]) => action)).toEqual(['acknowledge', 'unacknowledge']);
  });

  it('is refused of what is closed, unknown, or one of several', async () => {
    const id = (end: string) => `abcd${end}`;
    await tell(finding(1, { status: 'closed' }), finding(2, { id: id('1') }), finding(3, { id: id('2') }));

    const code = (of: string) => {
      try {
        decisions().acknowledge(of, { by: BY });
        return 'taken';
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    expect(['f-1', 'nosuch', 'abcd', 'abc', 'abcd1'].map(code)).toEqual([
      'POINTLESS',
      'UNKNOWN',
      'AMBIGUOUS',
      'INVALID',
      'taken',
    ]);
  });
});

describe('many open findings', () => {
  it('are all told again, over many pages, while the sensor tells on', async () => {
    await tell(...Array.from({ length: 230 }, (_, i) => finding(i)));
    const muting = decisions().muteWhere('analyzer:internal-egress', FOREVER);
    station.receive(finding(220, { status: 'closed', reason: 'quiet' }));
    const { findings } = await muting;
    await tell(finding(229, { status: 'update', count: 2 }));

    expect(findings).toBe(229);
    const last = stored<PublicFinding>('finding').filter(({ id }) => id === 'f-220');
    expect(last.map(({ status, muted }) => [status, muted?.begins])).toEqual([
      ['open', undefined],
      ['closed', true],
    ]);
    expect(life('f-229').map(({ muted }) => muted)).toEqual([undefined, 'begins', 'goes on']);
  });
});

describe('what a webhook is told', () => {
  let peer: WebhookPeer;

  beforeEach(async () => {
    peer = await startWebhookPeer();
    await station.stop();
    station = await start('run', [
      { type: 'webhook', url: peer.url, updates: 'notable', kinds: ['finding'] },
      { type: 'webhook', name: 'all', url: `${peer.url}/all`, include_muted: true, kinds: ['finding'] },
    ]);
  });

  afterEach(() => peer.close());

  const heard = (path = '/') =>
    peer.taken
      .filter((posted) => posted.path === path)
      .map(({ body }) => {
        const { id, status, reason } = JSON.parse(body) as PublicFinding;
        return `${id} ${status}: ${reason}`;
      });

  it('the opening, that it is muted, nothing more; and again once it is not', async () => {
    await tell(finding(1));
    await decisions().muteFinding('f-1', FOREVER);
    await tell(finding(1, { status: 'update', severity: 'critical', reason: 'severity rose' }));
    await tell(finding(2, { key: finding(1).key }), finding(2, { key: finding(1).key, status: 'closed' }));
    await decisions().unmute('f-1', { by: BY });
    await tell(finding(1, { status: 'closed', reason: 'quiet' }));
    await until('it is told that it is over', () => heard().some((each) => each.includes('quiet')));

    expect(heard()).toEqual([
      'f-1 open: first report',
      `f-1 update: muted by ${BY}: backup host`,
      `f-1 update: unmuted by ${BY}`,
      'f-1 closed: quiet',
    ]);
    await until('the other sink is told all of it', () => heard('/all').length === 7);
  });

  it('no updates of what somebody is on, but its end, its return, and that it grew graver', async () => {
    await tell(finding(1), finding(2));
    decisions().acknowledge('f-1', { by: BY });
    decisions().acknowledge('f-2', { by: BY });
    await tell(finding(1, { status: 'update', message: 'now-otherwise', reason: 'now otherwise' }));
    await tell(finding(2, { status: 'update', severity: 'critical', reason: 'severity rose' }));
    await tell(
      finding(1, { status: 'closed', reason: 'quiet' }),
      finding(1, { status: 'reopened', reason: 'returned' }),
    );
    await until('it is told of the return', () => heard().some((each) => each.includes('returned')));

    expect(heard()).toEqual([
      'f-1 open: first report',
      'f-2 open: first report',
      'f-2 update: severity rose',
      'f-1 closed: quiet',
      'f-1 reopened: returned',
    ]);
  });
});
