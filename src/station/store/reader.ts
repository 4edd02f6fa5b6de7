/**
 * Questions to the store, from another process than the one that writes it. Read-only; each question is one short
 * transaction, so that a reader never keeps the write-ahead log from shrinking.
 */
import { statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { SEVERITIES, type Severity } from '../../model/finding.ts';
import type { Direction } from '../../model/flow.ts';
import type { LearnedRecord } from '../../model/learned.ts';
import type { RecordKind } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';
import { loadSqlite } from './database.ts';
import { isCorruption, StoreError } from './error.ts';
import { readLearned } from './learned-rows.ts';
import {
  type KnownNetwork,
  knownNetworks,
  type LeaseFilter,
  type LeaseSubject,
  nearestLeases,
  queryLeases,
  type StoredLease,
} from './lease-query.ts';
import { containerNeedles, networkNeedle } from './rows.ts';
import { scanRows } from './scan.ts';
import { checkOwner, LEARNED_VERSION, LEASES_VERSION, NETWORKS_VERSION } from './schema.ts';
import { type Matching, searchRows } from './search.ts';
import { type Watch, watchesAround } from './watch-log.ts';

export interface StoredRecord {
  /** Its place in its table; follow a table by asking for what is after the last one seen. */
  readonly seq: number;
  readonly kind: RecordKind;
  readonly time: Micros;
  /** The public JSON form, safe to print as it is. */
  readonly text: string;
}

export interface RecordFilter {
  /** Not before. */
  readonly since?: Micros;
  /** Before. */
  readonly until?: Micros;
  /** The newest that many (with `afterSeq`: the first that many). */
  readonly limit?: number;
  /** Only what was stored after this place, in the order of storing. */
  readonly afterSeq?: number;
  /** Name of the Docker network; one of them, where the record is of several. */
  readonly network?: string;
  /** Label (`shop/db`), container name, Compose service, or the beginning of a container id. */
  readonly container?: string;
  /** Only what this takes too. */
  readonly matching?: Matching;
}

export interface FindingFilter extends RecordFilter {
  /** At least this severe. */
  readonly severity?: Severity;
  readonly analyzer?: string;
  readonly id?: string;
  /** Every status record instead of the current state of each finding. */
  readonly history?: boolean;
}

export interface FlowFilter extends RecordFilter {
  /** Of either end. */
  readonly ip?: string;
  /** The responder's. */
  readonly port?: number;
  readonly protocol?: string;
  readonly direction?: Direction;
  readonly uid?: string;
}

export interface DnsFilter extends RecordFilter {
  /** Of client or server. */
  readonly ip?: string;
  /** Part of the name asked for. */
  readonly query?: string;
  readonly qtype?: string;
  readonly rcode?: string;
}

export interface ScanFilter extends Omit<RecordFilter, 'limit' | 'afterSeq' | 'matching'> {
  readonly matching?: Partial<Matching>;
}

export interface EventFilter extends RecordFilter {
  /** Default: everything but findings. */
  readonly kinds?: readonly RecordKind[];
}

export interface DeadLetter {
  readonly sink: string;
  readonly at: Micros;
  readonly reason: string;
  readonly text: string;
}

/** What a sink has not taken yet, by lane. */
export interface WaitingInOutbox {
  readonly sink: string;
  readonly lane: string;
  readonly cursor: number;
}

export type StoreTable = 'events' | 'flows' | 'dns';

const DEFAULT_LIMIT = 100;

/** Waits this long for a writer that is just checkpointing. */
const READ_TIMEOUT_MS = 2000;

export async function openStoreReadOnly(path: string): Promise<StoreReader> {
  const file = statSync(path, { throwIfNoEntry: false });
  if (file === undefined) {
    throw new StoreError(
      'STORE_MISSING',
      `there is no database at ${path}: the agent has not run yet, or keeps it elsewhere (store.path)`,
    );
  }
  if (file.isDirectory()) {
    throw new StoreError('STORE_OPEN', `${path} is a directory; store.path names the database file in it`);
  }
  const Sqlite = await loadSqlite();
  let db: Database | undefined;
  try {
    db = new Sqlite(path, { readonly: true, fileMustExist: true, timeout: READ_TIMEOUT_MS });
    checkOwner(db, path);
    if (!hasTables(db)) {
      throw new StoreError('STORE_MISSING', `${path} is empty: no agent has written to it yet`);
    }
    return new StoreReader(db);
  } catch (error) {
    db?.close();
    if (error instanceof StoreError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    if (isCorruption(error)) {
      const advice = 'the agent moves such a file aside when it starts';
      throw new StoreError('STORE_CORRUPT', `${path} is not readable as a database (${why}); ${advice}`, {
        cause: error,
      });
    }
    throw new StoreError(
      'STORE_OPEN',
      `cannot read the database ${path}: ${why}; reading it needs write access to its directory (SQLite's shared memory): run as the agent's user or root`,
      { cause: error },
    );
  }
}

/** A file that was created but not written yet has none. */
function hasTables(db: Database): boolean {
  return db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'events'").get() !== undefined;
}

export class StoreReader {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  queryFindings(filter: FindingFilter = {}): StoredRecord[] {
    const where = this.#ofSeveralNetworks(filter);
    where.add("kind = 'finding'");
    if (filter.severity !== undefined) where.add('severity >= ?', SEVERITIES.indexOf(filter.severity));
    if (filter.analyzer !== undefined) where.add('analyzer = ?', filter.analyzer);
    if (filter.id !== undefined) where.add('finding_id = ?', filter.id);
    if (filter.history !== true) where.add('seq IN (SELECT seq FROM findings)');
    return this.#select('events', 'kind', where, filter);
  }

  queryEvents(filter: EventFilter = {}): StoredRecord[] {
    const where = this.#ofSeveralNetworks(filter);
    if (filter.kinds === undefined) where.add("kind <> 'finding'");
    else where.add(`kind IN (${filter.kinds.map(() => '?').join(', ')})`, ...filter.kinds);
    return this.#select('events', 'kind', where, filter);
  }

  queryFlows(filter: FlowFilter = {}): StoredRecord[] {
    const where = new Conditions(filter);
    if (filter.ip !== undefined) where.add('(orig_ip = ? OR resp_ip = ?)', filter.ip, filter.ip);
    if (filter.port !== undefined) where.add('resp_port = ?', filter.port);
    if (filter.protocol !== undefined) where.add('protocol = ?', filter.protocol);
    if (filter.direction !== undefined) where.add('direction = ?', filter.direction);
    if (filter.uid !== undefined) where.add('uid = ?', filter.uid);
    return this.#select('flows', "'flow'", where, filter);
  }

  /** All that match, the newest first, however many: for sums. Another look than `queryDns`, which holds its answer. */
  scanDns({ matching = {}, ...filter }: ScanFilter = {}): Generator<StoredRecord> {
    const { parts, values } = this.#ofSeveralNetworks(filter);
    return scanRows(this.#db, { table: 'dns', kind: "'dns'", conditions: parts, values, matching });
  }

  queryDns(filter: DnsFilter = {}): StoredRecord[] {
    const where = this.#ofSeveralNetworks(filter);
    if (filter.ip !== undefined) where.add('(client_ip = ? OR server_ip = ?)', filter.ip, filter.ip);
    if (filter.query !== undefined) where.add('instr(lower(query), ?) > 0', filter.query.toLowerCase());
    if (filter.qtype !== undefined) where.add('qtype = ?', filter.qtype);
    if (filter.rcode !== undefined) where.add('rcode = ?', filter.rcode);
    return this.#select('dns', "'dns'", where, filter);
  }

  /** Who held what, and when; the oldest first. */
  queryLeases(filter: LeaseFilter = {}): StoredLease[] {
    return queryLeases(this.#withLeases(), filter);
  }

  /** The last holder that was over at `time`, and the first that began later. */
  nearestLeases(subject: LeaseSubject, time: Micros): ReturnType<typeof nearestLeases> {
    return nearestLeases(this.#withLeases(), subject, time);
  }

  /** All that were ever told and are not too old; also those that are gone. */
  networks(): KnownNetwork[] {
    return knownNetworks(this.#withLeases());
  }

  /** The times around `time` in which an engine told the agent who holds what. */
  watchesAround(time: Micros): { readonly before: Watch | undefined; readonly after: Watch | undefined } {
    return watchesAround(this.#withLeases(), time);
  }

  /** What the analyzers have learned, the oldest first; nothing where the format did not keep it. */
  learned(): LearnedRecord[] {
    return this.#version() < LEARNED_VERSION ? [] : readLearned(this.#db);
  }

  /** Where to begin following: the place of the newest row, 0 when there is none. */
  lastSeq(table: StoreTable): number {
    return this.#db.prepare(`SELECT coalesce(max(seq), 0) FROM ${table}`).pluck().get() as number;
  }

  /** Where each sink is in the log of durable records. */
  outboxes(): WaitingInOutbox[] {
    return this.#db
      .prepare('SELECT sink, lane, seq AS cursor FROM cursors ORDER BY sink, lane')
      .all() as WaitingInOutbox[];
  }

  /** What a sink's peer refused for good, newest first. */
  deadLetters(limit = DEFAULT_LIMIT): DeadLetter[] {
    return this.#db
      .prepare('SELECT sink, at_us AS at, reason, record AS text FROM dead_letters ORDER BY id DESC LIMIT ?')
      .all(limit) as DeadLetter[];
  }

  close(): void {
    this.#db.close();
  }

  /** The first format did not keep leases: then an empty answer would be a lie. */
  #withLeases(): Database {
    const version = this.#version();
    if (version >= LEASES_VERSION) return this.#db;
    throw new StoreError(
      'STORE_OLDER',
      `${this.#db.name} was written by an earlier Bridgewatch (format ${version}), which did not keep who held which address; start the agent of this version on it once`,
    );
  }

  /** For tables whose records can be of more than one network. */
  #ofSeveralNetworks({ network, ...filter }: RecordFilter): Conditions {
    const where = new Conditions(filter);
    if (network === undefined) return where;
    if (this.#version() < NETWORKS_VERSION) where.add('network = ?', network);
    else where.add('(network = ? OR instr(networks, ?) > 0)', network, networkNeedle(network));
    return where;
  }

  #version(): number {
    return this.#db.pragma('user_version', { simple: true }) as number;
  }

  #select(table: StoreTable, kind: string, where: Conditions, filter: RecordFilter): StoredRecord[] {
    const order = filter.afterSeq === undefined ? 'time_us DESC, seq DESC' : 'seq';
    const limit = filter.limit ?? DEFAULT_LIMIT;
    const { matching } = filter;
    const rows =
      matching === undefined
        ? (this.#db
            .prepare(
              `SELECT seq, ${kind} AS kind, time_us AS time, record AS text FROM ${table} ${where.sql} ORDER BY ${order} LIMIT ?`,
            )
            .all(...where.values, limit) as StoredRecord[])
        : searchRows(
            this.#db,
            { table, kind, conditions: where.parts, values: where.values, order, limit },
            matching,
          );
    return filter.afterSeq === undefined ? rows.reverse() : rows;
  }
}

class Conditions {
  readonly values: (string | number)[] = [];
  readonly parts: string[] = [];

  constructor(filter: RecordFilter) {
    if (filter.since !== undefined) this.add('time_us >= ?', filter.since);
    if (filter.until !== undefined) this.add('time_us < ?', filter.until);
    if (filter.afterSeq !== undefined) this.add('seq > ?', filter.afterSeq);
    if (filter.network !== undefined) this.add('network = ?', filter.network);
    if (filter.container !== undefined) {
      const { name, id } = containerNeedles(filter.container);
      if (id === undefined) this.add('instr(containers, ?) > 0', name);
      else this.add('(instr(containers, ?) > 0 OR instr(containers, ?) > 0)', name, id);
    }
  }

  get sql(): string {
    return this.parts.length === 0 ? '' : `WHERE ${this.parts.join(' AND ')}`;
  }

  add(sql: string, ...values: readonly (string | number)[]): void {
    this.parts.push(sql);
    this.values.push(...values);
  }
}
