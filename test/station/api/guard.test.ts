/** Who may come in, asked without a network: each rule by both of its sides. */
import { beforeEach, describe, expect, it } from 'vitest';
import { hostName, isLoopback, limitKey } from '../../../src/station/api/addresses.ts';
import { apiConfig } from '../../../src/station/api/config.ts';
import { Guard, type Knock } from '../../../src/station/api/guard.ts';
import { ApiProblem } from '../../../src/station/api/problem.ts';
import { RateLimit } from '../../../src/station/api/rate-limit.ts';

const TOKEN = 'the-token-of-this-test';
const HERE = '127.0.0.1';
const ELSEWHERE = '198.51.100.9';

let clockMs: number;

beforeEach(() => {
  clockMs = 1000;
});

function guardOf(api: Parameters<typeof apiConfig.parse>[0] = {}, hasToken = true): Guard {
  return new Guard({
    config: apiConfig.parse(api),
    token: { matches: (text) => (hasToken ? text === TOKEN : undefined) },
    clock: () => clockMs,
  });
}

function knock(over: Partial<Omit<Knock, 'headers'>> & { headers?: Record<string, string> } = {}): Knock {
  const headers = { host: '127.0.0.1:9477', ...over.headers };
  return {
    door: 'tcp',
    method: 'GET',
    url: '/api/v1/status',
    rawHeaders: Object.entries(headers).flat(),
    peer: HERE,
    local: HERE,
    ...over,
    headers,
  };
}

/** Whom it takes the client for, or the status that it refuses with. */
function outcome(guard: Guard, ...[over]: Parameters<typeof knock>): string | number {
  try {
    return guard.admit(knock(over)).by;
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    return error.status;
  }
}

const bearer = { authorization: `Bearer ${TOKEN}` };

describe('the Host header', () => {
  it.each([
    '127.0.0.1',
    '127.0.0.1:9477',
    '127.1.2.3:80',
    'localhost',
    'LOCALHOST:9477',
    'localhost.:9477',
    '[::1]:9477',
    'agent.example',
    'agent.example:443',
  ])('%s is answered', (host) => {
    expect(outcome(guardOf({ allowed_hosts: ['Agent.example'] }), { headers: { host } })).toBe('loopback');
  });

  it.each([
    'evil.example',
    'evil.example:9477',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '198.51.100.1',
    '0.0.0.0:9477',
    '[::]:9477',
    '2130706433',
  ])('%s is not: the page of another name would be read', (host) => {
    expect(outcome(guardOf({ listen: '0.0.0.0:9477' }), { headers: { host } })).toBe(421);
  });

  it.each([
    '',
    ' ',
    'a b',
    'evil@127.0.0.1',
    '127.0.0.1/x',
    '[::1',
    'localhost:99999999',
    'ä',
    '127.0.0.1, evil',
  ])('"%s" is malformed', (host) => {
    expect(outcome(guardOf(), { headers: { host } })).toBe(400);
  });

  it('is there once', () => {
    expect(outcome(guardOf(), { rawHeaders: ['Host', 'localhost', 'hOST', 'localhost'] })).toBe(400);
    expect(outcome(guardOf(), { rawHeaders: [] })).toBe(400);
  });

  it('may be the address that was connected to, of a door that listens everywhere', () => {
    const headers = { host: '198.51.100.1:9477', ...bearer };
    const guard = guardOf({ listen: '0.0.0.0:9477' });

    expect(outcome(guard, { peer: ELSEWHERE, local: '198.51.100.1', headers })).toBe('token');
    expect(outcome(guard, { peer: ELSEWHERE, local: '198.51.100.2', headers })).toBe(421);
  });
});

describe('reading', () => {
  it('needs no token from this machine, and does from any other', () => {
    expect(outcome(guardOf())).toBe('loopback');
    expect(outcome(guardOf(), { peer: '::1' })).toBe('loopback');
    expect(outcome(guardOf(), { peer: '::ffff:127.0.0.1' })).toBe('loopback');
    expect(outcome(guardOf(), { peer: ELSEWHERE })).toBe(401);
    expect(outcome(guardOf(), { peer: '::ffff:198.51.100.9' })).toBe(401);
    expect(outcome(guardOf(), { peer: ELSEWHERE, headers: bearer })).toBe('token');
  });

  it('needs it from everybody with require_token: always, but over the socket', () => {
    const guard = guardOf({ require_token: 'always' });

    expect(outcome(guard)).toBe(401);
    expect(outcome(guard, { headers: bearer })).toBe('token');
    expect(outcome(guard, { door: 'unix', peer: undefined, headers: { host: 'whatever' } })).toBe('unix');
  });

  it.each([{ 'x-forwarded-for': '198.51.100.9' }, { forwarded: 'for=198.51.100.9' }])(
    'needs it of what a proxy passes on: %o',
    (headers: Record<string, string>) => {
      expect(outcome(guardOf(), { headers })).toBe(401);
      expect(outcome(guardOf(), { headers: { ...headers, ...bearer } })).toBe('token');
    },
  );
});

