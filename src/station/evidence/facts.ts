/** The facts of a collection as they lie beside its packets: the public form of its record, one line. */
import { readFileSync } from 'node:fs';
import type { EvidenceRecord } from '../../model/evidence.ts';
import { type PublicEvidence, parseRecord } from '../../model/serialize.ts';
import { type Micros, parseMicros } from '../../model/time.ts';

/** What `serializeRecord` wrote of evidence, or of a part of it; undefined for anything else. */
export function evidenceOf(text: string): EvidenceRecord | undefined {
  try {
    const record = parseRecord(text);
    return record.kind === 'evidence' ? asRecord(record) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined when it is not there, or is none. */
export function readFacts(path: string): EvidenceRecord | undefined {
  try {
    return evidenceOf(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function asRecord({ time, trigger, first, last, ...rest }: PublicEvidence): EvidenceRecord | undefined {
  const at = timeOf(time);
  if (at === undefined) return undefined;
  return { ...rest, time: at, trigger: timeOf(trigger), first: timeOf(first), last: timeOf(last) };
}

function timeOf(text: string | undefined): Micros | undefined {
  return text === undefined ? undefined : parseMicros(text);
}
