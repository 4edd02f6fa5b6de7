import { describe, expect, it } from 'vitest';
import threatList from '../../analyzers/threat-list.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { AnalyzerRunner } from '../../src/sensor/analysis/runner.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { silent, testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  BACK,
  container,
  flow,
  lookUp,
  network,
  question,
  secs,
  setBack,
  T0,
  unattributed,
} from '../support/records.ts';
import { threatsOf } from '../support/threats.ts';

const LIST = `198.51.100.7 # Dridex
198.51.100.64/26
198.51.100.8:443
2001:db8::7
2001:db8:bad::/48
bad.example # Lumma
*.below.example
0.0.0.0 only.example
https://files.example/a/b.exe
`;

const app = { ...container('app', '172.30.0.10'), port: 40_000 };
const app6 = { ...container('app', 'fd00:30::10'), port: 40_000 };
const bad = { ...address('198.51.100.7', 'internet'), port: 443 };
const bad6 = { ...address('2001:db8::7', 'internet'), port: 443 };
const other = { ...address('198.51.100.9', 'internet'), port: 443 };
const back = network();

const lists = (text = LIST, more = {}): AnalyzerEvent => ({ on: 'threats', threats: threatsOf(text, more) });
const LISTED = lists();

function attempt(fields: Partial<FlowRecord> = {}): FlowRecord {
  return flow({ orig: app, resp: bad, network: back, ...fields });
}
function talk(fields: Partial<FlowRecord> = {}): FlowRecord {
  return attempt({
    origBytes: 900,
    respBytes: 1500,
    origPackets: 4,
    respPackets: 4,
    history: 'ShADad',
    end: (fields.start ?? T0) + 500_000,
    reason: 'closed',
    ...fields,
  });
}
const starts = (fields?: Partial<FlowRecord>): AnalyzerEvent => ({ on: 'flow-start', flow: attempt(fields) });
const recognized = (fields?: Partial<FlowRecord>): AnalyzerEvent => ({
  on: 'flow-recognized',
  flow: talk({ reason: 'active', ...fields }),
});
const ends = (fields?: Partial<FlowRecord>): AnalyzerEvent => ({ on: 'flow-end', flow: talk(fields) });
const asks = (
  name: string,
  addresses: readonly string[] = [],
  rcode = 'NOERROR',
  more = {},
): AnalyzerEvent[] =>
  lookUp({ labels: name.split('.'), client: app, network: back, ...more }, rcode, addresses);
/** As the record of a flow whose client had resolved it. */
const resolvedAs = (name: string) => ({ ...other, names: [name] });
const caller = { ...bad, port: 51_000 };
const web = { ...container('web', '172.30.0.20'), port: 8080 };

