import { describe, expect, it } from 'vitest';
import dnsNxdomainBurst from '../../analyzers/dns-nxdomain-burst.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  container,
  lookUp,
  type QuestionFields,
  secs,
  unattributed,
  workload,
} from '../support/records.ts';

const app = container('app', '172.30.0.10');
const app6 = container('app', 'fd00:30::10');
const engine = address('127.0.0.11', 'engine', { port: 53 });

/** A label that no word list has, another for each i. */
const odd = (i: number): string => `q${(Math.imul(i + 1, 0x9e37_79b1) >>> 0).toString(36)}x`;

interface Stream extends Partial<Omit<QuestionFields, 'labels' | 'time'>> {
  readonly count: number;
  readonly name: (i: number) => string;
  readonly startSecs?: number;
  readonly spacingSecs?: number;
  /** NXDOMAIN without. */
  readonly rcode?: string;
}

function lookUps({ count, name, startSecs = 0, spacingSecs = 2, rcode = 'NXDOMAIN', ...rest }: Stream) {
  return Array.from({ length: count }, (_, i): AnalyzerEvent[] =>
    lookUp(
      { client: app, ...rest, labels: name(i).split('.'), time: secs(startSecs + i * spacingSecs) },
      rcode,
      rcode === 'NOERROR' ? ['198.51.100.9'] : [],
    ),
  ).flat();
}

const together = (...streams: AnalyzerEvent[][]) => streams.flat().sort((a, b) => timeOf(a) - timeOf(b));
const timeOf = (event: AnalyzerEvent) =>
  event.on === 'dns' ? event.record.time : event.on === 'dns-query' ? event.query.time : 0;

const generated = (fields: Partial<Stream> = {}) =>
  lookUps({ count: 10, name: (i) => `${odd(i)}.com`, ...fields });
const missing = (fields: Partial<Stream> = {}) =>
  lookUps({ count: 30, name: () => 'redis', spacingSecs: 19, ...fields });

