import { describe, expect, it } from 'vitest';
import { influxdbConfig } from '../../../../src/station/config.ts';
import { v1Endpoint } from '../../../../src/station/sinks/influxdb/endpoint.ts';
import { writeFailure } from '../../../../src/station/sinks/influxdb/reply.ts';

const BASE = new URL('http://influxdb:8086');
const config = influxdbConfig.parse({ url: BASE.href, username: 'agent', password: 'hunter2' });
const TARGET = v1Endpoint(BASE, config);

function failure(status: number, body = '', headers: Record<string, string> = {}, lines = 10) {
  return writeFailure({ status, body, headers }, TARGET, lines);
}

describe('writeFailure', () => {
  it.each([200, 204])('takes %d as stored', (status) => {
    expect(failure(status)).toBeUndefined();
  });

  // Bodies as InfluxDB 1.6.7 gave them.
  it.each([
    [
      400,
      '{"error":"partial write: unable to parse \'x\': missing fields dropped=0"}',
      'SINK_REJECTED',
      'split',
    ],
    [401, '{"error":"authorization failed"}', 'SINK_UNAUTHORIZED', 'act'],
    [403, '{"error":"\\"agent\\" user is not authorized to write"}', 'SINK_UNAUTHORIZED', 'act'],
    [404, '{"error":"database not found: \\"bridgewatch\\""}', 'SINK_NO_TARGET', 'act'],
    [413, '{"error":"Request Entity Too Large"}', 'SINK_TOO_LARGE', 'split'],
    [429, '', 'SINK_UNAVAILABLE', 'wait'],
    [500, '{"error":"timeout"}', 'SINK_UNAVAILABLE', 'wait'],
    [500, '{"error":"retention policy not found: bridgewatch"}', 'SINK_NO_TARGET', 'act'],
    [503, '', 'SINK_UNAVAILABLE', 'wait'],
    [302, '<html>login</html>', 'SINK_NO_TARGET', 'act'],
  ])('knows what %d %s asks for', (status, body, code, remedy) => {
    expect(failure(status, body)).toMatchObject({ code, remedy, retryable: remedy === 'wait' });
  });

  it('says what to do about a refusal, with the words of the server', () => {
    expect(failure(401, '{"error":"authorization failed"}')?.message).toBe(
      'InfluxDB at http://influxdb:8086 answered 401: authorization failed (user "agent"); check influxdb.username and influxdb.password_file',
    );
    expect(failure(404, '{"error":"database not found"}')?.message).toContain(
      'CREATE DATABASE "bridgewatch"',
    );
    expect(failure(403)?.message).toContain('GRANT ALL ON "bridgewatch" TO "agent"');
  });

  it('believes a count of dropped points only where it is the whole batch', () => {
    const body = (count: number) =>
      `{"error":"partial write: points beyond retention policy dropped=${count}"}`;

    expect(failure(400, body(10))?.isWholeBatch).toBe(true);
    expect(failure(400, body(9))?.isWholeBatch).toBe(false);
    expect(failure(400, body(0))?.isWholeBatch).toBe(false);
  });

  it('says that a full disk of version 1 takes more than room', () => {
    const body =
      '{"error":"engine: error writing WAL entry: write /data/wal/d/autogen/1/_00001.wal: no space left on device"}';
    expect(failure(500, body)).toMatchObject({ code: 'SINK_UNAVAILABLE', remedy: 'wait' });
    expect(failure(500, body)?.message).toMatch(
      /no space left on device; free some space there, then restart InfluxDB/,
    );
    expect(failure(500, '{"error":"timeout"}')?.message).not.toContain('restart');
  });

  it('reads Retry-After as seconds and as a date', () => {
    expect(failure(429, '', { 'retry-after': '7' })?.retryAfterMs).toBe(7000);
    const date = new Date(Date.now() + 60_000).toUTCString();
    expect(failure(503, '', { 'retry-after': date })?.retryAfterMs).toBeGreaterThan(50_000);
    expect(failure(503, '', { 'retry-after': 'soon' })?.retryAfterMs).toBeUndefined();
    expect(failure(503)?.retryAfterMs).toBeUndefined();
  });

  it('does not repeat a secret that the server repeats', () => {
    const body = `denied: ${TARGET.headers['authorization']} (agent:hunter2)`;

    expect(failure(401, body)?.message).toContain('denied: Basic *** (agent:***)');
  });

  it('keeps what a server says to one short line without control characters', () => {
    const message = failure(500, `\u001b[31m${'x'.repeat(5000)}\nsecond line`)!.message;

    expect(message).not.toMatch(/\p{Cc}/u);
    expect(message.length).toBeLessThan(400);
  });
});
