import { expect } from 'vitest';
import directIp from '../../analyzers/direct-ip.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';
import { silent, testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  BACK,
  container,
  flow,
  network,
  type QuestionFields,
  question,
  secs,
  setBack,
  T0,
  workload,
} from '../support/records.ts';

const net = network();
/** Made under our eyes: 100 s after the watch began. */
const BORN = secs(100);
const named = (name: string, ip: string, fields: object = {}) =>
  container(name, ip, { workload: workload(name, ['back'], { startedAt: BORN, ...fields }) });
const app = named('app', '172.30.0.10');
const app6 = named('app', 'fd00:30::10');
const old = named('old', '172.30.0.11', { startedAt: T0 - 1 });

const start: AnalyzerEvent = { on: 'tick', now: T0 };
const tick = (seconds: number): AnalyzerEvent => ({ on: 'tick', now: secs(seconds) });

function answer(
  seconds: number,
  addresses: readonly string[],
  fields: Partial<QuestionFields> = {},
): AnalyzerEvent {
  const answers = addresses.map((data) => ({
    name: 'www.example.com',
    type: data.includes(':') ? 'AAAA' : 'A',
    ttl: 60,
    bytes: 4,
    data,
  }));
  const labels = ['www', 'example', 'com'];
  return {
    on: 'dns',
    record: question({
      labels,
      time: secs(seconds),
      client: app,
      network: net,
      rcode: 'NOERROR',
      rtt: 5000,
      answers,
      ...fields,
    }),
  };
}

function connect(seconds: number, ip: string, fields: Partial<FlowRecord> = {}, port = 443): AnalyzerEvent {
  return {
    on: 'flow-start',
    flow: flow({
      start: secs(seconds),
      network: net,
      orig: { ...app, port: 40_000 },
      resp: address(ip, 'internet', { port }),
      ...fields,
    }),
  };
}

const KNOWN = '198.51.100.7';
const UNKNOWN = '198.51.100.66';
/** The watch begins, the container begins, asks, and a minute has passed. */
const awake = [start, answer(101, [KNOWN])];

