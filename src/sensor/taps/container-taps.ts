/**
 * One small tap on the loopback interface of each container that Docker's embedded resolver serves: what is asked
 * there crosses no bridge on engines from 28 on, and in part not on older ones either (docs/dns.md). It lives as long
 * as the namespace; containers that share one share the tap. A container that should be read and is not is a coverage
 * record and a problem, never silence.
 */
import type { LiveOptions, PacketSource } from '../../../capture/source.ts';
import type { Network } from '../../model/network.ts';
import type { CoverageRecord, LossRecord } from '../../model/record.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { ExpectedTaps } from '../dns/expected-taps.ts';
import type { ContainerState } from '../docker/inventory-event.ts';
import { type NamespaceReaderOptions, namespacePath } from '../host/namespace-counters.ts';
import { type AskerInventory, createAsker } from './dns-asker.ts';
import { EarlyTaps } from './early-taps.ts';
import type { DnsAsker } from './tap.ts';
import { type AttachedTap, TapLife, type TapTarget } from './tap-life.ts';
import { Turns } from './turns.ts';

export interface ContainerTapsOptions extends NamespaceReaderOptions {
  readonly inventory: AskerInventory;
  /** Rejects with a CaptureError when the namespace cannot be entered. May hold up the event loop, some 13 ms. */
  readonly open: (options: LiveOptions) => Promise<PacketSource>;
  /** Kernel ring of each. */
  readonly bufferBytes: number;
  readonly readTimeoutMs: number;
  readonly maxTaps: number;
  /** Where Docker's namespaces appear before their containers run; none: taps are opened when the engine tells. */
  readonly netnsDirs?: () => readonly string[];
  /** By its name: containers on no other network are left alone. */
  readonly isWatched: (network: string) => boolean;
  readonly attach: (
    tap: { readonly interface: string; readonly asker: () => DnsAsker },
    source: PacketSource,
  ) => AttachedTap;
  readonly emit: (record: CoverageRecord | LossRecord) => void;
  readonly log: Logger;
}

interface ContainerTap {
  readonly container: ContainerState;
  readonly life: TapLife;
}

/**
 * Docker's DNAT rules have been passed when a packet comes to `lo`: the resolver listens on random ports there, so a
 * filter by port 53 would see its answers only.
 */
const RESOLVER_FILTER = 'host 127.0.0.11';
/** A container that has just ended refuses too, and the engine tells of its end only afterwards. */
const REFUSALS_UNTIL_PROBLEM = 4;
const NAMED_IN_PROBLEMS = 3;

export class ContainerTaps implements ExpectedTaps {
  readonly #options: ContainerTapsOptions;
  /** By container id: the owner of each namespace. */
  readonly #taps = new Map<string, ContainerTap>();
  /** With the container's id, until the last of its frames has been handed over. */
  readonly #ending = new Map<Promise<void>, string>();
  readonly #turns = new Turns();
  readonly #early: EarlyTaps;
  #isStopped = false;

