import { describe, expect, it } from 'vitest';
import dockerApiAccess from '../../analyzers/docker-api-access.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import { address, BACK, container, flow, secs, setBack, workload } from '../support/records.ts';

const app = container('app', '172.30.0.10', { port: 40_000 });
const gateway = (port = 2375) => address('172.30.0.1', 'gateway', { port });
const proxy = container('socket-proxy', '172.30.0.20', {
  port: 2375,
  workload: workload('socket-proxy', ['back'], { image: 'tecnativa/docker-socket-proxy:0.3' }),
});
const elsewhere = { ...proxy, workload: workload('dind', ['other'], { composeProject: 'ci' }) };
const outside = (port = 2375, ip = '198.51.100.7') => address(ip, 'internet', { port });

function asked(fields: Partial<FlowRecord> & Pick<FlowRecord, 'resp'>): AnalyzerEvent[] {
  const one = flow({ orig: app, reason: 'closed', ...fields });
  return [{ on: 'flow-end', flow: { ...one, end: fields.end ?? one.start + 1000 } }];
}

const ANSWERED: Partial<FlowRecord> = { history: 'ShADadFf', respPackets: 5, respBytes: 900, origBytes: 400 };
const HTTP = { ...ANSWERED, service: 'http' };
const TLS = { ...ANSWERED, service: 'tls' };
const REFUSED: Partial<FlowRecord> = { history: 'Sr', respPackets: 1, respBytes: 40 };

testAnalyzer(dockerApiAccess, {
  fires: [
    {
      name: "this host's engine, in clear: root on the host",
      events: asked({ resp: gateway(), ...HTTP }),
      findings: [
        {
          message: 'answered-in-clear',
          severity: 'high',
          confidence: 'high',
          evidence: {
            place: 'host',
            targets: ['172.30.0.1:2375'],
            answered: 1,
            bytes: 400,
            answerBytes: 900,
          },
        },
      ],
    },
    {
      name: "this host's engine over IPv6 and TLS: whether the certificate was good is not known",
      events: asked({
        orig: { ...app, ip: 'fd00:30::10' },
        resp: address('fd00:30::1', 'gateway', { port: 2376 }),
        ...TLS,
      }),
      findings: [
        { message: 'answered-tls', severity: 'medium', evidence: { targets: ['[fd00:30::1]:2376'] } },
      ],
    },
    {
      name: 'a closed door of the host, and one that says nothing',
      events: [...asked({ resp: gateway(), ...REFUSED }), ...asked({ resp: gateway(2376), reason: 'idle' })],
      findings: [
        {
          message: 'attempted',
          severity: 'low',
          evidence: { connections: 2, refused: 1, unanswered: 1, answered: 0 },
        },
      ],
    },
    {
      name: 'an answer on the port that was not recognised, as no answer of the API',
      events: asked({ resp: gateway(), ...ANSWERED }),
      findings: [
        {
          message: 'attempted',
          severity: 'medium',
          confidence: 'medium',
          evidence: { answered: 1, spoken: [] },
        },
      ],
    },
    {
      name: "Traefik's way: a socket proxy on the same network, low, with its image",
      events: asked({ resp: proxy, ...HTTP }),
      findings: [
        {
          message: 'answered-in-clear',
          severity: 'low',
          evidence: { place: 'neighbour', images: ['tecnativa/docker-socket-proxy:0.3'] },
        },
      ],
    },
    {
      name: 'a socket proxy behind a published port of the host, low as well',
      events: asked({
        resp: gateway(),
        nat: { kind: 'hairpin', method: 'conntrack', confidence: 'certain', server: proxy },
        ...HTTP,
      }),
      findings: [
        {
          message: 'answered-in-clear',
          severity: 'low',
          evidence: { place: 'published', images: ['tecnativa/docker-socket-proxy:0.3'] },
        },
      ],
    },
    {
      name: 'an engine in a container on no network of its own',
      events: asked({ resp: elsewhere, ...HTTP }),
      findings: [{ message: 'answered-in-clear', severity: 'medium', evidence: { place: 'elsewhere' } }],
    },
    {
      name: 'an engine on the Internet: in clear, and with TLS',
      events: [...asked({ resp: outside(), ...HTTP })],
      findings: [{ message: 'answered-in-clear', severity: 'medium', evidence: { place: 'internet' } }],
    },
    {
      name: 'an engine on the Internet with TLS, and one of the site, low',
      events: [
        ...asked({ resp: outside(2376), ...TLS }),
        ...asked({ resp: address('10.9.9.9', 'lan', { port: 2375 }), ...HTTP }),
      ],
      findings: [
        { message: 'answered-tls', severity: 'low' },
        { message: 'answered-in-clear', severity: 'low', evidence: { place: 'lan' } },
      ],
    },
    {
      name: 'a stream of events that stays open: counted once, with its bytes as they grow',
      events: [
        {
          on: 'flow-active',
          flow: flow({ orig: app, resp: proxy, uid: 'Fstream', ...HTTP, reason: 'active' }),
        },
        {
          on: 'flow-active',
          flow: flow({
            orig: app,
            resp: proxy,
            uid: 'Fstream',
            ...HTTP,
            respBytes: 2000,
            reason: 'active',
            end: secs(60),
          }),
        },
        {
          on: 'flow-end',
          flow: flow({
            orig: app,
            resp: proxy,
            uid: 'Fstream',
            ...HTTP,
            respBytes: 2500,
            reason: 'closed',
            end: secs(120),
          }),
        },
      ],
      findings: [
        {
          message: 'answered-in-clear',
          evidence: { connections: 1, answered: 1, bytes: 400, answerBytes: 2500 },
        },
      ],
    },
    {
      name: 'the world, answered by a container in clear; the site, low',
      events: [
        ...asked({ orig: outside(50_000), resp: proxy, ...HTTP }),
        ...asked({ orig: address('10.9.9.9', 'lan'), resp: proxy, ...HTTP }),
      ],
      findings: [
        { message: 'from-outside', severity: 'high', subject: proxy, evidence: { place: 'served' } },
        { message: 'from-outside', severity: 'low' },
      ],
    },
    {
      name: "a port of the operator's own",
      events: asked({ resp: gateway(4243), ...HTTP }),
      options: { ports: [4243] },
      findings: [{ message: 'answered-in-clear' }],
    },
  ],
  silent: [
    { name: 'another port', events: asked({ resp: gateway(2374), ...HTTP }) },
    { name: 'another protocol on the port', events: asked({ resp: gateway(), ...ANSWERED, service: 'ssh' }) },
    { name: 'UDP', events: asked({ resp: gateway(), protocol: 'udp', history: 'Dd' }) },
    {
      name: 'the world that knocks and gets nothing',
      events: asked({ orig: outside(50_000), resp: proxy, ...REFUSED }),
    },
    {
      name: 'the host, which owns the engine',
      events: asked({ orig: address('172.30.0.1', 'gateway'), resp: proxy, ...HTTP }),
    },
    {
      name: 'an answer of the proxy whose begin was not seen',
      events: asked({ orig: { ...proxy, port: 40_000 }, resp: { ...app, port: 2375 }, history: 'H' }),
    },
  ],
});

