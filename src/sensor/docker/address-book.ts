/**
 * Who held which address, and when. Docker hands out the lowest free address, so one is reused at once: an address
 * alone names nobody, (address, network, time) does, and the MAC decides where two holders meet.
 * Each interval has three widths: surely held, held as told, and possibly held. The engine tells of an end only after
 * the address was free again, and of a beginning a little after the interface was up; between two holders only the
 * first width may name one.
 * Bounded: open intervals by the number of endpoints, closed ones by age and number.
 */
import type { Workload } from '../../model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';

/** Whoever holds addresses. The workload is replaced as more becomes known, so read it late. */
export interface Holder {
  readonly id: string;
  workload: Workload;
}

/** What the kernel of this host knows of an endpoint. */
export interface LinkFacts {
  /** The host's end, and its interface index. */
  readonly veth?: string;
  readonly ifIndex?: number;
  /** Inode of the container's network namespace. */
  readonly netns?: number;
}

export interface Interval {
  /** The same over all that is told of it, restarts of the agent included. */
  readonly id: string;
  readonly networkId: string;
  readonly networkName: string;
  readonly holder: Holder;
  readonly ips: readonly string[];
  readonly mac: string | undefined;
  /** Changes with each connect; learned later where the first who told of it did not know. */
  endpointId: string | undefined;
  /** Held in [from, to) as told; `to` is Infinity while it is held. */
  from: Micros;
  to: Micros;
  /** Surely held in [sureFrom, sureTo): nobody else can have had it then. */
  sureFrom: Micros;
  sureTo: Micros;
  /** Perhaps held in [earliest, latest]. */
  earliest: Micros;
  latest: Micros;
  /** The engine's latest word that it is held: older tidings of its end belong to an earlier one. */
  toldAt: Micros;
  /** Nobody saw its beginning, or its end. */
  uncertain: boolean;
  /** Ended by a `die`: the `disconnect` to come tells when the address was free. */
  awaitsDisconnect: boolean;
  link: LinkFacts;
  /** Of closed ones: they are kept until this is too old. Differs from `to` when the clock was set back. */
  keptFrom: Micros;
}

export interface Retention {
  /** Closed intervals kept, so that late packets still find their container. About 500 bytes each. */
  readonly maxClosed: number;
  readonly closedSecs: number;
}

export const DEFAULT_RETENTION: Retention = { maxClosed: 10_000, closedSecs: 900 };

/**
 * How late the engine tells what happened: of an interface that is up some 10 ms, of an address that is free 30 to
 * 200 ms (both measured on 20.10); several times that for a busy machine.
 */
export const TOLD_LATE_MICROS = 0.5 * MICROS_PER_SECOND;

type Known = Pick<
  Interval,
  'id' | 'networkId' | 'networkName' | 'holder' | 'ips' | 'mac' | 'endpointId' | 'from'
>;

/** An interval whose beginning was told as it happened; `widths` where it was not. */
export function beginInterval(known: Known, widths: Partial<Interval> = {}): Interval {
  return {
    ...known,
    to: Number.POSITIVE_INFINITY,
    sureFrom: known.from,
    sureTo: Number.POSITIVE_INFINITY,
    earliest: known.from - TOLD_LATE_MICROS,
    latest: Number.POSITIVE_INFINITY,
    toldAt: known.from,
    uncertain: false,
    awaitsDisconnect: false,
    link: {},
    keptFrom: Number.POSITIVE_INFINITY,
    ...widths,
  };
}

/** When it ended, and how surely. */
export interface End {
  readonly at: Micros;
  readonly sureTo: Micros;
  readonly latest: Micros;
  readonly isUncertain?: boolean;
  readonly awaitsDisconnect?: boolean;
}

/** The engine told of it, after the fact. */
export function toldEnd(at: Micros): End {
  return { at, sureTo: at - TOLD_LATE_MICROS, latest: at + TOLD_LATE_MICROS };
}

