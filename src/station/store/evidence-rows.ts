/**
 * Which files of evidence there are, one row each. The rows follow the records of kind `evidence`, in the same
 * transaction, and hold the record's place in the log, where it stays for as long as the file does.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { EvidenceRecord } from '../../model/evidence.ts';
import { SEVERITIES } from '../../model/finding.ts';
import type { Micros } from '../../model/time.ts';
import { EVIDENCE_VERSION } from './schema.ts';

export interface EvidenceRow {
  readonly id: string;
  /** When it was complete. */
  readonly time: Micros;
  /** The index in SEVERITIES; null where somebody asked for it. */
  readonly severity: number | null;
  readonly bytes: number;
}

/** Prepared once for each connection. */
export class EvidenceWriter {
  readonly #keep: Statement;
  readonly #remove: Statement;

  constructor(db: Database) {
    this.#keep = db.prepare(
      'INSERT OR REPLACE INTO evidence (id, seq, time_us, severity, bytes) VALUES (?, ?, ?, ?, ?)',
    );
    this.#remove = db.prepare('DELETE FROM evidence WHERE id = ?');
  }

  write({ id, change, file, time, severity, bytes }: EvidenceRecord, seq: number): void {
    if (change === 'removed') this.#remove.run(id);
    else if (file !== undefined)
      this.#keep.run(id, seq, time, severity === undefined ? null : SEVERITIES.indexOf(severity), bytes);
  }
}

/** What the log says of a file that is there. */
export function evidenceText(db: Database, id: string): string | undefined {
  return db
    .prepare('SELECT record FROM events WHERE seq = (SELECT seq FROM evidence WHERE id = ?)')
    .pluck()
    .get(id) as string | undefined;
}

/** Records of the files that are there, the newest last; none where the format did not keep any. */
export function keptEvidence(db: Database, limit: number): string[] {
  if ((db.pragma('user_version', { simple: true }) as number) < EVIDENCE_VERSION) return [];
  return (
    db
      .prepare(
        `SELECT events.record FROM evidence JOIN events ON events.seq = evidence.seq
         ORDER BY evidence.time_us DESC, evidence.id LIMIT ?`,
      )
      .pluck()
      .all(limit) as string[]
  ).reverse();
}

/** All that was told of evidence of a finding, or of a collection whose id begins so; the oldest first. */
export function evidenceAbout(db: Database, { finding, id }: EvidenceSubject): string[] {
  const [where, value] =
    finding !== undefined
      ? ['finding_id = ?', [finding]]
      : ["substr(json_extract(record, '$.id'), 1, ?) = ?", [id.length, id]];
  return db
    .prepare(`SELECT record FROM events WHERE kind = 'evidence' AND ${where} ORDER BY seq`)
    .pluck()
    .all(...value) as string[];
}

export type EvidenceSubject =
  | { readonly finding: string; readonly id?: undefined }
  | { readonly id: string; readonly finding?: undefined };

/** The oldest first. */
export function readEvidence(db: Database): EvidenceRow[] {
  return db
    .prepare<[], EvidenceRow>(
      'SELECT id, time_us AS time, severity, bytes FROM evidence ORDER BY time_us, id',
    )
    .all();
}
