/**
 * Decoders against bytes that nobody should send: they never throw, never read outside the frame, and end. Seconds
 * are few by default; FUZZ_RUNS sets how many inputs each property gets.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Decoder } from '../../src/sensor/decode/decoder.ts';
import { DnsView, decodeDns, dnsLabels } from '../../src/sensor/decode/dns.ts';
import { readDnsContent } from '../../src/sensor/decode/dns-record.ts';
import { DnsTcpReassembler, MAX_CONNECTION_BYTES } from '../../src/sensor/decode/dns-tcp.ts';
import { LAYER, type PacketView } from '../../src/sensor/decode/packet-view.ts';
import { FlowTable } from '../../src/sensor/flow/table.ts';
import { GuardedView } from '../support/guarded-view.ts';
import {
  answer,
  arp,
  authHeader,
  concat,
  dnsOverTcp,
  dnsQuery,
  dnsResponse,
  ETHERTYPE,
  ethernet,
  extension,
  fragmentHeader,
  icmp,
  icmpv6,
  ipv4,
  ipv6,
  LINKTYPE,
  llc,
  nullLoopback,
  sll,
  sll2,
  tcp,
  tcpFrame,
  udp,
  udpFrame,
  vlan,
  vxlan,
} from '../support/packet-builder.ts';

const numRuns = Number(process.env['FUZZ_RUNS'] ?? 2000);
const BEFORE = 17;
/** Far more than any frame of these sizes can need; a loop would pass it at once. */
const MAX_READS = 100_000;

function guarded(bytes: Uint8Array): GuardedView {
  const slab = new Uint8Array(BEFORE + bytes.length + 64).fill(0xc1);
  slab.set(bytes, BEFORE);
  const view = new GuardedView(slab.buffer);
  view.from = BEFORE;
  view.to = BEFORE + bytes.length;
  view.maxReads = MAX_READS;
  return view;
}

const V4 = { src: '10.0.0.2', dst: '198.51.100.7' };
const V6 = { src: '2001:db8::2', dst: '2001:db8::7' };
const query = dnsQuery({ name: 'www.example.com', edns: {} });
const response = dnsResponse({
  name: 'www.example.com',
  answers: [
    answer.cname('cdn.example.com'),
    answer.a('198.51.100.1'),
    answer.txt('a', 'b'),
    answer.mx(1, 'm'),
  ],
});

const SEEDS: readonly Uint8Array[] = [
  udpFrame({ ...V4, sport: 1000, dport: 53 }, query),
  udpFrame({ ...V6, sport: 53, dport: 1000 }, response),
  tcpFrame({ ...V4, sport: 1000, dport: 53, flags: 'PA', options: new Uint8Array(12) }, dnsOverTcp(query)),
  ethernet(
    { type: ETHERTYPE.QINQ },
    vlan({ id: 1, type: ETHERTYPE.VLAN }, vlan({ id: 2 }, ipv4(V4, icmp({ type: 8 })))),
  ),
  ethernet({ type: ETHERTYPE.ARP }, arp({ senderIp: '10.0.0.1', targetIp: '10.0.0.2' })),
  ethernet(
    {},
    ipv4(
      { ...V4, options: new Uint8Array(8).fill(1), moreFragments: true, protocol: 17 },
      udp({ sport: 1, dport: 2 }, new Uint8Array(16)),
    ),
  ),
  ethernet(
    {},
    ipv6(
      {
        ...V6,
        extensions: [
          extension(0),
          extension(43, new Uint8Array(6)),
          fragmentHeader({ more: true }),
          authHeader(),
        ],
      },
      tcp({ sport: 1, dport: 2 }),
    ),
  ),
  udpFrame(
    { ...V4, sport: 1, dport: 4789 },
    vxlan(
      { vni: 5 },
      udpFrame(
        { ...V6, sport: 1, dport: 4789 },
        vxlan({ vni: 6 }, ethernet({}, ipv6(V6, icmpv6({ type: 135 })))),
      ),
    ),
  ),
  ethernet(
    {},
    ipv4({ ...V4, protocol: 41 }, ipv6({ ...V6, nextHeader: 4 }, ipv4(V4, udp({ sport: 1, dport: 2 })))),
  ),
  llc({ type: 0x0800 }, ipv4(V4, udp({ sport: 1, dport: 2 }))),
  sll({}, ipv4(V4, udp({ sport: 1, dport: 2 }))),
  sll2({}, ipv6(V6, udp({ sport: 1, dport: 2 }))),
  nullLoopback({}, ipv4(V4, udp({ sport: 1, dport: 2 }))),
];

