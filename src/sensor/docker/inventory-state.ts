/**
 * The inventory without its I/O: facts of the engine go in, each with its time, and who held which address when
 * comes out. Deterministic, so that a record of what a real engine said gives the same map each time.
 */
import type { LeaseHistory, LeaseRecord } from '../../model/lease.ts';
import type { Network, NetworkEndpoint, Workload } from '../../model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import {
  type AddressBook,
  beginInterval,
  DEFAULT_RETENTION,
  type Interval,
  type LinkFacts,
  type Retention,
  TOLD_LATE_MICROS,
  toldEnd,
} from './address-book.ts';
import type { Arrival, Arrivals } from './arrivals.ts';
import type { EngineContainer, EngineEndpoint, EngineNetwork } from './engine-json.ts';
import { type Entry, newEntry, toContainerState, toNetworkEndpoint, toWorkload } from './entry.ts';
import { type Gap, Gaps } from './gaps.ts';
import { Holdings, knownOf } from './holdings.ts';
import type { ContainerState, InventoryEvent } from './inventory-event.ts';
import { KnownNetworks } from './known-networks.ts';
import { leaseId } from './lease.ts';
import { findSharers } from './namespace-sharers.ts';
import { JOIN_TO_START_MICROS, relist } from './relist.ts';

export interface InventoryStateOptions {
  readonly retention?: Retention;
  /**
   * All addresses of this host. Engines leave the gateway out of a network's description when they chose it
   * themselves (20.10 does); the host's address inside the subnet is that gateway.
   */
  readonly localAddresses?: () => Iterable<string>;
  /** False when only networks are known (`analyze --network`): then nobody's absence means anything. */
  readonly knowsContainers?: boolean;
  /** Told when an interval begins, when more is known of it, and when it ends. */
  readonly onLease?: (lease: LeaseRecord) => void;
}

/** As it was written down. */
export interface RestoredEndpoint extends NetworkEndpoint {
  /** Where the network is not known itself. */
  readonly networkName?: string;
  /** Nobody saw its beginning, or its end. */
  readonly uncertain?: boolean;
}

/** A disconnect is told up to a second after the die that caused it (0.03 to 0.2 s measured on 20.10). */
const DIE_TO_DISCONNECT_SECS = 60;

export class InventoryState {
  readonly knowsContainers: boolean;
  readonly book: AddressBook;
  /** Containers on a network whose address is not known. */
  readonly arrivals: Arrivals;
  /** Rises with each change; what was derived from the state before is then out of date. */
  version = 0;
  readonly #networks: KnownNetworks;
  readonly #holdings: Holdings;
  readonly #containers: Map<string, Entry>;
  readonly #gaps = new Gaps();
  #sharers: ReadonlyMap<string, readonly Workload[]> = new Map();
  #sharersVersion = -1;
  #listed = false;
  #history: LeaseHistory | undefined;

