/**
 * One tap per bridge network, opened when the network appears, closed when it goes, opened again when its bridge
 * comes back. What cannot be watched, and why, goes out as a coverage record: an unwatched network is never silent.
 */
import type { CaptureStats, EndReason, FrameBatch, LiveOptions, PacketSource } from '../../capture/source.ts';
import type { Network } from '../model/network.ts';
import type { CoverageRecord, LossRecord } from '../model/record.ts';
import { type Micros, wallMicros } from '../model/time.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface AttachedTap {
  onBatch(batch: FrameBatch): void;
  /** The tap's last batch has been handed over. */
  detach(): void;
}

export interface TapManagerOptions {
  /** Rejects with a CaptureError when the interface cannot be tapped. */
  readonly open: (options: LiveOptions) => Promise<PacketSource>;
  readonly live: Omit<LiveOptions, 'interface'>;
  /** Empty: all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** A tap begins. */
  readonly attach: (network: Network, source: PacketSource) => AttachedTap;
  readonly emit: (record: CoverageRecord | LossRecord) => void;
  readonly log: Logger;
}

interface Tap {
  network: Network;
  source?: PacketSource;
  retry?: NodeJS.Timeout;
  attempts: number;
  /** Why it is not covered, as last reported; so that a failing retry does not repeat itself. */
  uncoveredBecause?: string;
  drops: Drops;
}

/** Counters as last read. */
interface Drops {
  kernel: number;
  interface: number;
  readonly at: Micros;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5000;

export class TapManager {
  readonly #options: TapManagerOptions;
  readonly #taps = new Map<string, Tap>();
  #stopped = false;

  constructor(options: TapManagerOptions) {
    this.#options = options;
  }

  /** Names of the networks that have an open tap now. */
  covered(): string[] {
    return [...this.#taps.values()].filter((tap) => tap.source !== undefined).map((tap) => tap.network.name);
  }

  /** Networks that should be watched and are not, one line each. */
  problems(): string[] {
    return [...this.#taps.values()].flatMap(({ network, uncoveredBecause }) =>
      uncoveredBecause === undefined ? [] : [`network ${network.name} is not covered: ${uncoveredBecause}`],
    );
  }

  add(network: Network): void {
    if (this.#stopped || this.#taps.has(network.id)) return;
    // Has no interface by design: there is nothing to see, and nothing to say.
    if (network.driver === 'null') return;
    const unwatched = this.#reasonNotToWatch(network);
    if (unwatched !== undefined) {
      this.#report(network, 'uncovered', unwatched, 'info');
      return;
    }
    const tap: Tap = { network, attempts: 0, drops: noDrops() };
    this.#taps.set(network.id, tap);
    void this.#open(tap);
  }

  remove(networkId: string): void {
    const tap = this.#taps.get(networkId);
    if (tap === undefined) return;
    this.#taps.delete(networkId);
    this.#close(tap);
    this.#report(tap.network, 'uncovered', 'the network was removed', 'info');
  }

  /** Reads the drop counters; call it every second or so. */
  readStatistics(): void {
    for (const tap of this.#taps.values())
      if (tap.source !== undefined) this.#reportDrops(tap, tap.source.stats());
  }

  stop(): void {
    this.#stopped = true;
    for (const tap of this.#taps.values()) {
      if (tap.source !== undefined) this.#report(tap.network, 'uncovered', 'the agent stopped', 'info');
      this.#close(tap);
    }
    this.#taps.clear();
  }

  #close(tap: Tap): void {
    clearTimeout(tap.retry);
    if (tap.source === undefined) return;
    this.#reportDrops(tap, tap.source.stats());
    tap.source.close();
  }

  #reasonNotToWatch(network: Network): string | undefined {
    const { include, exclude } = this.#options;
    if (exclude.includes(network.name)) return 'excluded by capture.exclude_networks';
    if (include.length > 0 && !include.includes(network.name)) return 'not among capture.networks';
    if (network.bridge !== undefined) return undefined;
    if (network.driver === 'host') return "containers on the host's own network cannot be told from the host";
    return `the ${network.driver} driver has no bridge on this host to tap`;
  }

  /** Never rejects: what goes wrong is reported and tried again. */
  async #open(tap: Tap): Promise<void> {
    let source: PacketSource;
    try {
      source = await this.#options.open({ ...this.#options.live, interface: tap.network.bridge! });
    } catch (error) {
      this.#retryLater(tap, error instanceof Error ? error.message : String(error));
      return;
    }
    if (!this.#isWanted(tap)) {
      source.close();
      return;
    }
    const attached = this.#options.attach(tap.network, source);
    tap.source = source;
    tap.attempts = 0;
    tap.drops = noDrops();
    delete tap.uncoveredBecause;
    this.#report(tap.network, 'covered', `tapped with the ${source.backend} backend`, 'info');
    const end = await source
      .run((batch) => attached.onBatch(batch))
      .catch((error: unknown): EndReason => {
        this.#options.log.error({ err: error, network: tap.network.name }, 'a packet led to a bug');
        return { reason: 'failed', detail: String(error) };
      });
    attached.detach();
    this.#ended(tap, source, end);
  }

