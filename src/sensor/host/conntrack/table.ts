/**
 * The kernel's tracked connections as far as we were told, each kept for a while after its end, because flows are
 * recorded when they end. Bounded: beyond the bound the one that ended first goes, then the oldest without a
 * translation, then the oldest, and each is counted. It never decides between two that fit: it hands out both.
 */
import { MICROS_PER_SECOND, type Micros } from '../../../model/time.ts';
import { type Connection, flowKeys, isTranslated, type Span } from './connection.ts';
import type { ConnectionNews } from './message.ts';

export interface TableOptions {
  /** About 1 KB each. */
  readonly maxConnections: number;
  /** A flow that is silent for longer than this before its record is made finds no connection any more. */
  readonly closedSecs: number;
}

export const DEFAULT_TABLE: TableOptions = { maxConnections: 65_536, closedSecs: 300 };

/**
 * More connections than these under one key: a flood of pings. The oldest go. A monitor that pings each second has 330
 * there, a program with a port of its own whose address is given out again and again some 60. What it bounds is time,
 * some 30 us a question at the most; `maxConnections` bounds memory.
 */
const MAX_PER_KEY = 1024;
/** Among so many of the oldest one that has ended is preferred. */
const FEW = 32;
const MAX_LOSSES = 100;

export interface TableListener {
  /** A connection without a translation began, or its handshake went through. In the kernel's order. */
  onPlain(connection: Connection): void;
}

export class ConnectionTable {
  readonly #options: TableOptions;
  readonly #listener: TableListener | undefined;
  /** By the tuple that the kernel holds unique. Both in the order of their coming. */
  readonly #plain = new Map<string, Connection>();
  readonly #translated = new Map<string, Connection>();
  /** In the order of their end. */
  readonly #closed = new Set<Connection>();
  readonly #byFlow = new Map<string, Connection[]>();
  readonly #losses: Span[] = [];
  #numbers = 0;
  #listing: Micros | undefined;
  /** Connections that were dropped before their time. */
  evicted = 0;

  constructor(options: TableOptions = DEFAULT_TABLE, listener?: TableListener) {
    this.#options = options;
    this.#listener = listener;
  }

  get size(): number {
    return this.#plain.size + this.#translated.size + this.#closed.size;
  }

