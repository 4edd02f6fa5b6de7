import { describe, expect, it } from 'vitest';
import type { DnsAnswer, DnsRecord } from '../../../src/model/dns.ts';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import { type NamesConfig, namesConfig } from '../../../src/sensor/config.ts';
import { ResolvedNames } from '../../../src/sensor/names/resolved-names.ts';
import { address, container, secs, unattributed } from '../../support/records.ts';

const API = 'cid-api';
const OUTSIDE = '198.51.100.7';
const DAY = 86_400;

const a = (name: string, ip = OUTSIDE, ttl = 60): DnsAnswer => ({ name, type: 'A', ttl, bytes: 4, data: ip });
const cname = (name: string, target: string, ttl = 60): DnsAnswer => ({
  name,
  type: 'CNAME',
  ttl,
  bytes: target.length + 2,
  data: target,
});

interface Lookup extends Partial<DnsRecord> {
  readonly from?: Endpoint;
}

/** Asked at `second`, answered 10 ms later. */
function lookup(second: number, query: string, answers: readonly DnsAnswer[], more: Lookup = {}): DnsRecord {
  const { from = container('api', '172.30.0.10', { mac: '02:42:ac:1e:00:0a' }), ...rest } = more;
  return {
    kind: 'dns',
    time: secs(second),
    interface: 'br-1',
    client: from,
    server: address('172.30.0.2', 'lan', { port: 53 }),
    vantage: 'bridge',
    protocol: 'dns',
    transport: 'udp',
    opcode: 'QUERY',
    id: 1,
    query,
    qtype: 'A',
    qclass: 'IN',
    rcode: 'NOERROR',
    answers,
    rtt: 10_000,
    flags: [],
    anomalies: [],
    ...rest,
  };
}

function learned(records: readonly DnsRecord[], config: Partial<NamesConfig> = {}): ResolvedNames {
  const names = new ResolvedNames({ ...namesConfig.parse({}), ...config });
  for (const record of records) names.learn(record);
  return names;
}

const ofApi = (names: ResolvedNames, second: number, ip = OUTSIDE) =>
  names.namesOf(ip, API, '172.30.0.10', secs(second));

describe('names that a container resolved', () => {
  it('stand for the addresses of the answer, in both families, from the answer on', () => {
    const names = learned([
      lookup(1, 'Api.Example.com', [
        a('api.example.com'),
        { name: 'api.example.com', type: 'AAAA', ttl: 60, bytes: 16, data: '2001:db8::7' },
      ]),
    ]);

    expect(ofApi(names, 2)).toEqual(['api.example.com']);
    expect(ofApi(names, 2, '2001:db8::7')).toEqual(['api.example.com']);
    expect(ofApi(names, 2, '198.51.100.8')).toEqual([]);
    expect(ofApi(names, 1.01)).toEqual(['api.example.com']);
    expect(ofApi(names, 1.009)).toEqual([]);
  });

  it('are the name asked for, at the end of a chain of aliases in any order', () => {
    const names = learned([
      lookup(1, 'www.shop.test', [
        a('edge.cdn.test'),
        cname('x.cdn.test', 'EDGE.cdn.test'),
        cname('www.shop.test', 'x.cdn.test'),
      ]),
    ]);

    expect(ofApi(names, 2)).toEqual(['www.shop.test']);
  });

  it.each([
    ['an address of a name that nobody asked for', [a('bank.test')]],
    ['an alias that leads elsewhere', [cname('other.test', 'x.test'), a('x.test')]],
    ['a chain with a hole', [cname('www.shop.test', 'x.test'), a('y.test')]],
    ['a ring of aliases', [cname('www.shop.test', 'x.test'), cname('x.test', 'www.shop.test'), a('y.test')]],
  ])('do not come from %s', (_, answers) => {
    expect(learned([lookup(1, 'www.shop.test', answers)]).size).toBe(0);
  });

  it('come the latest first, each once, when several stand for one address', () => {
    const names = learned([
      lookup(1, 'one.test', [a('one.test')]),
      lookup(2, 'two.test', [a('two.test')]),
      lookup(3, 'one.test', [a('one.test')]),
    ]);

    expect(ofApi(names, 4)).toEqual(['one.test', 'two.test']);
    expect(ofApi(names, 1.5)).toEqual(['one.test']);
  });

  it('are at most eight for an address, the oldest gone first', () => {
    const many = Array.from({ length: 9 }, (_, i) => lookup(i, `n${i}.test`, [a(`n${i}.test`)]));

    expect(ofApi(learned(many), 10)).toEqual(Array.from({ length: 8 }, (_, i) => `n${8 - i}.test`));
  });
});

