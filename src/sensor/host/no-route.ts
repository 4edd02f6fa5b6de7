/**
 * Watches the kernel's count of sends that no route would take, per container. On engines >= 25 this is the only
 * trace of an attempt to leave an internal network: connect() fails with ENETUNREACH and no packet is ever made.
 *
 * The count says how often, never to where (measured, docs/adr/0005): it rises by one for each refused TCP connect
 * and UDP send or connect, multicast and broadcast included, for an IPv6 ping but not for an IPv4 one; so resolvers
 * that sort several addresses count too (glibc connects a UDP socket to each). Connections left over from a network
 * that was taken away count while they retransmit. Quiet containers do not count: their router solicitations and MLD
 * reports have a route.
 */
import type { Endpoint } from '../../model/endpoint.ts';
import { type Network, type Workload, workloadLabel } from '../../model/network.ts';
import type { NoRouteRecord } from '../../model/record.ts';
import { MICROS_PER_SECOND, type Micros, wallMicros } from '../../model/time.ts';
import type { ContainerState } from '../docker/inventory-event.ts';
import { HeldNamespace } from './held-namespace.ts';
import { type NamespaceReaderOptions, type Reading, readCounters } from './namespace-counters.ts';
import type { NoRouteCounters } from './proc-snmp.ts';
import { Rounds } from './rounds.ts';

/** What is asked of the inventory. */
export interface NamespaceInventory {
  containers(): readonly ContainerState[];
  network(id: string): Network | undefined;
  sharersOf(containerId: string): readonly Workload[];
}

export interface NoRouteWatchOptions extends NamespaceReaderOptions {
  /** Inventory.state. */
  readonly inventory: NamespaceInventory;
  readonly emit: (record: NoRouteRecord) => void;
  /** Told in the second round in which a container cannot be read, once a reason. */
  readonly onUnreadable?: (container: ContainerState, reason: string) => void;
  readonly pollIntervalMs?: number;
  /** Wall clock: these records are no packets, but must sort among them. */
  readonly clock?: () => Micros;
  /** For tests. */
  readonly read?: (container: ContainerState) => Promise<Reading>;
}

interface Namespace {
  /** As last seen with its endpoints: they are taken from it before it is said to have ended. */
  container: ContainerState;
  /** Its networks by id, as they were: they may go with it. */
  readonly networks: Map<string, NoRouteRecord['networks'][number]>;
  readonly held: HeldNamespace | undefined;
  /** Its last reading is under way: a reading that began before it comes too late. */
  isOver: boolean;
  counters: NoRouteCounters | undefined;
  /** Time of that reading. */
  at: Micros;
  unreadable: { readonly reason: string; readonly told: boolean } | undefined;
  /** Its networks at that time. */
  networkIds: readonly string[];
  /** When it last had one network less than before, and which. */
  lost: { readonly networkId: string; readonly at: Micros } | undefined;
}

const DEFAULT_POLL_INTERVAL_MS = 1000;
/** A container younger than this when it is first read was never quiet without us: its counts begin at zero. */
const FRESH_SECS = 5;
const FAMILIES = ['ipv4', 'ipv6'] as const;
const PARALLEL_READS = 8;
/** Descriptors; containers beyond it are read each round only. */
const MAX_HELD = 4096;
/** net.ipv4.tcp_retries2 = 15 gives a connection up after some 15 minutes. */
const RETRANSMISSION_SECS = 16 * 60;

export class NoRouteWatch {
  readonly #options: NoRouteWatchOptions;
  readonly #clock: () => Micros;
  readonly #namespaces = new Map<string, Namespace>();
  readonly #rounds: Rounds;
  readonly #lastReadings = new Set<Promise<void>>();

  constructor(options: NoRouteWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? wallMicros;
    this.#rounds = new Rounds(() => this.poll(), options.pollIntervalMs ?? DEFAULT_POLL_INTERVAL_MS);
  }

  start(): void {
    this.#rounds.start();
  }

