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
  // Who held which address, and when: one row an interval, the latest record of an id stands. `to_us` is null while
  // it is held. `facts` is the whole lease but for labels, so that it names the container when it is long gone (a JSON
  // text and no columns: it brings back every name as it was, lone surrogates too). `watches` are the times in which an engine told
  // the agent of changes: outside them nobody knows.
  `
  CREATE TABLE leases (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    network_id TEXT NOT NULL,
    network TEXT NOT NULL,
    mac TEXT,
    container_id TEXT NOT NULL,
    container TEXT NOT NULL,
    label TEXT NOT NULL,
    service TEXT,
    from_us INTEGER NOT NULL,
    to_us INTEGER,
    facts TEXT NOT NULL
  );
  CREATE INDEX leases_by_mac ON leases (mac, from_us) WHERE mac IS NOT NULL;
  CREATE INDEX leases_by_network ON leases (network, from_us);
  CREATE INDEX leases_by_network_id ON leases (network_id, from_us);
  CREATE INDEX leases_by_container_id ON leases (container_id);
  CREATE INDEX leases_by_container ON leases (container);
  CREATE INDEX leases_by_label ON leases (label);
  CREATE INDEX leases_by_service ON leases (service) WHERE service IS NOT NULL;
  CREATE INDEX leases_by_end ON leases (to_us);

  CREATE TABLE lease_addresses (
    ip TEXT NOT NULL,
    lease INTEGER NOT NULL,
    PRIMARY KEY (ip, lease)
  ) WITHOUT ROWID;
  CREATE INDEX lease_addresses_by_lease ON lease_addresses (lease);
  CREATE TRIGGER leases_deleted AFTER DELETE ON leases BEGIN
    DELETE FROM lease_addresses WHERE lease = old.seq;
  END;

  CREATE TABLE networks (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    seen_us INTEGER NOT NULL,
    removed_us INTEGER,
    record TEXT NOT NULL
  ) WITHOUT ROWID;
  INSERT INTO networks (id, name, seen_us, removed_us, record)
    SELECT json_extract(record, '$.id'), json_extract(record, '$.name'), time_us,
      CASE json_extract(record, '$.change') WHEN 'removed' THEN time_us END, record
    FROM events
    WHERE kind = 'inventory' AND json_valid(record) AND json_extract(record, '$.object') = 'network'
    ORDER BY seq
    ON CONFLICT (id) DO UPDATE SET
      name = excluded.name, removed_us = excluded.removed_us, record = excluded.record;

  CREATE TABLE watches (
    id INTEGER PRIMARY KEY,
    from_us INTEGER NOT NULL,
    alive_us INTEGER NOT NULL
  );

  ALTER TABLE findings ADD COLUMN is_open INTEGER NOT NULL DEFAULT 0;
  UPDATE findings SET is_open = 1 WHERE (
    SELECT CASE WHEN json_valid(record) THEN json_extract(record, '$.status') END
    FROM events WHERE events.seq = findings.seq
  ) IN ('open', 'update');
  CREATE INDEX findings_open ON findings (seq) WHERE is_open = 1;
  `,
  // A look-up seen in its container belongs to every network that the container is on, and so does a refused route:
  // all of them, one a line, where `network` alone does not say it. No record of the earlier formats was of several
  // but refused routes, which keep the first.
  `
  ALTER TABLE events ADD COLUMN networks TEXT;
  ALTER TABLE dns ADD COLUMN networks TEXT;
  `,
  // What the analyzers have learned: the latest of a key stands. How far the sensor of which run was heard.
  `
  CREATE TABLE learned (
    analyzer TEXT NOT NULL,
    map TEXT NOT NULL,
    key TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (analyzer, map, key)
  ) WITHOUT ROWID;
  CREATE TABLE progress (
    run TEXT NOT NULL,
    lane TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (run, lane)
  ) WITHOUT ROWID;
  `,
  // What people decided about findings and holds still; `events` has how it came to be, as records of kind `decision`.
  // A mute is of an analyzer's key, said of a finding that has them, or of all that a filter describes.
  `
  CREATE TABLE mutes (
    id TEXT PRIMARY KEY,
    at_us INTEGER NOT NULL,
    said_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    until_us INTEGER,
    finding_id TEXT,
    analyzer TEXT,
    key TEXT,
    network TEXT,
    filter TEXT
  ) WITHOUT ROWID;

  CREATE TABLE acknowledgements (
    finding_id TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    said_by TEXT NOT NULL,
    note TEXT
  ) WITHOUT ROWID;
  `,
  // Up to which place of the log records of a kind have expired: whoever reads on from an earlier place may have missed
  // some of them.
  `
  CREATE TABLE expired (
    kind TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TRIGGER events_expired AFTER DELETE ON events BEGIN
    INSERT INTO expired (kind, seq) VALUES (old.kind, old.seq)
      ON CONFLICT (kind) DO UPDATE SET seq = max(seq, excluded.seq);
  END;
  `,
  // Which files of evidence there are; `seq` is the place of the record that says what each holds.
  `
  CREATE TABLE evidence (
    id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    time_us INTEGER NOT NULL,
    severity INTEGER,
    bytes INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX evidence_by_time ON evidence (time_us);
  `,
  // The index over stored flows (flow-index/): blocks of some thousand rows, each column of a block by itself, texts that
  // many rows share as words. `covered`: rows up to that place are in a block, or loose because they will be replaced.
  // Rows of a block up to (gone_us, gone_seq), in the order of time, are deleted; gone_us of flow_index is the latest
  // time of such a row since the last block was closed. All of it is made of the rows in `flows`, those that an earlier
  // format left too.
  `
  CREATE TABLE flow_index (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    covered INTEGER NOT NULL,
    gone_us INTEGER NOT NULL
  );
  INSERT INTO flow_index VALUES (1, 0, -9007199254740991);
  CREATE TABLE flow_blocks (
    id INTEGER PRIMARY KEY,
    last_seq INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    least_us INTEGER NOT NULL,
    most_us INTEGER NOT NULL,
    words_from INTEGER NOT NULL,
    gone_us INTEGER NOT NULL,
    gone_seq INTEGER NOT NULL
  );
  CREATE INDEX flow_blocks_by_least ON flow_blocks (least_us);
  CREATE INDEX flow_blocks_by_most ON flow_blocks (most_us);
  CREATE TABLE flow_columns (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
  CREATE TABLE flow_words (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
  CREATE TABLE flow_loose (seq INTEGER PRIMARY KEY);
  CREATE TABLE flow_replaced (seq INTEGER PRIMARY KEY);
  `,
];

/** The formats that first had leases, and `networks` of events and look-ups. */
export const LEASES_VERSION = 2;
export const NETWORKS_VERSION = 3;
/** And what was learned. */
export const LEARNED_VERSION = 4;

/** And what was decided about findings. */
export const DECISIONS_VERSION = 5;
/** And which evidence is kept. */
export const EVIDENCE_VERSION = 7;

/** And the index over flows. */
export const FLOW_INDEX_VERSION = 8;

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

/** Brings a database of any earlier version to this one, in one transaction. `to`: tests make old databases. */
export function migrate(db: Database, to = SCHEMA_VERSION): void {
  const version = db.pragma('user_version', { simple: true }) as number;
  if (version >= to) return;
  db.transaction(() => {
    db.pragma(`application_id = ${APPLICATION_ID}`);
    for (const migration of MIGRATIONS.slice(version, to)) db.exec(migration);
    db.pragma(`user_version = ${to}`);
  }).immediate();
}
