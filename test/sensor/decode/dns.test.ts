import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { ANOMALY, anomalyTable, newAnomalyCounts } from '../../../src/sensor/decode/anomaly.ts';
import { DnsView, decodeDns, dnsLabels } from '../../../src/sensor/decode/dns.ts';
import { readDnsContent } from '../../../src/sensor/decode/dns-record.ts';
import { STATUS } from '../../../src/sensor/decode/packet-view.ts';
import {
  answer,
  bytes,
  concat,
  type DnsAnswerFields,
  dnsName,
  dnsQuery,
  dnsResponse,
  hex,
  QTYPE,
  u16,
  u32,
} from '../../support/packet-builder.ts';

// dns-packet ships no types; it is the oracle here, so a few words of its interface do.
const packet = createRequire(import.meta.url)('dns-packet') as {
  encode(message: unknown): Uint8Array;
  readonly AUTHORITATIVE_ANSWER: number;
  readonly RECURSION_DESIRED: number;
  readonly DNSSEC_OK: number;
};

function parse(message: Uint8Array, complete = true) {
  const slab = new Uint8Array(message.length + 40).fill(0x3f);
  slab.set(message, 20);
  const data = new DataView(slab.buffer);
  const counts = newAnomalyCounts();
  const view = new DnsView(counts);
  const status = decodeDns(data, 20, 20 + message.length, complete, view);
  const labels = dnsLabels(data, view).map((label) => Buffer.from(label).toString('latin1'));
  const content = readDnsContent(data, view);
  return { view, status, labels, content, counted: Object.keys(anomalyTable(counts)) };
}

/** Header with these counts and flags, then the rest. */
function raw(
  counts: readonly [number, number, number, number],
  rest: Uint8Array,
  flags = 0x0100,
): Uint8Array {
  return concat(u16(1), u16(flags), ...counts.map(u16), rest);
}

const question = (name: Uint8Array) => concat(name, u16(1), u16(1));

describe('the cheap pass', () => {
  it('reads header and question as numbers and offsets', () => {
    const { view, status, labels } = parse(
      dnsQuery({ name: 'Www.Example.com', type: QTYPE.TXT, id: 0xbeef }),
    );

    expect(status).toBe(STATUS.DONE);
    expect([view.id, view.isResponse, view.opcode, view.rcode]).toEqual([0xbeef, false, 0, 0]);
    expect([view.qtype, view.qclass, view.name.bytes]).toEqual([16, 1, 17]);
    expect(labels).toEqual(['Www', 'Example', 'com']);
  });

  it('hands out labels as the bytes that stood on the wire', () => {
    const { labels } = parse(dnsQuery({ name: [bytes(0, 0x2e, 0xff), 'x'] }));

    expect(labels).toEqual(['\0.\xff', 'x']);
  });

  it('knows the root', () => {
    const { content, labels } = parse(dnsQuery({ name: '', type: QTYPE.NS }));

    expect(labels).toEqual([]);
    expect(content.question).toEqual({ query: '.', qtype: 'NS', qclass: 'IN' });
  });

  it('allows a name of 255 bytes and refuses one of 256', () => {
    const name = (last: number) => [...Array.from({ length: 3 }, () => 'a'.repeat(63)), 'b'.repeat(last)];

    expect(parse(dnsQuery({ name: name(61) })).counted).toEqual([]);
    expect(parse(dnsQuery({ name: name(61) })).view.name.bytes).toBe(255);
    expect(parse(dnsQuery({ name: name(62) })).counted).toEqual(['dns-name-too-long']);
  });

  it('reads 127 labels', () => {
    const { view, counted } = parse(dnsQuery({ name: Array.from({ length: 127 }, () => 'a') }));

    expect(counted).toEqual([]);
    expect(view.name.labels).toBe(127);
  });
});

describe('names as text', () => {
  it.each([
    ['keeps case', ['aBc', 'Example'], 'aBc.Example'],
    ['escapes dots and backslashes in labels', ['a.b', 'c\\d'], 'a\\.b.c\\\\d'],
    ['escapes white space and control bytes', ['a b', '\n\t\x1b[31m'], 'a\\032b.\\010\\009\\027[31m'],
    ['escapes bytes above 126', ['\x7f\x80\xff'], '\\127\\128\\255'],
    ['leaves other printable bytes', ['_dmarc', 'a=b+c/d"e'], '_dmarc.a=b+c/d"e'],
  ])('%s', (_name, labels, text) => {
    expect(parse(dnsQuery({ name: labels })).content.question?.query).toBe(text);
  });
});

