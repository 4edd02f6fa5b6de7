/**
 * What the agent that runs on this store says of itself, for `doctor`: its own words and numbers, those of the heartbeat and of
 * /metrics. Nothing is measured here a second time.
 */
import type { Diagnosis } from '../../model/diagnosis.ts';
import type { MetricFamily, MetricSample } from '../../model/metric.ts';
import type { MetricName } from '../../model/metric-catalogue.ts';
import { MICROS_PER_SECOND, wallMicros } from '../../model/time.ts';
import type { AuditConfig } from '../../sensor/audit/config.ts';
import { diagnoseLastAudit } from '../audit/last.ts';
import { AgentClientError, agentRequest } from '../lib/agent-client.ts';
import { HEARTBEAT_STALE_MS, heartbeatPath, readHeartbeat } from '../lib/heartbeat.ts';

const RECENT_MINUTES = 15;
const NAMED_LOSSES = 8;
/** Of a thousand records: more than all places together tell in that time. */
const MAX_PAGES = 20;

/** One line: whether it lives, and what it says is wrong. */
export function diagnoseHeartbeat(storePath: string): Diagnosis {
  const check = 'agent';
  const heartbeat = readHeartbeat(heartbeatPath(storePath));
  if ('missing' in heartbeat) return { check, outcome: 'fail', detail: heartbeat.missing };
  const age = Date.now() - heartbeat.time;
  const { pid, problems } = heartbeat;
  if (age > HEARTBEAT_STALE_MS) {
    return {
      check,
      outcome: 'fail',
      detail: `pid ${pid} gave its last sign of life ${Math.round(age / 1000)} s ago`,
    };
  }
  if (problems.length > 0)
    return { check, outcome: 'warn', detail: `pid ${pid} lives; ${problems.join('; ')}` };
  return { check, outcome: 'ok', detail: `pid ${pid} lives` };
}

/** Each part of the agent that runs; one line that says so when none does, which is no fault. */
export async function diagnoseRunningAgent(storePath: string, audit: AuditConfig): Promise<Diagnosis[]> {
  const heartbeat = diagnoseHeartbeat(storePath);
  if (heartbeat.outcome === 'fail')
    return [{ check: 'agent', outcome: 'ok', detail: `none runs with this database: ${heartbeat.detail}` }];
  try {
    const families = await askMetrics(storePath);
    return [
      heartbeat,
      packets(families),
      recentLosses(await askLosses(storePath)),
      await diagnoseLastAudit(storePath, audit),
      ...sinks(families),
    ];
  } catch (error) {
    if (!(error instanceof AgentClientError)) throw error;
    return [heartbeat, { check: 'agent API', outcome: 'warn', detail: error.message }];
  }
}

async function askMetrics(storePath: string): Promise<readonly MetricFamily[]> {
  const { status, json } = await agentRequest(storePath, 'GET', '/metrics');
  if (status === 200 && Array.isArray(json)) return json as MetricFamily[];
  throw new AgentClientError('AGENT_NONSENSE', `the agent answered ${status} when asked for its metrics`);
}

interface Loss {
  readonly source: string;
  readonly where: string;
  readonly count: number;
}

/** Those that were recorded lately, by place. A page may be empty and yet have a next one. */
async function askLosses(storePath: string): Promise<readonly Loss[]> {
  const losses: Loss[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = new URLSearchParams({ filter: 'kind:loss', since: `${RECENT_MINUTES}m`, limit: '1000' });
    if (cursor !== undefined) query.set('cursor', cursor);
    const { status, json } = await agentRequest(storePath, 'GET', `/api/v1/events?${query}`);
    const { items, next } = (json ?? {}) as { readonly items?: readonly Loss[]; readonly next?: string };
    if (status !== 200 || !Array.isArray(items))
      throw new AgentClientError('AGENT_NONSENSE', `the agent answered ${status} when asked for losses`);
    losses.push(...items);
    if (next === undefined) break;
    cursor = next;
  }
  return losses;
}

function packets(families: readonly MetricFamily[]): Diagnosis {
  const check = 'packets';
  const read = sumOf(families, 'bridgewatch_captured_packets_total');
  if (read === undefined)
    return { check, outcome: 'warn', detail: 'the sensor tells nothing of what it captures' };
  const byKernel = sumOf(families, 'bridgewatch_kernel_dropped_packets_total') ?? 0;
  const byInterface = sumOf(families, 'bridgewatch_interface_dropped_packets_total') ?? 0;
  const taps = sumOf(families, 'bridgewatch_open_taps') ?? 0;
  const detail = `${read} read through ${taps} taps since its start, ${byKernel} dropped by the kernel, ${byInterface} by interfaces`;
  return { check, outcome: 'ok', detail };
}

function recentLosses(losses: readonly Loss[]): Diagnosis {
  const check = 'losses';
  const within = `in the last ${RECENT_MINUTES} minutes`;
  if (losses.length === 0) return { check, outcome: 'ok', detail: `none ${within}` };
  const sums = new Map<string, number>();
  for (const { source, where, count } of losses) {
    const place = `${source} (${where})`;
    sums.set(place, (sums.get(place) ?? 0) + count);
  }
  const largest = [...sums].sort(([, a], [, b]) => b - a);
  const said = largest.slice(0, NAMED_LOSSES).map(([place, count]) => `${count} in ${place}`);
  const more = largest.length - said.length;
  if (more > 0) said.push(`and ${more} places more`);
  return {
    check,
    outcome: 'warn',
    detail: `${within}: ${said.join(', ')}`,
    advice: 'docs/losses.md says what each is, and what helps',
  };
}

function sinks(families: readonly MetricFamily[]): Diagnosis[] {
  const states = samplesOf(families, 'bridgewatch_sink_state').filter(({ value }) => value === 1);
  return states.map(({ labels }): Diagnosis => {
    const { sink = '', state = '' } = labels;
    const of = (name: MetricName) => sumOf(families, name, { sink }) ?? 0;
    const waiting = of('bridgewatch_sink_queued_records');
    const dead = of('bridgewatch_sink_dead_letters_total');
    const lost = of('bridgewatch_sink_lost_records_total');
    const age = Math.round(of('bridgewatch_sink_oldest_queued_seconds'));
    const last = of('bridgewatch_sink_last_success_timestamp_seconds');
    const parts = [
      state,
      waiting === 0 ? 'nothing waits' : `${waiting} wait, the oldest for ${age} s`,
      last === 0
        ? 'nothing sent yet'
        : `last sent ${Math.max(0, Math.round(wallMicros() / MICROS_PER_SECOND - last))} s ago`,
      ...(dead === 0 ? [] : [`${dead} refused for good (dead_letters)`]),
      ...(lost === 0 ? [] : [`${lost} given up`]),
    ];
    const isWell = state === 'ok' && dead + lost === 0;
    return { check: `queue ${sink}`, outcome: isWell ? 'ok' : 'warn', detail: parts.join('; ') };
  });
}

function samplesOf(families: readonly MetricFamily[], wanted: MetricName): readonly MetricSample[] {
  return families.filter(({ name }) => name === wanted).flatMap(({ samples }) => samples);
}

/** Undefined when the agent does not tell it. */
function sumOf(
  families: readonly MetricFamily[],
  name: MetricName,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const wanted = Object.entries(labels);
  const samples = samplesOf(families, name).filter((sample) =>
    wanted.every(([label, value]) => sample.labels[label] === value),
  );
  return samples.length === 0 ? undefined : samples.reduce((sum, { value }) => sum + value, 0);
}
