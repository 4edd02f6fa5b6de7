/** InfluxDB 2.x and 3 Core against strict stand-ins; 1.x is real, in test/integration/influx-admin.test.ts. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { influxdbConfig } from '../../../../src/station/config.ts';
import {
  type InitOptions,
  type InitStep,
  initInfluxdb,
} from '../../../../src/station/sinks/influxdb/init.ts';
import { inspectInfluxdb } from '../../../../src/station/sinks/influxdb/inspect.ts';
import { InfluxdbSink } from '../../../../src/station/sinks/influxdb.ts';
import { memoryLogger } from '../../support/harness.ts';
import {
  type StandIn,
  type StandInOptions,
  startInflux2,
  startInflux3,
} from '../../support/influx-stand-in.ts';

const TOKEN = 'a-token';
const never = new AbortController().signal;
const USUAL: InitOptions = { changesNothing: false, withRollups: false, nowSecs: 1_800_000_000 };

let server: StandIn | undefined;

afterEach(async () => {
  await server?.close();
  server = undefined;
});

function sinkOf(url: string, over: z.input<typeof influxdbConfig>): InfluxdbSink {
  const config = influxdbConfig.parse({ url, ...over });
  return new InfluxdbSink(url, config, { logger: memoryLogger().logger, host: 'host1' });
}

async function stepsOf(sink: InfluxdbSink, options: Partial<InitOptions> = {}): Promise<InitStep[]> {
  const steps: InitStep[] = [];
  for await (const step of initInfluxdb(sink.converse(never), { ...USUAL, ...options })) steps.push(step);
  await sink.close();
  return steps;
}

describe('influx init on InfluxDB 2.x', () => {
  async function start(over: Partial<StandInOptions> = {}): Promise<() => InfluxdbSink> {
    server = await startInflux2({ token: TOKEN, org: 'acme', mayRead: true, mayCreate: true, ...over });
    return () => sinkOf(server!.url, { flavor: 2, org: 'acme', token: TOKEN });
  }

  it('makes the bucket once', async () => {
    const sink = await start();
    expect(await stepsOf(sink(), { changesNothing: true })).toEqual([
      { what: 'bucket "bridgewatch"', outcome: 'missing' },
    ]);
    expect(server!.created).toEqual([]);

    expect(await stepsOf(sink())).toEqual([{ what: 'bucket "bridgewatch"', outcome: 'made' }]);
    expect(await stepsOf(sink())).toEqual([{ what: 'bucket "bridgewatch"', outcome: 'exists' }]);
    expect(server!.created).toHaveLength(1);
  });

  it('says what a person must do where the token may not', async () => {
    const sink = await start({ mayCreate: false });

    expect(await stepsOf(sink())).toMatchObject([
      { outcome: 'by-hand', advice: expect.stringContaining('influx bucket create --org "acme"') },
    ]);
  });

  it('prints tasks instead of making them, for whole grains', async () => {
    const sink = await start({ names: ['bridgewatch'] });

    const [, five, hour] = await stepsOf(sink(), { withRollups: true });

    expect(five).toMatchObject({ what: 'task "bridgewatch_traffic_5m"', outcome: 'by-hand' });
    expect(five!.statement).toContain('stop: date.truncate(t: now(), unit: 5m)');
    expect(five!.statement).not.toContain('drop(columns');
    expect(hour!.statement).toContain('drop(columns: ["resp_port"])');
    expect(hour!.advice).toContain(
      'influx bucket create --org "acme" --name "bridgewatch_1h" --retention 1825d',
    );
  });

  it('is checked: server and clock', async () => {
    const sink = (await start({ names: ['bridgewatch'] }))();

    expect(await inspectInfluxdb(sink, never)).toEqual([
      {
        check: 'server',
        outcome: 'ok',
        detail: 'InfluxDB v2.7.11: bucket "bridgewatch" of the organization "acme", kept 30 days',
      },
      { check: 'clock', outcome: 'ok', detail: 'the same here and there' },
    ]);
    await sink.close();
  });
});

describe('influx init on InfluxDB 3', () => {
  it('makes the database once', async () => {
    server = await startInflux3({ token: TOKEN });
    const sink = () => sinkOf(server!.url, { flavor: 3, token: TOKEN });
    const what = 'database "bridgewatch"';

    expect(await stepsOf(sink(), { changesNothing: true })).toEqual([{ what, outcome: 'missing' }]);
    expect(await stepsOf(sink())).toEqual([{ what, outcome: 'made' }]);
    expect(await stepsOf(sink())).toEqual([{ what, outcome: 'exists' }]);
    expect([...server.names]).toEqual(['bridgewatch']);
  });
});

describe('influx init on VictoriaMetrics', () => {
  it('has nothing to do', async () => {
    const sink = sinkOf('http://127.0.0.1:9', { flavor: 'victoriametrics' });

    expect(await stepsOf(sink)).toEqual([
      { what: 'VictoriaMetrics has no databases; there is nothing to make', outcome: 'exists' },
    ]);
  });
});

it('influx check fails in one line where nobody answers', async () => {
  const sink = sinkOf('http://127.0.0.1:9', {});

  expect(await inspectInfluxdb(sink, never)).toEqual([
    {
      check: 'server',
      outcome: 'fail',
      detail: expect.stringMatching(/^cannot reach InfluxDB at http:\/\/127\.0\.0\.1:9: ECONNREFUSED/),
    },
  ]);
  await sink.close();
});

it('influx check says what a server before 1.4 cannot tell', async () => {
  const old = createServer((request, response) => {
    const query = new URL(request.url!, 'http://x').searchParams.get('q') ?? '';
    const series = /^show databases/i.test(query)
      ? [{ name: 'databases', columns: ['name'], values: [['bridgewatch']] }]
      : [];
    const isKnown = !/cardinality/i.test(query);
    const error = 'error parsing query: found EXACT, expected FROM, WHERE at line 1, char 13';
    response.writeHead(request.url!.startsWith('/query') ? (isKnown ? 200 : 400) : 204, {
      'x-influxdb-version': '1.3.9',
      'content-type': 'application/json',
    });
    response.end(
      request.url!.startsWith('/query')
        ? JSON.stringify(isKnown ? { results: [{ series }] } : { error })
        : '',
    );
  });
  old.listen(0, '127.0.0.1');
  await once(old, 'listening');
  const sink = sinkOf(`http://127.0.0.1:${(old.address() as AddressInfo).port}`, {});

  const found = await inspectInfluxdb(sink, never);

  expect(found.find(({ check }) => check === 'series of bridgewatch_traffic')).toEqual({
    check: 'series of bridgewatch_traffic',
    outcome: 'ok',
    detail: 'this server cannot count them; 1.4 and later can',
  });
  await sink.close();
  old.closeAllConnections();
  old.close();
});
