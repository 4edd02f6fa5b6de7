import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DnsTcpReassembler, MAX_CONNECTION_BYTES } from '../../../src/sensor/decode/dns-tcp.ts';
import { bytes, concat, dnsOverTcp, dnsQuery, u16 } from '../../support/packet-builder.ts';

const QUERIES = ['a.example.com', 'bb.example.com', 'ccc.example.org'].map((name, i) =>
  dnsQuery({ name, id: i }),
);
const STREAM = concat(...QUERIES.map(dnsOverTcp));
const ISN = 0xffffff00;

function reassembler(options = {}) {
  const dns = new DnsTcpReassembler(options);
  const messages: string[] = [];
  const onMessage = (data: DataView, at: number, end: number) => {
    messages.push(Buffer.from(data.buffer as ArrayBuffer, data.byteOffset + at, end - at).toString('hex'));
  };
  return {
    dns,
    messages,
    open: (key = 1, fromOrig = true) =>
      dns.push(key, fromOrig, ISN, true, new DataView(new ArrayBuffer(0)), 0, 0, onMessage),
    /** Bytes of the stream that starts right after the SYN. */
    send(offset: number, payload: Uint8Array, key = 1, fromOrig = true) {
      const slab = concat(bytes(9, 9, 9), payload, bytes(9));
      dns.push(
        key,
        fromOrig,
        (ISN + 1 + offset) >>> 0,
        false,
        new DataView(slab.buffer),
        3,
        3 + payload.length,
        onMessage,
      );
    },
  };
}

const hexOf = (messages: readonly Uint8Array[]) => messages.map((m) => Buffer.from(m).toString('hex'));