describe('whose name it is', () => {
  it('is only who resolved it', () => {
    const names = learned([
      lookup(1, 'api.test', [a('api.test')]),
      lookup(1, 'web.test', [a('web.test')], { from: container('web', '172.30.0.11') }),
    ]);

    expect(ofApi(names, 2)).toEqual(['api.test']);
    expect(names.namesOf(OUTSIDE, 'cid-web', '172.30.0.11', secs(2))).toEqual(['web.test']);
    expect(names.namesOf(OUTSIDE, 'cid-db', '172.30.0.12', secs(2))).toEqual([]);
    expect(names.namesOf(OUTSIDE, undefined, '172.30.0.10', secs(2))).toEqual([]);
  });

  it('does not follow an address to its next holder', () => {
    const names = learned([lookup(1, 'api.test', [a('api.test')])]);

    expect(names.namesOf(OUTSIDE, 'cid-next', '172.30.0.10', secs(2))).toEqual([]);
  });

  it('is the address where no inventory names a container', () => {
    const names = learned([lookup(1, 'a.test', [a('a.test')], { from: address('172.30.0.10', 'lan') })]);

    expect(names.namesOf(OUTSIDE, undefined, '172.30.0.10', secs(2))).toEqual(['a.test']);
    expect(names.namesOf(OUTSIDE, undefined, '172.30.0.11', secs(2))).toEqual([]);
  });

  it.each<[string, Lookup]>([
    ['an answer to no question that was seen', { rtt: undefined }],
    ['an error', { rcode: 'SERVFAIL' }],
    ['another class', { qclass: 'CH' }],
    [
      'a question in the name of a container, with a MAC that is not its own',
      {
        from: container('api', '172.30.0.10', {
          mac: '02:00:00:00:00:66',
          attribution: { method: 'ip@time', confidence: 'likely', reason: 'the frame carries another MAC' },
        }),
      },
    ],
    [
      'a question that may be of two containers',
      {
        from: unattributed('172.30.0.10', {
          scope: 'container',
          attribution: { method: 'ip@time', confidence: 'ambiguous', reason: 'two held it' },
        }),
      },
    ],
  ])('is nobody for %s', (_, more) => {
    expect(learned([lookup(1, 'api.test', [a('api.test')], more)]).size).toBe(0);
  });

  it('is a container that is known by its address alone on links without MACs', () => {
    const from = container('api', '172.30.0.10', {
      attribution: { method: 'ip@time', confidence: 'likely', reason: 'no MAC' },
    });

    expect(ofApi(learned([lookup(1, 'api.test', [a('api.test')], { from })]), 2)).toEqual(['api.test']);
  });

  it.each([
    'shop/db',
    '10.0.0.1',
    'a b.test',
    'x\\027[31m.test',
    'example.127',
    '',
    '.',
    '-a.test',
    'a..test',
  ])('is not %j, which is no host name', (query) => {
    expect(learned([lookup(1, query, [a(query)])]).size).toBe(0);
  });

  it.each(['_dmarc.example.com', 'xn--bcher-kva.example', 'nas', 'a-1.b_2.test'])('may be %s', (query) => {
    expect(ofApi(learned([lookup(1, query, [a(query)])]), 2)).toEqual([query]);
  });
});

