/**
 * The inventory without its I/O: facts of the engine go in, each with its time, and who held which address when
 * comes out. Deterministic, so that a record of what a real engine said gives the same map each time.
 */
import { cidrContains, parseCidr, parseIp } from '../../model/ip.ts';
import type { Network, NetworkEndpoint, Workload } from '../../model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import {
  AddressBook,
  DEFAULT_RETENTION,
  type Holder,
  type Interval,
  type Retention,
} from './address-book.ts';
import type { EngineContainer, EngineEndpoint, EngineNetwork } from './engine-json.ts';
import type { ContainerState, InventoryEvent } from './inventory-event.ts';

export interface InventoryStateOptions {
  readonly retention?: Retention;
  /**
   * All addresses of this host. Engines leave the gateway out of a network's description when they chose it
   * themselves (20.10 does); the host's address inside the subnet is that gateway.
   */
  readonly localAddresses?: () => Iterable<string>;
  /** False when only networks are known (`analyze --network`): then nobody's absence means anything. */
  readonly knowsContainers?: boolean;
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
}

/** A disconnect is told up to a second after the die that caused it (0.03 to 0.2 s measured on 20.10). */
const DIE_TO_DISCONNECT_SECS = 60;
const MAX_GAPS = 100;

export class InventoryState {
  readonly knowsContainers: boolean;
  readonly book: AddressBook;
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
  #listed = false;

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
  sharersOf(containerId: string): Workload[] {
    const sharers: Workload[] = [];
    for (const entry of this.#containers.values()) {
      if (this.#ownerOf(entry) === containerId) sharers.push(entry.workload);
    }
    return sharers;
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

  /** Everything that exists, as of `time`: what is not in it is gone, what stayed the same keeps its interval. */
  replaceAll(networks: readonly EngineNetwork[], containers: readonly EngineContainer[], time: Micros): void {
    const lostAt = this.stale ? this.#gaps.at(-1)!.from : time;
    const networkIds = new Set(networks.map((entry) => entry.network.id));
    const endpoints = new Map<string, EngineEndpoint>();
    for (const endpoint of [...containers, ...networks].flatMap((entry) => entry.endpoints)) {
      const key = `${endpoint.containerId} ${endpoint.networkId}`;
      // The network's own description comes last and is the newer one; only the container's knows gateways.
      endpoints.set(key, { ...endpoint, gateways: endpoints.get(key)?.gateways ?? endpoint.gateways });
    }
    const alive = new Set(containers.filter((entry) => entry.running !== false).map((entry) => entry.id));
    for (const endpoint of endpoints.values()) alive.add(endpoint.containerId);

    for (const entry of [...this.#containers.values()]) {
      for (const interval of [...entry.open.values()]) {
        const now = endpoints.get(`${entry.id} ${interval.networkId}`);
        // When it ended during a gap nobody knows; it is certain only up to the gap.
        if (now === undefined || !sameEndpoint(interval, now)) this.#close(entry, interval.networkId, lostAt);
      }
      if (!alive.has(entry.id)) this.#removeContainer(entry, lostAt);
    }
    for (const id of this.#networks.keys()) if (!networkIds.has(id)) this.networkRemoved(id, time);
    for (const { network } of networks) {
      const learned = [...endpoints.values()].filter((endpoint) => endpoint.networkId === network.id);
      const gateways = new Set([...network.gateways, ...learned.flatMap((endpoint) => endpoint.gateways)]);
      this.networkSeen({ network: { ...network, gateways: [...gateways] }, endpoints: [] }, time);
    }
    for (const facts of containers) if (alive.has(facts.id)) this.containerSeen(facts, time);
    for (const endpoint of endpoints.values()) {
      const startedAt = this.#containers.get(endpoint.containerId)?.facts.startedAt;
      // Held since the start, as far as we know; but one that changed behind our back after that, since now.
      const since = startedAt !== undefined && (startedAt > lostAt || !this.#listed) ? startedAt : time;
      this.#connect(endpoint, Math.min(since, time));
    }
    const gap = this.#gaps.at(-1);
    if (gap !== undefined && this.stale) this.#gaps[this.#gaps.length - 1] = { from: gap.from, to: time };
    this.#listed = true;
    this.version++;
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
    for (const entry of this.#containers.values()) {
      this.#close(entry, id, time);
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
        workload: toWorkload(facts, new Map()),
      };
      entry.workload = toWorkload(facts, entry.joined);
      this.#runtimes.set(entry, runtimeOf(entry));
      this.#containers.set(facts.id, entry);
      this.version++;
      this.#emit({ type: 'container-added', time, container: toContainerState(entry) });
    } else {
      known.facts = { ...known.facts, ...facts };
      this.#refresh(known, time);
    }
    for (const endpoint of facts.endpoints) this.#learnGateways(endpoint, time);
  }

  /** Opens the endpoint's interval. `facts` are needed when the container was never seen. */
  connected(endpoint: EngineEndpoint, time: Micros, facts?: EngineContainer): void {
    // The facts may be from before the connect; the endpoint is the newer.
    if (facts !== undefined) this.containerSeen({ ...facts, endpoints: [endpoint] }, time);
    this.#connect(endpoint, time);
  }

  disconnected(networkId: string, containerId: string, time: Micros): void {
    const entry = this.#containers.get(containerId);
    const interval = entry?.open.get(networkId);
    if (entry !== undefined && interval !== undefined) {
      // A disconnect older than the interval belongs to the one before, told again after a re-list.
      if (time < interval.from) return;
      this.#close(entry, networkId, time);
    } else {
      // `die` has closed it already; the address was really given back only now.
      const since = time - DIE_TO_DISCONNECT_SECS * MICROS_PER_SECOND;
      const last = this.book.lastClosed(networkId, containerId, since);
      if (last !== undefined && last.to < time) {
        last.to = time;
        this.version++;
      }
    }
    if (!entry?.joined.delete(networkId)) return;
    // It never ran: its start failed, which no `die` tells of.
    if (entry.joined.size === 0 && entry.facts.pid === undefined) this.#removeContainer(entry, time);
    else this.#refresh(entry, time);
  }

  /** It died or was destroyed: it leaves the map; its closed intervals keep its name. */
  containerGone(containerId: string, time: Micros): void {
    const entry = this.#containers.get(containerId);
    // A death before the latest start is an old event, told again after a re-list.
    if (entry === undefined || (entry.facts.startedAt ?? 0) > time) return;
    this.#removeContainer(entry, time);
  }

  renamed(containerId: string, name: string, time: Micros): void {
    const entry = this.#containers.get(containerId);
    if (entry !== undefined) this.containerSeen({ ...entry.facts, name, endpoints: [] }, time);
  }

  /** Puts a container back as it was written down, with its intervals; no one is told. */
  restore(workload: Workload, endpoints: readonly NetworkEndpoint[]): void {
    const { containerId: id, name, image, labels, networkMode } = workload;
    const entry: Entry = {
      id,
      facts: { id, name, image, labels, networkMode, endpoints: [] },
      joined: new Map(),
      open: new Map(),
      workload,
    };
    if (workload.stoppedAt === undefined) this.#containers.set(id, entry);
    for (const endpoint of endpoints) {
      const { networkId, ips, mac, from, to } = endpoint;
      const interval: Interval = {
        networkId,
        holder: entry,
        ips,
        mac,
        endpointId: undefined,
        from,
        to: Number.POSITIVE_INFINITY,
      };
      this.book.open(interval);
      if (to === undefined) entry.open.set(networkId, interval);
      else this.book.close(interval, to);
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

  #connect(endpoint: EngineEndpoint, time: Micros): void {
    const entry = this.#ensure(endpoint, time);
    if (!entry.joined.has(endpoint.networkId)) {
      entry.joined.set(endpoint.networkId, endpoint.networkName);
      this.#refresh(entry, time);
    }
    this.#learnGateways(endpoint, time);
    if (endpoint.ips.length === 0 && endpoint.mac === undefined) return;
    const current = entry.open.get(endpoint.networkId);
    if (current !== undefined) {
      if (sameEndpoint(current, endpoint)) return;
      this.#close(entry, endpoint.networkId, time);
    }
    const interval: Interval = {
      networkId: endpoint.networkId,
      holder: entry,
      ips: endpoint.ips,
      mac: endpoint.mac,
      endpointId: endpoint.endpointId,
      from: time,
      to: Number.POSITIVE_INFINITY,
    };
    entry.open.set(endpoint.networkId, interval);
    this.book.open(interval);
    this.version++;
    this.#emitEndpoint('endpoint-added', entry, interval, time);
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

  #close(entry: Entry, networkId: string, time: Micros): void {
    const interval = entry.open.get(networkId);
    if (interval === undefined) return;
    entry.open.delete(networkId);
    this.book.close(interval, time);
    this.version++;
    this.#emitEndpoint('endpoint-removed', entry, interval, time);
  }

  #removeContainer(entry: Entry, time: Micros): void {
    for (const networkId of [...entry.open.keys()]) this.#close(entry, networkId, time);
    this.#containers.delete(entry.id);
    entry.workload = { ...entry.workload, stoppedAt: time };
    this.version++;
    this.#emit({ type: 'container-removed', time, container: toContainerState(entry) });
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
  const swarmService = labels['com.docker.swarm.service.name'];
  return {
    containerId: facts.id,
    name: facts.name,
    image: facts.image,
    ...(facts.imageDigest === undefined ? {} : { imageDigest: facts.imageDigest }),
    ...(composeProject === undefined ? {} : { composeProject }),
    ...(composeService === undefined ? {} : { composeService }),
    ...(swarmService === undefined ? {} : { swarmService }),
    labels,
    networkMode: facts.networkMode ?? [...joined.values()][0] ?? 'unknown',
    networks: [...joined.values()],
    ...(facts.startedAt === undefined ? {} : { startedAt: facts.startedAt }),
  };
}
