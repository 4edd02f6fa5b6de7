/**
 * What is counted and measured of the agent itself, as Prometheus models it: families of samples, told between the wings
 * as plain data. Names and labels follow https://prometheus.io/docs/practices/naming; labels are bounded sets.
 */

export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricFamily {
  /** `bridgewatch_kernel_dropped_packets_total`: unit at the end, `_total` for counters. */
  readonly name: string;
  /** One sentence, for an operator. */
  readonly help: string;
  /** A counter only rises while the process lives. */
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly MetricSample[];
}

export function sample(value: number, labels: MetricSample['labels'] = {}): MetricSample {
  return { labels, value };
}

/** A table of counts as samples of one label. */
export function samplesBy(label: string, counts: Iterable<readonly [string, number]>): MetricSample[] {
  return Array.from(counts, ([key, value]) => sample(value, { [label]: key }));
}

/** Families that several tell, as one each: its name may stand in an exposition once. */
export function mergedFamilies(families: Iterable<MetricFamily>): MetricFamily[] {
  const byName = new Map<string, MetricFamily>();
  for (const family of families) {
    const known = byName.get(family.name);
    const samples = known === undefined ? family.samples : [...known.samples, ...family.samples];
    byName.set(family.name, { ...family, samples });
  }
  return [...byName.values()];
}
