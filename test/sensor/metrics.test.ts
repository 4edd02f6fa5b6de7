import { describe, expect, it } from 'vitest';
import { analyzers } from '../../analyzers/index.ts';
import type { MetricFamily } from '../../src/model/metric.ts';
import { labelsOf, METRICS, type MetricName } from '../../src/model/metric-catalogue.ts';
import { sensorMetrics } from '../../src/sensor/metrics.ts';
import { CountedSender } from '../../src/sensor/record-counts.ts';
import { CaptureCounts } from '../../src/sensor/taps/capture-counts.ts';
import { dnsQuery } from '../support/packet-builder.ts';
import { at, connection, datagram, IP, segment, startPipeline } from './pipeline-run.ts';

/** Stands in names, questions and payloads of the traffic below, and must stand nowhere else. */
const MARK = 'from-the-wire';

function told(): MetricFamily[] {
  const run = startPipeline({ analyzers, flows: { max_flows: 1024 } });
  const tap = run.tap();
  run.feed(tap, [
    ...connection(1, { src: IP.api, dst: IP.db }),
    at(
      2,
      datagram({ src: IP.db, dst: IP.outside, sport: 40_000, dport: 53 }, dnsQuery({ name: `${MARK}.test` })),
    ),
    at(3, segment({ src: IP.db, dst: IP.outside, sport: 40_001, dport: 443, flags: 'S' })),
    at(4, new Uint8Array([...new Array(12).fill(2), 8, 0, 0x45, 0])),
  ]);
  const counted = new CountedSender(
    { send: () => {}, remember: () => {}, sendEvidence: () => {}, evidenceRoomBytes: 0, evidenceListener: 0 },
    () => {},
  );
  for (const record of run.records) counted.send(record);
  const captured = new CaptureCounts();
  captured.begin('bridge', 'data').count.packets += 9;
  return sensorMetrics({
    parts: [run.pipeline, counted, captured],
    attribution: { 'mac+ip/certain': 3, 'none/none': 1 },
    findingsOpen: 1,
    isEngineConnected: false,
    problems: 2,
    inventory: { network: 2, container: 3 },
  });
}

function valueIn(families: readonly MetricFamily[], name: MetricName, labels = {}): number | undefined {
  const samples = families.find((family) => family.name === name)?.samples ?? [];
  return samples.find((sample) => JSON.stringify(sample.labels) === JSON.stringify(labels))?.value;
}

describe('what the sensor tells of itself', () => {
  const families = told();

  it('is what happened', () => {
    expect(valueIn(families, 'bridgewatch_flows_total')).toBe(3);
    expect(valueIn(families, 'bridgewatch_active_flows')).toBe(3);
    expect(valueIn(families, 'bridgewatch_flow_table_capacity')).toBe(1024);
    expect(valueIn(families, 'bridgewatch_dns_questions_total')).toBe(1);
    expect(valueIn(families, 'bridgewatch_engine_connected')).toBe(0);
    expect(valueIn(families, 'bridgewatch_sensor_problems')).toBe(2);
    expect(valueIn(families, 'bridgewatch_anomalies_total', { code: 'ipv4-header-truncated' })).toBe(1);
    expect(
      valueIn(families, 'bridgewatch_attributions_total', { method: 'mac+ip', confidence: 'certain' }),
    ).toBe(3);
    expect(valueIn(families, 'bridgewatch_inventory_objects', { kind: 'container' })).toBe(3);
  });

  it('is in the catalogue, with its type, and has no labels but those', () => {
    for (const { name, type, samples } of families) {
      expect(Object.keys(METRICS)).toContain(name);
      expect(type).toBe(name.endsWith('_total') ? 'counter' : 'gauge');
      for (const { labels } of samples)
        expect(labelsOf(name as MetricName)).toEqual(expect.arrayContaining(Object.keys(labels)));
    }
    expect(new Set(families.map(({ name }) => name)).size).toBe(families.length);
  });

  it('has no word of the traffic in it, no address and no container', () => {
    const values = families.flatMap(({ samples }) => samples.flatMap(({ labels }) => Object.values(labels)));

    expect(values.length).toBeGreaterThan(10);
    for (const value of values) {
      expect(value).not.toContain(MARK);
      expect(value).not.toMatch(/\d+\.\d+\.\d+|::|shop|\//);
    }
  });
});