  /** Connections that were there before we looked; nothing tells when they end. */
  get listed(): number {
    let count = 0;
    for (const map of [this.#plain, this.#translated]) {
      for (const connection of map.values()) if (connection.listed) count++;
    }
    return count;
  }

  /** What fits these addresses and ports, from its opener's side (connection.ts: flowKey). */
  find(key: string): readonly Connection[] {
    return this.#byFlow.get(key) ?? [];
  }

  /** Events were lost within that time. */
  lost(span: Span): void {
    const last = this.#losses.at(-1);
    if (last !== undefined && span.from <= last.to) {
      this.#losses[this.#losses.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
      return;
    }
    if (this.#losses.length >= MAX_LOSSES) this.#losses.shift();
    this.#losses.push(span);
  }

  /** Whether all events between these times were heard. */
  heardAll(from: Micros, to: Micros): boolean {
    return !this.#losses.some((loss) => loss.from <= to && loss.to >= from);
  }

  /** `when`: the time within which the kernel said this. */
  apply(news: ConnectionNews, when: Span): void {
    const key = kernelKey(news);
    const open = this.#translated.get(key) ?? this.#plain.get(key);
    if (open !== undefined && open.id === news.id) {
      open.heardAt = when.to;
      if (news.type === 'closed') this.#close(key, open, exactly(news.closedAt) ?? when);
      else if (news.established === true) this.#establish(open);
      return;
    }
    // An end of what was never known changes nothing; neither does it prove the end of its successor.
    if (news.type === 'closed') return;
    if (open !== undefined) this.#close(key, open, { from: open.heardAt, to: when.to });
    this.#open(key, news, when);
  }

  /** An answer to a dump begins. */
  beginListing(now: Micros): void {
    this.#listing = now;
  }

  /** It is over: what was not in it has ended some time since it was last heard of. */
  endListing(now: Micros, complete: boolean): void {
    const since = this.#listing;
    this.#listing = undefined;
    if (since === undefined || !complete) return;
    for (const map of [this.#plain, this.#translated]) {
      for (const [key, connection] of map) {
        if (connection.heardAt < since) this.#close(key, connection, { from: connection.heardAt, to: now });
      }
    }
  }

  /** Forgets what ended long ago; that is no loss. */
  expire(now: Micros): void {
    const before = now - this.#options.closedSecs * MICROS_PER_SECOND;
    for (const connection of this.#closed) {
      if (connection.closed!.to >= before) return;
      this.#forgetClosed(connection);
    }
  }

  #open(key: string, news: ConnectionNews, when: Span): void {
    if (this.size >= this.#options.maxConnections) this.#evict();
    const { orig, reply, id, zone, type } = news;
    // A `changed` of something unknown: its beginning was lost, or we came later.
    const listed = type !== 'opened';
    const connection: Connection = {
      orig,
      reply,
      id,
      zone,
      number: ++this.#numbers,
      opened: exactly(news.openedAt) ?? (listed ? { from: Number.NEGATIVE_INFINITY, to: when.to } : when),
      closed: undefined,
      listed,
      established: orig.protocol !== IPPROTO_TCP || news.established === true,
      heardAt: when.to,
    };
    const translated = isTranslated(connection);
    (translated ? this.#translated : this.#plain).set(key, connection);
    for (const flow of flowKeys(connection)) {
      const list = this.#byFlow.get(flow);
      if (list === undefined) this.#byFlow.set(flow, [connection]);
      else list.push(connection);
      if (list !== undefined && list.length > MAX_PER_KEY) {
        const oldest = list.slice(0, FEW);
        this.#drop(oldest.find(({ closed }) => closed !== undefined) ?? list[0]!);
      }
    }
    if (!translated) this.#listener?.onPlain(connection);
  }

  #establish(connection: Connection): void {
    if (connection.established) return;
    connection.established = true;
    if (!isTranslated(connection)) this.#listener?.onPlain(connection);
  }

  #close(key: string, connection: Connection, when: Span): void {
    this.#plain.delete(key);
    this.#translated.delete(key);
    connection.closed = when;
    this.#closed.add(connection);
  }

  #evict(): void {
    const first = (all: Iterable<Connection>): Connection | undefined => all[Symbol.iterator]().next().value;
    const oldest = first(this.#closed) ?? first(this.#plain.values()) ?? first(this.#translated.values());
    if (oldest !== undefined) this.#drop(oldest);
  }

  #drop(connection: Connection): void {
    this.evicted++;
    if (connection.closed === undefined) {
      const key = kernelKey(connection);
      this.#plain.delete(key);
      this.#translated.delete(key);
    }
    this.#forgetClosed(connection);
  }

  #forgetClosed(connection: Connection): void {
    this.#closed.delete(connection);
    this.#unlink(connection);
  }

  #unlink(connection: Connection): void {
    for (const flow of flowKeys(connection)) {
      const list = this.#byFlow.get(flow);
      const at = list?.indexOf(connection) ?? -1;
      if (list === undefined || at < 0) continue;
      if (list.length === 1) this.#byFlow.delete(flow);
      else list.splice(at, 1);
    }
  }
}

const IPPROTO_TCP = 6;

function exactly(time: Micros | undefined): Span | undefined {
  return time === undefined ? undefined : { from: time, to: time };
}

/** The kernel holds the original tuple unique within its zone. */
function kernelKey({ orig, zone }: Pick<Connection, 'orig' | 'zone'>): string {
  const { protocol, src, srcPort, dst, dstPort, icmp } = orig;
  const echo = icmp === undefined ? '' : ` ${icmp.type}/${icmp.code}/${icmp.id}`;
  return `${zone} ${protocol} ${src} ${srcPort} ${dst} ${dstPort}${echo}`;
}
