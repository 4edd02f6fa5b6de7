/**
 * Containers that came to a network and whose address is not known (yet): the engine tells of a connect without it,
 * and a container that lives 200 ms may be gone before anybody can ask. Until it is known each address of that network
 * that is not surely somebody else's may be theirs.
 * Bounded: the oldest go when there are too many, and they go with age.
 */
import type { Workload } from '../../model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import { type Holder, TOLD_LATE_MICROS } from './address-book.ts';

export interface Arrival {
  readonly networkId: string;
  readonly holder: Holder;
  /** When the engine says it came. */
  from: Micros;
  /** When it left; Infinity as long as it is there, for all we know. */
  to: Micros;
  /** Nobody told that it left: it was not there when the engine was asked. */
  isMissed: boolean;
}

const MAX_ARRIVALS = 2000;
const KEPT_SECS = 900;
/** A disconnect that overtook its connect is remembered this long. */
const MAX_DEPARTURES = 500;

export class Arrivals {
  #list: Arrival[] = [];
  /** The latest disconnect, by network and container. */
  readonly #departures = new Map<string, Micros>();

  add(networkId: string, holder: Holder, from: Micros): Arrival {
    const left = this.#departures.get(`${networkId} ${holder.id}`);
    const to = left !== undefined && left >= from ? left : Number.POSITIVE_INFINITY;
    const arrival: Arrival = { networkId, holder, from, to, isMissed: false };
    const tooOld = from - KEPT_SECS * MICROS_PER_SECOND;
    if (this.#list.length >= MAX_ARRIVALS) this.#list.shift();
    if (this.#list.some((other) => other.to < tooOld)) {
      this.#list = this.#list.filter((other) => other.to >= tooOld);
    }
    this.#list.push(arrival);
    return arrival;
  }

  /** Its address is known, or it has none. */
  settle(arrival: Arrival): void {
    const at = this.#list.indexOf(arrival);
    if (at >= 0) this.#list.splice(at, 1);
  }

  left(networkId: string, holderId: string, at: Micros): void {
    const key = `${networkId} ${holderId}`;
    this.#departures.delete(key);
    if (this.#departures.size >= MAX_DEPARTURES) {
      this.#departures.delete(this.#departures.keys().next().value!);
    }
    this.#departures.set(key, at);
    for (const arrival of this.#list) {
      if (arrival.networkId !== networkId || arrival.holder.id !== holderId) continue;
      if (arrival.from <= at && arrival.to > at) arrival.to = at;
    }
  }

  /** On all networks: it died, or everything was listed and it is not among that. */
  gone(holderId: string | undefined, at: Micros): void {
    for (const arrival of this.#list) {
      if (holderId !== undefined && arrival.holder.id !== holderId) continue;
      if (arrival.from <= at && arrival.to > at) arrival.to = at;
    }
  }

  /** Who it is became known. */
  named(holderId: string, workload: Workload): void {
    for (const { holder } of this.#list) if (holder.id === holderId) holder.workload = workload;
  }

  /** The network was removed, and everybody on it with it. */
  networkGone(networkId: string, at: Micros): void {
    for (const arrival of this.#list) {
      if (arrival.networkId === networkId) arrival.to = Math.min(arrival.to, Math.max(at, arrival.from));
    }
  }

  /** Still without an address, the latest of this container on this network. */
  pending(networkId: string, holderId: string): Arrival | undefined {
    return this.#list.findLast(
      (arrival) => arrival.networkId === networkId && arrival.holder.id === holderId,
    );
  }

  /** Who may have been on the network then. */
  at(networkId: string | undefined, time: Micros): Arrival[] {
    return this.#list.filter(
      (arrival) =>
        (networkId === undefined || arrival.networkId === networkId) &&
        time >= arrival.from - TOLD_LATE_MICROS &&
        time <= arrival.to + TOLD_LATE_MICROS,
    );
  }

  /** Times at which the answer of `at` changes. */
  *borders(networkId: string | undefined): Generator<Micros> {
    for (const arrival of this.#list) {
      if (networkId !== undefined && arrival.networkId !== networkId) continue;
      yield arrival.from - TOLD_LATE_MICROS;
      // It still counts at this instant.
      yield arrival.to + TOLD_LATE_MICROS + 1;
    }
  }

  clockSetBack(now: Micros): void {
    this.#departures.clear();
    for (const arrival of this.#list) {
      if (arrival.to === Number.POSITIVE_INFINITY) arrival.from = Math.min(arrival.from, now);
    }
  }
}
