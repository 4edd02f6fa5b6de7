/** What a filter means: one line each for what people write, and what it takes and leaves. */
import { describe, expect, it } from 'vitest';
import type { DnsRecord } from '../../src/model/dns.ts';
import type { AgentRecord } from '../../src/model/record.ts';
import { QueryError } from '../../src/query/error.ts';
import { FIELDS } from '../../src/query/fields.ts';
import { compileFilter } from '../../src/query/filter.ts';
import { MAX_CONDITIONS, MAX_DEPTH, MAX_LENGTH } from '../../src/query/parse.ts';
import {
  coverage,
  database,
  dns,
  endpoint,
  finding,
  flow,
  loss,
  network,
  outside,
} from '../station/support/records.ts';
import { T0, toPublic } from './records.ts';

/** shop/api on shop_front asks api.example.com; 2026-11-23T14:02:07.5Z, for 90 s. */
const START = T0 + 127_500_000;
const api = endpoint({
  ip: '172.30.2.4',
  port: 40_001,
  workload: {
    ...database,
    name: 'shop-api-1',
    composeService: 'api',
    image: 'shop/api:2',
    containerId: `beef${'0'.repeat(60)}`,
  },
});
const outgoing = flow(1, {
  start: START,
  end: START + 90_000_000,
  network: { ...network, name: 'shop_front', internal: false },
  orig: api,
  resp: outside({
    names: ['api.example.com'],
    port: 443,
    geo: { country: 'DE', asn: 64_496 },
  }),
  service: 'tls',
  serverName: 'api.example.com',
  origBytes: 400_000,
  respBytes: 600_000,
  origPackets: 7,
  respPackets: 0,
});
/** From outside through a published port. */
const incoming = flow(2, {
  network: { ...network, name: 'edge' },
  orig: endpoint({
    ip: '172.30.9.1',
    workload: undefined,
    scope: 'gateway',
    attribution: { method: 'gateway', confidence: 'certain' },
  }),
  resp: { ...api, port: 80 },
  service: undefined,
  portHint: 'http',
  communityId: '1:seen=',
  direction: 'ingress',
  nat: {
    kind: 'published-port',
    method: 'conntrack',
    confidence: 'certain',
    client: outside({ ip: '2001:db8::99' }),
    published: { ip: '198.51.100.1', port: 8080 },
    originalCommunityId: '1:orig=',
  },
});

const KINDS = ['flow', 'finding', 'dns', 'coverage', 'loss'] as const;

function takes(text: string, record: AgentRecord): boolean {
  return compileFilter(text, { kinds: KINDS, now: START + 60_000_000 }).matches(toPublic(record));
}

