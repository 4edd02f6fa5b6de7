/** What goes over the channel: records, of a flow only its row. */
import type { FlowRecord } from './flow.ts';
import { type FlowRow, flowRow, flowRowText, flowRowTime } from './flow-row.ts';
import type { AgentRecord, RecordKind } from './record.ts';
import { recordTime, serializeRecord } from './serialize.ts';
import type { Micros } from './time.ts';

export type SentRecord = AgentRecord | FlowRow;

export function isFlowRow(record: SentRecord): record is FlowRow {
  return Array.isArray(record);
}

/** As it is sent to another process. */
export function packed(record: AgentRecord): Exclude<AgentRecord, FlowRecord> | FlowRow {
  return record.kind === 'flow' ? flowRow(record) : record;
}

export function sentKind(record: SentRecord): RecordKind {
  return isFlowRow(record) ? 'flow' : record.kind;
}

/** As `recordTime`. */
export function sentTime(record: SentRecord): Micros | undefined {
  return isFlowRow(record) ? flowRowTime(record) : recordTime(record);
}

/** As `serializeRecord`. */
export function sentText(record: SentRecord): string {
  return isFlowRow(record) ? flowRowText(record) : serializeRecord(record);
}
