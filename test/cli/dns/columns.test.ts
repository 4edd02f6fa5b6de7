/** Look-ups as a table: what is told of each, what gives way on a narrow terminal, and that no byte gets through. */
import { describe, expect, it } from 'vitest';
import { dnsTable, streamedDnsColumns } from '../../../src/cli/dns/columns.ts';
import { cutAnswer, cutName, latencyText } from '../../../src/cli/dns/text.ts';
import { eventText } from '../../../src/cli/events/text.ts';
import { streamedRow, streamedTitles } from '../../../src/cli/lib/output.ts';
import type { DnsRecord } from '../../../src/model/dns.ts';
import { type PublicDns, parseRecord, serializeRecord } from '../../../src/model/serialize.ts';
import { dns, endpoint, outside } from '../../station/support/records.ts';
import { unsafeText } from '../support/bridgewatch.ts';

function record(over: Partial<DnsRecord> = {}): PublicDns {
  return parseRecord(serializeRecord(dns(1, over))) as PublicDns;
}

function unanswered(): PublicDns {
  const { rcode: _, rtt: __, ...rest } = dns(1, { answers: [] });
  return parseRecord(serializeRecord(rest)) as PublicDns;
}

const engine = endpoint({ ip: '127.0.0.11', port: 53, scope: 'engine', workload: undefined });
const upstream = { server: outside({ ip: '10.0.0.2', port: 53 }), interface: 'br-1', rtt: 900 };
const a = (data: string) => ({ name: 'x', type: 'A', ttl: 1, bytes: 4, data });

/** The cells of the only row, by their titles. */
function row(one: PublicDns): Record<string, string> {
  const [titles = '', cells = ''] = dnsTable([one], undefined).split('\n');
  const starts = [...titles.matchAll(/\S+/g)].map(({ index, 0: title }) => ({ index, title }));
  // LATENCY stands to the right, under the end of its title.
  const at = (i: number) => (starts[i]?.title === 'LATENCY' ? starts[i]!.index - 2 : starts[i]?.index);
  return Object.fromEntries(starts.map(({ title }, i) => [title, cells.slice(at(i), at(i + 1)).trim()]));
}

describe('the table of look-ups', () => {
  it('says when, who asked what, what came back, how fast and from whom', () => {
    expect(row(record())).toEqual({
      TIME: '2026-11-23 14:00:00Z',
      CLIENT: 'shop/db',
      TYPE: 'A',
      NAME: 'host1.example.com',
      ANSWER: '198.51.100.9',
      LATENCY: '1.2 ms',
      RESOLVER: '198.51.100.53',
    });
  });

  it.each([
    ['the only answer', record(), '198.51.100.9'],
    [
      'the first of several',
      record({ answers: [a('10.0.0.1'), a('10.0.0.2'), a('10.0.0.3')] }),
      '10.0.0.1 +2',
    ],
    [
      'the address behind an alias',
      record({
        answers: [{ name: 'x', type: 'CNAME', ttl: 1, bytes: 4, data: 'y.example.net' }, a('10.0.0.1')],
      }),
      '10.0.0.1',
    ],
    [
      'an alias that leads nowhere',
      record({ answers: [{ name: 'x', type: 'CNAME', ttl: 1, bytes: 4, data: 'y.example.net' }] }),
      'y.example.net',
    ],
    ['a no', record({ rcode: 'NXDOMAIN', answers: [] }), 'NXDOMAIN'],
    ['a yes without anything', record({ answers: [] }), 'NODATA'],
    ['what did not fit', record({ answers: [], flags: ['TC'] }), 'truncated'],
    ['nothing', unanswered(), '?'],
  ])('tells of an answer %s', (_, one, text) => {
    expect(row(one)['ANSWER']).toBe(text);
  });

  it.each([
    ['the embedded resolver', record({ server: engine }), 'engine'],
    ['whom that asked', record({ server: engine, upstream }), 'engine -> 10.0.0.2'],
    ['another port', record({ server: outside({ ip: '2001:db8::1', port: 5353 }) }), '[2001:db8::1]:5353'],
    ['TCP', record({ transport: 'tcp' }), '198.51.100.53/tcp'],
    ['a container that resolves', record({ server: endpoint() }), 'shop/db'],
    ['all neighbours', record({ protocol: 'mdns' }), 'mDNS'],
  ])('names the resolver: %s', (_, one, text) => {
    expect(row(one)['RESOLVER']).toBe(text);
  });

  it('shows names as the record has them, so that a name can be copied into a filter', () => {
    const query = 'a\\032b\\\\c\\.d.example.com';
    expect(row(record({ query }))['NAME']).toBe(query);
    expect(eventText(record({ query }))).toContain(` A ${query}  198.51.100.9  1.2 ms  198.51.100.53`);
  });

  it.each(['\u001b[2J', '\u009b31m', '\u202egnp', 'a\nb', '\u0000', '\ud800'])(
    'lets no %j through, wherever it stands',
    (evil) => {
      const one = record({
        query: `${evil}.example.com`,
        qtype: evil,
        rcode: 'NOERROR',
        answers: [a(evil)],
        client: endpoint({
          workload: { ...endpoint().workload!, composeProject: undefined, name: evil } as never,
        }),
        server: endpoint({ workload: undefined, ip: evil }),
        upstream: { ...upstream, server: outside({ ip: evil }) },
      });
      for (const width of [undefined, 80]) {
        const table = dnsTable([one], width);
        expect(unsafeText(table)).toBeUndefined();
        expect(table.split('\n')).toHaveLength(2);
      }
      expect(unsafeText(eventText(one))).toBeUndefined();
    },
  );
});