  constructor(options: ContainerTapsOptions) {
    this.#options = options;
    this.#early = new EarlyTaps({
      open: (live) => this.#turns.take(() => options.open(live)),
      live: resolverTap(options),
      dirs: options.netnsDirs ?? (() => []),
    });
  }

  /** From now on new containers are read from their first question on. Call it again when the directories changed. */
  watchNew(): void {
    this.#early.watch();
  }

  /** Names of the containers whose questions are read now. */
  covered(): string[] {
    return [...this.#taps.values()]
      .filter(({ life }) => life.isOpen)
      .map(({ container }) => container.workload.name);
  }

  expects(containerId: string): boolean {
    const life = this.#taps.get(containerId)?.life;
    if (life !== undefined) return !life.isOpen && life.problem === undefined;
    for (const endingId of this.#ending.values()) if (endingId === containerId) return true;
    // The engine tells of a container when it is made, and of its namespace only after its first process runs.
    if (this.#early.waiting === 0) return false;
    const container = this.#options.inventory.container(containerId);
    return container !== undefined && container.pid === undefined && container.sandboxKey === undefined;
  }

  mayExpectOn({ name }: Network): boolean {
    return this.#early.waiting > 0 && !PREDEFINED.has(name) && this.#options.isWatched(name);
  }

  /** In one line, however many: the reason is mostly the same for all. */
  problems(): string[] {
    const failing = [...this.#taps.values()].filter(({ life }) => life.problem !== undefined);
    const [first] = failing;
    if (first === undefined) return [];
    const names = failing.slice(0, NAMED_IN_PROBLEMS).map(({ container }) => container.workload.name);
    const more = failing.length - names.length;
    const who = more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
    return [`questions to Docker's resolver are not read in ${who}: ${first.life.problem}`];
  }

  /** A container appeared, or something about it changed. */
  seen(container: ContainerState): void {
    if (this.#isStopped) return;
    const known = this.#taps.get(container.workload.containerId);
    if (known !== undefined) {
      if (isSameNamespace(known.container, container)) {
        known.life.hurry();
        return;
      }
      this.#end(known, 'the container was started again');
    }
    if (hasEmbeddedResolver(container, this.#options.isWatched)) this.#begin(container);
    else if (container.sandboxKey !== undefined) this.#early.release(container.sandboxKey);
  }

  ended(containerId: string): void {
    const tap = this.#taps.get(containerId);
    if (tap !== undefined) this.#end(tap, 'the container ended');
  }

  /** Reads the drop counters, and looks whether new namespaces can be seen; call it every second or so. */
  readStatistics(): void {
    this.#early.watch();
    for (const { life } of this.#taps.values()) life.readStatistics();
  }

  /** Settles when the last frames have been handed over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#early.stop();
    for (const tap of [...this.#taps.values()]) this.#end(tap, 'the agent stopped');
    await Promise.all(this.#ending.keys());
  }

  #begin(container: ContainerState): void {
    const { containerId, name } = container.workload;
    const { attach, emit, log, inventory } = this.#options;
    const interfaceName = `lo@${name}`;
    const asker = createAsker(inventory, container);
    let isEarly = false;
    const life: TapLife = new TapLife({
      subject: { container: name },
      workload: () => (inventory.container(containerId) ?? container).workload,
      interfaceName: () => interfaceName,
      lossName: interfaceName,
      bufferSetting: 'dns.container_buffer_bytes',
      target: () => this.#targetOf(containerId, container),
      open: async (live) => {
        const early = await this.#takeEarly(container);
        isEarly = early !== undefined;
        return early ?? this.#turns.take(() => this.#openIfWanted(containerId, life, live));
      },
      attach: (source) => attach({ interface: interfaceName, asker }, source),
      holdsFrames: () => isEarly,
      isProblem: (refusals) => refusals >= REFUSALS_UNTIL_PROBLEM,
      emit,
      log,
    });
    this.#taps.set(containerId, { container, life });
    life.begin();
  }

  #end(tap: ContainerTap, because: string): void {
    this.#taps.delete(tap.container.workload.containerId);
    const ending = tap.life.end(tap.life.isOpen ? because : undefined);
    this.#ending.set(ending, tap.container.workload.containerId);
    void ending.finally(() => this.#ending.delete(ending));
  }

  async #targetOf(containerId: string, container: ContainerState): Promise<TapTarget> {
    const { maxTaps, inventory } = this.#options;
    if ([...this.#taps.keys()].indexOf(containerId) >= maxTaps) {
      return { reason: `dns.max_container_taps (${maxTaps}) are open`, isProblem: true };
    }
    // Nothing to look for: it is open, and whoever waits for its container to be named must not wait longer.
    if (container.sandboxKey !== undefined && this.#early.has(container.sandboxKey)) {
      return { live: { ...resolverTap(this.#options), netns: container.sandboxKey } };
    }
    const path = await namespacePath(inventory.container(containerId) ?? container, this.#options);
    if (path === undefined) {
      const reason =
        'the engine names no namespace of it, and its process is not visible here; run the agent with pid: host';
      return { reason, isProblem: true };
    }
    return { live: { ...resolverTap(this.#options), netns: path } };
  }

  #takeEarly({ sandboxKey }: ContainerState): Promise<PacketSource | undefined> | undefined {
    return sandboxKey === undefined ? undefined : this.#early.take(sandboxKey);
  }

  #openIfWanted(containerId: string, life: TapLife, live: LiveOptions): Promise<PacketSource> {
    if (this.#taps.get(containerId)?.life === life) return this.#options.open(live);
    return Promise.reject(new Error('the container ended'));
  }
}

/** Networks that every engine has; on them containers ask the servers of their resolv.conf directly. */
const PREDEFINED: ReadonlySet<string> = new Set(['bridge', 'host', 'none']);

/** The sandbox names the namespace; the pid does where the engine tells of no sandbox. */
function isSameNamespace(a: ContainerState, b: ContainerState): boolean {
  if (a.sandboxKey !== undefined && b.sandboxKey !== undefined) return a.sandboxKey === b.sandboxKey;
  return a.pid === undefined || b.pid === undefined || a.pid === b.pid;
}

/**
 * moby gives an embedded resolver to each sandbox with an endpoint on a network of a user (`IsUserDefined`), whatever
 * its driver. It stays when the container leaves its last one, and so does the tap. Who lives in another's namespace
 * has none of its own.
 */
export function hasEmbeddedResolver(
  { workload, pid, sandboxKey }: ContainerState,
  isWatched: (network: string) => boolean = () => true,
): boolean {
  if (pid === undefined && sandboxKey === undefined) return false;
  const { networkMode, networks } = workload;
  if (networkMode === 'host' || networkMode.startsWith('container:')) return false;
  return networks.some((name) => !PREDEFINED.has(name) && isWatched(name));
}

/** Its namespace is still to be named. */
export function resolverTap({
  bufferBytes,
  readTimeoutMs,
}: Pick<ContainerTapsOptions, 'bufferBytes' | 'readTimeoutMs'>): LiveOptions {
  // On `lo` everything is one's own.
  return { interface: 'lo', filter: RESOLVER_FILTER, bufferBytes, readTimeoutMs, promiscuous: false };
}