testAnalyzer(threatList, {
  fires: [
    {
      name: 'the first packet to a listed address, as an attempt',
      events: [LISTED, starts()],
      findings: [
        {
          message: 'tried',
          severity: 'medium',
          confidence: 'high',
          subject: app,
          peers: [bad],
          network: 'back',
          evidence: {
            indicator: '198.51.100.7',
            listedAs: 'address',
            list: 'mine',
            line: 1,
            listedFor: 'Dridex',
            answer: 'none',
            connections: 1,
            places: ['198.51.100.7:443/tcp'],
          },
        },
      ],
    },
    {
      name: 'a refusal and a bare handshake, as attempts that say so',
      events: [
        LISTED,
        { on: 'flow-answered', flow: attempt({ respPackets: 1, history: 'Sr' }) },
        { on: 'flow-end', flow: attempt({ orig: app6, resp: bad6, respPackets: 1, history: 'ShAF' }) },
      ],
      findings: [
        { message: 'tried', severity: 'medium', evidence: { answer: 'refused' } },
        { message: 'tried', severity: 'medium', evidence: { answer: 'connected', indicator: '2001:db8::7' } },
      ],
    },
    {
      name: 'a conversation, counted once and with its last bytes',
      events: [
        LISTED,
        { on: 'flow-start', flow: attempt({ uid: 'Fa' }) },
        {
          on: 'flow-answered',
          flow: attempt({ uid: 'Fa', respPackets: 1, history: 'Sh', reason: 'answered' }),
        },
        { on: 'flow-active', flow: talk({ uid: 'Fa', reason: 'active' }) },
        { on: 'flow-end', flow: talk({ uid: 'Fa', origBytes: 2000, respBytes: 3000, end: secs(90) }) },
      ],
      findings: [
        {
          message: 'talked',
          severity: 'high',
          evidence: { connections: 1, bytesSent: 2000, bytesReceived: 3000, answer: 'data' },
        },
      ],
      also: ({ final, findings }) => {
        expect(final[0]!.explanation).toContain(
          'shop/app talked with internet 198.51.100.7: mine lists 198.51.100.7 (Dridex) in line 1',
        );
        expect(findings.map(({ status, severity }) => `${status} ${severity}`)).toEqual(
          expect.arrayContaining(['open medium', 'update high']),
        );
      },
    },
    {
      name: 'a network of either family, by its own text',
      events: [
        LISTED,
        ends({ resp: { ...bad, ip: '198.51.100.127' } }),
        ends({ orig: app6, resp: { ...bad6, ip: '2001:db8:bad:1::1' } }),
      ],
      findings: [
        { message: 'talked', evidence: { indicator: '198.51.100.64/26', listedAs: 'network' } },
        {
          message: 'talked',
          evidence: { indicator: '2001:db8:bad::/48', places: ['[2001:db8:bad:1::1]:443/tcp'] },
        },
      ],
    },
    {
      name: 'another port than the listed one, as milder and doubtful',
      events: [LISTED, ends({ resp: { ...bad, ip: '198.51.100.8', port: 80 } })],
      findings: [{ message: 'talked', severity: 'medium', confidence: 'low', evidence: { listedPort: 443 } }],
    },
    {
      name: 'the listed port, as grave as the list says',
      events: [LISTED, ends({ resp: { ...bad, ip: '198.51.100.8' } })],
      findings: [{ message: 'talked', severity: 'high', confidence: 'high' }],
    },
    {
      name: 'a listed name that TLS asks for, at an address that is not listed',
      events: [
        LISTED,
        recognized({ resp: other, service: 'tls', serverName: 'x.bad.example', serverNameFrom: 'tls-sni' }),
      ],
      findings: [
        {
          message: 'talked',
          severity: 'high',
          evidence: {
            indicator: 'bad.example',
            listedAs: 'domain',
            names: ['x.bad.example'],
            listedFor: 'Lumma',
          },
        },
      ],
    },
    {
      name: 'a page that is listed, as a hint',
      events: [LISTED, recognized({ resp: other, serverName: 'files.example' })],
      findings: [{ message: 'talked', severity: 'low', confidence: 'low', evidence: { listedAs: 'url' } }],
    },
    {
      name: 'a question for a listed name, as low, whatever was answered',
      events: [LISTED, ...asks('www.bad.example', [], 'NXDOMAIN'), ...asks('bad.example', ['0.0.0.0'])],
      findings: [
        {
          message: 'asked',
          severity: 'low',
          confidence: 'high',
          subject: app,
          evidence: {
            questions: 2,
            names: ['www.bad.example', 'bad.example'],
            dnsAnswers: ['NXDOMAIN', '0.0.0.0'],
          },
        },
      ],
    },
    {
      name: 'a name that stands for a listed one',
      events: [
        LISTED,
        {
          on: 'dns',
          record: question({
            labels: ['cdn', 'good', 'example'],
            client: app,
            rcode: 'NOERROR',
            answers: [{ name: 'cdn.good.example', type: 'CNAME', ttl: 60, bytes: 9, data: 'Bad.Example' }],
          }),
        },
      ],
      findings: [{ message: 'asked', evidence: { indicator: 'bad.example', names: ['cdn.good.example'] } }],
    },
    {
      name: 'an honest name that was answered with a listed address, as a hint',
      events: [LISTED, ...asks('good.example', ['198.51.100.9', '198.51.100.7'])],
      findings: [
        { message: 'resolved', severity: 'low', confidence: 'low', evidence: { indicator: '198.51.100.7' } },
      ],
    },
    {
      name: 'question, attempt and conversation, as one finding that grows',
      events: [
        LISTED,
        ...asks('c2.bad.example', ['198.51.100.9']),
        starts({ start: secs(1), resp: resolvedAs('c2.bad.example') }),
        ends({ start: secs(2), resp: resolvedAs('c2.bad.example') }),
      ],
      findings: [
        {
          message: 'talked',
          severity: 'high',
          evidence: {
            indicator: 'bad.example',
            questions: 1,
            connections: 2,
            places: ['198.51.100.9:443/tcp'],
          },
        },
      ],
      also: ({ findings }) =>
        expect(findings.map(({ message }) => message)).toEqual(['asked', 'tried', 'talked']),
    },
    {
      name: 'a list that was loaded while the connection goes on',
      events: [
        { on: 'flow-start', flow: attempt({ uid: 'Fa' }) },
        LISTED,
        { on: 'flow-active', flow: talk({ uid: 'Fa', reason: 'active', end: secs(60) }) },
      ],
      findings: [{ message: 'talked', severity: 'high' }],
    },
    {
      name: 'an address that nobody could name, as without an inventory',
      events: [LISTED, ends({ orig: unattributed('172.30.0.9', { port: 40_000 }) })],
      findings: [{ message: 'talked', severity: 'high', confidence: 'low' }],
    },
    {
      name: 'a capture that begins with what the listed server says',
      events: [
        LISTED,
        ends({
          orig: { ...bad, port: 443 },
          resp: app,
          history: 'Ad',
          coverage: 'started-midstream',
          origBytes: 70,
          respBytes: 30,
        }),
      ],
      findings: [{ message: 'talked', subject: app, evidence: { bytesSent: 30, bytesReceived: 70 } }],
    },
    {
      name: 'who answers listed callers with data, as one low finding a container',
      events: [
        LISTED,
        ends({ orig: caller, resp: web }),
        ends({ start: secs(5), orig: { ...caller, ip: '198.51.100.65' }, resp: web }),
      ],
      findings: [
        {
          message: 'called-by',
          severity: 'low',
          subject: web,
          evidence: { connections: 2, sourceCount: 2, sources: ['198.51.100.7', '198.51.100.65'] },
        },
      ],
    },
    {
      name: 'two containers and two entries, as a finding each',
      events: [
        LISTED,
        ends(),
        ends({ orig: { ...container('b', '172.30.0.11'), port: 1 } }),
        ends({ resp: { ...bad, ip: '198.51.100.70' } }),
      ],
      findings: [{ message: 'talked' }, { message: 'talked' }, { message: 'talked' }],
    },
    {
      name: 'a list of low severity, no graver than it says',
      events: [
        lists(LIST, { severity: 'low', confidence: 'low' }),
        ends(),
        starts({ resp: bad6, orig: app6 }),
      ],
      findings: [
        { message: 'talked', severity: 'low', confidence: 'low' },
        { message: 'tried', severity: 'informational' },
      ],
    },
    {
      name: 'a clock that was set, with times that stay in order',
      events: [LISTED, ends({ uid: 'Fa' }), setBack(60), ends({ uid: 'Fb', start: secs(BACK + 70) })],
      findings: [{ message: 'talked', evidence: { connections: 2 } }],
      also: ({ final }) => {
        const { firstSign, lastSign } = final[0]!.evidence as { firstSign: string; lastSign: string };
        expect(firstSign < lastSign).toBe(true);
      },
    },
    {
      name: 'what the list says, escaped',
      events: [lists('198.51.100.7 # \u001b[31mred \u0000x\n'), ends()],
      findings: [{ message: 'talked', evidence: { listedFor: '\\x1b[31mred \\x00x' } }],
    },
  ],
  silent: [
    silent('no list', starts(), ends(), ...asks('bad.example', ['198.51.100.7'])),
    silent(
      'neighbours of what is listed',
      LISTED,
      ends({ resp: { ...bad, ip: '198.51.100.63' } }),
      ends({ resp: other }),
    ),
    silent(
      'a name that only looks alike',
      LISTED,
      recognized({ resp: other, serverName: 'notbad.example' }),
      ...asks('below.example'),
    ),
    silent(
      'a name below one that means itself',
      LISTED,
      recognized({ resp: other, serverName: 'x.only.example' }),
    ),
    silent(
      'listed callers that knock, or shake hands and go',
      LISTED,
      starts({ orig: caller, resp: web }),
      {
        on: 'flow-answered',
        flow: attempt({ orig: caller, resp: web, respPackets: 1, history: 'Sh' }),
      },
      { on: 'flow-end', flow: attempt({ orig: caller, resp: web, respPackets: 2, history: 'ShAFaf' }) },
    ),
    silent(
      'a name that somebody outside writes into a request',
      LISTED,
      recognized({
        orig: { ...other, port: 50_000 },
        resp: web,
        service: 'http',
        serverName: 'bad.example',
        serverNameFrom: 'http-host',
      }),
    ),
    silent(
      'the proxy that hands such a request on',
      LISTED,
      recognized({ resp: web, service: 'http', serverName: 'bad.example', serverNameFrom: 'http-host' }),
    ),
    silent(
      'questions that come from the Internet to a name server',
      LISTED,
      ...asks('bad.example', [], 'REFUSED', { client: other, server: web }),
    ),
    silent('questions by multicast', LISTED, ...asks('bad.example', [], 'NOERROR', { protocol: 'mdns' })),
    silent(
      'an error message that quotes a packet',
      LISTED,
      ends({ orig: bad, resp: app, protocol: 'icmp', icmp: { type: 3, code: 1 }, history: 'D' }),
    ),
    silent('a list that no longer has it', LISTED, lists('198.51.100.99\n'), ends()),
  ],
});

describe('threat-list', () => {
  it('asks for nothing at all where no list is configured', () => {
    const runner = new AnalyzerRunner({
      analyzers: [{ definition: threatList, config: threatList.config.parse({}) }],
      findings: { report: () => {}, isOpen: () => false },
      onLoss: () => {},
      onFailure: () => {},
    });

    expect(runner.wants).toMatchObject({ flowStart: 'none', flowEnd: 'none', dns: false, dnsQuery: false });
  });

  it('forgets, counted, when more is listed than it may hold', () => {
    const events = Array.from({ length: 300 }, (_, i) =>
      ends({
        start: secs(i),
        resp: { ...bad, ip: `198.51.100.${64 + (i % 64)}` },
        orig: { ...container(`c${i}`, '172.30.0.10'), port: 1 },
      }),
    );
    const run = runAnalyzer(threatList, [LISTED, ...events], { max_contacts: 64 });

    expect(run.final).toHaveLength(300);
    expect(run.losses.find(({ where }) => where === 'threat-list.contacts')).toBeDefined();
  });
});