describe('answers', () => {
  const record = (type: number, data: Uint8Array): DnsAnswerFields => ({ type, ttl: 300, data });

  it.each<[string, DnsAnswerFields, string, string]>([
    ['A', answer.a('198.51.100.7'), 'A', '198.51.100.7'],
    ['AAAA', answer.aaaa('2001:db8::7'), 'AAAA', '2001:db8::7'],
    [
      'CNAME, compressed',
      record(QTYPE.CNAME, concat(bytes(3), Buffer.from('cdn'), bytes(0xc0, 12))),
      'CNAME',
      'cdn.www.example.com',
    ],
    ['NS', record(QTYPE.NS, dnsName('ns1.example.com')), 'NS', 'ns1.example.com'],
    ['PTR', record(QTYPE.PTR, dnsName('host.example.com')), 'PTR', 'host.example.com'],
    ['MX', answer.mx(10, 'mx.example.com'), 'MX', '10 mx.example.com'],
    [
      'SRV',
      record(QTYPE.SRV, concat(u16(1), u16(2), u16(5060), dnsName('sip.example.com'))),
      'SRV',
      '1 2 5060 sip.example.com',
    ],
    [
      'SOA',
      record(
        QTYPE.SOA,
        concat(
          dnsName('ns.example.com'),
          dnsName('root.example.com'),
          u32(1),
          u32(2),
          u32(3),
          u32(4),
          u32(5),
        ),
      ),
      'SOA',
      'ns.example.com root.example.com 1 2 3 4 5',
    ],
    ['TXT', answer.txt('v=spf1 -all', 'say "hi"\\\n'), 'TXT', '"v=spf1 -all" "say \\"hi\\"\\\\\\010"'],
    ['NULL', record(QTYPE.NULL, hex('00 ff 41')), 'NULL', '\\# 3 00ff41'],
    ['HTTPS', record(QTYPE.HTTPS, hex('0001 00')), 'HTTPS', '\\# 3 000100'],
    ['an unknown type', record(65_399, hex('0102')), 'TYPE65399', '\\# 2 0102'],
    ['no data', record(65_399, hex('')), 'TYPE65399', '\\# 0'],
  ])('%s', (_name, fields, type, text) => {
    const { content, counted } = parse(dnsResponse({ name: 'www.example.com', answers: [fields] }));

    expect(counted).toEqual([]);
    expect(content.answers).toMatchObject([{ name: 'www.example.com', type, data: text }]);
    expect(content.rcode).toBe('NOERROR');
  });

  it('agree with dns-packet', () => {
    const encoded = packet.encode({
      type: 'response',
      id: 7,
      flags: packet.AUTHORITATIVE_ANSWER | packet.RECURSION_DESIRED,
      questions: [{ type: 'A', name: 'a.example.com' }],
      answers: [
        { type: 'CNAME', name: 'a.example.com', data: 'b.example.com', ttl: 5 },
        { type: 'A', name: 'b.example.com', data: '198.51.100.9', ttl: 6 },
        { type: 'AAAA', name: 'b.example.com', data: '2001:db8::9', ttl: 7 },
        { type: 'MX', name: 'b.example.com', ttl: 8, data: { preference: 20, exchange: 'mx.example.com' } },
      ],
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: 1232,
          flags: packet.DNSSEC_OK,
          options: [{ code: 10, data: Buffer.alloc(8) }],
        },
      ],
    });

    const { content } = parse(encoded);

    expect(content.answers.map((a) => [a.name, a.type, a.ttl, a.data])).toEqual([
      ['a.example.com', 'CNAME', 5, 'b.example.com'],
      ['b.example.com', 'A', 6, '198.51.100.9'],
      ['b.example.com', 'AAAA', 7, '2001:db8::9'],
      ['b.example.com', 'MX', 8, '20 mx.example.com'],
    ]);
    expect(content.flags).toEqual(['AA', 'RD']);
    expect(content.edns).toEqual({
      udpSizeBytes: 1232,
      version: 0,
      dnssecOk: true,
      options: [{ code: 10, bytes: 8 }],
    });
    expect(content.anomalies).toEqual([]);
  });

  it('are cut at 255 characters', () => {
    const { content } = parse(
      dnsResponse({ name: 'a', answers: [{ type: QTYPE.NULL, data: new Uint8Array(4000) }] }),
    );

    expect(content.answers[0]!.data).toHaveLength(255);
    expect(content.answers[0]!.data.startsWith('\\# 4000 0000')).toBe(true);
    expect(content.answers[0]!.data.endsWith('~')).toBe(true);
  });

  it('are at most 32, without a word against the message', () => {
    const many = Array.from({ length: 40 }, (_, i) => answer.a(`198.51.100.${i}`));

    const { content, counted } = parse(dnsResponse({ name: 'a', answers: many }));

    expect(content.answers).toHaveLength(32);
    expect(counted).toEqual([]);
  });

  it('fall back to bytes when the data does not fit its type', () => {
    const { content, counted } = parse(
      dnsResponse({ name: 'a', answers: [{ type: QTYPE.A, data: bytes(1, 2, 3) }] }),
    );

    expect(content.answers[0]!.data).toBe('\\# 3 010203');
    expect(counted).toEqual(['dns-rdata-length']);
  });

  it('get an rcode with the bits of EDNS', () => {
    const message = dnsResponse({ name: 'a', rcode: 0, edns: {} });
    message[message.length - 6] = 1;

    expect(parse(message).content.rcode).toBe('BADVERS');
    expect(parse(dnsResponse({ name: 'a', rcode: 3 })).content.rcode).toBe('NXDOMAIN');
    expect(parse(dnsResponse({ name: 'a', rcode: 13 })).content.rcode).toBe('RCODE13');
  });

  it('stop where the capture stops, without an anomaly', () => {
    const message = dnsResponse({
      name: 'www.example.com',
      answers: [answer.a('198.51.100.1'), answer.a('198.51.100.2')],
    });

    const { content, counted } = parse(message.slice(0, message.length - 3), false);

    expect(content.answers).toHaveLength(1);
    expect(counted).toEqual([]);
  });
});

