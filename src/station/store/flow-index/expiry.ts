/**
 * The index follows what retention deletes. Flows are always deleted from the oldest on, so a block only remembers up to
 * which place in the order of time its rows are gone; it goes itself when that holds for all of them.
 */
import type { Database } from 'better-sqlite3';
import type { Micros } from '../../../model/time.ts';
import { columnIds } from './layout.ts';

interface Place {
  readonly time: Micros;
  readonly seq: number;
}

/** Deletes the oldest flows before a time, `max` of them at most; returns how many. */
export function deleteOldestFlows(db: Database, before: Micros, max: number): number {
  return db.transaction(() => {
    const { nth, newest, drop } = statementsOf(db);
    const last = (nth.get(before, max - 1) ?? newest.get(before)) as Place | undefined;
    if (last === undefined) return 0;
    const { time, seq } = last;
    const { changes } = drop.run(time, time, seq);
    flowsGone(db, last);
    return changes;
  })();
}

/** All flows up to `last`, in the order of time, are gone. */
function flowsGone(db: Database, { time, seq }: Place): void {
  const { note, wholly, partly } = statementsOf(db);
  note.run(time, time);
  const blocks = wholly.all(time) as { id: number; lastSeq: number }[];
  for (const { id, lastSeq } of blocks) dropBlock(db, id, lastSeq);
  partly.run(time, seq, time, time, seq);
  if (blocks.length > 0) dropWords(db);
}

const statements = new WeakMap<Database, ReturnType<typeof prepare>>();

function statementsOf(db: Database): ReturnType<typeof prepare> {
  const known = statements.get(db) ?? prepare(db);
  statements.set(db, known);
  return known;
}

function prepare(db: Database) {
  const place = 'SELECT time_us AS time, seq FROM flows WHERE time_us < ?';
  return {
    nth: db.prepare(`${place} ORDER BY time_us, seq LIMIT 1 OFFSET ?`),
    newest: db.prepare(`${place} ORDER BY time_us DESC, seq DESC LIMIT 1`),
    drop: db.prepare('DELETE FROM flows WHERE time_us <= ? AND (time_us < ? OR seq <= ?)'),
    note: db.prepare('UPDATE flow_index SET gone_us = ? WHERE gone_us < ?'),
    wholly: db.prepare('SELECT id, last_seq AS lastSeq FROM flow_blocks WHERE most_us < ?'),
    partly: db.prepare(
      `UPDATE flow_blocks SET gone_us = ?, gone_seq = ?
       WHERE least_us <= ? AND (gone_us, gone_seq) < (?, ?)`,
    ),
  };
}

function dropBlock(db: Database, id: number, lastSeq: number): void {
  const { from, before } = columnIds(id);
  db.prepare('DELETE FROM flow_columns WHERE id >= ? AND id < ?').run(from, before);
  db.prepare('DELETE FROM flow_blocks WHERE id = ?').run(id);
  db.prepare('DELETE FROM flow_replaced WHERE seq >= ? AND seq <= ?').run(id, lastSeq);
  db.prepare(
    `DELETE FROM flow_loose WHERE seq >= ? AND seq <= ?
       AND seq NOT IN (SELECT seq FROM flows WHERE seq >= ? AND seq <= ?)`,
  ).run(id, lastSeq, id, lastSeq);
}

/** Words of eras of which no block is left; of the last era some may be needed by blocks to come. */
function dropWords(db: Database): void {
  db.prepare('DELETE FROM flow_words WHERE id < (SELECT min(words_from) FROM flow_blocks)').run();
}
