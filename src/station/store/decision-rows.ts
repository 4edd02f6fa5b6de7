/**
 * What people decided and holds still, one row each. The rows follow the records of kind `decision`, in the same
 * transaction, so that the two never contradict each other.
 */
import type { Database, Statement } from 'better-sqlite3';
import type { DecisionRecord } from '../../model/decision.ts';
import type { Micros } from '../../model/time.ts';

export interface MuteRow {
  readonly id: string;
  readonly at: Micros;
  readonly by: string;
  readonly reason: string;
  readonly until: Micros | null;
  readonly finding: string | null;
  readonly analyzer: string | null;
  readonly key: string | null;
  readonly network: string | null;
  readonly where: string | null;
}

export interface AcknowledgementRow {
  readonly finding: string;
  readonly id: string;
  readonly at: Micros;
  readonly by: string;
  readonly note: string | null;
  /** Of the finding as it was told last, the index in SEVERITIES. A rise would have ended it. */
  readonly severity: number;
}

/** Prepared once for each connection. */
export class DecisionWriter {
  readonly #mute: Statement;
  readonly #unmute: Statement;
  readonly #acknowledge: Statement;
  readonly #unacknowledge: Statement;

  constructor(db: Database) {
    this.#mute = db.prepare(
      `INSERT OR REPLACE INTO mutes (id, at_us, said_by, reason, until_us, finding_id, analyzer, key, network, filter)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#unmute = db.prepare('DELETE FROM mutes WHERE id = ?');
    this.#acknowledge = db.prepare(
      'INSERT OR REPLACE INTO acknowledgements (finding_id, id, at_us, said_by, note) VALUES (?, ?, ?, ?, ?)',
    );
    this.#unacknowledge = db.prepare('DELETE FROM acknowledgements WHERE id = ?');
  }

  write(record: DecisionRecord): void {
    const { id, action, object, time, by, reason, until, finding, analyzer, key, network, where } = record;
    if (action === 'mute') {
      this.#mute.run(
        id,
        time,
        by,
        reason ?? '',
        until ?? null,
        finding ?? null,
        analyzer ?? null,
        key ?? null,
        network ?? null,
        where ?? null,
      );
    } else if (action === 'acknowledge') {
      this.#acknowledge.run(finding, id, time, by, reason ?? null);
    } else if (object === 'mute') this.#unmute.run(id);
    else this.#unacknowledge.run(id);
  }
}

/** In the order in which they were said. */
export function readMutes(db: Database): MuteRow[] {
  return db
    .prepare<[], MuteRow>(
      `SELECT id, at_us AS at, said_by AS "by", reason, until_us AS "until", finding_id AS finding, analyzer, key,
         network, filter AS "where"
       FROM mutes ORDER BY at_us, id`,
    )
    .all();
}

/** Forgets first those of findings that are kept no longer. */
export function readAcknowledgements(db: Database): AcknowledgementRow[] {
  db.prepare('DELETE FROM acknowledgements WHERE finding_id NOT IN (SELECT id FROM findings)').run();
  return db
    .prepare<[], AcknowledgementRow>(
      `SELECT acknowledgements.finding_id AS finding, acknowledgements.id, at_us AS at, said_by AS "by", note, events.severity
       FROM acknowledgements JOIN findings ON findings.id = acknowledgements.finding_id JOIN events ON events.seq = findings.seq
       ORDER BY at_us, acknowledgements.id`,
    )
    .all();
}
