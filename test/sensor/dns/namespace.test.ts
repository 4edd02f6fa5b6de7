import { describe, expect, it } from 'vitest';
import { batchOf, type MemoryFrame } from '../../../capture/memory.ts';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { NotDns } from '../../../src/sensor/analysis/analyzer.ts';
import type { Tap } from '../../../src/sensor/taps/tap.ts';
import {
  answer,
  bytes,
  concat,
  dnsOverTcp,
  dnsQuery,
  dnsResponse,
  LINKTYPE,
  u16,
} from '../../support/packet-builder.ts';
import { at, datagram, IP, listener, type PipelineRun, segment, startPipeline } from '../pipeline-run.ts';
import { asker, type Lo, lo, toClient, toResolver } from './container-side.ts';

const PORT = 40_001;

interface Heard extends PipelineRun {
  readonly lo: Tap;
  readonly questions: string[];
  readonly notDns: NotDns[];
}

function hear(options: Parameters<typeof startPipeline>[0] = {}): Heard {
  const questions: string[] = [];
  const notDns: NotDns[] = [];
  const analyzer = listener('all', {
    onDnsQuery: ({ record }) => void questions.push(record.query),
    onNotDns: (event) => void notDns.push(event),
  });
  const run = startPipeline({ analyzers: [analyzer], ...options });
  return { ...run, lo: run.pipeline.attach(lo('db', run)), questions, notDns };
}

describe("a container's own namespace", () => {
  it('gives one record of question and answer, which names the container and all its networks', () => {
    const run = hear();
    run.feed(run.lo, [
      at(1, toResolver(dnsQuery({ name: 'a.test', id: 7 }), PORT)),
      at(1.02, toClient(dnsResponse({ name: 'a.test', id: 7, answers: [answer.a(IP.outside)] }), PORT)),
    ]);
    run.pipeline.finish();

    expect(run.questions).toEqual(['a.test']);
    expect(run.of('dns')).toMatchObject([
      {
        vantage: 'container',
        interface: 'lo',
        networks: [{ name: 'data', internal: true }],
        client: { ip: '127.0.0.1', port: PORT, scope: 'container', workload: { name: 'db' } },
        server: { ip: '127.0.0.11', port: 53, scope: 'engine' },
        rcode: 'NOERROR',
        rtt: 20_000,
      },
    ]);
    expect(run.of('dns')[0]!.network).toBeUndefined();
    expect(run.of('dns')[0]!.upstream).toBeUndefined();
  });

  it('is no traffic: no flow, no roll-up, no source to check', () => {
    const run = hear();
    run.feed(run.lo, [
      at(1, toResolver(dnsQuery({ name: 'a.test' }), PORT)),
      at(1, datagram({ src: '127.0.0.1', dst: '127.0.0.1', sport: 9, dport: 8125 })),
    ]);
    run.pipeline.finish();

    expect(run.pipeline.flowsSeen).toBe(0);
    expect(run.of('flow')).toEqual([]);
    expect(run.of('traffic')).toEqual([]);
    expect(run.of('dns')).toHaveLength(1);
  });

  it('tells questions from answers by where 127.0.0.11 stands, whatever the port that dockerd listens on', () => {
    const run = hear();
    const query = dnsQuery({ name: 'a.test', id: 7 });
    run.feed(run.lo, [
      at(1, toResolver(query, PORT, 33_333)),
      at(1.5, toResolver(query, PORT, 44_444)),
      // What looks like an answer, but comes from the client.
      at(1.6, toResolver(dnsResponse({ name: 'a.test', id: 7, rcode: 3 }), PORT, 33_333)),
      at(1.7, toClient(dnsResponse({ name: 'a.test', id: 7 }), PORT)),
    ]);
    run.pipeline.finish();

    expect(run.questions).toEqual(['a.test']);
    expect(run.of('dns').filter(({ rtt }) => rtt !== undefined)).toMatchObject([
      { rcode: 'NOERROR', rtt: 700_000 },
    ]);
  });

  it('keeps equal ports and ids apart: of two namespaces, and of UDP and TCP', () => {
    const run = hear();
    const other = run.pipeline.attach(lo('api', run));
    const query = dnsQuery({ name: 'a.test', id: 1 });
    const stream = { src: '127.0.0.1', dst: '127.0.0.11', sport: PORT, dport: 33_333 };
    run.feed(run.lo, [at(1, toResolver(query, PORT))]);
    run.feed(other, [at(1, toResolver(query, PORT))]);
    run.feed(run.lo, [
      at(1.1, segment({ ...stream, seq: 1, flags: 'PA' }, dnsOverTcp(query))),
      at(1.2, toClient(dnsResponse({ name: 'a.test', id: 1, rcode: 3 }), PORT)),
    ]);
    run.pipeline.finish();

    const seen = run.of('dns').map(({ client, transport, rcode }) => [who(client), transport, rcode]);
    expect(seen.sort()).toEqual([
      ['api', 'udp', undefined],
      ['db', 'tcp', undefined],
      ['db', 'udp', 'NXDOMAIN'],
    ]);
  });

  it('records what was open when the container died as unanswered, once, and gives its place to the next', () => {
    const run = hear();
    const query = dnsQuery({ name: 'a.test', id: 1 });
    run.feed(run.lo, [at(1, toResolver(query, PORT))]);
    run.pipeline.detach(run.lo);
    run.pipeline.detach(run.lo);
    const next = run.pipeline.attach(lo('api', run));
    run.feed(next, [at(1.1, toClient(dnsResponse({ name: 'a.test', id: 1 }), PORT))]);
    run.pipeline.finish();

    expect(run.of('dns').map(({ client, rcode, rtt }) => [who(client), rcode, rtt])).toEqual([
      ['api', 'NOERROR', undefined],
      ['db', undefined, undefined],
    ]);
  });

  it('tells bytes to the resolver that are no DNS, with their direction', () => {
    const run = hear();
    run.feed(run.lo, [
      at(1, toResolver(Buffer.from('GET / HTTP/1.1\r\n\r\n'), PORT)),
      at(2, toClient(Buffer.from('SSH-2.0-x'), PORT)),
    ]);
    run.pipeline.finish();

    expect(run.notDns).toMatchObject([
      { fromClient: true, bytes: 18, client: { workload: { name: 'db' } }, server: { scope: 'engine' } },
      { fromClient: false, bytes: 9, networks: [{ name: 'data' }] },
    ]);
    expect(run.of('dns')).toEqual([]);
  });

  it('asks anew each time who the container is', () => {
    const run = startPipeline();
    let current = asker('db', run);
    const tap = run.pipeline.attach({ ...lo('db', run), asker: () => current });
    run.feed(tap, [at(1, toResolver(dnsQuery({ name: 'a.test', id: 1 }), PORT))]);
    current = { ...current, networks: [...current.networks, { name: 'front', internal: false }] };
    run.feed(tap, [at(2, toResolver(dnsQuery({ name: 'b.test', id: 2 }), PORT))]);
    run.pipeline.finish();

    expect(run.of('dns').map(({ networks }) => networks?.length)).toEqual([1, 2]);
  });
});