/** A built packet with some bytes changed, some cut off, some added. */
function mutated(seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
      fc.oneof(
        { weight: 3, arbitrary: fc.constant(1) },
        { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
      ),
      fc.uint8Array({ maxLength: 8 }),
    )
    .map(([seed, changes, keep, tail]) => {
      const bytes = concat(seed.slice(0, Math.ceil(seed.length * keep)), tail);
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes;
    });
}

const anyFrame = fc.oneof(mutated(SEEDS), fc.uint8Array({ maxLength: 200 }));
const anyLink = fc.oneof(
  { weight: 3, arbitrary: fc.constant(LINKTYPE.ETHERNET) },
  { weight: 2, arbitrary: fc.constantFrom(...Object.values(LINKTYPE)) },
);
/** Bytes that the snaplen cut off: mostly none. */
const anyCut = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(2000) });

describe('the decoder', () => {
  it('stays inside the frame, ends, and never throws', () => {
    const decoder = new Decoder();
    const view = decoder.newView();
    const table = new FlowTable({ onEnd() {} }, { maxFlows: 64 });
    let time = 1e15;
    fc.assert(
      fc.property(anyFrame, anyLink, anyCut, (bytes, linkType, cut) => {
        const data = guarded(bytes);
        const before = decoder.anomalyCounts.reduce((sum, n) => sum + n, 0);

        decoder.decode(data, BEFORE, bytes.length, bytes.length + cut, linkType, view);

        for (let p: PacketView | undefined = view; p !== undefined; p = p.inner) {
          expect(p.payloadAt).toBeGreaterThanOrEqual(BEFORE);
          expect(p.payloadEnd).toBeLessThanOrEqual(data.to);
          expect(p.payloadAt).toBeLessThanOrEqual(p.payloadEnd);
          expect(p.payloadLength).toBeGreaterThanOrEqual(0);
          time += 1000;
          table.observe(p, time, 0);
          if ((p.layers & LAYER.INNER) === 0) break;
        }
        const after = decoder.anomalyCounts.reduce((sum, n) => sum + n, 0);
        expect(view.anomaly === 0).toBe(after === before);
        expect(table.size).toBeLessThanOrEqual(64);
      }),
      { numRuns },
    );
    table.flush();
    expect(table.size).toBe(0);
  });
});

describe('the DNS decoder', () => {
  const anyMessage = fc.oneof(mutated([query, response]), fc.uint8Array({ maxLength: 600 }));

  it('stays inside the message, ends, and gives printable text', () => {
    const view = new DnsView();
    fc.assert(
      fc.property(anyMessage, fc.boolean(), (bytes, complete) => {
        const data = guarded(bytes);

        decodeDns(data, BEFORE, data.to, complete, view);
        const content = readDnsContent(data, view);

        expect(dnsLabels(data, view).every((label) => label.length < 64)).toBe(true);
        const texts = [content.question?.query ?? '', ...content.answers.flatMap((a) => [a.name, a.data])];
        for (const text of texts) expect(text).toMatch(/^[\x20-\x7e]*$/);
        for (const { data: text } of content.answers) expect(text.length).toBeLessThanOrEqual(255);
      }),
      { numRuns },
    );
  });

  it('survives any stream of segments within its bounds', () => {
    const segment = fc.record({
      key: fc.integer({ min: 0, max: 5 }),
      fromOrig: fc.boolean(),
      seq: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 0xffffffff })),
      isSyn: fc.oneof(
        { weight: 9, arbitrary: fc.constant(false) },
        { weight: 1, arbitrary: fc.constant(true) },
      ),
      bytes: fc.oneof(mutated([dnsOverTcp(query), dnsOverTcp(response)]), fc.uint8Array({ maxLength: 1500 })),
    });
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 60 }), (segments) => {
        const streams = new DnsTcpReassembler({ maxConnections: 4, maxTotalBytes: 20_000 });
        for (const { key, fromOrig, seq, isSyn, bytes } of segments) {
          const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
          streams.push(key, fromOrig, seq, isSyn, data, 0, bytes.length, (message, at, end) => {
            expect(at).toBeLessThanOrEqual(end);
            expect(end).toBeLessThanOrEqual(message.byteLength);
            expect(end - at).toBeLessThanOrEqual(MAX_CONNECTION_BYTES);
          });
          expect(streams.connections).toBeLessThanOrEqual(4);
          expect(streams.bufferedBytes).toBeLessThanOrEqual(20_000);
        }
        for (let key = 0; key <= 5; key++) streams.end(key);
        expect([streams.connections, streams.bufferedBytes]).toEqual([0, 0]);
      }),
      { numRuns: Math.ceil(numRuns / 10) },
    );
  });
});
