/**
 * A flow as the station keeps it: the columns by which flows are found, in their order, and the public JSON text. The
 * sensor makes it for the channel, so that the record is neither taken apart there nor put together again here: that cost
 * both sides more than the writing.
 */
import type { FlowRecord } from './flow.ts';
import { workloadTokens } from './name-tokens.ts';
import { serializeFlow } from './serialize-flow.ts';
import type { Micros } from './time.ts';

/** Null where the record has nothing, as in SQL. */
export type FlowRow = readonly [
  uid: string,
  start: Micros,
  end: Micros,
  network: string | null,
  /** See name-tokens.ts. */
  containers: string | null,
  origIp: string,
  respIp: string,
  respPort: number | null,
  protocol: string,
  direction: string,
  text: string,
];

export function flowRow(flow: FlowRecord, text = serializeFlow(flow)): FlowRow {
  const { orig, resp } = flow;
  return [
    flow.uid,
    flow.start,
    flow.end,
    flow.network?.name ?? null,
    workloadTokens([orig.workload, resp.workload]) ?? null,
    orig.ip,
    resp.ip,
    resp.port ?? null,
    flow.protocol,
    flow.direction,
    text,
  ];
}

/** The time by which it is ordered, as `recordTime` of the record. */
export function flowRowTime(row: FlowRow): Micros {
  return row[2];
}

export function flowRowText(row: FlowRow): string {
  return row[10];
}