describe('a filter', () => {
  it.each([
    // Texts.
    ['network:shop_front', 'network:shop_data'],
    ['network:front', 'network:ront'],
    ['NETWORK:SHOP_Front', 'network:"shop_front "'],
    ['network:*front', 'network:"*front"'],
    ['network:s*_f*t', 'network:s*_f*x'],
    ['network = front', 'network != front'],
    // Ends.
    ['src.ip:172.30.2.4', 'src.ip:172.30.2.40'],
    ['orig.ip:172.30.0.0/16', 'orig.ip:172.31.0.0/16'],
    ['dst.ip=198.51.100.0/24', 'dst.ip:::/0'],
    ['src.port:40001', 'dst.port:40001'],
    ['src.container:shop/api', 'dst.container:shop/api'],
    ['src.container:api', 'src.container:shop'],
    ['src.container:shop-api-1', 'src.container:shop-api'],
    ['src.container:beef', 'src.container:eef0'],
    [`src.container:beef${'0'.repeat(60)}`, `src.container:beef${'1'.repeat(60)}`],
    ['src.project:shop', 'dst.project:shop'],
    ['src.service:api', 'service:api'],
    ['src.image:shop/api:*', 'src.image:shop/api'],
    ['dst.scope:internet', 'src.scope:internet'],
    ['dst.scope:INTERNET', 'dst.scope:(lan or host)'],
    ['dst.name:*.example.com', 'src.name:*.example.com'],
    ['resp.country:de', 'resp.country:fr'],
    ['dst.asn:64496', 'dst.asn<64496'],
    ['src.method:mac+ip', 'src.method:netns'],
    ['dst.certainty:certain', 'dst.certainty:ambiguous'],
    ['src:shop/api', 'dst:shop/api'],
    ['dst:198.51.100.0/24', 'src:198.51.100.0/24'],
    ['dst:api.example.com', 'src:api.example.com'],
    // Either end.
    ['ip:172.30.2.4 ip:198.51.100.7', 'ip:172.30.2.5'],
    ['project:shop', 'project:sho'],
    ['container:shop/api', 'container:shop/db'],
    ['scope:container scope:internet', 'scope:host'],
    ['name:api.example.com', 'name:example.com'],
    // The flow itself.
    ['service:tls', 'service:http'],
    ['serverName:api.*', 'serverName:api'],
    ['port:443', 'port:4430'],
    ['port:(80 or 443)', 'port:(80 or 8080)'],
    ['port>442 port<444', 'port>443'],
    ['port>=443 port<=443', 'port<443'],
    ['protocol:tcp', 'protocol:udp'],
    ['direction:egress', 'direction:e*-west'],
    ['internal:false', 'internal:true'],
    ['state:sf', 'state:(S0 or REJ)'],
    ['state:S*', 'state:R*'],
    ['history:*F*', 'history:*R*'],
    ['history:Sh*', 'history:sh*'],
    // Quantities.
    ['bytes>=1MB', 'bytes>1MB'],
    ['bytes:1000kB', 'bytes:1MiB'],
    ['bytes<1MiB', 'bytes>=1mib'],
    ['bytes > 0.99MB', 'bytes > "1 MB"'],
    ['bytes.out:400kB', 'bytes.out>400kB'],
    ['bytes.in<600001', 'bytes.in<600000'],
    ['packets:7 packets.in:0', 'packets.in>0'],
    ['duration:90s', 'duration:91'],
    ['duration>1m29s', 'duration>1m30s'],
    ['duration<=1.5m', 'duration<90'],
    // Times: the filter is read 60 s after the start.
    ['start>-61s', 'start>-59s'],
    ['start<now', 'start>now'],
    ['start>now-2m', 'start<now-2m'],
    ['start:2026-11-23', 'start:2026-11-24'],
    ['start:2026-11-23T14:02', 'start:2026-11-23T14:03'],
    ['start:"2026-11-23 14:02:07Z"', 'start:2026-11-23T14:02:08'],
    ['start:2026-11-23T15:02+01:00', 'start:2026-11-23T15:02'],
    ['start>=2026-11-23T14:02:07.5', 'start>2026-11-23T14:02:07.5'],
    ['end>2026-11-23T14:03:37', 'end<2026-11-23T14:03:37'],
    ['time:2026-11-23T14:03', 'time:2026-11-23T14:02'],
    // Words alone.
    ['shop/api', 'shop/db'],
    ['front', 'data'],
    ['example', 'exemple'],
    ['api*com', 'api*net'],
    ['172.30.2.4', '172.30.2.5'],
    ['198.51.100.0/24', '2001:db8::/32'],
    ['"api.example.com"', '"api.*.com"'],
    // Together.
    ['port:443 and bytes>1kB', 'port:443 and bytes<1kB'],
    ['port:80 or port:443', 'not (port:80 or port:443)'],
    ['port:443 || port:80', '!port:443'],
    ['port:443 && service:tls', 'port:443 and not service:tls'],
    ['not port:80 service:tls', 'not (port:80 or service:tls)'],
    ['port:80 service:ssh or service:tls', 'port:80 (service:ssh or service:tls)'],
    ['port:443 or port:80 and service:ssh', '(port:443 or port:80) and service:ssh'],
    ['NOT port:80 AND (service:tls OR service:ssh)', 'service:(not tls)'],
    ['port:(443)', 'port:(not (443 or 80))'],
  ])('%s takes what %s leaves', (taken, left) => {
    expect(takes(taken, outgoing)).toBe(true);
    expect(takes(left, outgoing)).toBe(false);
  });

  it.each([
    ['portHint:http', 'service:http'],
    ['nat.kind:published-port', 'nat.kind:hairpin'],
    ['nat.client.ip:2001:db8::99', 'src.ip:2001:db8::99'],
    ['nat.client.ip:2001:DB8:0::99', 'nat.client.ip:2001:db8::9'],
    ['nat.published:198.51.100.1', 'dst.ip:198.51.100.1'],
    ['nat.publishedPort:8080', 'port:8080'],
    ['ip:2001:db8::/32', 'ip:2001:db9::/32'],
    ['2001:db8::99', '2001:db8::98'],
    ['communityId:1:orig=', 'communityId:1:ORIG='],
    ['communityId:1:seen=', 'communityId:1:seen'],
  ])('of a translated flow: %s takes what %s leaves', (taken, left) => {
    expect(takes(taken, incoming)).toBe(true);
    expect(takes(left, incoming)).toBe(false);
  });

  it('takes no comparison with what is absent, and every opposite of one', () => {
    for (const absent of [
      'nat.kind:hairpin',
      'portHint:http',
      'nat.publishedPort<99999',
      'nat.client.name:*',
      'severity>=low',
    ]) {
      expect(takes(absent, outgoing)).toBe(false);
      expect(takes(`not ${absent}`, outgoing)).toBe(true);
    }
    expect(takes('nat.kind!=hairpin', outgoing)).toBe(true);
  });

  it('asks with a star whether there is anything, and not when it is quoted', () => {
    expect(takes('nat.kind:*', incoming)).toBe(true);
    expect(takes('nat.kind:*', outgoing)).toBe(false);
    expect(takes('nat.publishedPort:*', incoming)).toBe(true);
    expect(takes('serverName:*', outgoing)).toBe(true);
    expect(takes('serverName:"*"', outgoing)).toBe(false);
    // A finding with nobody at the other side.
    expect(takes('peer.ip:*', finding(1))).toBe(true);
    expect(takes('peer.ip:*', finding(1, { peers: [] }))).toBe(false);
  });

  it('takes a network without its project only where an end is of that project', () => {
    const stranger = { ...database, composeProject: 'other', composeService: 'db' };

    expect(takes('network:data', flow(1))).toBe(true);
    expect(takes('network:data', flow(1, { orig: endpoint({ workload: stranger }) }))).toBe(false);
    expect(takes('network:shop_data', flow(1, { orig: endpoint({ workload: stranger }) }))).toBe(true);
  });
});

