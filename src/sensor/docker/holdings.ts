/**
 * The containers and the intervals in which they hold addresses: opens, closes and changes both, and tells whoever wants
 * to hear of it. Why something began or ended is the caller's to know (inventory-state.ts, relist.ts).
 */
import type { LeaseRecord } from '../../model/lease.ts';
import type { Workload } from '../../model/network.ts';
import type { Micros } from '../../model/time.ts';
import {
  AddressBook,
  beginInterval,
  type End,
  type Holder,
  type Interval,
  type Retention,
  toldEnd,
} from './address-book.ts';
import { Arrivals } from './arrivals.ts';
import type { EngineContainer, EngineEndpoint } from './engine-json.ts';
import {
  type Entry,
  nameless,
  newEntry,
  runtimeOf,
  sameEndpoint,
  toContainerState,
  toNetworkEndpoint,
  toWorkload,
} from './entry.ts';
import type { InventoryEvent } from './inventory-event.ts';
import type { KnownNetworks } from './known-networks.ts';
import { leaseId, toLease } from './lease.ts';

export interface HoldingsOptions {
  readonly retention: Retention;
  readonly networks: KnownNetworks;
  readonly emit: (event: InventoryEvent) => void;
  readonly onLease: ((lease: LeaseRecord) => void) | undefined;
  /** What others derived from the state before is now out of date. */
  readonly changed: () => void;
}

/** How an endpoint's beginning is known, where no event told of it. */
export interface Beginning {
  readonly from: Micros;
  readonly sureFrom?: Micros;
  readonly earliest?: Micros;
  readonly isUncertain?: boolean;
  /** From a list of everything: two holders of one address in it are settled by the events to come. */
  readonly isListed?: boolean;
}

/** Containers of which only an event has told; some 200 bytes each. */
const MAX_INTRODUCED = 2000;

export class Holdings {
  readonly book: AddressBook;
  /** Containers on a network whose address is not known. */
  readonly arrivals = new Arrivals();
  readonly containers = new Map<string, Entry>();
  readonly #options: HoldingsOptions;
  /** What listeners were told last about pid, namespace and published ports. */
  readonly #runtimes = new WeakMap<Entry, string>();

  readonly #introduced = new Map<string, Workload>();

  constructor(options: HoldingsOptions) {
    this.#options = options;
    this.book = new AddressBook(options.retention);
  }

  /** Facts about one container; they replace what was known, except where they know less. */
  seen(facts: EngineContainer, time: Micros): void {
    const known = this.containers.get(facts.id);
    if (known === undefined) {
      const entry = newEntry(facts);
      this.#introduced.delete(facts.id);
      this.#runtimes.set(entry, runtimeOf(entry));
      this.containers.set(facts.id, entry);
      this.#options.changed();
      this.#options.emit({ type: 'container-added', time, container: toContainerState(entry) });
    } else {
      if (facts.startedAt !== undefined && facts.startedAt !== known.facts.startedAt) {
        known.aliveSince = facts.startedAt;
      }
      known.facts = { ...known.facts, ...facts };
      this.refresh(known, time);
    }
    for (const { networkId, gateways } of facts.endpoints) {
      this.#options.networks.learnGateways(networkId, gateways, time);
    }
  }

  /** What an event says of a container that is not in the map: it must do if nobody tells more. */
  introduce(id: string, workload: Workload): void {
    if (this.#introduced.size >= MAX_INTRODUCED) {
      this.#introduced.delete(this.#introduced.keys().next().value!);
    }
    this.#introduced.set(id, workload);
    this.arrivals.named(id, workload);
    this.#options.changed();
  }

  /** As much as is known of it; at the least its id. */
  workloadOf(id: string): Workload {
    return (
      this.containers.get(id)?.workload ?? this.#introduced.get(id) ?? toWorkload(nameless(id), new Map())
    );
  }

  /** Opens the endpoint's interval, unless it is open already. */
  connect(endpoint: EngineEndpoint, time: Micros, begin: Beginning): void {
    const entry = this.#ensure(endpoint, time);
    if (!entry.joined.has(endpoint.networkId)) {
      entry.joined.set(endpoint.networkId, endpoint.networkName);
      this.refresh(entry, time);
    }
    this.#options.networks.learnGateways(endpoint.networkId, endpoint.gateways, time);
    if (endpoint.ips.length === 0 && endpoint.mac === undefined) return;
    const current = entry.open.get(endpoint.networkId);
    if (current !== undefined) {
      if (sameEndpoint(current, endpoint)) {
        current.endpointId ??= endpoint.endpointId;
        current.toldAt = Math.max(current.toldAt, begin.sureFrom ?? begin.from);
        return;
      }
      this.close(entry, endpoint.networkId, { ...toldEnd(begin.from), isUncertain: true });
    }
    if (begin.isListed !== true) this.#endOthers(entry, endpoint, begin.from);
    const interval = this.#again(entry, endpoint) ?? this.#begin(entry, endpoint, begin);
    interval.toldAt = begin.sureFrom ?? begin.from;
    entry.open.set(endpoint.networkId, interval);
    this.#options.changed();
    this.emitEndpoint('endpoint-added', entry, interval, time);
    this.tellLease(interval, time);
  }