testAnalyzer(dnsNxdomainBurst, {
  fires: [
    {
      name: 'ten registered domains that do not exist within ten minutes, with what was asked',
      events: generated(),
      findings: [
        {
          message: 'generated-names',
          severity: 'medium',
          confidence: 'medium',
          firstSeen: secs(0),
          lastSeen: secs(18),
          evidence: {
            window: '10 min',
            threshold: 10,
            missingZones: 10,
            existingZones: 0,
            missingPercent: 100,
            sampleZones: [0, 1, 2, 3, 4].map((i) => `${odd(i)}.com`),
            sampleNames: [0, 1, 2, 3, 4].map((i) => `${odd(i)}.com`),
            resolver: '172.30.0.2',
            answers: 10,
            nxdomainPercent: 100,
            firstSign: '2026-01-01T00:00:00.000000Z',
            lastSign: '2026-01-01T00:00:18.000000Z',
          },
        },
      ],
    },
    {
      name: 'the same over IPv6 and through the embedded resolver, by what that asked',
      events: generated({
        client: app6,
        server: engine,
        vantage: 'container',
        upstream: { server: address('198.51.100.53', 'internet'), interface: 'br-1' },
      }),
      findings: [{ message: 'generated-names', evidence: { resolver: '198.51.100.53' } }],
    },
    {
      name: 'twenty within an hour, spread so that no ten minutes hold ten',
      events: generated({ count: 20, spacingSecs: 170 }),
      findings: [{ message: 'generated-names', evidence: { window: '1 h', threshold: 20 } }],
    },
    {
      name: 'thirty, graver',
      events: generated({ count: 30 }),
      findings: [{ message: 'generated-names', severity: 'high', confidence: 'high' }],
    },
    {
      name: 'made-up names under `www` and under many top-level domains',
      events: lookUps({ count: 10, name: (i) => `www.${odd(i)}.${['com', 'net', 'org', 'co.uk'][i % 4]}` }),
      findings: [{ message: 'generated-names' }],
    },
    {
      name: 'made-up names after a long quiet past and amid ordinary ones, which exist',
      events: together(
        lookUps({ count: 100, name: (i) => `www.shop${i}.com`, rcode: 'NOERROR', spacingSecs: 1 }),
        generated({ count: 13, startSecs: 200 }),
        lookUps({
          count: 3,
          name: (i) => `cdn${i}.shop-new${i}.com`,
          rcode: 'NOERROR',
          startSecs: 201,
          spacingSecs: 5,
        }),
        lookUps({ count: 50, name: (i) => `www.shop${i}.com`, rcode: 'NOERROR', startSecs: 200 }),
      ),
      findings: [
        { message: 'generated-names', evidence: { missingZones: 12, existingZones: 2, missingPercent: 86 } },
      ],
    },
    {
      name: 'sites under a platform that are each somebody else’s',
      events: lookUps({ count: 10, name: (i) => `${odd(i)}.duckdns.org` }),
      findings: [{ message: 'generated-names' }],
    },
    {
      name: 'an address that no inventory names',
      events: generated({ client: unattributed('172.30.0.77') }),
      findings: [{ message: 'generated-names' }],
    },
    {
      name: 'a name without a dot, thirty times in ten minutes: which one, and not that it is made up',
      events: missing(),
      findings: [
        {
          message: 'broken-configuration',
          severity: 'low',
          confidence: 'high',
          evidence: {
            window: '10 min',
            attempts: 30,
            missingNames: 1,
            sampleNames: ['redis'],
            nxdomainPercent: 100,
          },
        },
      ],
      also: ({ final }) =>
        expect(final[0]!.explanation).toBe(
          'shop/app asks again and again for redis, and 172.30.0.2 answers that there is no such name (30 attempts at the first within 10 min). Something in it is configured to use a name that does not exist, or no longer does.',
        ),
    },
    {
      name: 'once a minute, for an hour',
      events: missing({ count: 60, spacingSecs: 59 }),
      findings: [{ message: 'broken-configuration', evidence: { window: '1 h', attempts: 60 } }],
    },
    {
      name: 'a missing name that a search list spreads over five suffixes: attempts, not questions',
      events: lookUps({
        count: 150,
        name: (i) =>
          ['db.prod', 'db.prod.a.example', 'db.prod.b.example', 'db.prod.lan', 'db.prod.corp'][i % 5]!,
        spacingSecs: 0.01,
      }).map((event, i) => shifted(event, Math.floor(i / 10) * 10)),
      findings: [
        {
          message: 'broken-configuration',
          evidence: {
            attempts: 30,
            sampleNames: ['db.prod'],
            searchedAs: expect.arrayContaining(['db.prod.lan']),
          },
        },
      ],
    },
    {
      name: 'two names that are missing, as one finding',
      events: together(missing({ count: 31 }), missing({ count: 31, name: () => 'mail.old.example.com' })),
      findings: [{ message: 'broken-configuration', evidence: { missingNames: 2 } }],
    },
    {
      name: 'both, as two findings',
      events: together(generated(), missing()),
      findings: [{ message: 'generated-names' }, { message: 'broken-configuration' }],
    },
  ],
  silent: [
    { name: 'nine made-up domains', events: generated({ count: 9 }) },
    { name: 'nineteen within an hour', events: generated({ count: 19, spacingSecs: 170 }) },
    { name: 'thirty over three hours', events: generated({ count: 30, spacingSecs: 400 }) },
    { name: 'a missing name, twenty-nine times in ten minutes', events: missing({ count: 29 }) },
    { name: 'a missing name every two minutes, all day', events: missing({ count: 720, spacingSecs: 120 }) },
    {
      name: 'a crawler that meets as many dead domains as living ones',
      events: lookUps({ count: 200, name: (i) => `${odd(i)}.com`, spacingSecs: 1 }).map((event, i) =>
        event.on === 'dns' && Math.floor(i / 2) % 2 === 1
          ? { ...event, record: { ...event.record, rcode: 'NOERROR' } }
          : event,
      ),
    },
    {
      name: 'the same ten dead domains, for a day',
      events: lookUps({ count: 500, name: (i) => `${odd(i % 9)}.com`, spacingSecs: 170 }),
    },
    {
      name: 'a tenant’s name tried at many services, and trackers of a list',
      events: [
        ...lookUps({ count: 40, name: (i) => `acme.service${i}.com` }),
        ...lookUps({ count: 40, name: (i) => `tracker.${odd(i)}.org`, startSecs: 90 }),
      ],
    },
    {
      name: 'a search list over forty names that exist without it',
      events: lookUps({
        count: 200,
        name: (i) =>
          ['.corp.example.com', '.example.com', '.lan', '.cluster.local', ''].map(
            (suffix) => `host${Math.floor(i / 5)}.svc${suffix}`,
          )[i % 5]!,
        spacingSecs: 0.1,
      }).map((event) =>
        event.on === 'dns' && event.record.query.endsWith('.svc')
          ? { ...event, record: { ...event.record, rcode: 'NOERROR' } }
          : event,
      ),
    },
    {
      name: 'a name that the second suffix of the search list finds, again and again',
      events: together(
        missing({ count: 300, name: () => 'db.a.example', spacingSecs: 1 }),
        missing({
          count: 300,
          name: () => 'db.b.example',
          spacingSecs: 1,
          startSecs: 0.01,
          rcode: 'NOERROR',
        }),
      ),
    },
    {
      name: 'block lists, by shape and by name',
      events: [
        ...lookUps({ count: 100, name: (i) => `${i}.100.51.198.dnsbl.example.com`, spacingSecs: 1 }),
        ...lookUps({ count: 100, name: () => '2.0.0.127.zen.spamhaus.org', spacingSecs: 1 }),
        ...lookUps({ count: 100, name: (i) => `${odd(i)}.avqs.mcafee.com`, spacingSecs: 1 }),
        ...lookUps({
          count: 100,
          name: () => `${'0123456789abcdef'.repeat(2)}.hashes.example.com`,
          spacingSecs: 1,
        }),
      ],
    },
    {
      name: 'reverse names of a log processor',
      events: [
        ...lookUps({ count: 200, name: (i) => `${i}.100.51.198.in-addr.arpa`, qtype: 'PTR', spacingSecs: 1 }),
        ...lookUps({ count: 100, name: () => '9.100.51.198.in-addr.arpa', qtype: 'PTR', spacingSecs: 1 }),
      ],
    },
    {
      name: 'records of a protocol that most zones do not have',
      events: lookUps({ count: 100, name: (i) => `_dmarc.${odd(i)}.com`, qtype: 'TXT' }),
    },
    {
      name: 'random names in one zone: that is for dns-tunnel to say',
      events: lookUps({ count: 100, name: (i) => `${odd(i)}.example.com` }),
    },
    {
      name: 'random names without a dot, as browsers ask three of',
      events: lookUps({ count: 12, name: odd }),
    },
    { name: 'domains that exist', events: generated({ count: 100, rcode: 'NOERROR' }) },
    { name: 'domains whose servers fail', events: generated({ count: 100, rcode: 'SERVFAIL' }) },
    { name: 'multicast names', events: generated({ count: 100, protocol: 'mdns' }) },
    {
      name: 'strangers who ask a name server in a container',
      events: generated({
        count: 100,
        client: address('198.51.100.9', 'internet'),
        server: { ...app, port: 53 },
      }),
    },
    {
      name: 'a resolver in a container, which asks for others',
      events: together(
        generated({ count: 100, client: container('pihole', '172.30.0.53') }),
        lookUps({
          count: 100,
          name: (i) => `${odd(i)}.com`,
          client: address('10.9.9.9', 'lan'),
          server: container('pihole', '172.30.0.53', { port: 53 }),
          startSecs: -0.01,
        }),
      ),
    },
    {
      name: 'a zone and a container that the operator named',
      events: [
        ...missing({ name: () => 'gone.example.com' }),
        ...generated({ count: 50, client: container('crawler', '172.30.0.12') }),
      ],
      options: { known_zones: ['example.com'], ignore_containers: ['shop/crawler'] },
    },
  ],
});