  /** Settles when no reading is under way any more, and no namespace is held. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
    await Promise.all(this.#lastReadings);
    await Promise.all([...this.#namespaces.values()].map(({ held }) => held?.release()));
    this.#namespaces.clear();
  }

  /** A container appeared or changed: from now on its namespace can be read even when it ends at once. */
  containerSeen(container: ContainerState): void {
    if (!this.#rounds.isStopped && ownsNamespace(container)) this.#namespaceOf(container);
  }

  /** A container ended: its counters are read a last time, and its namespace is let go. */
  containerEnded(containerId: string): void {
    const own = [...this.#namespaces].filter(([key]) => key.startsWith(`${containerId} `));
    for (const [key] of own) this.#namespaces.delete(key);
    const latest = own.pop()?.[1];
    // The same namespace, known before its container had a process.
    for (const [, { held }] of own) void held?.release();
    if (latest === undefined) return;
    const reading = this.#readLast(latest).finally(() => this.#lastReadings.delete(reading));
    this.#lastReadings.add(reading);
  }

  /** Why a running container's counters cannot be read, by container id; for doctor and coverage. */
  unreadable(): ReadonlyMap<string, string> {
    const reasons = new Map<string, string>();
    for (const [key, { unreadable }] of this.#namespaces) {
      if (unreadable?.told === true) reasons.set(key.split(' ')[0]!, unreadable.reason);
    }
    return reasons;
  }

  /** One round over all namespaces. */
  async poll(): Promise<void> {
    const owners = this.#options.inventory.containers().filter(ownsNamespace);
    const keys = new Set(owners.map(namespaceKey));
    for (const [key, { held }] of this.#namespaces) {
      if (keys.has(key)) continue;
      this.#namespaces.delete(key);
      void held?.release();
    }
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < owners.length && !this.#rounds.isStopped) await this.#pollOne(owners[next++]!);
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL_READS, owners.length) }, worker));
  }

  async #pollOne(container: ContainerState): Promise<void> {
    const namespace = this.#namespaceOf(container);
    const networkIds = container.endpoints.map((endpoint) => endpoint.networkId);
    const lost = namespace.networkIds.find((id) => !networkIds.includes(id));
    if (lost !== undefined) namespace.lost = { networkId: lost, at: this.#clock() };
    namespace.networkIds = networkIds;
    const reading = await (this.#options.read?.(container) ?? readCounters(container, this.#options));
    if (namespace.isOver) return;
    const now = this.#clock();
    if (!reading.ok) {
      const { reason } = reading;
      const again = namespace.unreadable?.reason === reason;
      // Said in the second round: in the first it may just have ended, and the inventory not heard of it yet.
      if (again && !namespace.unreadable?.told) this.#options.onUnreadable?.(container, reason);
      namespace.unreadable = { reason, told: again };
      return;
    }
    this.#account(namespace, reading.counters, now);
  }

  /** Known by now, or new; with what the inventory says of it at this moment. */
  #namespaceOf(container: ContainerState): Namespace {
    const key = namespaceKey(container);
    let namespace = this.#namespaces.get(key);
    if (namespace === undefined) {
      const mayHold = this.#options.read === undefined && this.#namespaces.size < MAX_HELD;
      namespace = newNamespace(container, mayHold ? new HeldNamespace(container, this.#options) : undefined);
      this.#namespaces.set(key, namespace);
    }
    if (container.endpoints.length > 0) namespace.container = container;
    for (const { networkId } of container.endpoints) {
      const network = this.#options.inventory.network(networkId);
      if (network !== undefined) {
        namespace.networks.set(networkId, { name: network.name, internal: network.internal });
      }
    }
    return namespace;
  }

  async #readLast(namespace: Namespace): Promise<void> {
    namespace.isOver = true;
    const reading = await namespace.held?.read();
    await namespace.held?.release();
    if (reading?.ok === true) this.#account(namespace, reading.counters, this.#clock());
  }

  #account(namespace: Namespace, counters: NoRouteCounters, now: Micros): void {
    const { container } = namespace;
    namespace.unreadable = undefined;
    const before = namespace.counters ?? this.#baseline(container, counters, now);
    const since = namespace.counters === undefined ? (container.workload.startedAt ?? now) : namespace.at;
    namespace.counters = counters;
    namespace.at = now;
    for (const family of FAMILIES) {
      const count = rise(before[family], counters[family]);
      if (count > 0) this.#report(namespace, family, count, since);
    }
  }

  /** Of an older container only what happens from now on is known to be new. */
  #baseline(container: ContainerState, first: NoRouteCounters, now: Micros): NoRouteCounters {
    const { startedAt } = container.workload;
    const fresh = startedAt !== undefined && now - startedAt < FRESH_SECS * MICROS_PER_SECOND;
    return fresh ? { ipv4: 0, ipv6: 0 } : first;
  }

  #report(
    { container, networks: known, at: time, lost }: Namespace,
    family: 'ipv4' | 'ipv6',
    count: number,
    since: Micros,
  ): void {
    const { inventory } = this.#options;
    const sharers = inventory.sharersOf(container.workload.containerId).map(workloadLabel);
    const left =
      lost !== undefined && time - lost.at < RETRANSMISSION_SECS * MICROS_PER_SECOND ? lost : undefined;
    const subject = subjectOf(
      container,
      family,
      [
        sharers.length === 0 ? undefined : `it shares that with ${sharers.join(', ')}`,
        left === undefined
          ? undefined
          : `it left the network ${inventory.network(left.networkId)?.name ?? left.networkId.slice(0, 12)} shortly before, and connections from then still count`,
      ],
      sharers,
    );
    // A container without any address (`network_mode: none`) could leave nothing.
    if (subject === undefined) return;
    const networks = container.endpoints.map(
      ({ networkId }) => known.get(networkId) ?? { name: networkId, internal: false },
    );
    const intervalSecs = Math.max(0, time - since) / MICROS_PER_SECOND;
    this.#options.emit({ kind: 'no-route', time, subject, networks, family, count, intervalSecs });
  }
}

