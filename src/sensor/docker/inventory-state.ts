/**
 * The inventory without its I/O: facts of the engine go in, each with its time, and who held which address when
 * comes out. Deterministic, so that a record of what a real engine said gives the same map each time.
 */
import { cidrContains, parseCidr, parseIp } from '../../model/ip.ts';
import type { LeaseHistory, LeaseRecord } from '../../model/lease.ts';
import type { Network, NetworkEndpoint, Workload } from '../../model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import {
  AddressBook,
  beginInterval,
  DEFAULT_RETENTION,
  type End,
  type Holder,
  type Interval,
  type LinkFacts,
  type Retention,
  TOLD_LATE_MICROS,
  toldEnd,
} from './address-book.ts';
import { type Arrival, Arrivals } from './arrivals.ts';
import type { EngineContainer, EngineEndpoint, EngineNetwork } from './engine-json.ts';
import type { ContainerState, InventoryEvent } from './inventory-event.ts';
import { leaseId, toLease } from './lease.ts';

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

/** An interval of time in which nobody told us what changed. */
export interface Gap {
  readonly from: Micros;
  /** Infinity while it lasts. */
  readonly to: Micros;
}

interface Entry extends Holder {
  facts: EngineContainer;
  /** Named on networks even where it has no address (`host`, `none`). */
  readonly joined: Map<string, string>;
  readonly open: Map<string, Interval>;
  /** Deaths from before this are of an earlier life; names too. */
  aliveSince: Micros;
  namedAt: Micros;
}

/** How an endpoint's beginning is known, where no event told of it. */
interface Beginning {
  readonly from: Micros;
  readonly sureFrom?: Micros;
  readonly earliest?: Micros;
  readonly isUncertain?: boolean;
  /** From a list of everything: two holders of one address in it are settled by the events to come. */
  readonly isListed?: boolean;
}

/** A disconnect is told up to a second after the die that caused it (0.03 to 0.2 s measured on 20.10). */
const DIE_TO_DISCONNECT_SECS = 60;
/** A container joins its networks up to 0.4 s before it starts (measured on 20.10); more on a busy machine. */
const JOIN_TO_START_MICROS = 2 * MICROS_PER_SECOND;
const MAX_GAPS = 100;
/** Containers of which only an event has told; some 200 bytes each. */
const MAX_INTRODUCED = 2000;

export class InventoryState {
  readonly knowsContainers: boolean;
  readonly book: AddressBook;
  /** Containers on a network whose address is not known. */
  readonly arrivals = new Arrivals();
  /** Rises with each change; what was derived from the state before is then out of date. */
  version = 0;
  readonly #options: InventoryStateOptions;
  readonly #retentionSecs: number;
  readonly #emit: (event: InventoryEvent) => void;
  readonly #networks = new Map<string, Network>();
  readonly #removedNetworks: { readonly network: Network; readonly at: Micros }[] = [];
  readonly #containers = new Map<string, Entry>();
  readonly #gaps: Gap[] = [];
  /** What listeners were told last about pid, namespace and published ports. */
  readonly #runtimes = new WeakMap<Entry, string>();
  readonly #introduced = new Map<string, Workload>();
  readonly #sharers = new Map<string, Workload[]>();
  #sharersVersion = -1;
  #listed = false;
  #history: LeaseHistory | undefined;

  constructor(emit: (event: InventoryEvent) => void = () => {}, options: InventoryStateOptions = {}) {
    const retention = options.retention ?? DEFAULT_RETENTION;
    this.#options = options;
    this.#emit = emit;
    this.#retentionSecs = retention.closedSecs;
    this.book = new AddressBook(retention);
    this.knowsContainers = options.knowsContainers ?? true;
  }