describe('findings and DNS', () => {
  it.each([
    ['severity>=high', 'severity>high'],
    ['severity>medium', 'severity<high'],
    ['severity:(high or critical)', 'severity:low'],
    ['severity:h*', 'severity:l*'],
    ['analyzer:internal-egress', 'analyzer:dns-tunnel'],
    ['confidence:certain', 'confidence<certain'],
    ['status:open', 'not status:open'],
    ['message:attempted-*', 'message:attempted'],
    ['subject.container:shop/db', 'peer.container:shop/db'],
    ['peer.ip:198.51.100.0/24', 'subject.ip:198.51.100.0/24'],
    ['uid:c1', 'uid:c2'],
    ['technique:T1048', 'technique:T1071*'],
    ['internal-egress', 'dns-tunnel'],
    ['count:1', 'count>1'],
    ['kind:finding', 'kind:flow'],
    ['time:2026-11-23T14:00', 'start>2026-11-23T14:01'],
  ])('%s takes the finding that %s leaves', (taken, left) => {
    expect(takes(taken, finding(1))).toBe(true);
    expect(takes(left, finding(1))).toBe(false);
  });

  it.each([
    ['query:host1.*', 'query:host2.*'],
    ['qtype:a', 'qtype:AAAA'],
    ['rcode:noerror', 'rcode:NXDOMAIN'],
    ['answer:198.51.100.9', 'answer:198.51.100.8'],
    ['client.container:shop/db', 'server.container:shop/db'],
    ['server.ip:198.51.100.53', 'client.ip:198.51.100.53'],
    ['rtt>1ms', 'rtt>2ms'],
    ['protocol:udp', 'protocol:tcp'],
    ['host1', 'host2'],
  ])('%s takes the look-up that %s leaves', (taken, left) => {
    expect(takes(taken, dns(1))).toBe(true);
    expect(takes(left, dns(1))).toBe(false);
  });

  /** Asked in the container, which is on two networks, and passed on over one of them. */
  const seenInContainer = () => {
    const { network: _, ...rest } = dns(1);
    return {
      ...rest,
      vantage: 'container',
      interface: 'lo',
      networks: [
        { name: 'shop_data', internal: true },
        { name: 'shop_front', internal: false },
      ],
      server: endpoint({ ip: '127.0.0.11', port: 53, scope: 'engine', workload: undefined }),
      upstream: {
        server: outside({ ip: '198.51.100.53', port: 53, names: ['ns.example.net'] }),
        network: 'edge',
        interface: 'br-1',
        rtt: 900,
      },
      transport: 'tcp',
      query: 'A\\032b.Example.com',
      answers: [
        { name: 'a.example.com', type: 'CNAME', ttl: 5, bytes: 20, data: 'x.cdn.Example.net' },
        { name: 'x.cdn.example.net', type: 'A', ttl: 60, bytes: 4, data: '10.7.0.9' },
        { name: 'x.cdn.example.net', type: 'AAAA', ttl: 60, bytes: 16, data: '2001:db8::9' },
      ],
      flags: ['TC', 'RD'],
      edns: {
        udpSizeBytes: 4096,
        version: 0,
        dnssecOk: true,
        options: [
          { code: 10, bytes: 8 },
          { code: 65_001, bytes: 120 },
        ],
      },
      trailingBytes: 40,
      anomalies: ['dns-trailing-bytes'],
    } satisfies DnsRecord;
  };

  it.each([
    ['network:data', 'network:back'],
    ['network:shop_front', 'network:bridge'],
    ['network:edge', 'upstream.network:shop_data'],
    ['internal:true internal:false', 'not internal:true'],
    ['vantage:container', 'vantage:bridge'],
    ['server.scope:engine', 'client.scope:engine'],
    ['upstream:198.51.100.0/24', 'server:198.51.100.0/24'],
    ['upstream.name:*.example.net', 'server.name:*'],
    ['ip:198.51.100.53', 'upstream.ip:198.51.100.54'],
    ['upstream.rtt<1ms', 'rtt<1ms'],
    ['query:*.example.com', 'query:example.com'],
    ['query:"a\\032b.example.com"', 'query:"a b.example.com"'],
    ['answer:10.0.0.0/8', 'answer:10.8.0.0/16'],
    ['answer:2001:db8::/32', 'answer:2001:db9::/32'],
    ['answer:2001:0db8:0::9', 'answer:0.0.0.0/32'],
    ['answer:*.cdn.example.net', 'answer:cdn.example.net'],
    ['answers:"x.cdn.example.net"', 'answer:"10.0.0.0/8"'],
    ['answer.type:CNAME', 'answer.type:TXT'],
    ['answer.name:a.example.com', 'answer.name:10.7.0.9'],
    ['answer.ttl<10s', 'answer.ttl<5s'],
    ['answered:true', 'answered:false'],
    ['transport:tcp', 'transport:udp'],
    ['protocol:dns', 'protocol:mdns'],
    ['protocol:tcp', 'protocol:udp'],
    ['opcode:QUERY', 'not opcode:QUERY'],
    ['qclass:in', 'qclass:CH'],
    ['flag:TC flags:rd', 'flag:AA'],
    ['edns:true', 'edns:false'],
    ['edns.size>=4kiB', 'edns.size>4kiB'],
    ['edns.option:10', 'edns.option:8'],
    ['edns.optionBytes:120', 'edns.optionBytes>120'],
    ['edns.dnssec:true', 'edns.dnssec:false'],
    ['trailingBytes:40', 'trailingBytes>40'],
    ['anomaly:dns-trailing-*', 'anomalies:dns-name-*'],
  ])('%s takes the look-up in its container that %s leaves', (taken, left) => {
    expect(takes(taken, seenInContainer())).toBe(true);
    expect(takes(left, seenInContainer())).toBe(false);
  });

  it.each(['edns:true', 'edns.size:*', 'edns.dnssec:*', 'edns.option:*', 'trailingBytes:*', 'upstream:*'])(
    '%s leaves a look-up without any of it',
    (text) => {
      expect(takes(text, dns(1))).toBe(false);
    },
  );

  it('tell a look-up that nobody answered', () => {
    const { rcode: _, ...unanswered } = dns(1, { answers: [] });
    expect(takes('answered:false not rcode:* not answer:*', unanswered)).toBe(true);
    expect(takes('answered:true', unanswered)).toBe(false);
  });

  it('find what became of the DNS of a container by its name', () => {
    const { network: _, ...ofContainer } = coverage(1, { container: 'shop/db' });
    expect(takes('container:shop/db', ofContainer)).toBe(true);
    expect(takes('shop/db', ofContainer)).toBe(true);
    expect(takes('container:shop/api', ofContainer)).toBe(false);
  });

  it.each(['network:app_front', 'network:app_back', 'app_back'])(
    'find a finding that names all networks of its container: %s',
    (text) => {
      expect(takes(text, finding(1, { network: 'app_back, app_front' }))).toBe(true);
      expect(takes(text, finding(1, { network: 'app' }))).toBe(false);
    },
  );

  it.each([
    'container:shop-db-1',
    'container:shop/db',
    'container:db',
    'container:3f2a',
    'project:shop',
    'shop/db',
  ])('find what became of the DNS of a container: %s', (text) => {
    const { network: _, ...ofContainer } = coverage(1, { container: 'shop-db-1', workload: database });
    expect(takes(text, ofContainer)).toBe(true);
    const other = {
      ...database,
      containerId: `beef${'0'.repeat(60)}`,
      name: 'app-web-1',
      composeProject: 'app',
      composeService: 'web',
    };
    expect(takes(text, { ...ofContainer, container: 'app-web-1', workload: other })).toBe(false);
  });

  it('are told apart from the rest by their kind', () => {
    expect(takes('kind:coverage network:shop_data', coverage(1))).toBe(true);
    expect(takes('kind:(coverage or loss) count>4', loss(1))).toBe(true);
    expect(takes('kind:(coverage or loss) count>4', coverage(1))).toBe(false);
  });
});

