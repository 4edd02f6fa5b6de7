/** What the station tells of itself: made of the same status that the heartbeat and `/api/v1/status` tell. */
import { type MetricFamily, type MetricSample, sample, samplesBy } from '../model/metric.ts';
import { metric } from '../model/metric-catalogue.ts';
import { MICROS_PER_SECOND, type Micros } from '../model/time.ts';
import type { OutletStatus } from './sinks/outlet.ts';
import type { StationStatus } from './station.ts';
import type { StoreStatus } from './store/store.ts';

const SINK_STATES: readonly OutletStatus['state'][] = ['ok', 'retrying', 'refused'];

export function stationMetrics(status: StationStatus, now: Micros): MetricFamily[] {
  return [
    ...storeMetrics(status.store),
    metric('bridgewatch_evidence_files', status.evidence.files),
    metric('bridgewatch_evidence_file_bytes', status.evidence.bytes),
    ...sinkMetrics(status.sinks, now),
  ];
}

function storeMetrics({ state, bytes, written, shed, buffered }: StoreStatus): MetricFamily[] {
  return [
    metric('bridgewatch_store_healthy', state === 'ok' ? 1 : 0),
    // Unknown while it fails, which is not none.
    metric('bridgewatch_store_bytes', bytes === undefined ? [] : bytes),
    metric('bridgewatch_store_written_records_total', written),
    metric('bridgewatch_store_shed_records_total', shed),
    metric('bridgewatch_store_buffered_records', buffered),
  ];
}

function sinkMetrics(sinks: readonly OutletStatus[], now: Micros): MetricFamily[] {
  const each = (value: (sink: OutletStatus) => number): MetricSample[] =>
    samplesBy(
      'sink',
      sinks.map((sink) => [sink.sink, value(sink)]),
    );
  return [
    metric(
      'bridgewatch_sink_state',
      sinks.flatMap(({ sink, state }) =>
        SINK_STATES.map((word) => sample(word === state ? 1 : 0, { sink, state: word })),
      ),
    ),
    metric(
      'bridgewatch_sink_queued_records',
      sinks.flatMap(({ sink, waiting }) =>
        Object.entries(waiting).map(([lane, count]) => sample(count, { sink, lane })),
      ),
    ),
    metric(
      'bridgewatch_sink_oldest_queued_seconds',
      each((sink) => waitingSecs(sink, now)),
    ),
    metric(
      'bridgewatch_sink_sent_records_total',
      each(({ sent }) => sent),
    ),
    metric(
      'bridgewatch_sink_passed_records_total',
      each(({ passed }) => passed),
    ),
    metric(
      'bridgewatch_sink_failures_total',
      each(({ failures }) => failures),
    ),
    metric(
      'bridgewatch_sink_dead_letters_total',
      each(({ deadLetters }) => deadLetters),
    ),
    metric(
      'bridgewatch_sink_lost_records_total',
      each(({ dropped }) => dropped),
    ),
    metric(
      'bridgewatch_sink_last_success_timestamp_seconds',
      sinks.flatMap(({ sink, lastSent }) =>
        lastSent === undefined ? [] : [sample(lastSent / MICROS_PER_SECOND, { sink })],
      ),
    ),
  ];
}

/** For how long the oldest that waits for the sink has waited, at most; 0 when none does. */
export function waitingSecs({ oldestWaiting }: Pick<OutletStatus, 'oldestWaiting'>, now: Micros): number {
  return oldestWaiting === undefined ? 0 : Math.max(0, now - oldestWaiting) / MICROS_PER_SECOND;
}