/** A counter that fell belongs to a new namespace under an old name: it began at zero. */
function rise(before: number | undefined, now: number | undefined): number {
  if (now === undefined) return 0;
  if (before === undefined) return 0;
  return now < before ? now : now - before;
}

/** Containers in another's namespace are read there once; those on the host's network are the host. */
function ownsNamespace({ workload, pid, sandboxKey }: ContainerState): boolean {
  const { networkMode } = workload;
  if (networkMode === 'host' || networkMode.startsWith('container:')) return false;
  return pid !== undefined || sandboxKey !== undefined;
}

/** The pid changes with each start; the sandbox names the namespace. */
function namespaceKey({ workload, pid, sandboxKey }: ContainerState): string {
  return `${workload.containerId} ${sandboxKey ?? ''} ${pid ?? ''}`;
}

function newNamespace(container: ContainerState, held: HeldNamespace | undefined): Namespace {
  return {
    container,
    networks: new Map(),
    held,
    isOver: false,
    counters: undefined,
    at: 0,
    unreadable: undefined,
    networkIds: [],
    lost: undefined,
  };
}

function subjectOf(
  container: ContainerState,
  family: 'ipv4' | 'ipv6',
  caveats: readonly (string | undefined)[],
  sharers: readonly string[],
): Endpoint | undefined {
  const { workload, endpoints } = container;
  const addresses = endpoints.flatMap(({ ips, mac }) => ips.map((ip) => ({ ip, mac })));
  const own = addresses.find(({ ip }) => ip.includes(':') === (family === 'ipv6')) ?? addresses[0];
  if (own === undefined) return undefined;
  const doubts = caveats.filter((caveat) => caveat !== undefined);
  return {
    ip: own.ip,
    ...(own.mac === undefined ? {} : { mac: own.mac }),
    scope: 'container',
    workload,
    names: [],
    attribution: {
      method: 'netns',
      confidence: doubts.length === 0 ? 'certain' : 'likely',
      reason: ['counted in its network namespace', ...doubts].join('; '),
      ...(sharers.length === 0 ? {} : { candidates: [workloadLabel(workload), ...sharers] }),
    },
  };
}