describe.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s', (method) => {
  it('needs the token over TCP, from this machine too', () => {
    expect(outcome(guardOf(), { method })).toBe(401);
    expect(outcome(guardOf(), { method, headers: bearer })).toBe('token');
    expect(outcome(guardOf(), { method, door: 'unix' })).toBe('unix');
  });

  it('is not taken from the pages of another site', () => {
    const from = (more: Record<string, string>) =>
      outcome(guardOf(), { method, headers: { ...bearer, ...more } });

    expect(from({ origin: 'http://evil.example' })).toBe(403);
    expect(from({ origin: 'null' })).toBe(403);
    expect(from({ origin: 'http://127.0.0.1:9478' })).toBe(403);
    expect(from({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(from({ origin: 'http://127.0.0.1:9477', 'sec-fetch-site': 'same-origin' })).toBe('token');
  });
});

describe('the token', () => {
  it.each([
    `Bearer ${TOKEN}x`,
    'Bearer the-token',
    `Basic ${TOKEN}`,
    TOKEN,
    'Bearer',
    'Bearer ',
    `Bearer ${TOKEN} ${TOKEN}`,
  ])('is not %s', (authorization) => {
    expect(outcome(guardOf(), { headers: { authorization } })).toBe(401);
  });

  it('is not taken from the address', () => {
    const url = `/api/v1/status?token=${TOKEN}&access_token=${TOKEN}`;

    expect(outcome(guardOf(), { peer: ELSEWHERE, url })).toBe(401);
  });

  it('is said to be missing where the agent has none, to those alone who give one', () => {
    expect(outcome(guardOf({}, false), { headers: bearer })).toBe(503);
    expect(outcome(guardOf({}, false))).toBe('loopback');
  });

  it('may be wrong ten times; then nobody at that address is heard for a while, wherever the right one is tried', () => {
    const guard = guardOf();
    const wrong = () => outcome(guard, { peer: ELSEWHERE, headers: { authorization: 'Bearer guess' } });
    for (let i = 0; i < 10; i++) expect(wrong()).toBe(401);

    expect(wrong()).toBe(429);
    expect(outcome(guard, { peer: ELSEWHERE, headers: bearer })).toBe(429);
    expect(outcome(guard, { peer: '198.51.100.10', headers: bearer })).toBe('token');
    clockMs += 10_000;
    expect(outcome(guard, { peer: ELSEWHERE, headers: bearer })).toBe('token');
  });
});

describe('what is no request for us', () => {
  it.each([
    ['a method that is not known', { method: 'TRACE' }, 501],
    ['the target of a proxy', { url: 'http://evil.example/api/v1/status' }, 400],
    ['no path', { url: '*' }, 400],
    ['a path without end', { url: `/${'a'.repeat(8192)}` }, 400],
  ])('%s', (_, over, status) => {
    expect(outcome(guardOf(), over)).toBe(status);
    expect(outcome(guardOf(), { ...over, door: 'unix' })).toBe(status);
  });
});

describe('the rate of requests', () => {
  it('is bounded for each address, not for the socket, and says when to come again', () => {
    const guard = guardOf();
    for (let i = 0; i < 600; i++) expect(outcome(guard)).toBe('loopback');

    expect(() => guard.admit(knock())).toThrow(
      expect.objectContaining({ status: 429, more: { headers: { 'retry-after': '1' } } }),
    );
    expect(outcome(guard, { door: 'unix' })).toBe('unix');
    expect(outcome(guard, { peer: '::1' })).toBe('loopback');
    clockMs += 20;
    expect(outcome(guard)).toBe('loopback');
    expect(outcome(guard)).toBe(429);
  });

  it('is kept for so many addresses, and no more', () => {
    const limit = new RateLimit({ burst: 1, perSecond: 1, maxKeys: 3, clock: () => clockMs });
    for (const key of ['a', 'b', 'c', 'a']) limit.take(key);
    expect(limit.take('a')).toBe(1);

    limit.take('d');

    expect(limit.size).toBe(3);
    expect(limit.take('a')).toBe(1);
    expect(limit.take('b')).toBeUndefined();
  });
});

describe('addresses', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.255.255.254', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['128.0.0.1', false],
    ['127.0.0.1.evil.example', false],
    ['::2', false],
    ['', false],
  ])('%s is this machine: %s', (address, expected) => {
    expect(isLoopback(address)).toBe(expected);
  });

  it('count as one where they are of one IPv6 network', () => {
    expect(limitKey('2001:db8:1:2::7')).toBe(limitKey('2001:db8:1:2:ffff::1'));
    expect(limitKey('2001:db8:1:2::7')).not.toBe(limitKey('2001:db8:1:3::7'));
    expect(limitKey('2001:db8::1')).toBe('2001:db8:0:0::/64');
    expect(limitKey('::ffff:198.51.100.9')).toBe('198.51.100.9');
  });

  it('are read from a Host header without brackets and port', () => {
    expect(hostName('[::1]:9477')).toBe('::1');
    expect(hostName('Agent.Example.:80')).toBe('agent.example');
  });
});
