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
import { type PublicFlow, parseRecord } from '../../model/serialize.ts';
import type { Micros } from '../../model/time.ts';
import type { Aggregate } from '../../query/aggregate.ts';
import { loadSqlite } from './database.ts';
import { isCorruption, StoreError } from './error.ts';
import { type EvidenceSubject, evidenceAbout, keptEvidence } from './evidence-rows.ts';
import { containerTest } from './flow-index/container.ts';
import { type Looked, summarizeFromIndex } from './flow-index/summary.ts';
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
import {
  checkOwner,
  FLOW_INDEX_VERSION,
  LEARNED_VERSION,
  LEASES_VERSION,
  NETWORKS_VERSION,
} from './schema.ts';
import { type Matching, searchRows } from './search.ts';
import { idsBeginning } from './stored-findings.ts';
import { type Watch, watchesAround } from './watch-log.ts';
import { readWatchRows, type WatchRows } from './watched.ts';

export interface StoredRecord {
  /** Its place in its table; follow a table by asking for what is after the last one seen. */
  readonly seq: number;
  readonly kind: RecordKind;
  readonly time: Micros;
  /** The public JSON form, safe to print as it is. */
  readonly text: string;
}

/** Where a row stands when the newest are told first. */
export type RowPlace = Pick<StoredRecord, 'time' | 'seq'>;

export interface RecordFilter {
  /** Not before. */
  readonly since?: Micros;
  /** Before. */
  readonly until?: Micros;
  /** The newest that many (with `afterSeq`: the first that many). */
  readonly limit?: number;
  /** Only what was stored after this place, in the order of storing. */
  readonly afterSeq?: number;
  /** Only what comes after this row when the newest are told first. */
  readonly before?: RowPlace;
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
  /** Those of a storm, which another finding tells of: only them, or all others. */
  readonly folded?: 'only' | 'left-out';
  /** The state of each finding as it was when this was the last place of the log. */
  readonly asOf?: number;
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
/** No later record of the same finding had been written by then. */
const STATE_AS_OF = `seq <= ? AND NOT EXISTS (
  SELECT 1 FROM events AS later WHERE later.finding_id = events.finding_id AND later.kind = 'finding'
    AND later.seq > events.seq AND later.seq <= ?)`;

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
    // Within a text of a record its quotes are escaped, so this stands for the field and nothing else.
    if (filter.folded !== undefined)
      where.add(`instr(record, '"foldedInto":"') ${filter.folded === 'only' ? '>' : '='} 0`);
    if (filter.asOf !== undefined) where.add(STATE_AS_OF, filter.asOf, filter.asOf);
    else if (filter.history !== true) where.add('seq IN (SELECT seq FROM findings)');
    return this.#select('events', 'kind', where, filter);
  }

  /** Ids of findings that begin so, `max` of them at most. */
  findingsBeginning(prefix: string, max: number): readonly string[] {
    return idsBeginning(this.#db, prefix, max);
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

  /** As `scanDns`, of flows. */
  scanFlows({ matching = {}, ...filter }: ScanFilter = {}): Generator<StoredRecord> {
    const { parts, values } = new Conditions(filter);
    return scanRows(this.#db, { table: 'flows', kind: "'flow'", conditions: parts, values, matching });
  }

  /**
   * Flows summed up into `aggregate`: from the index where it has all that is asked about, else one by one, as far as
   * `scanFlows` goes. `isIndexUsed`: false to compare.
   */
  summarizeFlows(filter: ScanFilter, aggregate: Aggregate, isIndexUsed = true): Looked {
    const { matching, ...where } = filter;
    const { parts, values } = new Conditions(where);
    let because = this.#version() < FLOW_INDEX_VERSION ? 'an earlier format has no index' : undefined;
    const container = filter.container === undefined ? undefined : containerTest(filter.container);
    if (container === 'unknown') because ??= 'the index has only the beginning of ids';
    if (!isIndexUsed) because ??= 'the index was not to be used';
    if (because === undefined && container !== 'unknown') {
      const question = {
        since: filter.since,
        until: filter.until,
        filter: matching?.filter,
        network: filter.network,
        container,
        conditions: parts,
        values,
      };
      const looked = summarizeFromIndex(this.#db, question, aggregate, (problem) => {
        because = problem;
      });
      if (looked !== undefined) return looked;
    }
    let rows = 0;
    for (const { text } of this.scanFlows(filter)) {
      rows += 1;
      aggregate.add(parseRecord(text) as PublicFlow);
    }
    return { way: 'scan', because: because ?? 'unknown', indexRows: 0, rows };
  }

  /** The time of the oldest flow that is stored; undefined without one. */
  oldestFlow(): Micros | undefined {
    const time = this.#db.prepare('SELECT min(time_us) FROM flows').pluck().get() as Micros | null;
    return time ?? undefined;
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

  /** When the agent ran, which networks it saw then, and who was on them. */
  watchRows(): WatchRows {
    return readWatchRows(this.#withLeases());
  }

  /** What the analyzers have learned, the oldest first; nothing where the format did not keep it. */
  learned(): LearnedRecord[] {
    return this.#version() < LEARNED_VERSION ? [] : readLearned(this.#db);
  }

  /** Records of the evidence that is there, the newest last. */
  keptEvidence(limit: number): string[] {
    return keptEvidence(this.#db, limit);
  }

  /** All that was told of evidence of a finding, or of a collection whose id begins so; the oldest first. */
  evidenceAbout(subject: EvidenceSubject): string[] {
    return evidenceAbout(this.#db, subject);
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
    if (filter.before !== undefined)
      this.add('(time_us, seq) < (?, ?)', filter.before.time, filter.before.seq);
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
