import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MetricFamily, sample } from '../../../src/model/metric.ts';
import { labelsOf, METRICS, type MetricName, metric } from '../../../src/model/metric-catalogue.ts';
import { expose } from '../../../src/station/api/exposition.ts';
import { finding } from '../support/records.ts';
import { startTestApi, type TestApi } from './support.ts';

let api: TestApi;

beforeEach(async () => {
  api = await startTestApi();
});

afterEach(() => api.stop());

const captured = metric('bridgewatch_captured_packets_total', [
  sample(7, { vantage: 'bridge', network: 'shop_data' }),
]);

describe('GET /metrics', () => {
  it('tells of both wings, in text format 0.0.4', async () => {
    api.station.hearState({ problems: [], metrics: [captured] });
    await api.receive(finding(1));
    const { status, headers, text } = await api.ask('/metrics', { via: 'tcp' });

    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text).toContain('bridgewatch_captured_packets_total{vantage="bridge",network="shop_data"} 7\n');
    expect(text).toContain('\nbridgewatch_store_healthy 1\n');
    expect(text).toMatch(/\nbridgewatch_store_written_records_total [1-9]/);
    expect(text).toMatch(/\nbridgewatch_process_resident_memory_bytes\{process="station"\} \d{8}/);
    expect(text).toMatch(/\nbridgewatch_build_info\{version="[^"]+",node="[^"]+"\} 1\n/);
  });

  it('is OpenMetrics for who asks for it', async () => {
    api.station.hearState({ problems: [], metrics: [captured] });
    const { headers, text } = await api.ask('/metrics', {
      headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' },
    });

    expect(headers['content-type']).toContain('application/openmetrics-text; version=1.0.0');
    expect(text).toContain('# TYPE bridgewatch_captured_packets counter\n');
    expect(text).toContain('bridgewatch_captured_packets_total{vantage="bridge",network="shop_data"} 7\n');
    expect(text.endsWith('# EOF\n')).toBe(true);
  });

  it('is the families themselves as JSON', async () => {
    api.station.hearState({ problems: [], metrics: [captured] });
    const { json } = await api.ask('/metrics', { headers: { accept: 'application/json' } });

    expect((json as MetricFamily[]).find(({ name }) => name === captured.name)).toEqual(captured);
  });

  it('counts requests by route, never by what was asked for', async () => {
    await api.ask('/api/v1/status');
    await api.ask('/api/v1/findings/0123456789abcdef');
    await api.ask('/no/such/thing');
    const { text } = await api.ask('/metrics');

    expect(text).toContain('bridgewatch_api_requests_total{route="/api/v1/status",status="2xx"} 1\n');
    expect(text).toContain('bridgewatch_api_requests_total{route="/api/v1/findings/{id}",status="4xx"} 1\n');
    expect(text).toContain('bridgewatch_api_requests_total{route="_unknown",status="4xx"} 1\n');
    expect(text).not.toContain('0123456789abcdef');
    expect(text).not.toContain('such');
  });

  it('says nothing in the name of a sensor that never spoke', async () => {
    const { text } = await api.ask('/metrics');

    expect(text).not.toContain('bridgewatch_sensor_silence_seconds');
    expect(text).not.toContain('bridgewatch_captured_packets_total');
  });
});

describe('an exposition', () => {
  const textOf = async (...families: MetricFamily[]) => (await expose(families, undefined)).text;

  it('escapes the name of a network', async () => {
    const hostile = 'a"b\\c\nbridgewatch_fake 1';
    const text = await textOf(
      metric('bridgewatch_captured_bytes_total', [sample(1, { vantage: 'bridge', network: hostile })]),
    );

    expect(text).toContain('network="a\\"b\\\\c\\nbridgewatch_fake 1"} 1');
    expect(text).not.toMatch(/^bridgewatch_fake/m);
  });

  it('believes no names but those of the catalogue, and no number that is none', async () => {
    const made: MetricFamily = { name: 'evil_total', help: 'x', type: 'counter', samples: [sample(1)] };

    expect(await textOf(made)).not.toContain('evil');
    expect(await textOf(metric('bridgewatch_active_flows', Number.NaN))).not.toContain('NaN');
    expect(await textOf(metric('bridgewatch_flows_total', -1))).toContain('bridgewatch_flows_total 0');
  });

  it('has a family once, whoever tells of it', async () => {
    const of = (process: string) => metric('bridgewatch_process_heap_bytes', [sample(1, { process })]);

    expect(((await textOf(of('sensor'), of('station'))).match(/# TYPE/g) ?? []).length).toBe(1);
  });
});

describe('the catalogue', () => {
  const names = Object.keys(METRICS) as MetricName[];

  it.each(names)('%s: its name has a unit, its help a sentence, its labels are bounded', (name) => {
    expect(name).toMatch(/^bridgewatch_[a-z][a-z0-9_]*$/);
    expect(name).not.toMatch(/_(ms|millis|micros|kb|mb|count|sum|bucket|percent)(_total)?$/);
    expect(METRICS[name].help).toMatch(/^[A-Z].*\.$/);
    const bounded = [
      'vantage',
      'network',
      'kind',
      'code',
      'source',
      'analyzer',
      'window',
      'severity',
      'method',
    ];
    const ours = [
      'confidence',
      'process',
      'statistic',
      'version',
      'node',
      'state',
      'lane',
      'outcome',
      'sink',
      'route',
      'status',
    ];
    for (const label of labelsOf(name)) expect([...bounded, ...ours]).toContain(label);
  });
});

describe('GET /healthz and /readyz', () => {
  it('the process is alive', async () => {
    expect(await api.ask('/healthz', { via: 'tcp' })).toMatchObject({ status: 200, json: { alive: true } });
  });

  it('is not ready before the sensor spoke, and is once it did', async () => {
    expect(await api.ask('/readyz')).toMatchObject({
      status: 503,
      json: { ready: false, reasons: ['the sensor has told nothing yet'] },
    });
    api.station.hearState({ problems: [], metrics: [] });
    expect(await api.ask('/readyz', { via: 'tcp' })).toMatchObject({
      status: 200,
      json: { ready: true, reasons: [] },
    });
  });

  it('a problem of the sensor does not make it unready', async () => {
    api.station.hearState({ problems: ['no Docker engine'], metrics: [] });

    expect((await api.ask('/readyz')).status).toBe(200);
  });
});
