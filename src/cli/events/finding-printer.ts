/**
 * Findings on stdout as they come, for people and pipes; the store keeps everything. People are told of a storm by what
 * tells of it; a pipe is given each of its findings too.
 */
import type { AgentRecord } from '../../model/record.ts';
import { type PublicFinding, parseRecord, serializeRecord } from '../../model/serialize.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { printLine } from '../lib/output.ts';
import { findingText } from './finding-text.ts';

/** Other commands end with the reader of their stdout; the agent goes on without one. */
export function findingPrinter(log: Logger, json: boolean): (record: AgentRecord) => void {
  let isThere = true;
  process.stdout.removeAllListeners('error');
  process.stdout.on('error', (error) => {
    if (isThere) log.warn({ err: error }, 'nobody reads stdout any more; findings go to the database');
    isThere = false;
  });
  return (record) => {
    if (!isThere || record.kind !== 'finding') return;
    if (!json && record.foldedInto !== undefined) return;
    const text = serializeRecord(record);
    printLine(json ? text : findingText(parseRecord(text) as PublicFinding));
  };
}