  networks(): Network[] {
    return [...this.#networks.values()];
  }

  network(id: string): Network | undefined {
    return this.#networks.get(id);
  }

  /** Recently removed, so that late packets are not taken for foreign ones. */
  removedNetworks(): Network[] {
    return this.#removedNetworks.map((removed) => removed.network);
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
    if (this.#sharersVersion !== this.version) this.#findSharers();
    return this.#sharers.get(containerId) ?? [];
  }

  /** Once a change: each look-up asks, and there may be hundreds of containers. */
  #findSharers(): void {
    this.#sharersVersion = this.version;
    this.#sharers.clear();
    for (const entry of this.#containers.values()) {
      const owner = this.#ownerOf(entry);
      if (owner === undefined) continue;
      const sharers = this.#sharers.get(owner);
      if (sharers === undefined) this.#sharers.set(owner, [entry.workload]);
      else sharers.push(entry.workload);
    }
  }

  onHostNetwork(): Workload[] {
    return [...this.#containers.values()]
      .filter((entry) => entry.workload.networkMode === 'host')
      .map((entry) => entry.workload);
  }

  /** The gap that `time` falls into. */
  gapAt(time: Micros): Gap | undefined {
    return this.#gaps.find((gap) => time >= gap.from && time < gap.to);
  }

  get gaps(): readonly Gap[] {
    return this.#gaps;
  }

  /** From now on the state may be out of date. */
  engineLost(time: Micros): void {
    if (this.stale) return;
    if (this.#gaps.length >= MAX_GAPS) this.#gaps.shift();
    this.#gaps.push({ from: time, to: Number.POSITIVE_INFINITY });
    this.version++;
  }

  get stale(): boolean {
    return this.#gaps.at(-1)?.to === Number.POSITIVE_INFINITY;
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
    const gap = this.#gaps.at(-1);
    if (gap !== undefined && this.stale) {
      this.#gaps[this.#gaps.length - 1] = { ...gap, from: Math.min(gap.from, now) };
    }
    this.version++;
    for (const interval of changed) this.#tellLease(interval, now);
  }

  /** Everything that exists, as of `time`: what is not in it is gone, what stayed the same keeps its interval. */
  replaceAll(networks: readonly EngineNetwork[], containers: readonly EngineContainer[], time: Micros): void {
    const history = this.#history;
    this.#history = undefined;
    const lostAt = this.#lostAt(history, time);
    const isFirst = !this.#listed && history?.knownUntil === undefined;
    const networkIds = new Set(networks.map((entry) => entry.network.id));
    const endpoints = new Map<string, EngineEndpoint>();
    for (const endpoint of [...containers, ...networks].flatMap((entry) => entry.endpoints)) {
      const key = `${endpoint.containerId} ${endpoint.networkId}`;
      // The network's own description comes last and is the newer one; only the container's knows gateways.
      endpoints.set(key, { ...endpoint, gateways: endpoints.get(key)?.gateways ?? endpoint.gateways });
    }
    const alive = new Set(containers.filter((entry) => entry.running !== false).map((entry) => entry.id));
    for (const endpoint of endpoints.values()) alive.add(endpoint.containerId);

    // When it ended during a gap nobody knows: it is certain up to the gap, and possible until now.
    const unseen: End = { at: lostAt, sureTo: lostAt, latest: time, isUncertain: true };
    for (const entry of [...this.#containers.values()]) {
      for (const interval of [...entry.open.values()]) {
        const now = endpoints.get(`${entry.id} ${interval.networkId}`);
        if (now === undefined || !sameEndpoint(interval, now)) {
          this.#close(entry, interval.networkId, unseen);
        } else {
          interval.toldAt = time;
        }
      }
      if (!alive.has(entry.id)) this.#removeContainer(entry, unseen);
    }
    for (const { networkId, containerId } of endpoints.values()) {
      const pending = this.arrivals.pending(networkId, containerId);
      if (pending?.to === Number.POSITIVE_INFINITY) this.arrivals.settle(pending);
    }
    this.arrivals.gone(undefined, time);
    for (const id of this.#networks.keys()) if (!networkIds.has(id)) this.networkRemoved(id, time);
    for (const { network } of networks) {
      const learned = [...endpoints.values()].filter((endpoint) => endpoint.networkId === network.id);
      const gateways = new Set([...network.gateways, ...learned.flatMap((endpoint) => endpoint.gateways)]);
      this.networkSeen({ network: { ...network, gateways: [...gateways] }, endpoints: [] }, time);
    }
    for (const facts of containers) if (alive.has(facts.id)) this.containerSeen(facts, time);
    for (const lease of history?.leases ?? []) this.#recall(lease, endpoints, unseen, time);
    for (const endpoint of endpoints.values()) {
      const startedAt = this.#containers.get(endpoint.containerId)?.facts.startedAt;
      // Held since the start, as far as we know; but one that changed behind our back after that, since now.
      const sinceStart = startedAt !== undefined && (startedAt > lostAt || isFirst);
      const from = Math.min(sinceStart ? startedAt : time, time);
      this.#connect(endpoint, time, {
        from,
        sureFrom: time,
        earliest: Math.min(from - JOIN_TO_START_MICROS, isFirst ? from : lostAt),
        isUncertain: !sinceStart && !isFirst,
        isListed: true,
      });
    }
    const gap = this.#gaps.at(-1);
    // The earlier run's end is a gap too.
    const gapFrom = Math.min(lostAt, gap?.from ?? lostAt);
    if (gap !== undefined && this.stale) this.#gaps[this.#gaps.length - 1] = { from: gapFrom, to: time };
    else if (history !== undefined && lostAt < time) this.#gaps.push({ from: lostAt, to: time });
    this.#listed = true;
    this.version++;
  }

  /** Until when the state was known to be right, before this list. */
  #lostAt(history: LeaseHistory | undefined, time: Micros): Micros {
    const lostAt = this.stale ? this.#gaps.at(-1)!.from : time;
    if (history === undefined) return lostAt;
    const latestWord = history.leases.reduce((latest, lease) => Math.max(latest, lease.time), 0);
    return Math.min(lostAt, history.knownUntil ?? (latestWord > 0 ? latestWord : lostAt));
  }

  /** Takes up a lease of an earlier run: it goes on where the list shows it unchanged, else it ended unseen. */
  #recall(
    lease: LeaseRecord,
    endpoints: ReadonlyMap<string, EngineEndpoint>,
    unseen: End,
    time: Micros,
  ): void {
    const { containerId } = lease.workload;
    const now = endpoints.get(`${containerId} ${lease.networkId}`);
    const entry = this.#containers.get(containerId);
    const startedAt = entry?.facts.startedAt;
    const goesOn =
      lease.to === undefined &&
      entry !== undefined &&
      now !== undefined &&
      now.mac === lease.mac &&
      now.ips.join() === lease.ips.join() &&
      // A restart in between gives another endpoint, and somebody else may have had the address meanwhile.
      startedAt !== undefined &&
      startedAt <= unseen.at &&
      !entry.open.has(lease.networkId);
    const interval = beginInterval(
      {
        id: lease.id,
        networkId: lease.networkId,
        networkName: lease.network,
        holder: entry ?? { id: containerId, workload: lease.workload },
        ips: lease.ips,
        mac: lease.mac,
        endpointId: goesOn ? now.endpointId : undefined,
        from: lease.from,
      },
      {
        link: linkOf(lease),
        ...(lease.uncertain === true ? { uncertain: true, sureFrom: Number.POSITIVE_INFINITY } : {}),
      },
    );
    this.book.open(interval);
    if (goesOn) {
      interval.toldAt = time;
      if (lease.uncertain === true) interval.sureFrom = time;
      entry.open.set(lease.networkId, interval);
      this.#emitEndpoint('endpoint-added', entry, interval, time);
    } else {
      this.book.close(interval, lease.to === undefined ? unseen : toldEnd(lease.to));
      if (lease.to !== undefined) return;
    }
    this.#tellLease(interval, time);
  }

  networkSeen(seen: EngineNetwork, time: Micros): void {
    const known = this.#networks.get(seen.network.id);
    const gateways = new Set([
      ...seen.network.gateways,
      ...(known?.gateways ?? []),
      ...this.#localGateways(seen.network),
    ]);
    const network: Network = { ...seen.network, gateways: [...gateways] };
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(network)) return;
    this.#networks.set(network.id, network);
    this.version++;
    this.#emit({ type: known === undefined ? 'network-added' : 'network-changed', time, network });
  }