describe('anomalies', () => {
  const pointer = (target: number) => bytes(0xc0 | (target >> 8), target & 0xff);

  it.each<[string, Uint8Array]>([
    ['dns-header-truncated', bytes(1, 2, 3, 4)],
    ['dns-message-truncated', dnsQuery({ name: 'www.example.com' }).slice(0, 30)],
    ['dns-label-type', raw([1, 0, 0, 0], question(bytes(0x40, 1, 0)))],
    ['dns-label-type', raw([1, 0, 0, 0], question(bytes(0x80, 1, 0)))],
    ['dns-pointer-not-backwards', raw([1, 0, 0, 0], question(pointer(12)))],
    ['dns-pointer-not-backwards', raw([1, 0, 0, 0], question(pointer(40)))],
    ['dns-pointer-not-backwards', raw([1, 0, 0, 0], question(concat(bytes(1, 0x61), pointer(12))))],
    ['dns-pointer-not-backwards', raw([1, 0, 0, 0], question(pointer(4)))],
    ['dns-counts-exceed-message', raw([1, 0, 0, 900], question(dnsName('a')))],
    ['dns-question-count', raw([2, 0, 0, 0], concat(question(dnsName('a')), question(dnsName('b'))))],
    ['dns-trailing-bytes', concat(dnsQuery({ name: 'a.example.com' }), bytes(1, 2, 3))],
    ['dns-z-bit', raw([1, 0, 0, 0], question(dnsName('a')), 0x0140)],
    ['dns-opcode', raw([1, 0, 0, 0], question(dnsName('a')), 0x1800)],
    ['dns-opt-misplaced', dnsResponse({ name: 'a', answers: [{ type: QTYPE.OPT, data: bytes() }] })],
    ['dns-rdata-length', dnsQuery({ name: 'a', edns: { data: bytes(0, 10, 0, 9, 1) } })],
  ])('%s', (code, message) => {
    const { content, counted } = parse(message);

    expect(counted).toContain(code);
    expect(content.anomalies).toContain(code);
  });

  it('tells how many bytes follow the message', () => {
    expect(parse(concat(dnsQuery({ name: 'a' }), new Uint8Array(17))).content.trailingBytes).toBe(17);
    expect(parse(dnsQuery({ name: 'a' })).content.trailingBytes).toBe(0);
  });

  it('gives up a chain of pointers that never loops yet never ends', () => {
    // A question, then a name that is pointer to pointer to pointer, each two bytes earlier.
    const hops = 100;
    const chain: Uint8Array[] = [dnsName('a')];
    const start = 12 + 3 + 4;
    for (let i = 0; i < hops; i++) chain.push(pointer(i === 0 ? 12 : start + 2 * (i - 1)));
    const [name, ...pointers] = chain;
    const message = raw(
      [1, 1, 0, 0],
      concat(
        question(name!),
        ...pointers,
        // The record's owner is the last pointer.
        pointer(start + 2 * (hops - 1)),
        u16(1),
        u16(1),
        u32(0),
        u16(0),
      ),
      0x8100,
    );
    const data = new DataView(message.buffer);
    const view = new DnsView(newAnomalyCounts());

    decodeDns(data, 0, message.length, true, view);
    view.questionEnd = start + 2 * hops;
    const content = readDnsContent(data, view);

    expect(content.anomalies).toContain('dns-pointer-chain');
  });

  it('counts a code once a message', () => {
    const bad = { type: QTYPE.A, data: bytes(1) };
    const message = dnsResponse({ name: 'a', answers: [bad, bad, bad] });
    const counts = newAnomalyCounts();
    const view = new DnsView(counts);
    decodeDns(new DataView(message.buffer), 0, message.length, true, view);

    readDnsContent(new DataView(message.buffer), view);

    expect(counts[ANOMALY['dns-rdata-length']]).toBe(1);
  });

  it('keeps the question that could be read before the message went wrong', () => {
    const message = concat(dnsQuery({ name: 'exfil.example.com' }), bytes(1));
    message[11] = 5;

    const { content } = parse(message);

    expect(content.question?.query).toBe('exfil.example.com');
    expect(content.anomalies).toContain('dns-counts-exceed-message');
  });
});