  constructor(emit: (event: InventoryEvent) => void = () => {}, options: InventoryStateOptions = {}) {
    const { retention = DEFAULT_RETENTION, localAddresses, onLease } = options;
    this.knowsContainers = options.knowsContainers ?? true;
    this.#networks = new KnownNetworks({
      retentionSecs: retention.closedSecs,
      localAddresses,
      emit: (event) => {
        this.version++;
        emit(event);
      },
    });
    this.#holdings = new Holdings({
      retention,
      networks: this.#networks,
      emit,
      onLease,
      changed: () => {
        this.version++;
      },
    });
    this.book = this.#holdings.book;
    this.arrivals = this.#holdings.arrivals;
    this.#containers = this.#holdings.containers;
  }

  networks(): Network[] {
    return this.#networks.all();
  }

  network(id: string): Network | undefined {
    return this.#networks.get(id);
  }

  /** Recently removed, so that late packets are not taken for foreign ones. */
  removedNetworks(): Network[] {
    return this.#networks.removed();
  }

  containers(): ContainerState[] {
    return [...this.#containers.values()].map(toContainerState);
  }

  container(id: string): ContainerState | undefined {
    const entry = this.#containers.get(id);
    return entry === undefined ? undefined : toContainerState(entry);
  }

  /** Containers that live in this one's network namespace (`network_mode: container:ID`). */
  sharersOf(containerId: string): readonly Workload[] {
    // Once a change: each look-up asks, and there may be hundreds of containers.
    if (this.#sharersVersion !== this.version) {
      this.#sharersVersion = this.version;
      this.#sharers = findSharers(this.#containers);
    }
    return this.#sharers.get(containerId) ?? [];
  }

  onHostNetwork(): Workload[] {
    return [...this.#containers.values()]
      .filter((entry) => entry.workload.networkMode === 'host')
      .map((entry) => entry.workload);
  }

  /** The gap that `time` falls into. */
  gapAt(time: Micros): Gap | undefined {
    return this.#gaps.at(time);
  }

  get gaps(): readonly Gap[] {
    return this.#gaps.all;
  }

  /** From now on the state may be out of date. */
  engineLost(time: Micros): void {
    if (this.stale) return;
    this.#gaps.begin(time);
    this.version++;
  }

  get stale(): boolean {
    return this.#gaps.current !== undefined;
  }

  /** What an earlier run of the agent knew; to be given before the first list. */
  remember(history: LeaseHistory): void {
    this.#history = history;
  }

  /**
   * The wall clock was set back to `now`: times since then come a second time, and what is held now is held in them
   * too. Where another held it in the first pass, only the MAC can tell.
   */
  clockSetBack(now: Micros): void {
    const open = [...this.#containers.values()].flatMap((entry) => [...entry.open.values()]);
    const changed = open.filter(({ from }) => from > now);
    this.book.clockSetBack(open, now);
    this.arrivals.clockSetBack(now);
    for (const entry of this.#containers.values()) {
      entry.aliveSince = Math.min(entry.aliveSince, now);
      entry.namedAt = Math.min(entry.namedAt, now);
    }
    this.#gaps.clockSetBack(now);
    this.version++;
    for (const interval of changed) this.#holdings.tellLease(interval, now);
  }

  /** Everything that exists, as of `time`: what is not in it is gone, what stayed the same keeps its interval. */
  replaceAll(networks: readonly EngineNetwork[], containers: readonly EngineContainer[], time: Micros): void {
    const history = this.#history;
    this.#history = undefined;
    const lostAt = this.#lostAt(history, time);
    relist({
      holdings: this.#holdings,
      networks: this.#networks,
      listed: { networks, containers },
      time,
      lostAt,
      isFirst: !this.#listed && history?.knownUntil === undefined,
      recalled: history?.leases ?? [],
      removeNetwork: (id) => this.networkRemoved(id, time),
    });
    if (history !== undefined) this.#gaps.absent(lostAt, time);
    this.#gaps.end(time);
    this.#listed = true;
    this.version++;
  }

  /** Until when the state was known to be right, before this list. */
  #lostAt(history: LeaseHistory | undefined, time: Micros): Micros {
    const lostAt = this.#gaps.current?.from ?? time;
    if (history === undefined) return lostAt;
    const latestWord = history.leases.reduce((latest, lease) => Math.max(latest, lease.time), 0);
    return Math.min(lostAt, history.knownUntil ?? (latestWord > 0 ? latestWord : lostAt));
  }

  networkSeen(seen: EngineNetwork, time: Micros): void {
    this.#networks.seen(seen.network, time);
  }

  networkRemoved(id: string, time: Micros): void {
    const network = this.#networks.get(id);
    if (network === undefined) return;
    this.arrivals.networkGone(id, time);
    for (const entry of this.#containers.values()) {
      this.#holdings.close(entry, id, toldEnd(time));
      if (entry.joined.delete(id)) this.#holdings.refresh(entry, time);
    }
    this.#networks.remove(network, time);
  }

  /** Facts about one container; they replace what was known, except where they know less. */
  containerSeen(facts: EngineContainer, time: Micros): void {
    this.#holdings.seen(facts, time);
  }

  /** Opens the endpoint's interval. `facts` are needed when the container was never seen. */
  connected(endpoint: EngineEndpoint, time: Micros, facts?: EngineContainer): void {
    // The facts may be from before the connect; the endpoint is the newer.
    if (facts !== undefined) this.containerSeen({ ...facts, endpoints: [endpoint] }, time);
    const pending = this.arrivals.pending(endpoint.networkId, endpoint.containerId);
    if (pending?.to === Number.POSITIVE_INFINITY || pending?.isMissed === true) this.arrivals.settle(pending);
    this.#holdings.connect(endpoint, time, { from: Math.min(pending?.from ?? time, time) });
  }

  /** An event names a container that is not in the map: what the event says must do if nobody tells more. */
  introduced(id: string, attributes: Readonly<Record<string, string>>): void {
    // Beside these two: its labels, and what belongs to the event.
    const { name, image = 'unknown', ...labels } = attributes;
    if (name === undefined || this.#containers.has(id)) return;
    this.#holdings.introduce(id, toWorkload({ id, name, image, labels, endpoints: [] }, new Map()));
  }

  /** The engine told of a connect, without the address. Undefined when that was told before. */
  connecting(networkId: string, containerId: string, time: Micros): Arrival | undefined {
    const open = this.#containers.get(containerId)?.open.get(networkId);
    const ended = this.book.lastClosed(networkId, containerId, time);
    if (open?.from === time || ended?.from === time) return undefined;
    const workload = this.#holdings.workloadOf(containerId);
    this.version++;
    return this.arrivals.add(networkId, { id: containerId, workload }, time);
  }

  /** The address of an arrival. One that has left meanwhile may have had it; a later life of its own may, too. */
  arrived(arrival: Arrival, endpoint: EngineEndpoint, facts?: EngineContainer): void {
    const { networkId, holder } = arrival;
    if (this.arrivals.pending(networkId, holder.id) !== arrival) return;
    if (arrival.to === Number.POSITIVE_INFINITY) {
      this.arrivals.settle(arrival);
      this.version++;
      this.connected(endpoint, arrival.from, facts);
      return;
    }
    if (endpoint.ips.length === 0) return;
    this.arrivals.settle(arrival);
    const known = this.#containers.get(holder.id);
    if (known === undefined && facts !== undefined) holder.workload = toWorkload(facts, new Map());
    const interval = beginInterval(
      {
        ...knownOf(endpoint, known ?? holder, arrival.from),
        // The endpoint's own id may already belong to the life after this one.
        id: leaseId(networkId, holder.id, undefined, arrival.from),
        endpointId: undefined,
      },
      { sureFrom: Number.POSITIVE_INFINITY },
    );
    this.book.open(interval);
    this.book.close(interval, { ...toldEnd(arrival.to), isUncertain: true });
    this.version++;
    this.#holdings.tellLease(interval, arrival.to);
  }

  /** The engine was asked about an arrival, and by `time` it was not there any more. */
  absent(arrival: Arrival, time: Micros): void {
    if (arrival.to <= time) return;
    arrival.to = Math.max(time, arrival.from);
    arrival.isMissed = true;
    this.version++;
  }

  /** It came to a network that gives no addresses. */
  arrivedWithoutAddress(arrival: Arrival): void {
    this.arrivals.settle(arrival);
    this.version++;
  }

  disconnected(networkId: string, containerId: string, time: Micros): void {
    this.arrivals.left(networkId, containerId, time);
    this.version++;
    const entry = this.#containers.get(containerId);
    const interval = entry?.open.get(networkId);
    if (entry !== undefined && interval !== undefined) {
      // A disconnect older than the interval belongs to the one before, told again after a re-list.
      if (time < interval.toldAt) return;
      this.#holdings.close(entry, networkId, toldEnd(time));
    } else {
      this.#releaseAfterDeath(networkId, containerId, time);
    }
    if (!entry?.joined.delete(networkId)) return;
    // It never ran: its start failed, which no `die` tells of.
    if (entry.joined.size === 0 && entry.facts.pid === undefined) this.#holdings.remove(entry, toldEnd(time));
    else this.#holdings.refresh(entry, time);
  }

  /**
   * `die` has closed it already; the address was really given back only now. Engines that tell of the death first
   * (20.10 does, 25 and later tell of it after the release) gave the address back after it.
   */
  #releaseAfterDeath(networkId: string, containerId: string, time: Micros): void {
    const since = time - DIE_TO_DISCONNECT_SECS * MICROS_PER_SECOND;
    const last = this.book.lastClosed(networkId, containerId, since);
    if (last === undefined || !last.awaitsDisconnect || last.to > time) return;
    last.sureTo = last.to;
    last.to = time;
    last.latest = time + TOLD_LATE_MICROS;
    last.awaitsDisconnect = false;
    this.#holdings.tellLease(last, time);
  }

  /** It died or was destroyed: it leaves the map; its closed intervals keep its name. */
  containerGone(containerId: string, time: Micros): void {
    this.arrivals.gone(containerId, time);
    this.version++;
    const entry = this.#containers.get(containerId);
    // A death before the latest start, or before the engine's latest word of it, is an old event told again.
    if (entry === undefined || entry.aliveSince > time) return;
    for (const { toldAt } of entry.open.values()) if (toldAt > time) return;
    this.#holdings.remove(entry, {
      at: time,
      sureTo: time - TOLD_LATE_MICROS,
      latest: time + JOIN_TO_START_MICROS,
      awaitsDisconnect: true,
    });
  }

  renamed(containerId: string, name: string, time: Micros): void {
    const entry = this.#containers.get(containerId);
    if (entry === undefined || time < entry.namedAt) return;
    entry.namedAt = time;
    this.containerSeen({ ...entry.facts, name, endpoints: [] }, time);
  }

  /** The kernel's side of an open interval; nothing when it has ended meanwhile. */
  learnedLink(interval: Interval, link: LinkFacts, time: Micros): void {
    const { veth, ifIndex, netns } = { ...interval.link, ...link };
    if (interval.to !== Number.POSITIVE_INFINITY) return;
    const before = interval.link;
    if (veth === before.veth && ifIndex === before.ifIndex && netns === before.netns) return;
    interval.link = { ...before, ...link };
    this.#holdings.tellLease(interval, time);
  }

  /** What is held now, with the container that holds it. */
  *openIntervals(): Generator<{ readonly interval: Interval; readonly container: ContainerState }> {
    for (const entry of this.#containers.values()) {
      if (entry.open.size === 0) continue;
      const container = toContainerState(entry);
      for (const interval of entry.open.values()) yield { interval, container };
    }
  }

  /** Puts a container back as it was written down, with its intervals; no one is told. */
  restore(workload: Workload, endpoints: readonly RestoredEndpoint[]): void {
    const { containerId: id, name, image, labels, networkMode } = workload;
    const entry = newEntry({ id, name, image, labels, networkMode, endpoints: [] });
    entry.aliveSince = workload.startedAt ?? 0;
    entry.workload = workload;
    if (workload.stoppedAt === undefined) this.#containers.set(id, entry);
    for (const endpoint of endpoints) {
      const { networkId, ips, mac, from, to } = endpoint;
      const known = {
        id: leaseId(networkId, id, undefined, from),
        networkId,
        networkName: endpoint.networkName ?? this.#networks.get(networkId)?.name ?? networkId,
        holder: entry,
        ips,
        mac,
        endpointId: undefined,
        from,
      };
      // Never surely held where nobody saw it begin or end.
      const unseen = { uncertain: true, sureFrom: Number.POSITIVE_INFINITY };
      const interval = beginInterval(known, endpoint.uncertain === true ? unseen : {});
      this.book.open(interval);
      if (to === undefined) entry.open.set(networkId, interval);
      else this.book.close(interval, toldEnd(to));
    }
    this.version++;
  }

  /** Nobody told the one who wrote it down what changed in this time; `to` is Infinity where it did not end. */
  restoreGap(from: Micros, to: Micros): void {
    this.#gaps.absent(from, to);
    this.version++;
  }

  /** Intervals that ended recently, by the container that held them. */
  recentlyClosed(): Map<Workload, NetworkEndpoint[]> {
    const byHolder = new Map<Workload, NetworkEndpoint[]>();
    for (const interval of this.book.closed()) {
      const { workload } = interval.holder;
      const endpoints = byHolder.get(workload);
      if (endpoints === undefined) byHolder.set(workload, [toNetworkEndpoint(interval)]);
      else endpoints.push(toNetworkEndpoint(interval));
    }
    return byHolder;
  }
}