  #ended(tap: Tap, source: PacketSource, end: EndReason): void {
    if (tap.source !== source || !this.#isWanted(tap)) return;
    this.#close(tap);
    delete tap.source;
    // A bridge that is gone mostly goes with its network, of which the engine tells a moment later.
    const level = end.reason === 'interface-gone' ? 'info' : 'warn';
    this.#retryLater(tap, 'detail' in end ? end.detail : end.reason, level);
  }

  /** The bridge may come back under the same name, or the network may be on its way out: try until told. */
  #retryLater(tap: Tap, why: string, level: 'info' | 'warn' = 'warn'): void {
    if (!this.#isWanted(tap)) return;
    if (tap.uncoveredBecause !== why) {
      tap.uncoveredBecause = why;
      this.#report(tap.network, 'uncovered', why, level);
    }
    const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** tap.attempts++);
    tap.retry = setTimeout(() => void this.#open(tap), delay);
  }

  /** False once the network is gone, also while its tap was being opened. */
  #isWanted(tap: Tap): boolean {
    return !this.#stopped && this.#taps.get(tap.network.id) === tap;
  }

  #report(network: Network, state: CoverageRecord['state'], reason: string, level: 'info' | 'warn'): void {
    const where = network.bridge === undefined ? {} : { interface: network.bridge };
    const by = { network: network.name, ...where, reason };
    this.#options.log[level](by, state === 'covered' ? 'network covered' : 'network not covered');
    this.#options.emit({ kind: 'coverage', time: wallMicros(), state, ...by });
  }

  #reportDrops(tap: Tap, stats: CaptureStats): void {
    const { kernel, interface: byInterface, at } = tap.drops;
    // Unknown is not zero, but there is nothing to tell either.
    const now: Drops = {
      kernel: stats.droppedByKernel ?? kernel,
      interface: stats.droppedByInterface ?? byInterface,
      at: wallMicros(),
    };
    tap.drops = now;
    this.#tellLoss('kernel-ring', tap.network, now.kernel - kernel, at, now.at);
    this.#tellLoss('interface', tap.network, now.interface - byInterface, at, now.at);
  }

  #tellLoss(source: string, network: Network, count: number, first: Micros, last: Micros): void {
    if (count <= 0) return;
    const where = network.name;
    this.#options.log.warn({ source, network: where, count }, 'packets lost; raise capture.buffer_bytes');
    // The wall clock may have been set back since the last reading.
    this.#options.emit({
      kind: 'loss',
      time: last,
      source,
      where,
      count,
      first: Math.min(first, last),
      last,
    });
  }
}

function noDrops(): Drops {
  return { kernel: 0, interface: 0, at: wallMicros() };
}