describe('docker-api-access', () => {
  it('tells of an answer as soon as it is recognised, and of a question alone not yet', () => {
    const stream = { orig: app, resp: gateway(), reason: 'active', service: 'http' } as const;
    const recognized = (fields: Partial<FlowRecord>): AnalyzerEvent => ({
      on: 'flow-recognized',
      flow: flow({ ...stream, ...fields }),
    });

    expect(runAnalyzer(dockerApiAccess, [recognized({ history: 'ShAD', respPackets: 1 })]).final).toEqual([]);
    expect(
      runAnalyzer(dockerApiAccess, [recognized({ history: 'ShADd', respPackets: 2 })]).final,
    ).toMatchObject([{ message: 'answered-in-clear', severity: 'high' }]);
  });

  it('keeps its one finding when the clock is set', () => {
    const { final } = runAnalyzer(dockerApiAccess, [
      ...asked({ resp: gateway(), ...HTTP }),
      setBack(10),
      ...asked({ resp: gateway(), start: secs(BACK + 20), end: secs(BACK + 21), ...HTTP }),
    ]);

    expect(final).toMatchObject([{ evidence: { connections: 2, lastSeen: '2025-12-31T22:00:21.000000Z' } }]);
  });

  it('forgets the oldest of too many, and says so', () => {
    const events = Array.from({ length: 40 }, (_, i) =>
      asked({ orig: container(`c${i}`, `172.30.0.${i}`), resp: gateway(), start: secs(i), ...HTTP }),
    ).flat();
    const { losses } = runAnalyzer(dockerApiAccess, events, { max_clients: 16 });

    expect(losses.map(({ where }) => where)).toContain('docker-api-access.clients');
  });
});