  networkRemoved(id: string, time: Micros): void {
    const network = this.#networks.get(id);
    if (network === undefined) return;
    this.arrivals.networkGone(id, time);
    for (const entry of this.#containers.values()) {
      this.#close(entry, id, toldEnd(time));
      if (entry.joined.delete(id)) this.#refresh(entry, time);
    }
    this.#networks.delete(id);
    const tooOld = time - this.#retentionSecs * MICROS_PER_SECOND;
    while (
      this.#removedNetworks.length > 0 &&
      (this.#removedNetworks[0]!.at < tooOld || this.#removedNetworks.length >= 1000)
    ) {
      this.#removedNetworks.shift();
    }
    this.#removedNetworks.push({ network, at: time });
    this.version++;
    this.#emit({ type: 'network-removed', time, network });
  }

  /** Facts about one container; they replace what was known, except where they know less. */
  containerSeen(facts: EngineContainer, time: Micros): void {
    const known = this.#containers.get(facts.id);
    if (known === undefined) {
      const entry: Entry = {
        id: facts.id,
        facts,
        joined: new Map(facts.endpoints.map((endpoint) => [endpoint.networkId, endpoint.networkName])),
        open: new Map(),
        aliveSince: facts.startedAt ?? 0,
        namedAt: 0,
        workload: toWorkload(facts, new Map()),
      };
      entry.workload = toWorkload(facts, entry.joined);
      this.#introduced.delete(facts.id);
      this.#runtimes.set(entry, runtimeOf(entry));
      this.#containers.set(facts.id, entry);
      this.version++;
      this.#emit({ type: 'container-added', time, container: toContainerState(entry) });
    } else {
      if (facts.startedAt !== undefined && facts.startedAt !== known.facts.startedAt) {
        known.aliveSince = facts.startedAt;
      }
      known.facts = { ...known.facts, ...facts };
      this.#refresh(known, time);
    }
    for (const endpoint of facts.endpoints) this.#learnGateways(endpoint, time);
  }

  /** Opens the endpoint's interval. `facts` are needed when the container was never seen. */
  connected(endpoint: EngineEndpoint, time: Micros, facts?: EngineContainer): void {
    // The facts may be from before the connect; the endpoint is the newer.
    if (facts !== undefined) this.containerSeen({ ...facts, endpoints: [endpoint] }, time);
    const pending = this.arrivals.pending(endpoint.networkId, endpoint.containerId);
    if (pending?.to === Number.POSITIVE_INFINITY || pending?.isMissed === true) this.arrivals.settle(pending);
    this.#connect(endpoint, time, { from: Math.min(pending?.from ?? time, time) });
  }

  /** An event names a container that is not in the map: what the event says must do if nobody tells more. */
  introduced(id: string, attributes: Readonly<Record<string, string>>): void {
    // Beside these two: its labels, and what belongs to the event.
    const { name, image = 'unknown', ...labels } = attributes;
    if (name === undefined || this.#containers.has(id)) return;
    const workload = toWorkload({ id, name, image, labels, endpoints: [] }, new Map());
    if (this.#introduced.size >= MAX_INTRODUCED) {
      this.#introduced.delete(this.#introduced.keys().next().value!);
    }
    this.#introduced.set(id, workload);
    this.arrivals.named(id, workload);
    this.version++;
  }

  /** The engine told of a connect, without the address. Undefined when that was told before. */
  connecting(networkId: string, containerId: string, time: Micros): Arrival | undefined {
    const open = this.#containers.get(containerId)?.open.get(networkId);
    const ended = this.book.lastClosed(networkId, containerId, time);
    if (open?.from === time || ended?.from === time) return undefined;
    const workload =
      this.#containers.get(containerId)?.workload ??
      this.#introduced.get(containerId) ??
      toWorkload(nameless(containerId), new Map());
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
        ...this.#known(endpoint, known ?? holder, arrival.from),
        // The endpoint's own id may already belong to the life after this one.
        id: leaseId(networkId, holder.id, undefined, arrival.from),
        endpointId: undefined,
      },
      { sureFrom: Number.POSITIVE_INFINITY },
    );
    this.book.open(interval);
    this.book.close(interval, { ...toldEnd(arrival.to), isUncertain: true });
    this.version++;
    this.#tellLease(interval, arrival.to);
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
      this.#close(entry, networkId, toldEnd(time));
    } else {
      this.#releaseAfterDeath(networkId, containerId, time);
    }
    if (!entry?.joined.delete(networkId)) return;
    // It never ran: its start failed, which no `die` tells of.
    if (entry.joined.size === 0 && entry.facts.pid === undefined) this.#removeContainer(entry, toldEnd(time));
    else this.#refresh(entry, time);
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
    this.#tellLease(last, time);
  }

  /** It died or was destroyed: it leaves the map; its closed intervals keep its name. */
  containerGone(containerId: string, time: Micros): void {
    this.arrivals.gone(containerId, time);
    this.version++;
    const entry = this.#containers.get(containerId);
    // A death before the latest start, or before the engine's latest word of it, is an old event told again.
    if (entry === undefined || entry.aliveSince > time) return;
    for (const { toldAt } of entry.open.values()) if (toldAt > time) return;
    this.#removeContainer(entry, {
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
    this.#tellLease(interval, time);
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
  restore(workload: Workload, endpoints: readonly NetworkEndpoint[]): void {
    const { containerId: id, name, image, labels, networkMode } = workload;
    const entry: Entry = {
      id,
      facts: { id, name, image, labels, networkMode, endpoints: [] },
      joined: new Map(),
      open: new Map(),
      aliveSince: workload.startedAt ?? 0,
      namedAt: 0,
      workload,
    };
    if (workload.stoppedAt === undefined) this.#containers.set(id, entry);
    for (const endpoint of endpoints) {
      const { networkId, ips, mac, from, to } = endpoint;
      const interval = beginInterval({
        id: leaseId(networkId, id, undefined, from),
        networkId,
        networkName: this.#networks.get(networkId)?.name ?? networkId,
        holder: entry,
        ips,
        mac,
        endpointId: undefined,
        from,
      });
      this.book.open(interval);
      if (to === undefined) entry.open.set(networkId, interval);
      else this.book.close(interval, toldEnd(to));
    }
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

  #connect(endpoint: EngineEndpoint, time: Micros, begin: Beginning): void {
    const entry = this.#ensure(endpoint, time);
    if (!entry.joined.has(endpoint.networkId)) {
      entry.joined.set(endpoint.networkId, endpoint.networkName);
      this.#refresh(entry, time);
    }
    this.#learnGateways(endpoint, time);
    if (endpoint.ips.length === 0 && endpoint.mac === undefined) return;
    const current = entry.open.get(endpoint.networkId);
    if (current !== undefined) {
      if (sameEndpoint(current, endpoint)) {
        current.endpointId ??= endpoint.endpointId;
        current.toldAt = Math.max(current.toldAt, begin.sureFrom ?? begin.from);
        return;
      }
      this.#close(entry, endpoint.networkId, { ...toldEnd(begin.from), isUncertain: true });
    }
    if (begin.isListed !== true) this.#endOthers(entry, endpoint, begin.from);
    const interval = this.#again(entry, endpoint) ?? this.#begin(entry, endpoint, begin);
    interval.toldAt = begin.sureFrom ?? begin.from;
    entry.open.set(endpoint.networkId, interval);
    this.version++;
    this.#emitEndpoint('endpoint-added', entry, interval, time);
    this.#tellLease(interval, time);
  }

  #begin(entry: Entry, endpoint: EngineEndpoint, begin: Beginning): Interval {
    const { from, sureFrom = from, earliest, isUncertain = false } = begin;
    const interval = beginInterval(this.#known(endpoint, entry, from), {
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
        const holder = this.#containers.get(other.holder.id);
        if (holder === undefined || holder === entry) continue;
        this.#close(holder, endpoint.networkId, { ...toldEnd(from), latest: from, isUncertain: true });
      }
    }
  }

  #known(endpoint: EngineEndpoint, holder: Holder, from: Micros): Parameters<typeof beginInterval>[0] {
    const { networkId, networkName, endpointId, ips, mac } = endpoint;
    const id = leaseId(networkId, holder.id, endpointId, from);
    return { id, networkId, networkName, holder, ips, mac, endpointId, from };
  }

  #ensure(endpoint: EngineEndpoint, time: Micros): Entry {
    const id = endpoint.containerId;
    if (!this.#containers.has(id)) {
      const name = endpoint.containerName ?? id.slice(0, 12);
      // Until it is inspected: a container's network mode is the name of the network it was started on.
      const networkMode = endpoint.networkName;
      this.containerSeen(
        { id, name, image: 'unknown', labels: {}, networkMode, endpoints: [endpoint] },
        time,
      );
    }
    return this.#containers.get(id)!;
  }

  #close(entry: Entry, networkId: string, end: End): void {
    const interval = entry.open.get(networkId);
    if (interval === undefined) return;
    entry.open.delete(networkId);
    this.book.close(interval, end);
    this.version++;
    this.#emitEndpoint('endpoint-removed', entry, interval, end.at);
    this.#tellLease(interval, end.at);
  }

  #removeContainer(entry: Entry, end: End): void {
    // Before its leases are told of for the last time.
    entry.workload = { ...entry.workload, stoppedAt: end.at };
    for (const networkId of [...entry.open.keys()]) this.#close(entry, networkId, end);
    this.#containers.delete(entry.id);
    this.version++;
    this.#emit({ type: 'container-removed', time: end.at, container: toContainerState(entry) });
  }

  #tellLease(interval: Interval, time: Micros): void {
    this.#options.onLease?.(toLease(interval, time));
  }

  #refresh(entry: Entry, time: Micros): void {
    const before = entry.workload;
    const after = toWorkload(entry.facts, entry.joined);
    const same = JSON.stringify(before) === JSON.stringify(after);
    if (!same) entry.workload = after;
    const runtime = runtimeOf(entry);
    if (same && this.#runtimes.get(entry) === runtime) return;
    this.#runtimes.set(entry, runtime);
    this.version++;
    this.#emit({ type: 'container-changed', time, container: toContainerState(entry) });
    if (!same) for (const interval of entry.open.values()) this.#tellLease(interval, time);
  }

  #learnGateways(endpoint: EngineEndpoint, time: Micros): void {
    const network = this.#networks.get(endpoint.networkId);
    const unknown = endpoint.gateways.filter((gateway) => !network?.gateways.includes(gateway));
    if (network === undefined || unknown.length === 0) return;
    this.networkSeen(
      { network: { ...network, gateways: [...network.gateways, ...unknown] }, endpoints: [] },
      time,
    );
  }

  #localGateways(network: Network): string[] {
    if (network.bridge === undefined || this.#options.localAddresses === undefined) return [];
    const cidrs = network.subnets.map((subnet) => parseCidr(subnet)!);
    const inside: string[] = [];
    for (const local of this.#options.localAddresses()) {
      const words = parseIp(local);
      if (words !== undefined && cidrs.some((cidr) => cidrContains(cidr, words))) inside.push(local);
    }
    return inside;
  }

  /** The container whose network namespace this one lives in. The API takes an id, its prefix or a name. */
  #ownerOf(entry: Entry): string | undefined {
    const mode = entry.workload.networkMode;
    if (!mode.startsWith('container:')) return undefined;
    const target = mode.slice('container:'.length);
    if (this.#containers.has(target)) return target;
    for (const other of this.#containers.values()) {
      if (other.workload.name === target || (target.length >= 12 && other.id.startsWith(target)))
        return other.id;
    }
    return undefined;
  }

  #emitEndpoint(
    type: 'endpoint-added' | 'endpoint-removed',
    entry: Entry,
    interval: Interval,
    time: Micros,
  ): void {
    const network = this.#networks.get(interval.networkId);
    this.#emit({
      type,
      time,
      endpoint: toNetworkEndpoint(interval),
      workload: entry.workload,
      ...(network === undefined ? {} : { network }),
    });
  }
}

