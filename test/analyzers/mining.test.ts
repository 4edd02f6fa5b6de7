import { expect } from 'vitest';
import mining from '../../analyzers/mining.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  askEvent,
  BACK,
  container,
  flow,
  network,
  secs,
  setBack,
  T0,
  unattributed,
} from '../support/records.ts';

const app = { ...container('app', '172.30.0.10'), port: 40_000 };
const app6 = { ...container('app', 'fd00:30::10'), port: 40_000 };
const pool = { ...address('198.51.100.7', 'internet'), port: 3333 };
const pool6 = { ...address('2001:db8::7', 'internet'), port: 3333 };
const back = network();

function talk(fields: Partial<FlowRecord> = {}): FlowRecord {
  return flow({
    orig: app,
    resp: pool,
    network: back,
    service: 'stratum',
    origBytes: 900,
    respBytes: 1500,
    origPackets: 4,
    respPackets: 4,
    history: 'ShADd',
    end: (fields.start ?? T0) + 500_000,
    reason: 'active',
    ...fields,
  });
}

const ONE = talk();
const recognized = (fields?: Partial<FlowRecord>): AnalyzerEvent => ({
  on: 'flow-recognized',
  flow: fields === undefined ? ONE : talk(fields),
});
const ended = (fields: Partial<FlowRecord>): AnalyzerEvent => ({
  on: 'flow-end',
  flow: { ...talk(), reason: 'closed', ...fields },
});
/** As the flow record of a client that had resolved it. */
const named = (name: string, port: number) => ({ ...pool, names: [name], port });
const asks = (...labels: readonly string[]) => askEvent({ labels });

testAnalyzer(mining, {
  fires: [
    {
      name: 'a flow that speaks stratum, as soon as its bytes tell',
      events: [recognized()],
      findings: [
        {
          message: 'stratum',
          severity: 'high',
          confidence: 'certain',
          subject: app,
          peers: [pool],
          network: 'back',
          evidence: {
            pools: ['198.51.100.7:3333'],
            recognisedBy: ['stratum'],
            connections: 1,
            bytesSent: 900,
            bytesReceived: 1500,
          },
        },
      ],
      also: ({ final }) =>
        expect(final[0]!.explanation).toContain('shop/app mines: it speaks stratum with 198.51.100.7:3333'),
    },
    {
      name: 'the same over IPv6',
      events: [recognized({ orig: app6, resp: pool6 })],
      findings: [{ message: 'stratum', evidence: { pools: ['[2001:db8::7]:3333'] } }],
    },
    {
      name: 'a flow that goes on, counted once and with its last bytes',
      events: [
        recognized(),
        { on: 'flow-active', flow: { ...ONE, end: secs(300), origBytes: 5000, respBytes: 7000 } },
        {
          on: 'flow-end',
          flow: { ...ONE, end: secs(400), origBytes: 6000, respBytes: 8000, reason: 'closed' },
        },
      ],
      findings: [{ message: 'stratum', evidence: { connections: 1, bytesSent: 6000, bytesReceived: 8000 } }],
    },
    {
      name: 'two pools of one container, as one finding',
      events: [
        recognized({ start: secs(0) }),
        recognized({ start: secs(9), resp: { ...pool, ip: '198.51.100.9' } }),
      ],
      findings: [{ message: 'stratum', evidence: { poolCount: 2, connections: 2 } }],
    },
    {
      name: 'an address that nobody could name, as without an inventory',
      events: [recognized({ orig: unattributed('172.30.0.9') })],
      findings: [{ message: 'stratum', severity: 'high', confidence: 'medium' }],
    },
    {
      name: 'stratum that nobody answered, at the end of the flow',
      events: [ended({ history: 'ShADF', respPackets: 2 })],
      findings: [{ message: 'attempted', severity: 'medium', confidence: 'certain' }],
    },
    {
      name: 'an attempt that succeeds elsewhere, as the same finding',
      events: [ended({ uid: 'Fa', history: 'ShADF' }), recognized({ start: secs(5) })],
      findings: [{ message: 'stratum', severity: 'high', evidence: { connections: 2 } }],
    },
    {
      name: 'TLS to the name of a pool, as a hint; graver where no web page is',
      events: [
        recognized({
          service: 'tls',
          serverName: 'eu.pool-a.test',
          serverNameFrom: 'tls-sni',
          resp: { ...pool, port: 443 },
        }),
        recognized({ service: 'tls', serverName: 'eu.pool-a.test', resp: { ...pool, port: 14_444 } }),
      ],
      options: { extra_pools: ['pool-a.test'] },
      findings: [
        {
          message: 'pool-connection',
          severity: 'medium',
          confidence: 'low',
          evidence: { names: ['eu.pool-a.test'], recognisedBy: ['tls-sni', 'name'] },
        },
      ],
      also: ({ findings }) => expect(findings.map(({ severity }) => severity)).toEqual(['low', 'medium']),
    },
    {
      name: 'TLS without a name to an address that the container had resolved from the name of a pool',
      events: [
        asks('xmr', 'nanopool', 'org'),
        recognized({ service: 'tls', resp: named('xmr.nanopool.org', 10_343) }),
      ],
      findings: [
        { message: 'pool-connection', severity: 'medium', evidence: { recognisedBy: ['resolved name'] } },
      ],
    },
    {
      name: 'a container that serves miners outside, as no miner',
      events: [
        recognized({ orig: { ...address('10.0.0.9', 'lan'), port: 50_000 }, resp: { ...app, port: 3333 } }),
      ],
      findings: [
        {
          message: 'serves-miners',
          severity: 'low',
          subject: { ...app, port: 3333 },
          evidence: { connections: 1 },
        },
      ],
    },
    {
      name: 'a container that mines through another, as the miner',
      events: [recognized({ resp: { ...container('proxy', '172.30.0.11'), port: 3333 } })],
      findings: [{ message: 'stratum', subject: app }],
    },
    {
      name: 'a clock that was set back in between',
      events: [recognized(), setBack(5), recognized({ start: secs(6 + BACK) })],
      findings: [{ message: 'stratum', evidence: { connections: 2 } }],
    },
  ],
  silent: [
    {
      name: 'the web page of a pool in clear',
      events: [recognized({ service: 'http', serverName: 'www.nanopool.org', resp: { ...pool, port: 80 } })],
    },
    {
      name: 'a name that ends alike',
      events: [recognized({ service: 'tls', serverName: 'notnanopool.org' })],
    },
    {
      name: 'an address of a pool under which the client asked for another name',
      events: [
        asks('xmr', 'nanopool', 'org'),
        recognized({
          service: 'tls',
          serverName: 'cdn.shop.test',
          resp: named('xmr.nanopool.org', 443),
        }),
      ],
    },
    { name: 'a question for the name of a pool, with nothing behind it', events: [asks('nanopool', 'org')] },
    { name: 'another service', events: [recognized({ service: 'http' }), ended({ service: 'redis' })] },
    {
      name: 'a container that is meant to mine',
      events: [recognized()],
      options: { ignore_containers: ['shop/app'] },
    },
  ],
});
