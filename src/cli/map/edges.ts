/**
 * Who talks with whom: the flows of a window of time, summed by the labels of their ends, port and protocol. Pure; the
 * window's end is given, no clock is read.
 */
import { workloadLabel } from '../../model/network.ts';
import type { PublicEndpoint, PublicFlow } from '../../model/serialize.ts';
import { formatMicros, MICROS_PER_SECOND, type Micros, parseMicros } from '../../model/time.ts';
import type { EdgeRecord } from '../lib/records.ts';

export interface EdgeWindow {
  readonly from: Micros;
  readonly to: Micros;
  /** A flow that goes on is recorded this often: after its last record it is taken to go on this long. */
  readonly recordedEverySecs: number;
}

interface Sum {
  readonly flow: PublicFlow;
  readonly orig: string;
  readonly resp: string;
  bytes: number;
  flows: number;
  since: Micros;
  last: Micros;
}

/** Shorter flows count as this long: their bytes have no rate. */
const LEAST_MICROS = MICROS_PER_SECOND;

/** The busiest first. Flows that do not reach into the window are left out. */
export function edgesOf(flows: Iterable<PublicFlow>, window: EdgeWindow): EdgeRecord[] {
  const sums = new Map<string, Sum>();
  for (const flow of flows) add(sums, flow, window);
  const secs = Math.max(1, (window.to - window.from) / MICROS_PER_SECOND);
  return [...sums.values()]
    .map((sum) => toRecord(sum, window, secs))
    .sort((a, b) => b.bytesPerSecond - a.bytesPerSecond || (nameOf(a) < nameOf(b) ? -1 : 1));
}

function add(sums: Map<string, Sum>, flow: PublicFlow, window: EdgeWindow): void {
  const start = parseMicros(flow.start);
  const last = parseMicros(flow.end);
  if (start === undefined || last === undefined) return;
  const goesOn = flow.reason === 'active';
  const end = goesOn ? Math.min(window.to, last + window.recordedEverySecs * MICROS_PER_SECOND) : last;
  if (end < window.from || start > window.to) return;
  const orig = endLabel(flow.nat?.client ?? flow.orig);
  const resp = endLabel(flow.resp);
  const key = JSON.stringify([networkOf(flow), orig, resp, flow.protocol, flow.resp.port, flow.direction]);
  const known = sums.get(key) ?? { flow, orig, resp, bytes: 0, flows: 0, since: start, last };
  sums.set(key, known);
  known.bytes += bytesWithin(flow, start, last, end, window);
  known.flows++;
  known.since = Math.min(known.since, start);
  known.last = Math.max(known.last, last);
}

/**
 * A record tells the bytes of a whole life, not when they went. They are spread over it evenly, and one that goes on is
 * taken to go on alike.
 */
function bytesWithin(flow: PublicFlow, start: Micros, last: Micros, end: Micros, window: EdgeWindow): number {
  const bytes = flow.origBytes + flow.respBytes;
  if (start >= window.from && end === last) return bytes;
  const overlap = Math.min(end, window.to) - Math.max(start, window.from);
  return (bytes * Math.max(0, overlap)) / Math.max(LEAST_MICROS, last - start);
}

function toRecord({ flow, orig, resp, bytes, flows, since, last }: Sum, window: EdgeWindow, secs: number) {
  return {
    kind: 'edge',
    time: formatMicros(window.to),
    windowSecs: Number(secs.toFixed(3)),
    network: networkOf(flow),
    orig,
    resp,
    ...(flow.resp.port === undefined ? {} : { respPort: flow.resp.port }),
    protocol: flow.protocol,
    direction: flow.direction,
    bytesPerSecond: Math.round(bytes / secs),
    flows,
    since: formatMicros(since),
    last: formatMicros(last),
  } satisfies EdgeRecord;
}

function networkOf(flow: PublicFlow): string {
  return flow.network?.name ?? flow.interface;
}

/** An outside name without its address, because one name may have many; see `flows` for those. */
export function endLabel({ workload, attribution, scope, names, ip }: PublicEndpoint): string {
  if (workload !== undefined) return workloadLabel(workload);
  if (attribution.candidates !== undefined && attribution.candidates.length > 0 && scope === 'container')
    return `${attribution.candidates.join('|')}?`;
  return `${scope} ${names[0] ?? ip}`;
}

function nameOf({ network, orig, resp, respPort, protocol }: EdgeRecord): string {
  return `${network} ${orig} ${resp} ${respPort ?? ''} ${protocol}`;
}