describe('how long a name counts', () => {
  it.each([
    ['a short TTL', 5, 3600],
    ['none', 0, 3600],
    ['a TTL between', 7200, 7200],
    ['a TTL of years', 100_000_000, DAY],
  ])('follows %s within the bounds', (_, ttl, holdsSecs) => {
    const names = learned([lookup(0, 'api.test', [a('api.test', OUTSIDE, ttl)])]);

    expect(ofApi(names, 0.01 + holdsSecs)).toEqual(['api.test']);
    expect(ofApi(names, 0.01 + holdsSecs + 0.001)).toEqual([]);
  });

  it('is as long as the shortest record of the chain', () => {
    const records = [lookup(0, 'w.test', [cname('w.test', 'x.test', 4000), a('x.test', OUTSIDE, DAY)])];

    expect(ofApi(learned(records), 4000)).toEqual(['w.test']);
    expect(ofApi(learned(records), 4001)).toEqual([]);
  });

  it('starts again when it is resolved again, and flows of before keep it', () => {
    const names = learned([
      lookup(0, 'api.test', [a('api.test')]),
      lookup(3000, 'api.test', [a('api.test')]),
      lookup(20_000, 'api.test', [a('api.test')]),
    ]);

    expect(ofApi(names, 6000)).toEqual(['api.test']);
    expect(ofApi(names, 7000)).toEqual([]);
    expect(ofApi(names, 20_001)).toEqual(['api.test']);
    expect(ofApi(names, 100)).toEqual(['api.test']);
  });

  it.each([
    ['back by an hour', 50_000, 46_400],
    ['ahead by a day', 50_000, 50_000 + DAY],
  ])('goes on as long as it would have when the clock is set %s', (_, from, to) => {
    const names = learned([
      lookup(from - 5000, 'lapsed.test', [a('lapsed.test')]),
      lookup(from - 600, 'api.test', [a('api.test')]),
    ]);
    names.clockSet({ from: secs(from), to: secs(to) });

    expect(ofApi(names, to)).toEqual(['api.test']);
    expect(ofApi(names, to + 3000)).toContain('api.test');
    expect(ofApi(names, to + 3000.1)).toEqual(to > from ? [] : ['api.test']);
    // A flow that began before keeps its begin, and its name.
    expect(ofApi(names, from - 1)).toContain('api.test');
    names.learn(lookup(to + 1, 'now.test', [a('now.test')]));
    expect(ofApi(names, to + 2)).toEqual(['now.test', 'api.test']);
  });

  it('has a floor of zero when the configuration says so: the TTL alone', () => {
    const names = learned([lookup(0, 'api.test', [a('api.test', OUTSIDE, 5)])], { min_lifetime_secs: 0 });

    expect(ofApi(names, 5.01)).toEqual(['api.test']);
    expect(ofApi(names, 5.02)).toEqual([]);
  });
});

describe('how much is remembered', () => {
  const other = (i: number) =>
    lookup(1 + i / 1000, 'n.test', [a('n.test', `198.51.${100 + (i >> 8)}.${i & 255}`)]);
  const crawler = { from: container('crawler', '172.30.0.66') };
  const crawled = (i: number, second = 1) =>
    lookup(second + i / 1000, 'c.test', [a('c.test', `198.51.${100 + (i >> 8)}.${i & 255}`)], crawler);

  it('is bounded, and what was longest out of use goes first, counted', () => {
    const names = learned(
      Array.from({ length: 256 }, (_, i) => other(i)),
      { max_addresses: 256 },
    );
    expect([names.size, names.evicted]).toEqual([256, 0]);
    // Used: it stays, and the second one goes.
    expect(ofApi(names, 2, '198.51.100.0')).toEqual(['n.test']);
    names.learn(other(256));

    expect([names.size, names.evicted]).toEqual([256, 1]);
    expect(ofApi(names, 3, '198.51.100.0')).toEqual(['n.test']);
    expect(ofApi(names, 3, '198.51.100.1')).toEqual([]);
  });

  it('is taken from the container that holds the most, whoever comes', () => {
    const names = learned(
      Array.from({ length: 256 }, (_, i) => crawled(i)),
      { max_addresses: 256 },
    );
    names.learn(lookup(2, 'api.test', [a('api.test')]));
    for (let i = 300; i < 600; i++) names.learn(crawled(i, 3));

    expect(names.size).toBe(256);
    expect(ofApi(names, 5)).toEqual(['api.test']);
  });

  it('counts as evicted only what still named something', () => {
    const names = learned(
      Array.from({ length: 256 }, (_, i) => crawled(i)),
      { max_addresses: 256 },
    );
    names.learn(crawled(300, DAY));

    expect([names.size, names.evicted]).toEqual([256, 0]);
  });

  it('lets invented client addresses push out nobody but each other', () => {
    const names = learned([lookup(0, 'api.test', [a('api.test')])], { max_addresses: 256 });
    for (let i = 0; i < 1000; i++) {
      const from = address(`10.9.${i >> 8}.${i & 255}`, 'lan');
      names.learn(lookup(1, 'x.test', [a('x.test')], { from }));
    }

    expect(names.size).toBe(256);
    expect(ofApi(names, 2)).toEqual(['api.test']);
  });
});
