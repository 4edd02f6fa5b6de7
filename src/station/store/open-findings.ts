/** The findings that are open now, as they were told last. */
import type { Database } from 'better-sqlite3';

interface Row {
  readonly seq: number;
  readonly record: string;
}

/** Public JSON texts, a page at a time: writing, or waiting, between two pages is fine. */
export function* openFindings(db: Database, pageRows = 200): Generator<string> {
  const page = db.prepare<[number, number], Row>(
    `SELECT events.seq, events.record FROM findings JOIN events ON events.seq = findings.seq
     WHERE findings.is_open = 1 AND findings.seq > ? ORDER BY findings.seq LIMIT ?`,
  );
  for (let after = 0; ; ) {
    const rows = page.all(after, pageRows);
    for (const { record } of rows) yield record;
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}
