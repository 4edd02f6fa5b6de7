/** Look-ups summed up: what counts where, and that nothing is lost when there is too much. */
import { describe, expect, it } from 'vitest';
import { DnsSummary, type Grouping } from '../../../src/cli/dns/summary.ts';
import { dnsSummaryTable } from '../../../src/cli/dns/summary-columns.ts';
import type { DnsSummaryRecord } from '../../../src/cli/lib/records.ts';
import type { DnsRecord } from '../../../src/model/dns.ts';
import { type PublicDns, parseRecord, serializeRecord } from '../../../src/model/serialize.ts';
import { database, dns, endpoint, outside } from '../../station/support/records.ts';
import { unsafeText } from '../support/bridgewatch.ts';

const api = endpoint({ workload: { ...database, name: 'shop-api-1', composeService: 'api' } });
const engine = endpoint({ ip: '127.0.0.11', port: 53, scope: 'engine', workload: undefined });
const upstream = { server: outside({ ip: '198.51.100.53', port: 53 }), interface: 'br-1' };

function without(record: DnsRecord, ...fields: readonly (keyof DnsRecord)[]): DnsRecord {
  return Object.fromEntries(
    Object.entries(record).filter(([field]) => !fields.includes(field as keyof DnsRecord)),
  ) as unknown as DnsRecord;
}

function summary(by: Grouping, records: readonly DnsRecord[], limit = 100, maxGroups?: number) {
  const all = new DnsSummary(by, maxGroups);
  for (const record of records) all.add(parseRecord(serializeRecord(record)) as PublicDns);
  return { records: all.records(limit), mayLack: all.mayLack };
}

const unanswered = (number: number, over: Partial<DnsRecord> = {}) =>
  without(dns(number, { ...over, answers: [] }), 'rcode', 'rtt');

describe('look-ups by container', () => {
  const world = [
    dns(1, { query: 'a.example.com' }),
    dns(2, { query: 'A.Example.COM' }),
    dns(3, { query: 'b.example.com', rcode: 'NXDOMAIN', answers: [] }),
    dns(4, { rcode: 'SERVFAIL', answers: [] }),
    unanswered(5, { query: 'b.example.com' }),
    dns(6, { client: api, rtt: 900_000, server: engine, upstream: { ...upstream, rtt: 800_000 } }),
    dns(7, { client: api, rtt: 100, server: engine }),
  ];

  it('tell how many, how many names, and what went wrong', () => {
    expect(summary('container', world).records).toMatchObject([
      { key: 'shop/db', questions: 5, names: 3, clients: 1, nxdomain: 1, servfail: 1, unanswered: 1 },
      { key: 'shop/api', questions: 2, names: 2, nxdomain: 0, servfail: 0, unanswered: 0 },
    ]);
  });

  it('never tell more names than questions, where names are estimated', () => {
    for (let world = 0; world < 8; world++) {
      const asked = Array.from({ length: 600 }, (_, i) => dns(i, { query: `n${world}-${i}.example.com` }));
      const [record] = summary('container', asked).records;
      expect(record).toMatchObject({ questions: 600, isEstimated: true });
      expect(record!.names).toBeLessThanOrEqual(600);
    }
  });

  it('tell which resolver is slow, the embedded one apart from what stands behind it', () => {
    expect(summary('container', world).records[1]!.slowestResolver).toMatchObject({
      resolver: '198.51.100.53',
      questions: 1,
    });
  });

  it('tell from when to when', () => {
    expect(summary('container', world).records[0]).toMatchObject({
      first: '2026-11-23T14:00:00.001000Z',
      last: '2026-11-23T14:00:00.005000Z',
    });
  });

  it('owe no answer to a question that went to all neighbours', () => {
    const [line] = summary('container', [unanswered(1, { protocol: 'mdns' }), unanswered(2)]).records;
    expect(line).toMatchObject({ questions: 2, unanswered: 1 });
  });
});

describe('look-ups by resolver', () => {
  it('count for the one behind the embedded resolver, with its own time and silence', () => {
    const { records } = summary('resolver', [
      dns(1, { server: engine, upstream: { ...upstream, rtt: 400 }, rtt: 90_000 }),
      dns(2, { server: engine, upstream, rcode: 'SERVFAIL', answers: [], rtt: 5_000_000 }),
      dns(3, { server: engine, rtt: 90 }),
      dns(4, { client: api, rtt: 600 }),
    ]);
    expect(records).toMatchObject([
      {
        key: '198.51.100.53',
        questions: 3,
        unanswered: 1,
        servfail: 0,
        topClients: [
          { value: 'shop/db', count: 2 },
          { value: 'shop/api', count: 1 },
        ],
      },
      { key: 'engine', questions: 1, unanswered: 0 },
    ]);
    expect(records[0]!.latencyP95).toBeLessThanOrEqual(600);
  });
});