describe('DnsTcpReassembler', () => {
  it.each([1, 2, 3, 7, 30, 31, 32, 64, 1000])('cuts messages out of segments of %i bytes', (size) => {
    const { dns, messages, open, send } = reassembler();
    open();

    for (let at = 0; at < STREAM.length; at += size) send(at, STREAM.slice(at, at + size));

    expect(messages).toEqual(hexOf(QUERIES));
    expect(dns.bufferedBytes).toBe(0);
    expect([dns.gaps, dns.resyncs]).toEqual([0, 0]);
  });

  it('takes any segmentation, order within its bound, and repetition', () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: STREAM.length - 1 }), { maxLength: 10 });
    fc.assert(
      fc.property(cuts, fc.infiniteStream(fc.integer({ min: 0, max: 100 })), (points, order) => {
        const edges = [0, ...points.sort((a, b) => a - b), STREAM.length];
        const segments = edges.slice(1).map((end, i) => [edges[i]!, end] as const);
        // Everything twice, in any order.
        const shuffled = [...segments, ...segments]
          .map((segment) => [order.next().value as number, segment] as const)
          .sort((a, b) => a[0] - b[0]);
        const { dns, messages, open, send } = reassembler();
        open();

        for (const [, [from, to]] of shuffled) send(from, STREAM.slice(from, to));

        expect(messages).toEqual(hexOf(QUERIES));
        expect(dns.bufferedBytes).toBe(0);
        expect(dns.gaps).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps the directions and connections apart', () => {
    const { messages, send } = reassembler();
    const [first, second] = [dnsOverTcp(QUERIES[0]!), dnsOverTcp(QUERIES[1]!)];

    send(0, first.slice(0, 9), 1, true);
    send(0, second.slice(0, 5), 1, false);
    send(0, second.slice(0, 5), 2, true);
    send(9, first.slice(9), 1, true);
    send(5, second.slice(5), 2, true);
    send(5, second.slice(5), 1, false);

    expect(messages).toEqual(hexOf([QUERIES[0]!, QUERIES[1]!, QUERIES[1]!]));
  });

  it('reads the longest message there is', () => {
    const longest = concat(QUERIES[0]!, new Uint8Array(65_535 - QUERIES[0]!.length));
    const { dns, messages, open, send } = reassembler();
    open();
    const stream = dnsOverTcp(longest);

    for (let at = 0; at < stream.length; at += 1448) send(at, stream.slice(at, at + 1448));

    expect(messages).toEqual(hexOf([longest]));
    expect(dns.bufferedBytes).toBe(0);
  });

  it('skips a hole that does not close, counts it, and goes on with what comes after', () => {
    const { dns, messages, open, send } = reassembler();
    open();
    const message = dnsOverTcp(QUERIES[0]!);
    send(0, message.slice(0, 10));

    // The rest of the first message never comes; whole messages follow, one a segment.
    for (let i = 1; i <= 20; i++) send(i * message.length, message);

    expect(dns.gaps).toBe(1);
    expect(messages).toHaveLength(20);
    expect(dns.bufferedBytes).toBe(0);
  });

  it('finds the next message after joining in the middle of one', () => {
    const { dns, messages, send } = reassembler();

    send(500, new Uint8Array(100));
    send(600, dnsOverTcp(QUERIES[0]!));

    expect(dns.resyncs).toBe(1);
    expect(messages).toEqual(hexOf([QUERIES[0]!]));
  });

  it('holds no more than its bound a connection, whatever is sent', () => {
    const { dns, open, send } = reassembler();
    open();
    open(1, false);
    send(0, concat(u16(65_535), new Uint8Array(60_000)));
    send(0, concat(u16(65_535), new Uint8Array(60_000)), 1, false);
    for (let i = 1; i < 40; i++) send(100_000 + i * 3000, new Uint8Array(2000));

    expect(dns.bufferedBytes).toBeLessThanOrEqual(MAX_CONNECTION_BYTES);
    expect(dns.gaps).toBeGreaterThan(0);
  });

  it('forgets the connection heard longest ago when there are too many, and counts it', () => {
    const { dns, messages, send } = reassembler({ maxConnections: 10 });
    const message = dnsOverTcp(QUERIES[0]!);
    for (let key = 0; key < 12; key++) send(0, message.slice(0, 10), key);

    send(10, message.slice(10), 11);
    send(10, message.slice(10), 0);

    expect(dns.connections).toBe(10);
    expect(dns.evicted).toBe(3);
    expect(messages).toHaveLength(1);
  });

  it('forgets an idle one without a loss: nothing of it waited', () => {
    const { dns, send } = reassembler({ maxConnections: 10 });
    for (let key = 0; key < 12; key++) send(0, dnsOverTcp(QUERIES[0]!), key);

    expect(dns.connections).toBe(10);
    expect(dns.evicted).toBe(0);
  });

  it('tells how many bytes it passed over: what starts no message, and what is too short for one', () => {
    const passed: number[] = [];
    const { messages, send } = reassembler({ onPassedOver: (bytes: number) => passed.push(bytes) });
    const banner = Buffer.from('SSH-2.0-OpenSSH\r\n');
    send(0, banner);
    send(banner.length, u16(5).slice(0, 1));
    send(banner.length + 1, concat(u16(5).slice(1), new Uint8Array(9)));
    send(banner.length + 11, dnsOverTcp(QUERIES[0]!));

    expect(passed).toEqual([banner.length, 11]);
    expect(messages).toEqual(hexOf([QUERIES[0]!]));
  });

  it('keeps all connections together within the total', () => {
    const { dns, send } = reassembler({ maxTotalBytes: 10_000 });

    for (let key = 0; key < 50; key++) send(0, concat(u16(2000), u16(1), new Uint8Array(998)), key);

    expect(dns.bufferedBytes).toBeLessThanOrEqual(10_000);
    expect(dns.evicted).toBeGreaterThan(0);
  });

  it('releases a connection that ended', () => {
    const { dns, send } = reassembler();
    send(0, dnsOverTcp(QUERIES[0]!).slice(0, 20));

    dns.end(1);
    dns.end(1);

    expect([dns.connections, dns.bufferedBytes]).toEqual([0, 0]);
  });
});