function runtimeOf(entry: Entry): string {
  return `${entry.facts.pid} ${entry.facts.sandboxKey} ${JSON.stringify(entry.facts.published ?? [])}`;
}

function nameless(id: string): EngineContainer {
  return { id, name: id.slice(0, 12), image: 'unknown', labels: {}, endpoints: [] };
}

function linkOf({ veth, ifIndex, netns }: LeaseRecord): LinkFacts {
  return {
    ...(veth === undefined ? {} : { veth }),
    ...(ifIndex === undefined ? {} : { ifIndex }),
    ...(netns === undefined ? {} : { netns }),
  };
}

function sameEndpoint(interval: Interval, endpoint: EngineEndpoint): boolean {
  return (
    (interval.endpointId === undefined ||
      endpoint.endpointId === undefined ||
      interval.endpointId === endpoint.endpointId) &&
    interval.mac === endpoint.mac &&
    interval.ips.join() === endpoint.ips.join()
  );
}

export function toNetworkEndpoint(interval: Interval): NetworkEndpoint {
  return {
    networkId: interval.networkId,
    containerId: interval.holder.id,
    ips: interval.ips,
    ...(interval.mac === undefined ? {} : { mac: interval.mac }),
    from: interval.from,
    ...(interval.to === Number.POSITIVE_INFINITY ? {} : { to: interval.to }),
  };
}

