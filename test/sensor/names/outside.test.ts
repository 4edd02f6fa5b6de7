/** From frames to names on both ends of flow records: nothing between is replaced. */
import { describe, expect, it } from 'vitest';
import type { MemoryFrame } from '../../../capture/memory.ts';
import { geoConfig, namesConfig } from '../../../src/sensor/config.ts';
import { createOutside } from '../../../src/sensor/names/outside.ts';
import { answer, type DnsAnswerFields, dnsQuery, dnsResponse } from '../../support/packet-builder.ts';
import { at, connection, datagram, IP, startPipeline } from '../pipeline-run.ts';

const RESOLVER = '198.51.100.53';
const NAME = 'api.example.com';

function run(frames: readonly MemoryFrame[], names: Parameters<typeof namesConfig.parse>[0] = {}) {
  const outside = createOutside({ names: namesConfig.parse(names), geo: geoConfig.parse({}) });
  const pipeline = startPipeline({ outside });
  const tap = pipeline.tap('front');
  pipeline.feed(tap, frames);
  pipeline.pipeline.finish();
  return pipeline;
}

const namesIn = (frames: readonly MemoryFrame[]) =>
  Object.fromEntries(
    run(frames)
      .of('flow')
      .filter(({ protocol }) => protocol === 'tcp')
      .map(({ orig, resp }) => [`${orig.ip} -> ${resp.ip}`, resp.names]),
  );

interface Asking {
  readonly client?: string;
  readonly server?: string;
  readonly sport?: number;
  readonly id?: number;
  readonly srcMac?: string;
}

const question = (
  second: number,
  { client = IP.web, server = RESOLVER, sport = 33_000, id = 7, srcMac }: Asking = {},
) =>
  at(
    second,
    datagram(
      { src: client, dst: server, sport, dport: 53, ...(srcMac === undefined ? {} : { srcMac }) },
      dnsQuery({ name: NAME, id }),
    ),
  );
const reply = (
  second: number,
  answers: readonly DnsAnswerFields[],
  { client = IP.web, server = RESOLVER, sport = 33_000, id = 7 }: Asking = {},
) =>
  at(
    second,
    datagram(
      { src: server, dst: client, sport: 53, dport: sport },
      dnsResponse({ name: NAME, id, answers: [...answers] }),
    ),
  );
const webConnects = connection(3, { src: IP.web, dst: IP.outside, dport: 443 });
const apiConnects = connection(3, { src: IP.apiFront, dst: IP.outside, dport: 443 });
const toOutside = [answer.a(IP.outside)];

describe('names on flow records', () => {
  it('are what that container resolved before it connected', () => {
    expect(namesIn([question(1), reply(1.1, toOutside), ...webConnects])).toEqual({
      [`${IP.web} -> ${IP.outside}`]: [NAME],
    });
  });

  it('are nothing for another container, and nothing that was resolved later', () => {
    expect(namesIn([question(1), reply(1.1, toOutside), ...apiConnects])).toEqual({
      [`${IP.apiFront} -> ${IP.outside}`]: [],
    });
    expect(namesIn([...webConnects, question(4), reply(4.1, toOutside)])).toEqual({
      [`${IP.web} -> ${IP.outside}`]: [],
    });
  });

  it.each<[string, readonly MemoryFrame[]]>([
    ['nobody asked', [reply(1.1, toOutside)]],
    ['another id was asked', [question(1), reply(1.1, toOutside, { id: 8 })]],
    ['another server was asked', [question(1), reply(1.1, toOutside, { server: '198.51.100.54' })]],
    ['another port asked', [question(1), reply(1.1, toOutside, { sport: 33_001 })]],
    [
      'the asker itself sent the answer',
      [
        question(1),
        at(
          1.1,
          datagram(
            { src: IP.web, dst: RESOLVER, sport: 33_000, dport: 53 },
            dnsResponse({ name: NAME, id: 7, answers: toOutside }),
          ),
        ),
      ],
    ],
    [
      'the question came with the MAC of a neighbour',
      [question(1, { srcMac: '02:00:00:00:00:66' }), reply(1.1, toOutside)],
    ],
  ])('are nothing when %s', (_, frames) => {
    expect(namesIn([...frames, ...webConnects])).toEqual({ [`${IP.web} -> ${IP.outside}`]: [] });
  });

  it('are the first answer, not one that somebody sends after it', () => {
    const late = reply(1.2, [answer.a('198.51.100.66')]);
    const toForged = connection(3, { src: IP.web, dst: '198.51.100.66', dport: 443 });

    expect(namesIn([question(1), reply(1.1, toOutside), late, ...toForged])).toEqual({
      [`${IP.web} -> 198.51.100.66`]: [],
    });
  });

  it('are the same in each run', () => {
    const frames = [question(1), reply(1.1, [answer.a(IP.outside, 5)]), ...webConnects, ...apiConnects];

    expect(run(frames).records).toEqual(run(frames).records);
  });

  it('tell of names given up for want of room', () => {
    const frames = Array.from({ length: 300 }, (_, i) => [
      question(1 + i / 100, { id: i }),
      reply(1.005 + i / 100, [answer.a(`198.51.${100 + (i >> 8)}.${i & 255}`)], { id: i }),
    ]).flat();

    expect(run(frames, { max_addresses: 256 }).of('loss')).toMatchObject([
      { source: 'resolved-names', where: 'names.max_addresses', count: 44 },
    ]);
  });
});
