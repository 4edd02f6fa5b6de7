/**
 * Watches on which ports containers listen, by the kernel's own tables: what is open, since when, and by which process,
 * whatever was published or exposed. One reading a network namespace; who shares it (`container:`) is told apart by who
 * holds the socket. Containers on the host's network are not this (sockets.ts). It must never tell of a port that it
 * closed because it could not be read.
 *
 * Cost is bounded by construction: after a round it rests for as long as keeps it below a twentieth of one core, however
 * many containers there are (listener-reader.ts says what a reading costs).
 */
import type { Endpoint } from '../../model/endpoint.ts';
import type { ListenerRecord } from '../../model/listener.ts';
import { type Network, type Workload, workloadLabel } from '../../model/network.ts';
import type { LossRecord } from '../../model/record.ts';
import { type Micros, wallMicros } from '../../model/time.ts';
import type { ContainerState } from '../docker/inventory-event.ts';
import { ListenerReader, type ListenerReading } from './listener-reader.ts';
import type { Listening } from './listener-table.ts';
import type { NamespaceReaderOptions } from './namespace-counters.ts';
import { Rounds } from './rounds.ts';
import { holdersOf, type PossibleHolder, type SocketHolder } from './socket-holders.ts';

/** What is asked of the inventory. */
export interface ListenerInventory {
  containers(): readonly ContainerState[];
  container(id: string): ContainerState | undefined;
  network(id: string): Network | undefined;
  sharersOf(containerId: string): readonly Workload[];
}

export interface ListenerWatchOptions extends NamespaceReaderOptions {
  /** Inventory.state. */
  readonly inventory: ListenerInventory;
  readonly emit: (record: ListenerRecord | LossRecord) => void;
  /** Told in the second round in which a container cannot be read, once a reason. */
  readonly onUnreadable?: (container: ContainerState, reason: string) => void;
  /** Least time between two rounds. */
  readonly pollIntervalMs?: number;
  /** Remembered of one network namespace, some 1 KB each; those beyond it are counted as lost. */
  readonly maxPerNamespace?: number;
  /** Wall clock: these records are no packets, but must sort among them. */
  readonly clock?: () => Micros;
  /** Monotonic. */
  readonly nowMs?: () => number;
  /** For tests. */
  readonly read?: (container: ContainerState) => Promise<ListenerReading>;
  /** For tests. */
  readonly holders?: typeof holdersOf;
}

interface Known {
  readonly listening: Listening;
  /** As it was told when it came. */
  readonly record: ListenerRecord;
}

/** A socket when it was first seen. */
interface Candidate {
  readonly listening: Listening;
  readonly isSeenToCome: boolean;
  readonly after: Micros | undefined;
  readonly first: Micros;
  readonly firstMs: number;
}

interface Namespace {
  /** As last seen with its endpoints. */
  container: ContainerState;
  readonly reader: ListenerReader;
  /** By protocol, address and port: workers of one service may have a socket each. */
  readonly listeners: Map<string, Known>;
  /** UDP sockets that have not been there for long enough. */
  readonly candidates: Map<string, Candidate>;
  /** Time of the last reading; undefined before the first. */
  at: Micros | undefined;
  /** The same on the monotonic clock, where the reading was whole. */
  wholeAtMs: number | undefined;
  unreadable: { readonly reason: string; readonly told: boolean } | undefined;
  /** Beyond the bound in the last reading. */
  untold: number;
  isOver: boolean;
}

const DEFAULTS = { pollIntervalMs: 5000, maxPerNamespace: 256 } as const;
/** Docker's embedded resolver listens in the namespace of each container on a network of a user's own. */
const EMBEDDED_RESOLVER = '127.0.0.11';
/**
 * A UDP client's socket looks like a server's: resolvers ask from random ports of the whole range, and wait some 10 s for
 * an answer (dnsmasq). One that is there for longer is a server's.
 */
const UDP_STAYS_MS = 30_000;
/** Rest, in times of what a round took: a twentieth of one core. */
const REST = 19;
/** What was read this many rounds ago says nothing of now. */
const FRESH_ROUNDS = 3;

export class ListenerWatch {
  readonly #options: ListenerWatchOptions;
  readonly #clock: () => Micros;
  readonly #nowMs: () => number;
  readonly #rounds: Rounds;
  readonly #namespaces = new Map<string, Namespace>();
  /** By container, those that share another's namespace included. */
  #byContainer: ReadonlyMap<string, Namespace> = new Map();
  readonly #startedAt: Micros;
  #roundTookMs = 0;

