import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { influxdbConfig } from '../../../src/station/config.ts';
import { InfluxdbSink } from '../../../src/station/sinks/influxdb.ts';
import type { SinkError } from '../../../src/station/sinks/sink.ts';
import { sinkCompliance } from '../../compliance/sink.ts';
import { entryOf, memoryLogger, temporaryDirectory } from '../support/harness.ts';
import { type HttpPeer, STORE, startHttpPeer } from '../support/http-peer.ts';
import { auditRun, coverage, finding, loss, traffic } from '../support/records.ts';

const SECRET = 'correct horse battery staple';

sinkCompliance('influxdb', async (logger) => {
  const peer = await startHttpPeer();
  const config = influxdbConfig.parse({
    url: peer.url,
    username: 'agent',
    password: SECRET,
    timeout_ms: 60_000,
  });
  return {
    sink: new InfluxdbSink(peer.url, config, { logger, host: 'host1' }),
    secret: SECRET,
    stored: () => [...peer.stored],
    attempts: () => peer.requests.length,
    accept: () => peer.behave(STORE),
    fail: () => peer.behave(() => ({ status: 503 })),
    refuse: () => peer.behave(() => ({ status: 401, body: '{"error":"authorization failed"}' })),
    reject: (text) =>
      peer.behave(({ lines }) =>
        lines.some((line) => line.includes(`id="${text}"`))
          ? { status: 400, body: '{"error":"partial write: field type conflict dropped=1"}' }
          : { status: 204 },
      ),
    hang: () => peer.behave(() => 'hang'),
    close: () => peer.close(),
  };
});

describe('InfluxdbSink', () => {
  let peer: HttpPeer;
  let directory: ReturnType<typeof temporaryDirectory>;
  const never = new AbortController().signal;

  beforeEach(async () => {
    peer = await startHttpPeer();
    directory = temporaryDirectory();
  });

  afterEach(async () => {
    await peer.close();
    directory.remove();
  });

  function newSink(over: Parameters<typeof influxdbConfig.parse>[0] = {}) {
    const config = influxdbConfig.parse({ url: peer.url, ...(over as object) });
    return new InfluxdbSink(peer.url, config, { logger: memoryLogger().logger, host: 'host1' });
  }

  it('writes a point for the host and one for each network of an audit, and keeps them apart', async () => {
    await newSink().write([entryOf(auditRun(1)), entryOf(auditRun(2))], never);
    const { lines } = peer.requests[0]!;

    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(
      /^bridgewatch_audit,host=host1,network=none,trigger=change score=80i,.*high=1i,.*findings=3i,/,
    );
    expect(lines[1]).toMatch(
      /^bridgewatch_audit,host=host1,network=shop_data,trigger=change score=90i,failed=1i,unknown=0i \d+$/,
    );
    expect(new Set(lines.map((line) => line.replace(/ .* /, ' '))).size).toBe(4);
  });

  it('writes to database and policy with nanoseconds, compressed when that pays', async () => {
    const sink = newSink({ database: 'my db', retention_policy: 'a&b' });

    await sink.write(
      [entryOf(finding(1)), entryOf(traffic(1)), entryOf(loss(1)), entryOf(coverage(1))],
      never,
    );
    await sink.write([entryOf(loss(2))], never);

    const [big, small] = peer.requests;
    expect(big?.url.pathname).toBe('/write');
    expect(Object.fromEntries(big!.url.searchParams)).toEqual({ db: 'my db', rp: 'a&b', precision: 'ns' });
    expect(big?.headers['content-encoding']).toBe('gzip');
    expect(small?.headers['content-encoding']).toBeUndefined();
    expect(big?.lines.map((line) => line.split(',')[0])).toEqual([
      'bridgewatch_finding',
      'bridgewatch_traffic',
      'bridgewatch_loss',
      'bridgewatch_coverage',
    ]);
    await sink.close();
  });

  it('sends the same record to the same place twice, so that a lost answer costs nothing', async () => {
    const sink = newSink();
    const batch = [entryOf(finding(1)), entryOf(finding(1)), entryOf(traffic(1))];

    await sink.write(batch, never);
    await sink.write(batch, never);

    expect(peer.stored.size).toBe(3);
    await sink.close();
  });

  it('reads the password file again when it prepares', async () => {
    const path = join(directory.path, 'password');
    writeFileSync(path, 'first\n');
    const sink = newSink({ username: 'agent', password_file: path });
    await sink.prepare(never);
    await sink.write([entryOf(loss(1))], never);
    writeFileSync(path, 'second');
    await sink.prepare(never);
    await sink.write([entryOf(loss(2))], never);

    const passwords = peer.requests.map(({ headers }) =>
      Buffer.from(headers.authorization!.split(' ')[1]!, 'base64').toString(),
    );

    expect(passwords).toEqual(['agent:first', 'agent:second']);
    await sink.close();
  });

  it('says which password file cannot be read', async () => {
    const sink = newSink({ username: 'agent', password_file: join(directory.path, 'nothing') });

    await expect(sink.prepare(never)).rejects.toMatchObject({
      code: 'SINK_MISCONFIGURED',
      remedy: 'act',
      message: expect.stringMatching(/password_file .*nothing: ENOENT/),
    });
    await sink.close();
  });

  it('passes on what the peer asks for with Retry-After', async () => {
    peer.behave(() => ({ status: 429, headers: { 'retry-after': '12' } }));
    const sink = newSink();

    const error = (await sink.write([entryOf(loss(1))], never).catch((caught) => caught)) as SinkError;

    expect(error).toMatchObject({ remedy: 'wait', retryAfterMs: 12_000 });
    await sink.close();
  });

  it('gives up on a request as a whole after its time', async () => {
    // Headers and half a body: the answer has begun and never ends.
    peer.behave((_, reply) => {
      reply.writeHead(204 + 46, { 'content-length': '100' });
      reply.write('half');
      return 'hang';
    });
    const sink = newSink({ timeout_ms: 200 });

    await expect(sink.write([entryOf(loss(1))], never)).rejects.toMatchObject({
      code: 'SINK_UNREACHABLE',
      remedy: 'wait',
      message: expect.stringContaining('no answer within 200 ms'),
    });
    await sink.close();
  });

  it('gives up a question that is never answered, after its time or when told to stop', async () => {
    peer.hangQueries();
    const patient = newSink({ timeout_ms: 200 });
    const stopped = newSink({ timeout_ms: 60_000 });

    await expect(patient.prepare(never)).rejects.toMatchObject({
      remedy: 'wait',
      message: expect.stringContaining('no answer within 200 ms'),
    });
    await expect(stopped.prepare(AbortSignal.timeout(100))).rejects.toThrow(/given up/);
    await Promise.all([patient.close(), stopped.close()]);
  });

  it('says where it looked when nobody listens', async () => {
    await peer.close();
    const sink = newSink();

    await expect(sink.prepare(never)).rejects.toMatchObject({
      code: 'SINK_UNREACHABLE',
      message: `cannot reach InfluxDB at ${peer.url}: ECONNREFUSED; is it running, and influxdb.url right?`,
    });
    peer = await startHttpPeer();
    await sink.close();
  });

  it('takes an address with a path, as behind a reverse proxy', async () => {
    const url = `${peer.url}/influx/`;
    const sink = new InfluxdbSink(url, influxdbConfig.parse({ url }), {
      logger: memoryLogger().logger,
      host: 'host1',
    });

    await sink.write([entryOf(loss(1))], never);

    expect(peer.requests[0]?.url.pathname).toBe('/influx/write');
    await sink.close();
  });
});