describe('hostile messages in a namespace', () => {
  const header = (questions: number) => concat(u16(7), u16(0x0100), u16(questions), u16(0), u16(0), u16(0));
  const label = (length: number) => concat(bytes(length), new Uint8Array(length).fill(0x61));
  const asked = concat(u16(1), u16(1));

  it.each([
    ['a pointer to itself', concat(header(1), bytes(0xc0, 12), asked), 'dns-pointer-not-backwards', false],
    [
      'a name of 255 bytes',
      concat(header(1), label(63), label(63), label(63), label(61), bytes(0), asked),
      undefined,
      true,
    ],
    [
      'a name of 256 bytes',
      concat(header(1), label(63), label(63), label(63), label(62), bytes(0), asked),
      'dns-name-too-long',
      false,
    ],
    [
      '255 labels',
      concat(header(1), ...Array.from({ length: 255 }, () => label(1)), bytes(0), asked),
      'dns-name-too-long',
      false,
    ],
    [
      'counts larger than the message',
      concat(u16(7), u16(0x0100), u16(1), u16(9000), u16(0), u16(0), dnsQuery({ name: 'a.test' }).slice(12)),
      'dns-counts-exceed-message',
      true,
    ],
    ['half a message', dnsQuery({ name: 'a.test' }).slice(0, 15), 'dns-message-truncated', false],
  ])('%s', (_, message, anomaly, isAsked) => {
    const run = hear();
    run.feed(run.lo, [at(1, toResolver(message, PORT))]);
    const { anomalies } = run.pipeline.totals();
    run.pipeline.finish();

    expect(Object.keys(anomalies)).toEqual(anomaly === undefined ? [] : expect.arrayContaining([anomaly]));
    expect(run.of('dns')).toHaveLength(isAsked ? 1 : 0);
    expect(run.notDns.map((event) => event.bytes)).toEqual(isAsked ? [] : [message.length]);
  });
});

