/**
 * Every metric there is, in the order of docs/metrics.md, which is made of this. A name that ends with `_total` is a counter, any
 * other a gauge. Labels are bounded sets of our own words, each named in LABELS.
 */
import type { MetricFamily, MetricSample } from './metric.ts';

/** What each label can be, for the page and for whoever adds one: nothing from the wire, no name of a container. */
export const LABELS = {
  vantage:
    '`bridge` (networks), `container` (the DNS of all containers together), `uplink` (overlay networks in clear)',
  network:
    'Docker network by name, at most 256; those that went and had to make room are `_other`. Absent but for `bridge`',
  kind: 'kind of record or object',
  code: 'anomaly code',
  source: 'source of a loss record, see losses.md',
  analyzer: 'id of a detector',
  window: "name of a detector's bounded window",
  severity: 'severity of a finding, or of what an audit finds',
  method: 'method of attribution',
  confidence: 'confidence of attribution',
  process: '`sensor`, `station`',
  statistic: '`p50`, `p99`, `max`',
  version: 'version of Bridgewatch',
  node: 'version of Node',
  outcome:
    'how it ended: `whole`, `limit` (at its bound), `cut` (a graver one took its place, or the agent stopped), `refused`; of an audit: `done`, `failed`',
  state: 'one of a few words; the one that holds is 1, the others 0',
  lane: '`finding`, `event`, `bulk`',
  sink: 'name of a sink, from the configuration',
  route: 'route of the API as OpenAPI names it; `_unknown` for all others',
  status: 'status class: `2xx`, `4xx`, `5xx`',
} as const;

interface Described {
  readonly help: string;
  readonly labels?: readonly (keyof typeof LABELS)[];
}

