/**
 * Who held which address, and when. Docker hands out the lowest free address, so one is reused at once: an address
 * alone names nobody, (address, network, time) does, and the MAC decides where two holders meet.
 * Bounded: open intervals by the number of endpoints, closed ones by age and number.
 */
import type { Workload } from '../../model/network.ts';
import type { Micros } from '../../model/time.ts';

/** Whoever holds addresses. The workload is replaced as more becomes known, so read it late. */
export interface Holder {
  readonly id: string;
  workload: Workload;
}

export interface Interval {
  readonly networkId: string;
  readonly holder: Holder;
  readonly ips: readonly string[];
  readonly mac: string | undefined;
  readonly endpointId: string | undefined;
  /** Held in [from, to); `to` is Infinity while it is held. */
  readonly from: Micros;
  to: Micros;
}

export interface Retention {
  /** Closed intervals kept, so that late packets still find their container. About 300 bytes each. */
  readonly maxClosed: number;
  readonly closedSecs: number;
}

export const DEFAULT_RETENTION: Retention = { maxClosed: 10_000, closedSecs: 900 };

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

  close(interval: Interval, at: Micros): void {
    // An interval never ends before it began, whatever two clocks say.
    interval.to = Math.max(at, interval.from);
    this.#closed.push(interval);
    const tooOld = at - this.#retention.closedSecs * 1_000_000;
    while (this.#closed.length > 0) {
      const oldest = this.#closed[0]!;
      const overfull = this.#closed.length > this.#retention.maxClosed;
      if (!overfull && oldest.to >= tooOld) break;
      if (oldest.to >= tooOld) this.evicted++;
      this.#closed.shift();
      this.#forget(oldest);
    }
  }

  /** The interval of this endpoint that was closed last, if that was after `since`. */
  lastClosed(networkId: string, holderId: string, since: Micros): Interval | undefined {
    for (let i = this.#closed.length - 1; i >= 0; i--) {
      const interval = this.#closed[i]!;
      if (interval.to < since) return undefined;
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
