/** What the sensor tells of itself, put together from the parts that own the numbers. */

import { type MetricFamily, mergedFamilies, sample } from '../model/metric.ts';
import { metric } from '../model/metric-catalogue.ts';
import type { AttributionCounts } from './docker/attribution.ts';

/** Whoever counts something. */
export interface Counted {
  metrics(): readonly MetricFamily[];
}

export interface SensorFacts {
  readonly parts: readonly Counted[];
  readonly attribution: AttributionCounts;
  readonly findingsOpen: number;
  readonly isEngineConnected: boolean;
  /** Taps that should be open and are not, and the like; as many as `doctor --health` names. */
  readonly problems: number;
  /** Known objects of the engine, by kind. */
  readonly inventory: Readonly<Record<'network' | 'container', number>>;
}

export function sensorMetrics(facts: SensorFacts): MetricFamily[] {
  const { parts, attribution, findingsOpen, isEngineConnected, problems, inventory } = facts;
  return mergedFamilies([
    ...parts.flatMap((part) => part.metrics()),
    metric(
      'bridgewatch_attributions_total',
      Object.entries(attribution).map(([key, value]) => {
        const [method, confidence] = key.split('/') as [string, string];
        return sample(value, { method, confidence });
      }),
    ),
    metric('bridgewatch_open_findings', findingsOpen),
    metric('bridgewatch_engine_connected', isEngineConnected ? 1 : 0),
    metric('bridgewatch_sensor_problems', problems),
    metric(
      'bridgewatch_inventory_objects',
      Object.entries(inventory).map(([kind, value]) => sample(value, { kind })),
    ),
  ]);
}