describe('what cannot be understood', () => {
  const failure = (text: string, kinds: readonly ('flow' | 'finding' | 'dns')[] = ['flow']) => {
    try {
      compileFilter(text, { kinds, now: START });
    } catch (error) {
      if (error instanceof QueryError) return error;
      throw error;
    }
    throw new Error(`compiles: ${text}`);
  };

  it.each([
    ['src.contaner:x', 0, 'src.contaner', /^unknown field "src.contaner"; did you mean "src.container"\?$/],
    ['port:443 and byte>1', 13, 'byte', /did you mean "bytes"\?/],
    ['postgres:17', 0, 'postgres', /if it is a name, quote it: "postgres:17"/],
    ['severity>=high', 0, 'severity', /severity is of findings, evidence records; this filters flows/],
    ['scope:internt', 6, 'internt', /scope is never "internt"; did you mean "internet"\?/],
    ['direction:up', 10, 'up', /it is one of egress, ingress, east-west, host, unknown/],
    ['port:http', 5, 'http', /"http" is not a whole number, like 443, as port needs/],
    ['port:80.5', 5, '80.5', /not a whole number/],
    ['bytes>1XB', 6, '1XB', /not a size, like 500, 1.5kB, 1MB or 1MiB/],
    ['bytes>99999999TB', 6, '99999999TB', /not a size/],
    ['duration>5 min', 11, 'min', undefined],
    ['duration>5x', 9, '5x', /not a duration/],
    ['start>yesterday', 6, 'yesterday', /not a time, like -1h, 2026-11-23/],
    ['start>2026-02-31', 6, '2026-02-31', /not a time/],
    ['start:-1h', 6, '-1h', /nothing happens exactly at -1h; compare with > or <: start>-1h/],
    ['src.ip:10.0.0.*', 7, '10.0.0.*', /"10.0.0.\*" is no address: give a prefix/],
    ['src.ip:10.0.0.256', 7, '10.0.0.256', /is no address/],
    ['src.ip:10.0.0.0/33', 7, '10.0.0.0/33', /is no address/],
    ['network>data', 7, '>', /network is a text and has no order; only ":" works/],
    ['state >= SF', 5, ' >= ', /no order/],
    ['(port:80', 0, '(', /this "\(" is never closed/],
    ['port:80)', 7, ')', /this "\)" closes nothing/],
    ['port:(80 443)', 9, '4', /expected "or", "and" or "\)" between the values/],
    ['port:(80 or 443', 5, '(', /never closed/],
    ['port:()', 6, ')', /expected a value after port:/],
    ['bytes>(1 or 2)', 6, '(', /a list goes with ":" only/],
    ['bytes:>1MB', 6, '>', /compare without the colon: bytes>/],
    ['network:"a', 8, '"', /this " is never closed/],
    ['network:"a"b', 11, 'b', /expected a space here/],
    ['network:and', 8, 'and', /quote "and" when it is meant as one/],
    ['port:80 and', 11, '', /expected a condition, like port:443/],
    ['port:', 5, '', /expected a value after port:/],
    ['', 0, '', /expected a condition/],
    ['and port:80', 0, 'and', /expected a condition before "and"/],
    [':80', 0, ':', /expected a field or a word here/],
    ['port:80 😀=😀', 8, '😀', /unknown field "😀"/],
    ['shop>', 5, '', /expected a value after shop>/],
  ])('%s is shown at %i, "%s"', (text, at, place, problem) => {
    if (problem === undefined) {
      // Two words are two conditions.
      expect(() => failure(text)).toThrow(/compiles/);
      return;
    }
    const error = failure(text);

    expect(error.problem).toMatch(problem);
    expect([error.from, text.slice(error.from, error.to)]).toEqual([at, place]);
  });

  it('names the field of another kind that was nearly written', () => {
    expect(failure('sevrity>=high').problem).toMatch(/did you mean "severity"\?/);
  });

  it('has a caret under the place, escapes counted as they are shown', () => {
    expect(failure('port:443 and scope:internt').lines).toEqual([
      'scope is never "internt"; did you mean "internet"?',
      '  port:443 and scope:internt',
      '                     ^^^^^^^',
    ]);
    // On a terminal that stands there as \x1b, four characters, and \u{1f600}, nine.
    expect(failure('"\u001b😀" x:y').lines[2]).toBe(`  ${' '.repeat(1 + 4 + 9 + 2)}^`);
    expect(failure('port:443 and').lines[2]).toBe(`  ${' '.repeat(12)}^`);
  });

  it('repeats no more than the beginning of a long value or field', () => {
    const long = 'x'.repeat(3000);
    for (const text of [`scope:${long}`, `port:${long}`, `src.ip:${long}`, `${long}:1`, `${long}:`])
      expect(failure(text).problem.length).toBeLessThan(200);
  });

  it('shows of a long filter what surrounds the place', () => {
    const [, excerpt, carets] = failure(
      `${'port:443 or '.repeat(50)}prt:80 ${'or port:443 '.repeat(50)}`,
    ).lines;

    expect(excerpt!.length).toBeLessThan(90);
    expect(excerpt).toMatch(/^ {2}\.\.\..*\.\.\.$/);
    expect(excerpt!.slice(carets!.indexOf('^'), carets!.lastIndexOf('^') + 1)).toBe('prt');
  });
});

describe('bounds', () => {
  const compile = (text: string) => () => compileFilter(text, { kinds: ['flow'], now: START });

  it('hold for the length', () => {
    const word = 'x'.repeat(MAX_LENGTH);
    expect(compile(word)).not.toThrow();
    expect(compile(`${word}x`)).toThrow(QueryError);
  });

  it('hold for the depth of parentheses, of `not`, and of lists', () => {
    const nested = (depth: number) => `${'('.repeat(depth)}port:1${')'.repeat(depth)}`;
    expect(compile(nested(MAX_DEPTH))).not.toThrow();
    expect(compile(nested(MAX_DEPTH + 1))).toThrow(/nested deeper/);
    expect(compile(`${'not '.repeat(MAX_DEPTH)}port:1`)).not.toThrow();
    expect(compile(`${'not '.repeat(MAX_DEPTH + 1)}port:1`)).toThrow(/nested deeper/);
    expect(compile(`${'!'.repeat(MAX_DEPTH + 1)}port:1`)).toThrow(/nested deeper/);
    expect(compile(`port:${'('.repeat(MAX_DEPTH + 1)}1${')'.repeat(MAX_DEPTH + 1)}`)).toThrow(
      /nested deeper/,
    );
  });

  it('hold for 100,000 parentheses, without the stack', () => {
    expect(compile('('.repeat(100_000))).toThrow(QueryError);
    expect(compile('not '.repeat(100_000))).toThrow(QueryError);
  });

  it('hold for the number of conditions, those of lists too', () => {
    const conditions = (count: number) => Array.from({ length: count }, () => 'port:1').join(' or ');
    const list = (count: number) => `port:(${Array.from({ length: count }, () => '1').join(' or ')})`;
    expect(compile(conditions(MAX_CONDITIONS))).not.toThrow();
    expect(compile(conditions(MAX_CONDITIONS + 1))).toThrow(/more than 200 conditions/);
    expect(compile(list(MAX_CONDITIONS))).not.toThrow();
    expect(compile(list(MAX_CONDITIONS + 1))).toThrow(/more than 200 conditions/);
  });

  it('hold for the time that a pattern takes: stars do not multiply', () => {
    const long = flow(1, { serverName: 'a'.repeat(100_000) });
    const filter = compileFilter(`serverName:${'*a'.repeat(1500)}*b`, { kinds: ['flow'], now: START });
    const record = toPublic(long);
    const begin = performance.now();

    expect(filter.matches(record)).toBe(false);
    // A backtracking match would not end within the age of the universe.
    expect(performance.now() - begin).toBeLessThan(1000);
  });
});

describe('the table of fields', () => {
  it('has an example for each field that compiles for it and mentions it', () => {
    for (const field of FIELDS) {
      expect(field.example).toContain(field.name);
      expect(() =>
        compileFilter(field.example, {
          kinds: ['flow', 'finding', 'dns', 'spoof', 'listener', 'decision', 'evidence', 'audit-run'],
          now: START,
        }),
      ).not.toThrow();
    }
  });

  it('has each spelling once', () => {
    const names = FIELDS.flatMap(({ name, aliases }) => [name, ...aliases]).map((name) => name.toLowerCase());

    expect(new Set(names).size).toBe(names.length);
  });
});
