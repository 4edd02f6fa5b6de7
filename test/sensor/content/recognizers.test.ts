/** Every protocol from the bytes of real programs or of its specification, on ports of nobody. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TCP_RECOGNIZERS, UDP_RECOGNIZERS } from '../../../src/sensor/content/recognizers.ts';
import { converse, type Side } from './conversation.ts';
import { RECORDED } from './recorded.ts';
import { type Conversation, kafkaResponse, ntpAnswer, WRITTEN } from './written.ts';

const ALL: readonly Conversation[] = [...RECORDED, ...WRITTEN];
const SERVICES = [...new Set([...TCP_RECOGNIZERS, ...UDP_RECOGNIZERS].map(({ service }) => service))];

/** Only what one side said first. */
function alone({ transport, says }: Conversation, side: Side) {
  const first = says.find(([who]) => who === side);
  return first === undefined ? undefined : converse(transport, [first])?.service;
}

describe('a conversation', () => {
  it.each(ALL.map((entry) => [entry.service, entry.name, entry] as const))(
    'is %s: %s',
    (service, _name, entry) => {
      const heard = converse(entry.transport, entry.says);

      expect(heard?.service).toBe(service);
      expect(heard?.serverName).toBe(entry.serverName);
      expect(heard?.serverNameFrom).toBe(entry.serverNameFrom);
    },
  );

  it('is there for every recogniser', () => {
    expect(SERVICES.filter((service) => !ALL.some((entry) => entry.service === service))).toEqual([]);
  });

  it('is never taken for another when one side alone is heard', () => {
    const wrong = ALL.flatMap((entry) =>
      (['client', 'server'] as const).flatMap((side) => {
        const heard = alone(entry, side);
        return heard === undefined || heard === entry.service ? [] : [`${entry.name} ${side}: ${heard}`];
      }),
    );

    expect(wrong).toEqual([]);
  });

  it('is never taken for another when two that do not belong together are put together', () => {
    const wrong: string[] = [];
    for (const a of ALL) {
      for (const b of ALL) {
        if (a.transport !== b.transport || a.service === b.service) continue;
        const client = a.says.find(([side]) => side === 'client');
        const server = b.says.find(([side]) => side === 'server');
        if (client === undefined || server === undefined) continue;
        const heard = converse(a.transport, [client, server])?.service;
        // The server may be sure of itself; then it is that. Or its words may be an answer to what the client surely
        // spoke: `+OK` is as good an answer in Redis as it is a greeting in POP3.
        if (heard !== undefined && heard !== b.service && heard !== alone(a, 'client'))
          wrong.push(`${a.name} + ${b.name}: ${heard}`);
      }
    }

    expect(wrong).toEqual([]);
  });
});

describe('an answer that must name its question', () => {
  it.each([
    ['kafka', kafkaResponse(8)],
    ['ntp', ntpAnswer(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))],
  ])('is none when it names another: %s', (service, answer) => {
    const { transport, says } = WRITTEN.find((entry) => entry.service === service)!;

    expect(converse(transport, [says[0]!, ['server', answer]])?.service).toBeUndefined();
  });
});

describe('JSON that is no stratum', () => {
  it.each([
    ['a call of another service', '{"jsonrpc":"2.0","id":1,"method":"login","params":{"user":"a"}}\n'],
    ['a log line', '{"level":"info","msg":"mining.subscribe is no method here","agent":"x"}\n'],
    ['a node asked over a socket', '{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}\n'],
    ['an answer alone', '{"id":1,"result":true,"error":null}\n'],
  ])('%s', (_, said) => {
    const payload = Buffer.from(said);

    expect(converse('tcp', [['client', payload]])?.service).toBeUndefined();
    expect(
      converse('tcp', [
        ['client', payload],
        ['server', Buffer.from('{"id":1,"result":true,"error":null}\n')],
      ])?.service,
    ).toBeUndefined();
    expect(
      converse('tcp', [
        ['server', Buffer.from('{"id":1,"result":true,"error":null}\n')],
        ['client', payload],
      ])?.service,
    ).toBeUndefined();
  });
});

describe('docs/services.md', () => {
  const page = readFileSync(new URL('../../../docs/services.md', import.meta.url), 'utf8');
  const rows = new Map(
    [...page.matchAll(/^\| `([a-z0-9-]+)` \| (\w+(?:, \w+)?) \| (.+?) \| ([a-z, ]+?) \|/gm)].map(
      ([, service, transports, , sure]) => [service!, { transports: transports!, sure: sure! }],
    ),
  );

  it('has a row for every service and for nothing else', () => {
    expect([...rows.keys()].sort()).toEqual([...SERVICES].sort());
  });

  it.each(SERVICES)('says over what %s is recognised, and from whose bytes alone', (service) => {
    const entries = ALL.filter((entry) => entry.service === service);
    const transports = [
      ...(TCP_RECOGNIZERS.some((entry) => entry.service === service) ? ['TCP'] : []),
      ...(UDP_RECOGNIZERS.some((entry) => entry.service === service) ? ['UDP'] : []),
    ];
    const sure = (['client', 'server'] as const).filter((side) =>
      entries.some((entry) => alone(entry, side) === service),
    );

    expect(rows.get(service)).toEqual({
      transports: transports.join(', '),
      sure: sure.length === 0 ? 'both together' : sure.length === 2 ? 'either' : sure[0],
    });
  });
});