testAnalyzer(directIp, {
  fires: [
    {
      name: 'a connection to an address that no answer gave, once the grace is over',
      events: [...awake, connect(200, UNKNOWN), tick(203)],
      findings: [
        {
          message: 'unresolved',
          severity: 'low',
          confidence: 'medium',
          network: 'back',
          evidence: {
            destinations: [`${UNKNOWN}:443/tcp`],
            destinationCount: 1,
            connections: 1,
            ports: [443],
            knownAddresses: 1,
            secondsSinceDns: 99,
          },
        },
      ],
      also: ({ final }) => expect(final[0]!.flowUids).toHaveLength(1),
    },
    {
      name: 'the same over IPv6',
      events: [...awake, connect(200, '2001:db8::66', { orig: { ...app6, port: 40_000 } }), tick(203)],
      findings: [{ message: 'unresolved', evidence: { destinations: ['[2001:db8::66]:443/tcp'] } }],
    },
    {
      name: 'a datagram as well',
      events: [...awake, connect(200, UNKNOWN, { protocol: 'udp' }), tick(203)],
      findings: [{ message: 'unresolved', evidence: { protocols: ['udp'] } }],
    },
    {
      name: 'many addresses as one finding that stays low',
      events: [
        ...awake,
        ...Array.from({ length: 200 }, (_, i) => connect(200 + i / 100, `198.51.100.${20 + i}`)),
        tick(210),
      ],
      findings: [
        { message: 'unresolved', severity: 'low', evidence: { destinationCount: 200, connections: 200 } },
      ],
    },
    {
      name: 'a container that was there before, after an hour of learning',
      events: [
        start,
        answer(1, [KNOWN], { client: old }),
        answer(3600, [KNOWN], { client: old }),
        connect(3601, UNKNOWN, { orig: { ...old, port: 40_000 } }),
        tick(3605),
      ],
      findings: [{ message: 'unresolved' }],
    },
    {
      name: 'the first second after the start grace',
      events: [...awake, connect(160, UNKNOWN), tick(163)],
      findings: [{ message: 'unresolved' }],
    },
    {
      name: 'an address that only another service resolved',
      events: [
        ...awake,
        answer(110, [UNKNOWN], { client: named('web', '172.30.0.12') }),
        connect(200, UNKNOWN),
        tick(203),
      ],
      findings: [{ message: 'unresolved' }],
    },
    {
      name: 'a connection after a second with as many flows as are looked at',
      options: { max_flows_per_sec: 100 },
      events: [
        ...awake,
        ...Array.from({ length: 100 }, () => connect(200, KNOWN)),
        tick(201),
        connect(202, UNKNOWN),
        tick(206),
      ],
      findings: [{ message: 'unresolved' }],
      also: ({ losses }) => expect(losses).toEqual([]),
    },
    {
      name: 'a connection an hour after a second with too many',
      options: { max_flows_per_sec: 100 },
      events: [
        ...awake,
        ...Array.from({ length: 101 }, () => connect(200, KNOWN)),
        tick(201),
        connect(3801, UNKNOWN),
        tick(3805),
      ],
      findings: [{ message: 'unresolved' }],
    },
    {
      name: 'a connection after the clock was set back',
      events: [...awake, setBack(180), connect(BACK + 200, UNKNOWN), tick(BACK + 203)],
      findings: [{ message: 'unresolved', evidence: { secondsSinceDns: 99 } }],
    },
    {
      name: 'as many connections as may wait at once; the others are not judged, and counted',
      options: { max_pending: 64 },
      events: [
        ...awake,
        ...Array.from({ length: 70 }, (_, i) => connect(200, `198.51.100.${20 + i}`)),
        tick(203),
      ],
      findings: [{ message: 'unresolved', evidence: { destinationCount: 64 } }],
      also: ({ losses }) =>
        expect(losses).toMatchObject([{ source: 'analyzer-window', where: 'direct-ip.pending', count: 6 }]),
    },
    {
      name: 'an answer that came after the grace',
      events: [...awake, connect(200, UNKNOWN), tick(203), answer(204, [UNKNOWN])],
      findings: [{ message: 'unresolved' }],
    },
    {
      name: 'an answered question six hours ago',
      events: [...awake, connect(101 + 21_600, UNKNOWN), tick(22_000)],
      findings: [{ message: 'unresolved' }],
    },
  ],
  silent: [
    silent('an address that an answer gave', ...awake, connect(200, KNOWN), tick(203)),
    silent(
      'an address that an answer gave days ago: programs keep them',
      ...awake,
      answer(86_400 * 3, []),
      connect(86_400 * 3 + 1, KNOWN),
      tick(86_400 * 3 + 5),
    ),
    silent(
      'an answer that is told just after the connection',
      ...awake,
      connect(200, UNKNOWN),
      answer(200.9, [UNKNOWN]),
      tick(203),
    ),
    silent(
      'an address at the end of a chain of names',
      ...awake,
      answer(110, [], {
        answers: [
          { name: 'www.example.com', type: 'CNAME', ttl: 60, bytes: 9, data: 'cdn.example.net' },
          { name: 'cdn.example.net', type: 'A', ttl: 60, bytes: 4, data: UNKNOWN },
        ],
      }),
      connect(200, UNKNOWN),
      tick(203),
    ),
    silent(
      'an address in a hint of an HTTPS record',
      ...awake,
      answer(110, [], {
        qtype: 'HTTPS',
        answers: [
          // 1 . alpn=h2 ipv4hint=198.51.100.66
          {
            name: 'www.example.com',
            type: 'HTTPS',
            ttl: 60,
            bytes: 18,
            data: '\\# 18 0001000001000302683200040004c6336442',
          },
        ],
      }),
      connect(200, UNKNOWN),
      tick(203),
    ),
    silent(
      'a name that the flow carries already',
      ...awake,
      connect(200, UNKNOWN, { resp: address(UNKNOWN, 'internet', { port: 443, names: ['x.example.com'] }) }),
      tick(203),
    ),
    silent(
      'an address that a replica of the service resolved',
      ...awake,
      answer(110, [UNKNOWN], {
        client: container('app', '172.30.0.20', {
          workload: { ...workload('app'), containerId: 'cid-app-2', startedAt: BORN },
        }),
      }),
      connect(200, UNKNOWN),
      tick(203),
    ),
    silent('a container of whose DNS nothing was ever seen', start, connect(200, UNKNOWN), tick(300)),
    silent(
      'a container whose questions are never answered',
      start,
      answer(101, [], { rcode: undefined }),
      connect(200, UNKNOWN),
      tick(203),
    ),
    silent(
      'a container whose DNS was last seen more than six hours ago',
      ...awake,
      connect(102 + 21_600, UNKNOWN),
      tick(22_000),
    ),
    silent(
      'the first minute of a container: its tap may have come late',
      ...awake,
      connect(159, UNKNOWN),
      tick(163),
      connect(200, UNKNOWN),
      tick(203),
    ),
    silent(
      'a container that was there before, within its learning time, and the same address later',
      start,
      answer(1, [KNOWN], { client: old }),
      connect(3600, UNKNOWN, { orig: { ...old, port: 40_000 } }),
      tick(3605),
      connect(4000, UNKNOWN, { orig: { ...old, port: 40_000 } }),
      tick(4005),
    ),
    silent('a connection that is still waiting to be judged', ...awake, connect(200, UNKNOWN), tick(202)),
    silent(
      'resolvers, time servers and STUN',
      ...awake,
      connect(200, UNKNOWN, { protocol: 'udp' }, 53),
      connect(200, UNKNOWN, { protocol: 'udp' }, 123),
      connect(200, UNKNOWN, {}, 853),
      connect(200, UNKNOWN, { protocol: 'udp' }, 3478),
      tick(203),
    ),
    silent(
      'a ping',
      ...awake,
      connect(200, UNKNOWN, { protocol: 'icmp', icmp: { type: 8, code: 0 } }),
      tick(203),
    ),
    silent(
      'a LAN address, and one that nobody could name',
      ...awake,
      connect(200, '10.0.0.5', { resp: address('10.0.0.5', 'lan', { port: 443 }) }),
      connect(200, UNKNOWN, { resp: address(UNKNOWN, 'unknown', { port: 443 }) }),
      tick(203),
    ),
    silent(
      'the host',
      ...awake,
      connect(200, UNKNOWN, { orig: address('172.30.0.1', 'gateway', { port: 1 }) }),
      tick(203),
    ),
    silent(
      'a caller from outside',
      ...awake,
      connect(200, KNOWN, { orig: address(UNKNOWN, 'internet', { port: 4000 }), resp: { ...app, port: 80 } }),
      tick(203),
    ),
    silent(
      'a call back to a caller',
      ...awake,
      connect(200, KNOWN, { orig: address(UNKNOWN, 'internet', { port: 4000 }), resp: { ...app, port: 80 } }),
      connect(201, UNKNOWN),
      tick(205),
    ),
    silent(
      'an answer to a connection that was not seen: SYN-ACK',
      ...awake,
      connect(200, UNKNOWN, { history: 'H' }),
      tick(203),
    ),
    silent(
      'a connection in mid-stream',
      ...awake,
      connect(200, UNKNOWN, { history: 'D', coverage: 'started-midstream' }),
      tick(203),
    ),
    silent(
      'a flow that the translation says was opened from elsewhere',
      ...awake,
      connect(200, UNKNOWN, { nat: { kind: 'published-port', method: 'conntrack', confidence: 'certain' } }),
      tick(203),
    ),
    silent(
      'an answer with more addresses than are kept, for an hour',
      ...awake,
      answer(
        110,
        Array.from({ length: 32 }, (_, i) => `198.51.100.${100 + i}`),
      ),
      connect(3709, UNKNOWN),
      tick(3715),
    ),
    silent(
      'a container that resolved thousands of addresses: it is not judged',
      ...awake,
      ...Array.from({ length: 400 }, (_, i) =>
        answer(
          110 + i / 10,
          Array.from({ length: 16 }, (_, j) => `2001:db8:${(i * 16 + j).toString(16)}::1`),
        ),
      ),
      connect(200, UNKNOWN),
      tick(203),
    ),
    silent(
      'a connection that waited when the clock was set',
      ...awake,
      connect(200, UNKNOWN),
      setBack(201),
      tick(BACK + 210),
    ),
    silent(
      'a container that was there before, which is learned for as long when the clock is set back',
      start,
      answer(1, [KNOWN], { client: old }),
      setBack(3000),
      connect(BACK + 3590, UNKNOWN, { orig: { ...old, port: 40_000 } }),
      tick(BACK + 3600),
    ),
    silent(
      'mDNS does not show that DNS is watched',
      start,
      answer(101, [KNOWN], { protocol: 'mdns' }),
      connect(200, UNKNOWN),
      tick(203),
    ),
    {
      name: 'a container that was forgotten in between',
      options: { max_containers: 16 },
      events: [
        ...awake,
        ...Array.from({ length: 16 }, (_, i) =>
          answer(150, [KNOWN], { client: named(`c${i}`, `172.30.0.${50 + i}`) }),
        ),
        connect(200, UNKNOWN),
        tick(203),
      ],
    },
    {
      name: 'anything for an hour after a second with more flows than are looked at',
      options: { max_flows_per_sec: 100 },
      events: [
        ...awake,
        ...Array.from({ length: 103 }, () => connect(200, KNOWN)),
        tick(201),
        connect(3799, UNKNOWN),
        tick(3803),
      ],
      also: ({ losses }) =>
        expect(losses).toMatchObject([{ source: 'analyzer-window', where: 'direct-ip.flows', count: 3 }]),
    },
    {
      name: 'anything of a service that knows more addresses than are kept, which is counted',
      events: [
        ...awake,
        ...Array.from({ length: 500 }, (_, i) =>
          answer(
            110,
            Array.from({ length: 16 }, (_, j) => `198.51.${i % 250}.${100 * Math.floor(i / 250) + j}`),
          ),
        ),
        connect(200, '2001:db8::66', { orig: { ...app6, port: 40_000 } }),
        connect(201, '2001:db8::67', { orig: { ...app6, port: 40_000 } }),
        tick(206),
      ],
      also: ({ losses }) =>
        expect(losses).toMatchObject([{ source: 'analyzer-window', where: 'direct-ip.addresses', count: 2 }]),
    },
    {
      name: 'a destination of the operator',
      options: { ignore_destinations: ['198.51.100.64/26'] },
      events: [...awake, connect(200, UNKNOWN), tick(203)],
    },
    {
      name: 'a workload of the operator',
      options: { ignore_containers: ['shop/app'] },
      events: [...awake, connect(200, UNKNOWN), tick(203)],
    },
  ],
});
