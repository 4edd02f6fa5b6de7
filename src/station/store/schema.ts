/**
 * Tables and their history. A migration is never edited once released: the next one is appended. Rows hold the
 * whole record as JSON text plus the columns one filters by; times are integer microseconds.
 *
 * `events` is the one ordered log of everything durable (findings, coverage, losses, inventory ...); a sink's
 * cursor is a place in it, so nothing is stored twice for delivery.
 */
import type { Database } from 'better-sqlite3';
import { StoreError } from './error.ts';

/** `PRAGMA application_id`: says that a SQLite file is ours. ASCII "BrWg". */
const APPLICATION_ID = 0x42725767;

const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    tie INTEGER NOT NULL,
    network TEXT,
    containers TEXT,
    analyzer TEXT,
    severity INTEGER,
    finding_id TEXT,
    record TEXT NOT NULL
  );
  CREATE INDEX events_by_time ON events (kind, time_us);
  CREATE INDEX events_by_finding ON events (finding_id) WHERE finding_id IS NOT NULL;

  CREATE TABLE findings (id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX findings_by_seq ON findings (seq);

  CREATE TABLE flows (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL,
    start_us INTEGER NOT NULL,
    time_us INTEGER NOT NULL,
    network TEXT,
    containers TEXT,
    orig_ip TEXT NOT NULL,
    resp_ip TEXT NOT NULL,
    resp_port INTEGER,
    protocol TEXT NOT NULL,
    direction TEXT NOT NULL,
    record TEXT NOT NULL
  );
  CREATE UNIQUE INDEX flows_by_uid ON flows (uid, start_us);
  CREATE INDEX flows_by_time ON flows (time_us);

  CREATE TABLE dns (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time_us INTEGER NOT NULL,
    network TEXT,
    containers TEXT,
    client_ip TEXT NOT NULL,
    server_ip TEXT NOT NULL,
    query TEXT NOT NULL,
    qtype TEXT NOT NULL,
    rcode TEXT,
    record TEXT NOT NULL
  );
  CREATE INDEX dns_by_time ON dns (time_us);

  CREATE TABLE cursors (
    sink TEXT NOT NULL,
    lane TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (sink, lane)
  ) WITHOUT ROWID;

  CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sink TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    kind TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    tie INTEGER NOT NULL,
    reason TEXT NOT NULL,
    record TEXT NOT NULL
  );
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** Refuses what is not ours or newer than we are; changes nothing. */
export function checkOwner(db: Database, path: string): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  const applicationId = db.pragma('application_id', { simple: true }) as number;
  const tables = db.prepare('SELECT count(*) FROM sqlite_master').pluck().get() as number;
  if (tables > 0 && applicationId !== APPLICATION_ID) {
    throw new StoreError(
      'STORE_FOREIGN',
      `${path} is a SQLite database of another program; it was left untouched. Give another store.path.`,
    );
  }
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      'STORE_NEWER',
      `${path} was written by a newer Bridgewatch (format ${version}, this one knows ${SCHEMA_VERSION}); it was left untouched. Upgrade, or give another store.path.`,
    );
  }
}

/** Brings a database of any earlier version to this one, in one transaction. */
export function migrate(db: Database): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version === SCHEMA_VERSION) return;
  db.transaction(() => {
    db.pragma(`application_id = ${APPLICATION_ID}`);
    for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
    db.pragma(`user_version = ${SCHEMA_VERSION}`);
  }).immediate();
}