export class AddressBook {
  readonly #retention: Retention;
  readonly #byIp = new Map<string, Interval[]>();
  readonly #byMac = new Map<string, Interval[]>();
  /** In the order of closing. */
  readonly #closed: Interval[] = [];
  /** Closed intervals dropped because there were more than `maxClosed`; dropping by age is no loss. */
  evicted = 0;

  constructor(retention: Retention) {
    this.#retention = retention;
  }

  open(interval: Interval): void {
    for (const ip of interval.ips) append(this.#byIp, ip, interval);
    if (interval.mac !== undefined) append(this.#byMac, interval.mac, interval);
  }

  close(interval: Interval, end: End): void {
    // An interval never ends before it began, whatever two clocks say.
    interval.to = Math.max(end.at, interval.from);
    interval.sureTo = Math.min(interval.sureTo, end.sureTo);
    interval.latest = Math.max(end.latest, interval.to);
    interval.uncertain ||= end.isUncertain === true;
    interval.awaitsDisconnect = end.awaitsDisconnect === true;
    interval.keptFrom = end.at;
    this.#closed.push(interval);
    this.#dropOld(end.at);
  }

  /** It never ended: the same endpoint is there again. */
  reopen(interval: Interval): void {
    const at = this.#closed.indexOf(interval);
    if (at < 0) return;
    this.#closed.splice(at, 1);
    const never = Number.POSITIVE_INFINITY;
    Object.assign(interval, { to: never, sureTo: never, latest: never, keptFrom: never });
    interval.awaitsDisconnect = false;
  }

  /** The interval of this endpoint that was closed last, if that was after `since`. */
  lastClosed(networkId: string, holderId: string, since: Micros): Interval | undefined {
    for (let i = this.#closed.length - 1; i >= 0; i--) {
      const interval = this.#closed[i]!;
      if (interval.keptFrom < since) return undefined;
      if (interval.networkId === networkId && interval.holder.id === holderId) return interval;
    }
    return undefined;
  }

  byIp(ip: string): readonly Interval[] {
    return this.#byIp.get(ip) ?? [];
  }

  byMac(mac: string): readonly Interval[] {
    return this.#byMac.get(mac) ?? [];
  }

  closed(): readonly Interval[] {
    return this.#closed;
  }

  /**
   * The clock was set back to `now`: times since then come a second time. What is held now is held in that second
   * pass too, and what ended in the first may not be kept until the clock gets there again.
   */
  clockSetBack(open: Iterable<Interval>, now: Micros): void {
    for (const interval of open) {
      interval.toldAt = Math.min(interval.toldAt, now);
      if (interval.from <= now) continue;
      interval.from = now;
      interval.sureFrom = Math.min(interval.sureFrom, now);
      interval.earliest = Math.min(interval.earliest, now);
      interval.uncertain = true;
    }
    for (const interval of this.#closed) interval.keptFrom = Math.min(interval.keptFrom, now);
  }

  #dropOld(now: Micros): void {
    const tooOld = now - this.#retention.closedSecs * MICROS_PER_SECOND;
    while (this.#closed.length > 0) {
      const oldest = this.#closed[0]!;
      const overfull = this.#closed.length > this.#retention.maxClosed;
      if (!overfull && oldest.keptFrom >= tooOld) break;
      if (oldest.keptFrom >= tooOld) this.evicted++;
      this.#closed.shift();
      this.#forget(oldest);
    }
  }

  #forget(interval: Interval): void {
    for (const ip of interval.ips) remove(this.#byIp, ip, interval);
    if (interval.mac !== undefined) remove(this.#byMac, interval.mac, interval);
  }
}

function append(map: Map<string, Interval[]>, key: string, interval: Interval): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [interval]);
  else list.push(interval);
}

function remove(map: Map<string, Interval[]>, key: string, interval: Interval): void {
  const list = map.get(key);
  const at = list?.indexOf(interval) ?? -1;
  if (list === undefined || at < 0) return;
  list.splice(at, 1);
  if (list.length === 0) map.delete(key);
}