describe('a capture file of a namespace', () => {
  const replayed = (interfaceOf: (run: PipelineRun) => Partial<Lo>): PipelineRun => {
    const run = startPipeline();
    const tap = run.pipeline.attach({
      interface: 'lo',
      linkType: LINKTYPE.ETHERNET,
      vantage: 'file',
      ...interfaceOf(run),
    });
    run.feed(tap, exchange);
    run.pipeline.finish();
    return run;
  };
  const exchange: MemoryFrame[] = [
    at(1, toResolver(dnsQuery({ name: 'a.test', id: 7 }), PORT)),
    at(1.02, toClient(dnsResponse({ name: 'a.test', id: 7 }), PORT)),
  ];

  it('is read the same way, though nobody knows who asked', () => {
    const run = replayed(() => ({}));

    expect(run.of('dns')).toMatchObject([
      { vantage: 'file', rtt: 20_000, server: { scope: 'engine' }, client: { ip: '127.0.0.1' } },
    ]);
    expect(run.of('dns')[0]!.client.workload).toBeUndefined();
    expect(run.pipeline.flowsSeen).toBe(0);
  });

  it('on the bridge of a known network 127.0.0.11 is an ordinary flow, live and in a file', () => {
    const network = (run: PipelineRun) => ({ network: run.state.networks()[0]! });
    expect(replayed(network).pipeline.flowsSeen).toBe(2);

    const live = startPipeline();
    live.pipeline.onBatch(batchOf(exchange), [live.tap()]);
    expect(live.pipeline.flowsSeen).toBe(2);
  });
});

describe('DNS over TCP in a namespace', () => {
  const query = dnsOverTcp(dnsQuery({ name: 'one.test', id: 1 }));
  const second = dnsOverTcp(dnsQuery({ name: 'two.test', id: 2 }));
  const reply = dnsOverTcp(dnsResponse({ name: 'one.test', id: 1, answers: [answer.a(IP.outside)] }));
  const out = (seq: number, payload: Uint8Array, flags = 'PA') =>
    segment({ src: '127.0.0.1', dst: '127.0.0.11', sport: PORT, dport: 33_333, seq, flags }, payload);
  const back = (seq: number, payload: Uint8Array) =>
    segment({ src: '127.0.0.11', dst: '127.0.0.1', sport: 53, dport: PORT, seq, flags: 'PA' }, payload);
  const bytewise = (
    stream: Uint8Array,
    seq: number,
    make: (seq: number, payload: Uint8Array) => Uint8Array,
  ) => Array.from(stream, (_, i) => make(seq + i, stream.slice(i, i + 1)));
  const spaced = (frames: readonly Uint8Array[]) => frames.map((data, i) => at(1 + i / 1000, data));
  const both = new Uint8Array([...query, ...second]);

  it.each([
    ['one byte a segment', [...bytewise(both, 100, out), ...bytewise(reply, 900, back)]],
    ['two messages in a segment', [out(100, both), back(900, reply)]],
    [
      'out of order',
      [
        out(90, new Uint8Array(0), 'S'),
        out(101, both.slice(10)),
        out(91, both.slice(0, 10)),
        back(900, reply),
      ],
    ],
    ['sent again', [out(100, both), out(100, both), back(900, reply), back(900, reply)]],
  ])('is the same over any segmentation: %s', (_, frames) => {
    const run = hear();
    run.feed(run.lo, spaced(frames));
    run.pipeline.finish();

    expect(run.questions).toEqual(['one.test', 'two.test']);
    expect(run.of('dns').map(({ query: name, rcode, transport }) => [name, rcode, transport])).toEqual([
      ['one.test', 'NOERROR', 'tcp'],
      ['two.test', undefined, 'tcp'],
    ]);
  });

  it('tells the stretches of a stream that are no DNS', () => {
    const run = hear();
    const banner = Buffer.from('SSH-2.0-OpenSSH_9.2p1\r\n');
    run.feed(run.lo, spaced([out(100, banner), out(100 + banner.length, banner)]));
    run.pipeline.finish();

    expect(run.notDns.map(({ bytes, transport }) => [bytes, transport])).toEqual([
      [banner.length, 'tcp'],
      [banner.length, 'tcp'],
    ]);
  });
});

function who({ workload }: Endpoint): string | undefined {
  return workload?.name;
}
