/** Metrics as Prometheus reads them: text format 0.0.4, or OpenMetrics 1.0 for who asks for that. */
import { Counter, Gauge, Registry, type RegistryContentType } from 'prom-client';
import { type MetricFamily, mergedFamilies } from '../../model/metric.ts';
import { labelsOf, METRICS, type MetricName } from '../../model/metric-catalogue.ts';

export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/** What the catalogue does not have is left out: the sensor is believed no names. Each call is complete in itself. */
export async function expose(
  families: readonly MetricFamily[],
  accept: string | undefined,
): Promise<Exposition> {
  const isOpenMetrics = /\bapplication\/openmetrics-text\b/i.test(accept ?? '');
  const registry: Registry<RegistryContentType> = new Registry();
  if (isOpenMetrics) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const family of mergedFamilies(families)) register(registry, family);
  return { contentType: registry.contentType, text: await registry.metrics() };
}

function register(registry: Registry<RegistryContentType>, { name, samples }: MetricFamily): void {
  if (!isKnown(name) || samples.length === 0) return;
  const options = {
    name,
    help: METRICS[name].help,
    labelNames: [...labelsOf(name)],
    registers: [registry],
  };
  const finite = samples.filter(({ value }) => Number.isFinite(value));
  if (name.endsWith('_total')) {
    const counter = new Counter(options);
    for (const { labels, value } of finite) counter.inc({ ...labels }, Math.max(0, value));
  } else {
    const gauge = new Gauge(options);
    for (const { labels, value } of finite) gauge.set({ ...labels }, value);
  }
}

function isKnown(name: string): name is MetricName {
  return Object.hasOwn(METRICS, name);
}