describe('on a terminal', () => {
  const long = record({
    query: `${'q7x2'.repeat(15)}.${'k'.repeat(60)}.tunnel.example.com`,
    qtype: 'TXT',
    answers: [{ name: 'x', type: 'TXT', ttl: 0, bytes: 200, data: `"${'z'.repeat(200)}"` }],
    server: engine,
    upstream,
  });

  it.each([80, 100, 140, 200])(
    'nothing is wider than its %i columns, and the zone stays visible',
    (width) => {
      const lines = dnsTable([long, record(), unanswered()], width).split('\n');
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
      expect(lines[1]).toContain('-> 10.0.0.2');
      expect(lines[1]).toMatch(/~\S*\.example\.com /);
    },
  );

  it('everything stays whole where it fits, and where the width is not known', () => {
    expect(dnsTable([long], undefined)).toContain(long.query);
    expect(dnsTable([record()], 140)).toBe(dnsTable([record()], undefined));
  });

  it('rows that come one by one stand under their titles', () => {
    const columns = streamedDnsColumns(100);
    const lines = [streamedTitles(columns), streamedRow(long, columns), streamedRow(record(), columns)];
    const at = lines[0]!.indexOf('ANSWER');
    expect(lines[1]!.slice(at - 2, at + 1)).toBe('  "');
    expect(lines[2]!.slice(at - 2, at + 1)).toBe('  1');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
  });
});

describe('what is too long', () => {
  it('keeps both ends of a name, the end longer', () => {
    expect(cutName('abcdefghij.tunnel.example.com', 19)).toBe('abcdef~.example.com');
    expect(cutName('abcdefghij', 10)).toBe('abcdefghij');
  });

  it('cuts no escape in two', () => {
    for (let width = 1; width < 40; width++) {
      const cut = cutName('\\000\\001\\002\\.x\\003\\004\\005.example.com', width);
      expect(cut.length).toBeLessThanOrEqual(width);
      expect(cut.replace(/\\\d{3}|\\\.|[a-z.~]/g, '')).toBe('');
    }
  });

  it('keeps how many answers more there are', () => {
    expect(cutAnswer('198.51.100.100 +12', 12)).toBe('198.51.~ +12');
    expect(cutAnswer('198.51.100.100', 12)).toBe('198.51.100.~');
  });

  it.each([
    [undefined, ''],
    [0, '0 us'],
    [999, '999 us'],
    [1200, '1.2 ms'],
    [35_400, '35 ms'],
    [2_140_000, '2.1 s'],
  ])('%s us is written %s', (micros, text) => {
    expect(latencyText(micros)).toBe(text);
  });
});