function toContainerState(entry: Entry): ContainerState {
  const { pid, sandboxKey, published } = entry.facts;
  return {
    workload: entry.workload,
    ...(pid === undefined ? {} : { pid }),
    ...(sandboxKey === undefined ? {} : { sandboxKey }),
    ...(published === undefined ? {} : { published }),
    endpoints: [...entry.open.values()].map(toNetworkEndpoint),
  };
}

function toWorkload(facts: EngineContainer, joined: ReadonlyMap<string, string>): Workload {
  const { labels } = facts;
  const composeProject = labels['com.docker.compose.project'];
  const composeService = labels['com.docker.compose.service'];
  const composeNumber = Number(labels['com.docker.compose.container-number']);
  const swarmService = labels['com.docker.swarm.service.name'];
  return {
    containerId: facts.id,
    name: facts.name,
    image: facts.image,
    ...(facts.imageDigest === undefined ? {} : { imageDigest: facts.imageDigest }),
    ...(composeProject === undefined ? {} : { composeProject }),
    ...(composeService === undefined ? {} : { composeService }),
    ...(Number.isInteger(composeNumber) && composeNumber > 0 ? { composeNumber } : {}),
    ...(swarmService === undefined ? {} : { swarmService }),
    labels,
    networkMode: facts.networkMode ?? [...joined.values()][0] ?? 'unknown',
    networks: [...joined.values()],
    ...(facts.startedAt === undefined ? {} : { startedAt: facts.startedAt }),
  };
}
