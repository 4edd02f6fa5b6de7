/** Questions about who held which address, and when. An interval holds its beginning, not its end: [from, to). */
import type { Database } from 'better-sqlite3';
import type { LeaseRecord } from '../../model/lease.ts';
import type { PublicOf } from '../../model/serialize.ts';
import { parseRecord, serializeRecord } from '../../model/serialize.ts';
import type { Micros } from '../../model/time.ts';
import { readLease } from './lease-rows.ts';
import { isIdPrefix } from './rows.ts';

/** Whose leases; what is absent does not matter. */
export interface LeaseSubject {
  /** RFC 5952 text. */
  readonly ip?: string | undefined;
  /** Lower case. */
  readonly mac?: string | undefined;
  /** Label (`shop/db`), container name, Compose service, or the beginning of a container id. */
  readonly container?: string | undefined;
  /** Name of the Docker network, or the beginning of its id. */
  readonly network?: string | undefined;
}

export interface LeaseFilter extends LeaseSubject {
  /** Held at this time. */
  readonly at?: Micros | undefined;
  /** Not over by then. */
  readonly since?: Micros | undefined;
  /** Begun before. */
  readonly until?: Micros | undefined;
  /** The newest that many. */
  readonly limit?: number | undefined;
}

export interface StoredLease {
  readonly seq: number;
  readonly lease: LeaseRecord;
  /** The public JSON form, safe to print as it is. */
  readonly text: string;
}

/** A network as it was told last. */
export interface KnownNetwork {
  readonly id: string;
  readonly name: string;
  /** When the agent first knew it. */
  readonly seenAt: Micros;
  /** Absent while it exists. */
  readonly removedAt: Micros | undefined;
  /** The `inventory` record of it; `text` is the same, safe to print as it is. */
  readonly record: PublicOf<'inventory'>;
  readonly text: string;
}

const DEFAULT_LIMIT = 100;

/** The oldest first. */
export function queryLeases(db: Database, filter: LeaseFilter): StoredLease[] {
  const where = new Where(filter);
  const { at, since, until } = filter;
  if (at !== undefined) where.add('from_us <= ? AND (to_us IS NULL OR to_us > ?)', at, at);
  if (since !== undefined) where.add('(to_us IS NULL OR to_us > ?)', since);
  if (until !== undefined) where.add('from_us < ?', until);
  return where.select(db, 'from_us DESC, seq DESC', filter.limit ?? DEFAULT_LIMIT).reverse();
}

/** The last that was over at `time`, and the first that began later. */
export function nearestLeases(
  db: Database,
  subject: LeaseSubject,
  time: Micros,
): { readonly before: StoredLease | undefined; readonly after: StoredLease | undefined } {
  const before = new Where(subject);
  before.add('to_us <= ?', time);
  const after = new Where(subject);
  after.add('from_us > ?', time);
  return {
    before: before.select(db, 'to_us DESC, seq DESC', 1)[0],
    after: after.select(db, 'from_us, seq', 1)[0],
  };
}

export function knownNetworks(db: Database): KnownNetwork[] {
  const rows = db.prepare('SELECT id, name, seen_us, removed_us, record FROM networks').all() as {
    readonly id: string;
    readonly name: string;
    readonly seen_us: Micros;
    readonly removed_us: Micros | null;
    readonly record: string;
  }[];
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    seenAt: row.seen_us,
    removedAt: row.removed_us ?? undefined,
    record: parseRecord(row.record) as PublicOf<'inventory'>,
    text: row.record,
  }));
}

class Where {
  readonly #values: (string | number)[] = [];
  readonly #parts: string[] = [];

  constructor({ ip, mac, container, network }: LeaseSubject) {
    if (ip !== undefined) this.add('seq IN (SELECT lease FROM lease_addresses WHERE ip = ?)', ip);
    if (mac !== undefined) this.add('mac = ?', mac);
    if (container !== undefined) this.#named(['label', 'container', 'service'], 'container_id', container);
    if (network !== undefined) this.#named(['network'], 'network_id', network);
  }

  add(sql: string, ...values: readonly (string | number)[]): void {
    this.#parts.push(sql);
    this.#values.push(...values);
  }

  select(db: Database, order: string, limit: number): StoredLease[] {
    const where = this.#parts.length === 0 ? '' : `WHERE ${this.#parts.join(' AND ')}`;
    const rows = db
      .prepare(`SELECT seq, facts FROM leases ${where} ORDER BY ${order} LIMIT ?`)
      .all(...this.#values, limit) as { readonly seq: number; readonly facts: string }[];
    return rows.map(({ seq, facts }) => {
      const lease = readLease(facts);
      return { seq, lease, text: serializeRecord(lease) };
    });
  }

  /** By any of these names, or by the beginning of the id; `g` is the first letter after the hex digits. */
  #named(names: readonly string[], id: string, wanted: string): void {
    const sql = names.map((column) => `${column} = ?`);
    const values: string[] = names.map(() => wanted);
    if (isIdPrefix(wanted)) {
      sql.push(`(${id} >= ? AND ${id} < ?)`);
      values.push(wanted, `${wanted}g`);
    }
    this.add(`(${sql.join(' OR ')})`, ...values);
  }
}