export const METRICS = {
  bridgewatch_build_info: {
    help: 'Always 1; its labels tell what runs.',
    labels: ['version', 'node'],
  },
  bridgewatch_captured_packets_total: {
    help: 'Packets that were read.',
    labels: ['vantage', 'network'],
  },
  bridgewatch_captured_bytes_total: {
    help: 'Bytes on the wire of the packets that were read.',
    labels: ['vantage', 'network'],
  },
  bridgewatch_kernel_dropped_packets_total: {
    help: "Packets for which the kernel's ring had no room: raise capture.buffer_bytes, or narrow capture.filter.",
    labels: ['vantage', 'network'],
  },
  bridgewatch_interface_dropped_packets_total: {
    help: 'Packets that the interface itself dropped while it was tapped.',
    labels: ['vantage', 'network'],
  },
  bridgewatch_open_taps: { help: 'Taps that are open.', labels: ['vantage'] },
  bridgewatch_sensor_problems: {
    help: 'What keeps the sensor from seeing all, a closed tap for one; `doctor --health` has a line for each.',
  },
  bridgewatch_active_flows: { help: 'Flows in the flow table.' },
  bridgewatch_flow_table_capacity: { help: 'Flows that the flow table has room for: flows.max_flows.' },
  bridgewatch_flows_total: { help: 'Flows that began.' },
  bridgewatch_evicted_flows_total: { help: 'Flows that were ended early, because the flow table was full.' },
  bridgewatch_dns_questions_total: { help: 'DNS questions, retransmissions and second views aside.' },
  bridgewatch_dns_pending_questions: { help: 'Questions that wait for their answer or their other view.' },
  bridgewatch_anomalies_total: { help: 'Malformed traffic.', labels: ['code'] },
  bridgewatch_attributions_total: {
    help: 'Addresses that were named, by how and how surely; of `none` nothing is known.',
    labels: ['method', 'confidence'],
  },
  bridgewatch_records_total: { help: 'Records that the sensor told.', labels: ['kind'] },
  bridgewatch_findings_total: {
    help: 'Findings that were opened, with the severity that they opened with.',
    labels: ['analyzer', 'severity'],
  },
  bridgewatch_open_findings: { help: 'Findings that are open now.' },
  bridgewatch_losses_total: {
    help: 'What the sensor lost: packets, flows or records, as losses.md says for each source.',
    labels: ['source'],
  },
  bridgewatch_analyzer_entries: {
    help: "Entries in a detector's bounded windows, all of them together.",
    labels: ['analyzer'],
  },
  bridgewatch_analyzer_evictions_total: {
    help: 'What a detector had to forget or pass over for want of room in a window.',
    labels: ['analyzer', 'window'],
  },
  bridgewatch_analyzer_failures_total: {
    help: 'Faults of a detector itself, which is switched off after ten; please report them.',
    labels: ['analyzer'],
  },
  bridgewatch_evidence_ring_bytes: {
    help: 'Memory that the packets of the last moments may take: evidence.ring_bytes in whole segments.',
  },
  bridgewatch_evidence_ring_seconds: {
    help: 'How far back they reach without a gap, at most evidence.ring_secs.',
  },
  bridgewatch_evidence_open_collections: {
    help: 'Findings and requests for which packets are being put aside.',
  },
  bridgewatch_evidence_collections_total: {
    help: 'Findings and requests for which packets were put aside, or were not: `refused`.',
    labels: ['outcome'],
  },
  bridgewatch_evidence_packets_total: { help: 'Packets that were put aside.' },
  bridgewatch_audit_runs_total: {
    help: 'Audits of the host: `done`, or `failed`, because the engine did not answer.',
    labels: ['outcome'],
  },
  bridgewatch_audit_failures: {
    help: 'What failed at the last audit, those too mild for a finding included.',
    labels: ['severity'],
  },
  bridgewatch_audit_findings: { help: 'Failures of audits that stand as findings now.' },
  bridgewatch_audit_unknown_checks: {
    help: 'Checks that could not answer at the last audit; `doctor` says why.',
  },
  bridgewatch_audit_duration_seconds: {
    help: 'How long the last audit took; other work went on meanwhile.',
  },
  bridgewatch_audit_last_timestamp_seconds: {
    help: 'When the last audit was done, in seconds since the epoch; absent before one was.',
  },
  bridgewatch_engine_connected: { help: 'Whether the Docker engine answers: 1 or 0.' },
  bridgewatch_inventory_objects: {
    help: 'Networks and containers that the engine has told of.',
    labels: ['kind'],
  },
  bridgewatch_channel_waiting_records: {
    help: 'Records that wait in the sensor to be told to the station.',
    labels: ['lane'],
  },
  bridgewatch_channel_unacknowledged_bytes: {
    help: 'What was told to the station, which has not said yet that it is on the disk.',
  },
  bridgewatch_channel_shed_records_total: {
    help: 'Records that the sensor gave up, because the station was away or slow for too long.',
  },
  bridgewatch_sensor_silence_seconds: {
    help: 'How long the station has heard nothing of the sensor, which tells how it is each two seconds.',
  },
  bridgewatch_store_healthy: { help: 'Whether the database takes what is written: 1 or 0.' },
  bridgewatch_evidence_files: { help: 'Files of packets that were put aside and are kept.' },
  bridgewatch_evidence_file_bytes: {
    help: 'What they take of the disk, those that grow included; store.evidence_max_bytes bounds it.',
  },
  bridgewatch_store_bytes: { help: 'What the database uses of its file.' },
  bridgewatch_store_written_records_total: { help: 'Records that were written to the database.' },
  bridgewatch_store_shed_records_total: {
    help: 'Records that could not be stored: the disk was full or away for too long.',
  },
  bridgewatch_store_buffered_records: { help: 'Records that wait in memory to be written.' },
  bridgewatch_sink_state: {
    help: 'How a sink is: `ok`; `retrying`, its peer is unwell; `refused`, it needs a person.',
    labels: ['sink', 'state'],
  },
  bridgewatch_sink_queued_records: { help: 'Records that wait for a sink.', labels: ['sink', 'lane'] },
  bridgewatch_sink_oldest_queued_seconds: {
    help: 'Age of the oldest record that waits for a sink; 0 when none does.',
    labels: ['sink'],
  },
  bridgewatch_sink_sent_records_total: { help: 'Records that a sink has delivered.', labels: ['sink'] },
  bridgewatch_sink_passed_records_total: {
    help: 'Records that are not for a sink, by its severity or filter.',
    labels: ['sink'],
  },
  bridgewatch_sink_failures_total: {
    help: 'Attempts of a sink that failed and were, or will be, made again.',
    labels: ['sink'],
  },
  bridgewatch_sink_dead_letters_total: {
    help: 'Records that the peer of a sink refused for good; they are kept in the table dead_letters.',
    labels: ['sink'],
  },
  bridgewatch_sink_lost_records_total: {
    help: 'Records that were given up before a sink had them.',
    labels: ['sink'],
  },
  bridgewatch_sink_last_success_timestamp_seconds: {
    help: 'When a sink delivered last, in seconds since the epoch; absent before it did.',
    labels: ['sink'],
  },
  bridgewatch_api_requests_total: {
    help: 'Requests that the API answered; those that were turned away at the door are not among them.',
    labels: ['route', 'status'],
  },
  bridgewatch_api_open_streams: { help: 'Clients that follow the live feed; api.max_streams bounds them.' },
  bridgewatch_process_cpu_seconds_total: {
    help: 'CPU time that a process has used, in user and in kernel mode.',
    labels: ['process'],
  },
  bridgewatch_process_resident_memory_bytes: {
    help: 'Memory that a process holds in RAM.',
    labels: ['process'],
  },
  bridgewatch_process_heap_bytes: { help: 'JavaScript objects in memory.', labels: ['process'] },
  bridgewatch_process_external_memory_bytes: {
    help: 'Memory that JavaScript objects hold outside the heap: buffers, the table of flows.',
    labels: ['process'],
  },
  bridgewatch_process_start_time_seconds: {
    help: 'When a process began, in seconds since the epoch.',
    labels: ['process'],
  },
  bridgewatch_event_loop_delay_seconds: {
    help: 'How late the event loop was, over ten seconds.',
    labels: ['process', 'statistic'],
  },
} as const satisfies Readonly<Record<`bridgewatch_${string}`, Described>>;

export type MetricName = keyof typeof METRICS;

/** `samples`: one number where there are no labels. */
export function metric(name: MetricName, samples: number | readonly MetricSample[]): MetricFamily {
  return {
    name,
    help: METRICS[name].help,
    type: name.endsWith('_total') ? 'counter' : 'gauge',
    samples: typeof samples === 'number' ? [{ labels: {}, value: samples }] : samples,
  };
}

export function labelsOf(name: MetricName): readonly string[] {
  const described: Described = METRICS[name];
  return described.labels ?? [];
}
