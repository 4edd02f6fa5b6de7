import { expect } from 'vitest';
import cleartextCredentials from '../../analyzers/cleartext-credentials.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { CleartextLogin } from '../../src/model/login.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import { address, BACK, container, flow, network, secs, setBack, unattributed } from '../support/records.ts';

const app = { ...container('app', '172.30.0.10'), port: 40_000 };
const app6 = { ...container('app', 'fd00:30::10'), port: 40_000 };
const cache = { ...container('cache', '172.30.0.11'), port: 6379 };
const nas = { ...address('192.168.1.9', 'lan'), port: 21 };
const outside = { ...address('198.51.100.7', 'internet'), port: 80 };
const outside6 = { ...address('2001:db8::7', 'internet'), port: 80 };
const back = network();

function login(
  seconds: number,
  method: CleartextLogin['method'],
  ends: Pick<FlowRecord, 'orig' | 'resp'>,
): AnalyzerEvent {
  return { on: 'login', login: { time: secs(seconds), method, flow: flow({ network: back, ...ends }) } };
}

testAnalyzer(cleartextCredentials, {
  fires: [
    {
      name: 'a login between two containers, as low',
      events: [login(1, 'redis-auth', { orig: app, resp: cache })],
      findings: [
        {
          message: 'inside-host',
          severity: 'low',
          confidence: 'certain',
          network: 'back',
          subject: app,
          peers: [cache],
          evidence: { method: 'redis-auth', secret: 'a Redis password', port: 6379, logins: 1 },
        },
      ],
      also: ({ final }) =>
        expect(final[0]!.explanation).toBe(
          'shop/app and shop/cache: a Redis password was sent in clear (redis-auth, connections: 1), without leaving this host as far as is known. Whoever is root here or can redirect traffic on that network can read it; use TLS where the service offers it.',
        ),
    },
    {
      name: 'a login at the host, as low',
      events: [
        login(1, 'http-basic', { orig: app, resp: { ...address('172.30.0.1', 'gateway'), port: 80 } }),
      ],
      findings: [{ message: 'inside-host', severity: 'low' }],
    },
    {
      name: 'a login in the local network, as medium',
      events: [login(1, 'ftp-pass', { orig: app, resp: nas })],
      findings: [{ message: 'on-lan', severity: 'medium', evidence: { secret: 'an FTP password' } }],
    },
    {
      name: 'a login over the Internet, as high',
      events: [login(1, 'http-bearer', { orig: app, resp: outside })],
      findings: [{ message: 'over-internet', severity: 'high', confidence: 'certain' }],
    },
    {
      name: 'the same over IPv6',
      events: [login(1, 'http-basic', { orig: app6, resp: outside6 })],
      findings: [{ message: 'over-internet', severity: 'high', subject: app6, peers: [outside6] }],
    },
    {
      name: 'clients from outside, as one finding of the container that lets them',
      events: Array.from({ length: 20 }, (_, i) =>
        login(i, 'ftp-pass', {
          orig: { ...address(`198.51.100.${i + 1}`, 'internet'), port: 50_000 },
          resp: { ...app, port: 21 },
        }),
      ),
      findings: [
        {
          message: 'over-internet',
          severity: 'high',
          subject: { ...app, port: 21 },
          evidence: { logins: 20, peerCount: 8 },
        },
      ],
    },
    {
      name: 'logins again and again, as one finding that counts them',
      events: [1, 2, 3].map((seconds) => login(seconds, 'redis-auth', { orig: app, resp: cache })),
      findings: [{ message: 'inside-host', evidence: { logins: 3 } }],
    },
    {
      name: 'two protocols and two servers, as findings of their own',
      events: [
        login(1, 'redis-auth', { orig: app, resp: cache }),
        login(2, 'http-basic', { orig: app, resp: { ...cache, port: 80 } }),
        login(3, 'redis-auth', { orig: app, resp: { ...container('other', '172.30.0.12'), port: 6379 } }),
      ],
      findings: [{ message: 'inside-host' }, { message: 'inside-host' }, { message: 'inside-host' }],
    },
    {
      name: 'ends that nobody could name, as low: without an inventory a container is an address like any',
      events: [
        login(1, 'telnet-password', {
          orig: { ...address('192.168.0.2', 'lan'), port: 1254 },
          resp: { ...address('192.168.0.1', 'lan'), port: 23 },
        }),
        login(2, 'http-basic', { orig: unattributed('172.30.0.9', { port: 1 }), resp: outside }),
      ],
      findings: [
        { message: 'on-lan', severity: 'low' },
        { message: 'over-internet', severity: 'low', confidence: 'low' },
      ],
    },
    {
      name: 'a clock that was set back in between',
      events: [
        login(1, 'redis-auth', { orig: app, resp: cache }),
        setBack(5),
        login(6 + BACK, 'redis-auth', { orig: app, resp: cache }),
      ],
      findings: [{ message: 'inside-host', evidence: { logins: 2 } }],
    },
  ],
  silent: [
    {
      name: 'a login between containers, where these are not wanted',
      events: [login(1, 'redis-auth', { orig: app, resp: cache })],
      options: { inside_host: false },
    },
    {
      name: 'a container whose logins are accepted, at either end',
      events: [
        login(1, 'redis-auth', { orig: app, resp: outside }),
        login(2, 'redis-auth', { orig: outside, resp: app }),
      ],
      options: { ignore_containers: ['shop/app'] },
    },
  ],
});
