import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MetricFamily, sample } from '../../src/model/metric.ts';
import { labelsOf, METRICS, type MetricName, metric } from '../../src/model/metric-catalogue.ts';
import { expose } from '../../src/station/api/exposition.ts';
import { startTestApi, type TestApi } from '../station/api/support.ts';
import { until } from '../station/support/harness.ts';
import { PROMETHEUS_MISSING, type Prometheus, promtool, startPrometheus } from '../support/prometheus.ts';

if (PROMETHEUS_MISSING !== undefined) console.warn(`SKIPPED prometheus.test.ts: ${PROMETHEUS_MISSING}`);

/** As no engine would let one be called. */
const HOSTILE = 'a"b\\c\nbridgewatch_active_flows 99\n# TYPE x';

/** One sample of every metric there is. */
function everything(): MetricFamily[] {
  return (Object.keys(METRICS) as MetricName[]).map((name) =>
    metric(name, [sample(3, Object.fromEntries(labelsOf(name).map((label) => [label, `a-${label}`])))]),
  );
}

describe.skipIf(PROMETHEUS_MISSING !== undefined)('promtool', () => {
  it('has nothing to say against any metric', async () => {
    const { text } = await expose(everything(), undefined);

    expect(text.match(/^# TYPE/gm)).toHaveLength(Object.keys(METRICS).length);
    expect(promtool(['check', 'metrics'], text)).toEqual({ code: 0, said: '' });
  });

  it('would have, if there were something', async () => {
    const { text } = await expose([metric('bridgewatch_flows_total', 1)], undefined);

    expect(promtool(['check', 'metrics'], text.replaceAll('flows_total', 'flows')).code).not.toBe(0);
  });

  it('takes the example alert rules, which name metrics that exist', async () => {
    const rules = fileURLToPath(new URL('../../docs/examples/bridgewatch.rules.yml', import.meta.url));
    const { code, said } = promtool(['check', 'rules', rules]);

    expect(code, said).toBe(0);
    expect(said).toContain('3 rules found');
  });
});

describe.skipIf(PROMETHEUS_MISSING !== undefined)('Prometheus, the real one', () => {
  let api: TestApi;
  let prometheus: Prometheus;

  beforeAll(async () => {
    api = await startTestApi({ now: () => Date.now() * 1000 });
    prometheus = await startPrometheus(api.port());
  });

  afterAll(async () => {
    await prometheus?.dispose();
    await api?.stop();
  });

  async function scraped(promql: string, value: number) {
    await until(`Prometheus has ${promql} ${value}`, async () => {
      api.station.hearState({ problems: [], metrics: sensor });
      return (await prometheus.query(promql)).some((series) => series.value === value);
    });
    return prometheus.query(promql);
  }

  let sensor: MetricFamily[] = [];

  it('reads what the agent tells, over loopback without a token', async () => {
    sensor = [metric('bridgewatch_active_flows', 12)];

    expect(await scraped('bridgewatch_active_flows', 12)).toHaveLength(1);
    expect(await prometheus.query('up')).toMatchObject([{ value: 1 }]);
    expect(await prometheus.query('bridgewatch_store_healthy')).toMatchObject([{ value: 1 }]);
    expect(await prometheus.lastError()).toBe('');
  });

  it('reads every metric there is, whole', async () => {
    // What the station tells itself it tells better.
    sensor = everything().filter(
      ({ name }) => !/_(store|sink|process|api|build|event_loop)_|silence/.test(name),
    );
    await scraped('bridgewatch_flows_total', 3);

    expect(await prometheus.lastError()).toBe('');
    const names = (await prometheus.query('count by (__name__) ({job="bridgewatch"})')).map(
      ({ metric: { __name__ } }) => __name__,
    );
    expect(names).toEqual(expect.arrayContaining(sensor.map(({ name }) => name)));
  });

  it('gets the name of a network as it is, whatever it is', async () => {
    sensor = [
      metric('bridgewatch_captured_packets_total', [sample(5, { vantage: 'bridge', network: HOSTILE })]),
    ];
    const [series] = await scraped('bridgewatch_captured_packets_total', 5);

    expect(series!.metric['network']).toBe(HOSTILE);
    expect(await prometheus.query('bridgewatch_active_flows == 99')).toEqual([]);
  });
});