  /** Its interval on this network, if it has one. */
  close(entry: Entry, networkId: string, end: End): void {
    const interval = entry.open.get(networkId);
    if (interval === undefined) return;
    entry.open.delete(networkId);
    this.book.close(interval, end);
    this.#options.changed();
    this.emitEndpoint('endpoint-removed', entry, interval, end.at);
    this.tellLease(interval, end.at);
  }

  /** It leaves the map; its closed intervals keep its name. */
  remove(entry: Entry, end: End): void {
    // Before its leases are told of for the last time.
    entry.workload = { ...entry.workload, stoppedAt: end.at };
    for (const networkId of [...entry.open.keys()]) this.close(entry, networkId, end);
    this.containers.delete(entry.id);
    this.#options.changed();
    this.#options.emit({ type: 'container-removed', time: end.at, container: toContainerState(entry) });
  }

  tellLease(interval: Interval, time: Micros): void {
    this.#options.onLease?.(toLease(interval, time));
  }

  /** After its facts or its networks may have changed. */
  refresh(entry: Entry, time: Micros): void {
    const before = entry.workload;
    const after = toWorkload(entry.facts, entry.joined);
    const same = JSON.stringify(before) === JSON.stringify(after);
    if (!same) entry.workload = after;
    const runtime = runtimeOf(entry);
    if (same && this.#runtimes.get(entry) === runtime) return;
    this.#runtimes.set(entry, runtime);
    this.#options.changed();
    this.#options.emit({ type: 'container-changed', time, container: toContainerState(entry) });
    if (!same) for (const interval of entry.open.values()) this.tellLease(interval, time);
  }

  emitEndpoint(
    type: 'endpoint-added' | 'endpoint-removed',
    entry: Entry,
    interval: Interval,
    time: Micros,
  ): void {
    const network = this.#options.networks.get(interval.networkId);
    this.#options.emit({
      type,
      time,
      endpoint: toNetworkEndpoint(interval),
      workload: entry.workload,
      ...(network === undefined ? {} : { network }),
    });
  }

  #begin(entry: Entry, endpoint: EngineEndpoint, begin: Beginning): Interval {
    const { from, sureFrom = from, earliest, isUncertain = false } = begin;
    const interval = beginInterval(knownOf(endpoint, entry, from), {
      sureFrom,
      uncertain: isUncertain,
      ...(earliest === undefined ? {} : { earliest }),
    });
    this.book.open(interval);
    return interval;
  }

  /** The very same endpoint, closed by tidings that were not its own: it never went. */
  #again(entry: Entry, endpoint: EngineEndpoint): Interval | undefined {
    const { endpointId, networkId } = endpoint;
    if (endpointId === undefined) return undefined;
    const closed = this.book.lastClosed(networkId, entry.id, Number.NEGATIVE_INFINITY);
    if (closed?.endpointId !== endpointId || !sameEndpoint(closed, endpoint)) return undefined;
    this.book.reopen(closed);
    return closed;
  }

  /** One address has one holder: whoever held it until now has given it back, though nobody told us yet. */
  #endOthers(entry: Entry, endpoint: EngineEndpoint, from: Micros): void {
    for (const ip of endpoint.ips) {
      for (const other of [...this.book.byIp(ip)]) {
        if (other.to !== Number.POSITIVE_INFINITY || other.networkId !== endpoint.networkId) continue;
        const holder = this.containers.get(other.holder.id);
        if (holder === undefined || holder === entry) continue;
        this.close(holder, endpoint.networkId, { ...toldEnd(from), latest: from, isUncertain: true });
      }
    }
  }

  #ensure(endpoint: EngineEndpoint, time: Micros): Entry {
    const id = endpoint.containerId;
    if (!this.containers.has(id)) {
      const name = endpoint.containerName ?? id.slice(0, 12);
      // Until it is inspected: a container's network mode is the name of the network it was started on.
      const networkMode = endpoint.networkName;
      this.seen({ id, name, image: 'unknown', labels: {}, networkMode, endpoints: [endpoint] }, time);
    }
    return this.containers.get(id)!;
  }
}

/** What an interval is from its beginning on. */
export function knownOf(
  endpoint: EngineEndpoint,
  holder: Holder,
  from: Micros,
): Parameters<typeof beginInterval>[0] {
  const { networkId, networkName, endpointId, ips, mac } = endpoint;
  const id = leaseId(networkId, holder.id, endpointId, from);
  return { id, networkId, networkName, holder, ips, mac, endpointId, from };
}