describe('look-ups by name and zone', () => {
  const world = [
    dns(1, { query: 'www.Example.co.uk' }),
    dns(2, { query: 'WWW.example.CO.UK', client: api, rcode: 'NXDOMAIN', answers: [] }),
    dns(3, { query: 'mail.example.co.uk' }),
    dns(4, { query: 'db.internal' }),
    dns(5, { query: 'a\\032b.\\255\\254' }),
    dns(6, { query: '.' }),
  ];

  it('count a name once, whatever its case, with who asked and what came back', () => {
    expect(summary('name', world).records[0]).toMatchObject({
      key: 'www.example.co.uk',
      questions: 2,
      nxdomain: 1,
      topClients: [{ value: 'shop/api' }, { value: 'shop/db' }],
      topAnswers: [
        { value: '198.51.100.9', count: 1 },
        { value: 'NXDOMAIN', count: 1 },
      ],
    });
  });

  it('put names under what somebody registered', () => {
    expect(summary('zone', world).records.map(({ key, names }) => [key, names])).toEqual([
      ['example.co.uk', 2],
      ['.', 1],
      ['\\255\\254', 1],
      ['internal', 1],
    ]);
  });
});

describe('too many', () => {
  const many = Array.from({ length: 3000 }, (_, i) => [
    dns(i, { query: `once${i}.example.com` }),
    dns(i, { query: `often${i % 3}.example.com` }),
  ]).flat();
  const questions = (records: readonly DnsSummaryRecord[]) =>
    records.reduce((sum, record) => sum + record.questions, 0);

  it('beyond the limit are summed up in a last line', () => {
    const { records, mayLack } = summary('name', many, 3);
    expect(records.map(({ key }) => key)).toEqual([
      'often0.example.com',
      'often1.example.com',
      'often2.example.com',
      undefined,
    ]);
    expect(records[3]).toMatchObject({ others: 3000, questions: 3000 });
    expect(mayLack).toBe(0);
  });

  it('are no line where all are told', () => {
    expect(summary('name', many.slice(0, 8), 7).records.every(({ key }) => key !== undefined)).toBe(true);
  });

  it('to hold at once: those asked often stay, no question is lost, and what a line may lack is said', () => {
    const { records, mayLack } = summary('name', many, 3, 10);
    expect(questions(records)).toBe(6000);
    expect(mayLack).toBeGreaterThan(0);
    for (const { key, questions: told } of records.slice(0, 3)) {
      expect(key).toMatch(/^often/);
      expect(told).toBeLessThanOrEqual(1000);
      expect(told + mayLack).toBeGreaterThanOrEqual(1000);
    }
  });
});

describe('the table of sums', () => {
  const table = (by: Grouping, records: readonly DnsRecord[], width?: number) =>
    dnsSummaryTable(summary(by, records, 1).records, by, width);

  it('gives shares, never hiding what is rare', () => {
    const records = Array.from({ length: 300 }, (_, i) =>
      i === 0 ? dns(i, { rcode: 'NXDOMAIN' }) : i < 100 ? dns(i, { rcode: 'SERVFAIL' }) : dns(i),
    );
    expect(table('container', records)).toMatch(/^CONTAINER .*\nshop\/db +300 +300 +<1 % +33 % +0 /);
  });

  it.each(['container', 'name', 'zone', 'resolver'] as const)(
    'by %s lets no byte through, and fits',
    (by) => {
      const evil = '\u001b[2J\u202e\n';
      const records = [
        dns(1, {
          query: `${evil}.${'x'.repeat(200)}.example.com`,
          answers: [{ name: evil, type: 'A', ttl: 1, bytes: 4, data: evil.repeat(20) }],
          client: endpoint({ workload: { ...database, composeService: evil.repeat(20) } }),
          server: outside({ ip: evil }),
        }),
        dns(2, { query: 'www.example.net' }),
      ];
      for (const width of [120, undefined]) {
        const text = table(by, records, width);
        expect(unsafeText(text)).toBeUndefined();
        expect(text.split('\n')).toHaveLength(3);
        if (width === undefined) continue;
        for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(width);
      }
    },
  );
});