  constructor(options: ListenerWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? wallMicros;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#startedAt = this.#clock();
    this.#rounds = new Rounds(
      () => this.poll(),
      () => this.#pauseMs,
    );
  }

  start(): void {
    this.#rounds.start();
  }

  /** Settles when no reading is under way any more. */
  async stop(): Promise<void> {
    await this.#rounds.stop();
  }

  /** A container ended, and all its sockets with it. */
  containerEnded(containerId: string): void {
    for (const [key, namespace] of this.#namespaces)
      if (namespace.container.workload.containerId === containerId) this.#end(key, namespace);
  }

  /** Why what a running container listens on cannot be read, by container id. */
  unreadable(): ReadonlyMap<string, string> {
    const reasons = new Map<string, string>();
    for (const { container, unreadable } of this.#namespaces.values())
      if (unreadable?.told === true) reasons.set(container.workload.containerId, unreadable.reason);
    return reasons;
  }

  /**
   * Whether somebody listens on the port on an address that others can reach. Undefined when the namespace was not read
   * lately, or not wholly.
   */
  listensAt(containerId: string, protocol: string, port: number): boolean | undefined {
    const namespace = this.#byContainer.get(containerId);
    if (namespace?.wholeAtMs === undefined || namespace.isOver) return undefined;
    if (this.#nowMs() - namespace.wholeAtMs > FRESH_ROUNDS * this.#pauseMs) return undefined;
    for (const { listening } of [...namespace.listeners.values(), ...namespace.candidates.values()])
      if (listening.port === port && listening.protocol === protocol && !isLoopback(listening.ip))
        return true;
    return false;
  }

  /** One round over all namespaces, one after the other. */
  async poll(): Promise<void> {
    const began = this.#nowMs();
    const owners = this.#options.inventory.containers().filter(ownsNamespace);
    const keys = new Set(owners.map(namespaceKey));
    for (const [key, namespace] of this.#namespaces) if (!keys.has(key)) this.#end(key, namespace);
    const byContainer = new Map<string, Namespace>();
    for (const container of owners) {
      if (this.#rounds.isStopped) return;
      const namespace = this.#namespaceOf(container);
      byContainer.set(container.workload.containerId, namespace);
      for (const { containerId } of this.#sharersOf(container)) byContainer.set(containerId, namespace);
      await this.#read(namespace);
    }
    this.#byContainer = byContainer;
    this.#roundTookMs = this.#nowMs() - began;
  }

  get #pauseMs(): number {
    return Math.max(this.#options.pollIntervalMs ?? DEFAULTS.pollIntervalMs, this.#roundTookMs * REST);
  }

  #namespaceOf(container: ContainerState): Namespace {
    const key = namespaceKey(container);
    let namespace = this.#namespaces.get(key);
    if (namespace === undefined) {
      namespace = {
        container,
        reader: new ListenerReader(this.#options),
        listeners: new Map(),
        candidates: new Map(),
        at: undefined,
        wholeAtMs: undefined,
        unreadable: undefined,
        untold: 0,
        isOver: false,
      };
      this.#namespaces.set(key, namespace);
    }
    if (container.endpoints.length > 0) namespace.container = container;
    return namespace;
  }

  #end(key: string, namespace: Namespace): void {
    namespace.isOver = true;
    this.#namespaces.delete(key);
    const now = this.#clock();
    for (const { record } of namespace.listeners.values()) this.#options.emit(closed(record, now));
  }

  async #read(namespace: Namespace): Promise<void> {
    const { container } = namespace;
    const reading = await (this.#options.read?.(container) ?? namespace.reader.read(container));
    if (namespace.isOver) return;
    if (!reading.ok) {
      const { reason } = reading;
      const again = namespace.unreadable?.reason === reason;
      // Said in the second round: in the first it may just have ended, and the inventory not heard of it yet.
      if (again && namespace.unreadable?.told === false) this.#options.onUnreadable?.(container, reason);
      namespace.unreadable = { reason, told: again };
      return;
    }
    namespace.unreadable = undefined;
    await this.#account(namespace, reading);
  }

  async #account(
    namespace: Namespace,
    { listeners, isWhole }: Extract<ListenerReading, { ok: true }>,
  ): Promise<void> {
    const now = this.#clock();
    const current = new Map(
      listeners.filter(({ ip }) => ip !== EMBEDDED_RESOLVER).map((each) => [keyOf(each), each] as const),
    );
    for (const [key, { record }] of namespace.listeners) {
      if (current.has(key) || !isWhole) continue;
      namespace.listeners.delete(key);
      this.#options.emit(closed(record, now));
    }
    const added = this.#added(namespace, current, now);
    const room = (this.#options.maxPerNamespace ?? DEFAULTS.maxPerNamespace) - namespace.listeners.size;
    this.#tellUntold(namespace, Math.max(0, added.length - room), now);
    await this.#open(namespace, added.slice(0, Math.max(0, room)), now);
    namespace.at = now;
    namespace.wholeAtMs = isWhole && namespace.untold === 0 ? this.#nowMs() : undefined;
  }

  /** What is new, and there to stay. */
  #added(namespace: Namespace, current: ReadonlyMap<string, Listening>, now: Micros): Candidate[] {
    const { candidates, listeners, at, container } = namespace;
    for (const [key, { listening }] of candidates)
      if (current.get(key)?.inode !== listening.inode) candidates.delete(key);
    const { startedAt } = container.workload;
    const firstMs = this.#nowMs();
    const added: Candidate[] = [];
    for (const [key, listening] of current) {
      if (listeners.has(key)) continue;
      const candidate = candidates.get(key) ?? {
        listening,
        isSeenToCome: at !== undefined || (startedAt !== undefined && startedAt >= this.#startedAt),
        after: at ?? startedAt,
        first: now,
        firstMs,
      };
      const stays = listening.protocol === 'tcp' || firstMs - candidate.firstMs >= UDP_STAYS_MS;
      if (stays) added.push(candidate);
      else candidates.set(key, candidate);
    }
    return added;
  }

  async #open(namespace: Namespace, added: readonly Candidate[], now: Micros): Promise<void> {
    if (added.length === 0) return;
    const { container } = namespace;
    const inodes = new Set(added.map(({ listening }) => listening.inode));
    const members = [container, ...this.#sharersOf(container)];
    const holders = await (this.#options.holders ?? holdersOf)(inodes, members, this.#options);
    // It ended meanwhile: what came is gone already.
    if (namespace.isOver) return;
    for (const candidate of added) {
      const { listening } = candidate;
      const record = this.#recordOf(container, candidate, holders.get(listening.inode), now);
      // Without an address of its own (`network_mode: none`) nobody can reach it.
      if (record === undefined) continue;
      namespace.listeners.set(keyOf(listening), { listening, record });
      namespace.candidates.delete(keyOf(listening));
      this.#options.emit(record);
    }
  }

  #recordOf(
    container: ContainerState,
    { listening, isSeenToCome, after, first }: Candidate,
    holder: SocketHolder | undefined,
    now: Micros,
  ): ListenerRecord | undefined {
    const { inventory } = this.#options;
    const { protocol, port, ip } = listening;
    const subject = this.#subjectOf(container, listening, holder?.workload);
    if (subject === undefined) return undefined;
    const { exposed, published } = container;
    return {
      kind: 'listener',
      time: now,
      change: isSeenToCome ? 'opened' : 'found',
      subject,
      networks: container.endpoints.map(({ networkId }) => {
        const network = inventory.network(networkId);
        return { name: network?.name ?? networkId, internal: network?.internal ?? false };
      }),
      protocol,
      address: ip,
      loopback: isLoopback(ip),
      ...(after === undefined ? {} : { after }),
      first,
      ...(exposed === undefined ? {} : { exposed: exposed.includes(`${port}/${protocol}`) }),
      published: (published ?? []).some((each) => each.containerPort === port && each.protocol === protocol),
      ...(holder?.process === undefined ? {} : { process: holder.process }),
      ...(holder?.program === undefined ? {} : { program: holder.program }),
    };
  }

  #subjectOf(
    container: ContainerState,
    { ip, port }: Listening,
    holder: Workload | undefined,
  ): Endpoint | undefined {
    const own = container.endpoints.flatMap(({ ips, mac }) => ips.map((each) => ({ ip: each, mac })));
    // An address that it is bound to, else one of the family that it answers.
    const address =
      own.find((each) => each.ip === ip) ??
      own.find((each) => each.ip.includes(':') === (ip.includes(':') && ip !== '::')) ??
      own[0];
    if (address === undefined) return undefined;
    const sharers = this.#sharersOf(container).map(({ workload }) => workloadLabel(workload));
    const workload = holder ?? container.workload;
    const base = {
      ip: address.ip,
      port,
      ...(address.mac === undefined ? {} : { mac: address.mac }),
      scope: 'container',
      workload,
      names: [],
    } as const;
    if (holder !== undefined || sharers.length === 0)
      return { ...base, attribution: { method: 'netns', confidence: 'certain' } };
    const reason = `open in its network namespace; it shares that with ${sharers.join(', ')}`;
    const candidates = [workloadLabel(workload), ...sharers];
    return { ...base, attribution: { method: 'netns', confidence: 'likely', reason, candidates } };
  }

  #sharersOf({ workload: { containerId } }: ContainerState): (PossibleHolder & { containerId: string })[] {
    const { inventory } = this.#options;
    return inventory.sharersOf(containerId).map((workload) => {
      const pid = inventory.container(workload.containerId)?.pid;
      return { workload, containerId: workload.containerId, ...(pid === undefined ? {} : { pid }) };
    });
  }

  #tellUntold(namespace: Namespace, count: number, now: Micros): void {
    if (count > namespace.untold)
      this.#options.emit({
        kind: 'loss',
        time: now,
        source: 'listeners',
        where: namespace.container.workload.name,
        count: count - namespace.untold,
        first: namespace.at ?? now,
        last: now,
      });
    namespace.untold = count;
  }
}

function closed(record: ListenerRecord, time: Micros): ListenerRecord {
  return { ...record, time, change: 'closed' };
}

function keyOf({ protocol, ip, port }: Listening): string {
  return `${protocol} ${ip} ${port}`;
}

function isLoopback(ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1';
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