/** Later by so many seconds. */
function shifted(event: AnalyzerEvent, seconds: number): AnalyzerEvent {
  const by = seconds * 1_000_000;
  if (event.on === 'dns') return { ...event, record: { ...event.record, time: event.record.time + by } };
  if (event.on !== 'dns-query') return event;
  const record = { ...event.query.record, time: event.query.record.time + by };
  return { ...event, query: { ...event.query, time: event.query.time + by, record } };
}

describe('dns-nxdomain-burst', () => {
  it('takes back a zone that did exist after all', () => {
    const events = together(
      generated({ count: 10 }),
      lookUps({ count: 1, name: () => `mail.${odd(0)}.com`, rcode: 'NOERROR', startSecs: 1 }),
    );

    expect(runAnalyzer(dnsNxdomainBurst, events).final).toEqual([]);
  });

  it('escapes what a container says', () => {
    const { final } = runAnalyzer(
      dnsNxdomainBurst,
      generated({ name: (i) => `${odd(i)}\x07.com` }).filter(({ on }) => on === 'dns'),
    );

    for (const { evidence, explanation } of final) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
      expect(`${JSON.stringify(evidence)} ${explanation}`).not.toMatch(/[\x00-\x1f]/);
    }
  });

  it('says what it forgot within the hour that could have counted, and nothing of what is older', () => {
    const forgotten = (count: number, spacingSecs: number): string[] =>
      runAnalyzer(dnsNxdomainBurst, lookUps({ count, name: (i) => `${odd(i)}.com`, spacingSecs })).losses.map(
        ({ where, count: lost }) => `${where} ${lost}`,
      );
    const sum = (losses: readonly string[], where: string): number =>
      losses
        .filter((loss) => loss.startsWith(`${where} `))
        .reduce((total, loss) => total + Number(loss.split(' ')[1]), 0);

    expect(forgotten(64, 2)).toEqual([]);
    const flood = forgotten(300, 2);
    expect(sum(flood, 'dns-nxdomain-burst.names')).toBe(300 - 64);
    expect(sum(flood, 'dns-nxdomain-burst.zones')).toBe(300 - 256);
    // 64 of them take longer than an hour.
    expect(forgotten(300, 61)).toEqual([]);
  });

  it('stays within its bounds under a flood of names and clients, in time', {
    timeout: 60_000,
  }, () => {
    function* flood(): Generator<AnalyzerEvent> {
      for (let i = 0; i < 50_000; i++) {
        const client = container(`c${i % 100}`, '172.30.0.10', { workload: workload(`c${i % 100}`) });
        const [, answer] = lookUp(
          { labels: [odd(i), odd(i + 7), 'com'], client, time: secs(i / 1000) },
          'NXDOMAIN',
        );
        yield answer!;
      }
    }
    const started = process.cpuUsage().user;
    const { losses, failures } = runAnalyzer(dnsNxdomainBurst, flood(), { max_clients: 16 });
    const microsEach = (process.cpuUsage().user - started) / 50_000;

    expect(failures).toEqual([]);
    expect(losses.length).toBeGreaterThan(0);
    // A few microseconds, and as many again to make the record; it must not grow with what is remembered.
    expect(microsEach).toBeLessThan(200);
  });
});
