import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { localChannel } from '../../src/channel/ports.ts';
import { influxdbConfig } from '../../src/station/config.ts';
import { tagText } from '../../src/station/sinks/influxdb/line-protocol.ts';
import { InfluxdbSink } from '../../src/station/sinks/influxdb.ts';
import { Station } from '../../src/station/station.ts';
import { type PeerHarness, sinkCompliance } from '../compliance/sink.ts';
import { parseLine } from '../station/sinks/influxdb/reference-parser.ts';
import {
  entryOf,
  memoryLogger,
  QUICK_RETRY,
  stationConfig,
  temporaryDirectory,
  until,
} from '../station/support/harness.ts';
import { HOSTILE_TEXTS } from '../station/support/hostile.ts';
import { coverage, finding, loss, traffic } from '../station/support/records.ts';
import {
  startVictoriaMetrics,
  VICTORIAMETRICS_MISSING,
  type VictoriaMetrics,
} from '../support/victoriametrics.ts';

if (VICTORIAMETRICS_MISSING !== undefined)
  console.warn(`SKIPPED victoriametrics.test.ts: ${VICTORIAMETRICS_MISSING}`);

const PASSWORD = 'correct horse battery staple';
const never = new AbortController().signal;

describe.skipIf(VICTORIAMETRICS_MISSING !== undefined)('VictoriaMetrics, the real one', () => {
  let server: VictoriaMetrics;
  let directory: ReturnType<typeof temporaryDirectory>;
  let stations: Station[];

  beforeAll(async () => {
    server = await startVictoriaMetrics();
  });

  afterAll(() => server?.dispose());

  beforeEach(() => {
    directory = temporaryDirectory();
    stations = [];
  });

  afterEach(async () => {
    for (const station of stations) await station.stop();
    directory.remove();
  });

  async function newStation(database: string): Promise<Station> {
    const config = stationConfig(directory.path, {
      url: server.url,
      flavor: 'victoriametrics',
      database,
      flush_interval_ms: 100,
    });
    const station = new Station(config, { logger: memoryLogger().logger, host: 'host1', retry: QUICK_RETRY });
    await station.start();
    stations.push(station);
    return station;
  }

  async function seriesOf(database: string) {
    const all = await server.series();
    return all.filter(({ metric }) => metric['db'] === database);
  }

  it('shows a finding and traffic within 3 s, as numbers with the tags as labels', async () => {
    const channel = localChannel(await newStation('prompt'));
    const time = Math.floor(Date.now()) * 1000;

    const before = performance.now();
    channel.send(finding(1, { firstSeen: time, lastSeen: time }));
    channel.send(traffic(1, { start: time - 1e7, end: time }));
    channel.send(loss(1, { time }));
    channel.send(coverage(1, { time }));
    const names = async () => (await seriesOf('prompt')).map(({ metric }) => metric['__name__']).sort();
    await until('the series', async () => (await names()).length >= 10, 3000);

    expect(performance.now() - before).toBeLessThan(3000);
    // Nothing of text among them.
    expect(await names()).toEqual([
      'bridgewatch_coverage_covered',
      'bridgewatch_finding_count',
      'bridgewatch_finding_peer_port',
      'bridgewatch_loss_count',
      'bridgewatch_traffic_flows_started',
      'bridgewatch_traffic_orig_bytes',
      'bridgewatch_traffic_orig_packets',
      'bridgewatch_traffic_port',
      'bridgewatch_traffic_resp_bytes',
      'bridgewatch_traffic_resp_packets',
    ]);
    const found = await server.series('bridgewatch_finding_count');
    expect(found).toEqual([
      {
        metric: {
          __name__: 'bridgewatch_finding_count',
          db: 'prompt',
          analyzer: 'internal-egress',
          host: 'host1',
          network: 'shop_data',
          service: 'shop/db',
          severity: 'high',
          status: 'open',
        },
        values: [1],
        timestamps: [time / 1000],
      },
    ]);
    const [bytes] = await server.series('bridgewatch_traffic_orig_bytes');
    expect(bytes).toMatchObject({ metric: { orig: 'shop/db', resp_port: '443' }, values: [100] });
  });

  it('answers the queries of the documentation', async () => {
    const page = readFileSync(new URL('../../docs/influxdb.md', import.meta.url), 'utf8');
    const questions = [...page.matchAll(/```promql\n(.*?)\n```/gs)].map(([, question]) => question!);
    const station = await newStation('bridgewatch');
    const time = (Date.now() - 60_000) * 1000;
    station.receive(finding(1, { firstSeen: time, lastSeen: time }));
    station.receive(traffic(1, { start: time - 1e7, end: time, direction: 'egress' }));
    await until('the series', async () => (await seriesOf('bridgewatch')).length >= 8);

    expect(questions).toHaveLength(2);
    for (const query of questions) {
      const reply = await fetch(`${server.url}/api/v1/query?${new URLSearchParams({ query })}`);
      const answer = (await reply.json()) as { data: { result: unknown[] } };
      expect(answer.data.result, query).toHaveLength(1);
    }
  });

  it('keeps hostile names as labels, each a series of its own', async () => {
    const station = await newStation('hostile');
    const names = [...new Set(HOSTILE_TEXTS)].filter((text) => text !== '').slice(0, 100);
    for (const [i, orig] of names.entries()) station.receive(traffic(i, { orig }));
    await until('delivery', () => station.status()!.sinks[0]!.sent === names.length);

    const bytes = async () =>
      (await seriesOf('hostile')).filter(
        ({ metric }) => metric['__name__'] === 'bridgewatch_traffic_orig_bytes',
      );
    await until('the series', async () => (await bytes()).length > 0, 3000);
    const labels = (await bytes()).map(({ metric }) => metric['orig']);
    expect(new Set(labels)).toEqual(new Set(names.map((name) => tagText(name))));
  });

  it('is asked by the doctor, who changes nothing', async () => {
    const guarded = await startVictoriaMetrics({ username: 'agent', password: PASSWORD });
    const log = memoryLogger();
    const checked = async (options: object) => {
      const config = influxdbConfig.parse({ url: guarded.url, flavor: 'victoriametrics', ...options });
      const sink = new InfluxdbSink(guarded.url, config, { logger: log.logger, host: 'host1' });
      return await sink.check(never).finally(() => sink.close());
    };
    try {
      expect(await checked({ username: 'agent', password: PASSWORD })).toBe(
        'VictoriaMetrics: takes numbers, with the label db="bridgewatch"',
      );
      await expect(checked({ username: 'agent', password: 'wrong' })).rejects.toThrow(
        /answered 401: .*user "agent"\); check influxdb\.username and influxdb\.password_file/,
      );
      await expect(checked({ url: `${guarded.url}/elsewhere` })).rejects.toThrow(/401/);
      expect(await guarded.series()).toEqual([]);
    } finally {
      await guarded.dispose();
    }
  });

  it('is recognised where InfluxDB 1.x was configured', async () => {
    const config = influxdbConfig.parse({ url: server.url });
    const sink = new InfluxdbSink(server.url, config, { logger: memoryLogger().logger, host: 'host1' });

    await expect(sink.prepare(never)).rejects.toThrow(/set it to victoriametrics$/);
    await sink.close();
  });

  it('says the address is wrong, and gives up no record, where the path is unknown', async () => {
    const url = `${server.url}/elsewhere`;
    const config = influxdbConfig.parse({ url, flavor: 'victoriametrics' });
    const sink = new InfluxdbSink(url, config, { logger: memoryLogger().logger, host: 'host1' });

    await expect(sink.write([entryOf(loss(1))], never)).rejects.toMatchObject({
      code: 'SINK_NO_TARGET',
      remedy: 'act',
    });
    await sink.close();
  });

  it('counts a record once that was sent twice, with its deduplication as documented', async () => {
    const exact = await startVictoriaMetrics({ flags: ['-dedup.minScrapeInterval=1ms'] });
    const config = influxdbConfig.parse({ url: exact.url, flavor: 'victoriametrics' });
    const sink = new InfluxdbSink(exact.url, config, { logger: memoryLogger().logger, host: 'host1' });
    const batch = [entryOf(traffic(1)), entryOf(traffic(2, { end: traffic(1).end + 1000 }))];
    try {
      await sink.write(batch, never);
      await sink.write(batch, never);

      const samples = async () =>
        (await exact.series('bridgewatch_traffic_orig_bytes')).flatMap(({ timestamps }) => timestamps);
      await until('the samples', async () => (await samples()).length > 0, 5000);
      expect(await samples()).toHaveLength(2);
    } finally {
      await sink.close();
      await exact.dispose();
    }
  });

  /**
   * A gate before the real server that misbehaves as told and hands on what it lets pass. What is stored is told by
   * the time of each line, since no id gets there.
   */
  sinkCompliance('influxdb', async (logger): Promise<PeerHarness> => {
    type Verdict = (ids: readonly string[]) => { status: number; body?: string } | 'hang' | undefined;
    let verdict: Verdict = () => undefined;
    let attempts = 0;
    const stored = new Set<string>();
    const idAt = new Map(Array.from({ length: 300 }, (_, i) => [finding(i).lastSeen, `f-${i}`] as const));
    const gate = createServer((incoming, reply) => {
      const chunks: Buffer[] = [];
      incoming.on('error', () => {});
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', async () => {
        const body = Buffer.concat(chunks);
        const text = (incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
        const lines = text.split('\n').map((line) => {
          const { measurement, timestamp } = parseLine(line);
          return measurement === 'bridgewatch_finding'
            ? (idAt.get(Number(timestamp / 1000n)) ?? 'unknown')
            : line;
        });
        attempts += 1;
        const said = verdict(lines);
        if (said === 'hang') return;
        if (said !== undefined) {
          reply.writeHead(said.status).end(said.body);
          return;
        }
        const passed = await fetch(`${server.url}${incoming.url}`, { method: 'POST', body: text });
        if (passed.status === 204) for (const line of lines) stored.add(line);
        reply.writeHead(passed.status).end();
      });
    });
    gate.listen(0, '127.0.0.1');
    await once(gate, 'listening');
    const address = gate.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const url = `http://127.0.0.1:${address.port}`;
    const config = influxdbConfig.parse({
      url,
      flavor: 'victoriametrics',
      username: 'agent',
      password: PASSWORD,
      timeout_ms: 60_000,
    });
    return {
      sink: new InfluxdbSink(url, config, { logger, host: 'host1' }),
      secret: PASSWORD,
      stored: () => [...stored],
      attempts: () => attempts,
      accept: () => {
        verdict = () => undefined;
      },
      fail: () => {
        verdict = () => ({ status: 503 });
      },
      refuse: () => {
        verdict = () => ({ status: 401 });
      },
      // It skips lines itself; a proxy before it may say this.
      reject: (text) => {
        verdict = (ids) => (ids.includes(text) ? { status: 400, body: 'bad line' } : undefined);
      },
      hang: () => {
        verdict = () => 'hang';
      },
      async close() {
        gate.closeAllConnections();
        gate.close();
        await once(gate, 'close');
      },
    };
  });
});
