/**
 * When an engine was telling the agent who holds what. Outside these times a missing lease means nothing, so `who`
 * must not say "nobody". Begins when the engine answers, lives by a sign every 10 s, ends with the engine or the agent.
 */
import type { Database } from 'better-sqlite3';
import type { InventoryChange } from '../../model/record.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import type { Progress } from './progress.ts';

/** A killed agent leaves at most this much in doubt. */
export const SIGN_OF_LIFE_EVERY: Micros = 10 * MICROS_PER_SECOND;

/** Held in [from, aliveAt]. */
export interface Watch {
  readonly from: Micros;
  /** Its last sign of life. */
  readonly aliveAt: Micros;
}

export class WatchLog {
  #db: Database;
  #isWatching = false;
  #id: number | bigint | undefined;
  #signedAt = 0;
  #progress: Progress | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The sensor goes on with what it began under an earlier station, or begins anew. */
  follow(progress: Progress): void {
    this.#progress = progress;
    const id = progress.readWatch(this.#db);
    if (id === 0) return;
    this.#isWatching = true;
    this.#id = id;
  }

  /** The database is another one now; what goes on is written to it too. */
  moveTo(db: Database): void {
    this.#db = db;
    this.#id = undefined;
  }

  /** The engine came or went. */
  engineChanged(change: InventoryChange): void {
    if (change.change === 'removed') {
      this.signOfLife(change.time);
      this.#isWatching = false;
      this.#id = undefined;
      this.#progress?.writeWatch(this.#db, 0);
      return;
    }
    // A new connection: what happened before it is known again, but only from here on as it happens.
    this.#isWatching = true;
    this.#id = undefined;
    this.signOfLife(change.time);
  }

  /** Cheap to call often: writes once in 10 s. A clock that went back is followed at once. */
  tick(now: Micros): void {
    if (this.#isWatching && Math.abs(now - this.#signedAt) >= SIGN_OF_LIFE_EVERY) this.signOfLife(now);
  }

  signOfLife(now: Micros): void {
    if (!this.#isWatching) return;
    this.#signedAt = now;
    const sign = this.#db.prepare('UPDATE watches SET alive_us = ? WHERE id = ?');
    // The row may be gone with a transaction that the disk refused.
    if (this.#id !== undefined && sign.run(now, this.#id).changes > 0) return;
    const begun = this.#db.prepare('INSERT INTO watches (from_us, alive_us) VALUES (?, ?)').run(now, now);
    this.#id = begun.lastInsertRowid;
    this.#progress?.writeWatch(this.#db, Number(this.#id));
  }
}

/** The one that went on latest. */
export function lastWatch(db: Database): Watch | undefined {
  return db
    .prepare('SELECT from_us AS "from", alive_us AS aliveAt FROM watches ORDER BY alive_us DESC LIMIT 1')
    .get() as Watch | undefined;
}

/** Those around a time: the last that began before it (perhaps still on) and the first that began after. */
export function watchesAround(
  db: Database,
  time: Micros,
): { readonly before: Watch | undefined; readonly after: Watch | undefined } {
  const columns = 'SELECT from_us AS "from", alive_us AS aliveAt FROM watches';
  return {
    before: db.prepare(`${columns} WHERE from_us <= ? ORDER BY alive_us DESC LIMIT 1`).get(time) as
      | Watch
      | undefined,
    after: db.prepare(`${columns} WHERE from_us > ? ORDER BY from_us LIMIT 1`).get(time) as Watch | undefined,
  };
}
