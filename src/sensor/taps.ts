/**
 * One tap per network, opened when the network appears, closed when it goes, opened again when its interface comes
 * back. What cannot be watched, and why, goes out as a coverage record: an unwatched network is never silent.
 */
import {
  type CaptureStats,
  type EndReason,
  type FrameBatch,
  LIVE_DEFAULTS,
  type LiveOptions,
  type PacketSource,
} from '../../capture/source.ts';
import type { Network } from '../model/network.ts';
import type { CoverageRecord, LossRecord } from '../model/record.ts';
import { type Micros, wallMicros } from '../model/time.ts';
import type { Logger } from '../telemetry/logger.ts';
import { type TapPlace, tapPlace } from './tap-place.ts';

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
  /** Where a network is tapped; for tests. */
  readonly placeOf?: typeof tapPlace;
  /** A tap begins. */
  readonly attach: (network: Network, source: PacketSource) => AttachedTap;
  readonly emit: (record: CoverageRecord | LossRecord) => void;
  readonly log: Logger;
}

interface Tap {
  network: Network;
  /** Where it is tapped, or was last. */
  place?: TapPlace;
  source?: PacketSource;
  /** Settles when the source has ended and its last batch is handed over. */
  running?: Promise<EndReason>;
  retry?: NodeJS.Timeout;
  attempts: number;
  /** Why it is not covered, as last reported; so that a failing retry does not repeat itself. */
  uncoveredBecause?: string;
  /** It should be covered and is not; else it cannot be yet, and that is as it should be. */
  isProblem?: boolean;
  drops: Drops;
}

/** Counters as last read. */
interface Drops {
  kernel: number;
  interface: number;
  readonly at: Micros;
}

/** A ring of 8 MiB takes some 100 ms to work through; one that is still not empty then is given up. */
const DRAIN_SLACK_MS = 2000;
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
    return [...this.#taps.values()].flatMap(({ network, uncoveredBecause, isProblem }) =>
      uncoveredBecause === undefined || isProblem !== true
        ? []
        : [`network ${network.name} is not covered: ${uncoveredBecause}`],
    );
  }

  add(network: Network): void {
    if (this.#stopped || this.#taps.has(network.id)) return;
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
    void this.#drain(tap);
    this.#report(tap.network, 'uncovered', 'the network was removed', 'info');
    this.#taps.delete(networkId);
  }

  /** A container came to the network: an interface that was missing may have come with it. */
  joined(networkId: string): void {
    const tap = this.#taps.get(networkId);
    if (tap?.retry === undefined || tap.source !== undefined) return;
    clearTimeout(tap.retry);
    tap.attempts = 0;
    void this.#open(tap);
  }

  /** Reads the drop counters; call it every second or so. */
  readStatistics(): void {
    for (const tap of this.#taps.values())
      if (tap.source !== undefined) this.#reportDrops(tap, tap.source.stats());
  }

  /** Settles when the last frames have been handed over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const taps = [...this.#taps.values()];
    for (const tap of taps)
      if (tap.source !== undefined) this.#report(tap.network, 'uncovered', 'the agent stopped', 'info');
    await Promise.all(taps.map((tap) => this.#drain(tap)));
    this.#taps.clear();
  }

  /** Frames that the kernel holds back to hand over together are the last thing a container did: they count too. */
  async #drain(tap: Tap): Promise<void> {
    clearTimeout(tap.retry);
    const { source } = tap;
    if (source === undefined) return;
    if (source.drain === undefined) source.close();
    else source.drain();
    const readTimeoutMs = this.#options.live.readTimeoutMs ?? LIVE_DEFAULTS.readTimeoutMs;
    const late = setTimeout(() => source.close(), readTimeoutMs + DRAIN_SLACK_MS);
    await tap.running;
    clearTimeout(late);
    this.#reportDrops(tap, source.stats());
    source.close();
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
    const where = this.#placeOf(network);
    return 'place' in where || where.isTemporary ? undefined : where.reason;
  }

  #placeOf(network: Network): ReturnType<typeof tapPlace> {
    return (this.#options.placeOf ?? tapPlace)(network);
  }

  /** Engines from 28 on let several macvlan networks share a parent: each frame is to be counted once. */
  #sharedWith(tap: Tap, place: TapPlace): Tap | undefined {
    if (tap.network.bridge !== undefined) return undefined;
    return [...this.#taps.values()].find(
      (other) =>
        other !== tap &&
        other.source !== undefined &&
        other.place?.interface === place.interface &&
        other.place.netns === place.netns,
    );
  }

  /** Never rejects: what goes wrong is reported and tried again. */
  async #open(tap: Tap): Promise<void> {
    delete tap.retry;
    const where = this.#placeOf(tap.network);
    if (!('place' in where)) {
      this.#retryLater(tap, where.reason, 'info');
      return;
    }
    const { place } = where;
    tap.place = place;
    const sharer = this.#sharedWith(tap, place);
    if (sharer !== undefined) {
      const why = `${place.interface} is tapped for the network ${sharer.network.name}, and seen as part of that`;
      this.#retryLater(tap, why, 'info');
      return;
    }
    const { live } = this.#options;
    let source: PacketSource;
    try {
      source = await this.#options.open({
        ...live,
        interface: place.interface,
        ...(place.netns === undefined ? {} : { netns: place.netns }),
        ...(place.filter === undefined ? {} : { filter: bothFilters(live.filter, place.filter) }),
      });
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
    const remark = place.remark === undefined ? '' : `; ${place.remark}`;
    this.#report(tap.network, 'covered', `tapped with the ${source.backend} backend${remark}`, 'info');
    tap.running = source
      .run((batch) => attached.onBatch(batch))
      .catch((error: unknown): EndReason => {
        this.#options.log.error({ err: error, network: tap.network.name }, 'a packet led to a bug');
        return { reason: 'failed', detail: String(error) };
      });
    const end = await tap.running;
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
    tap.isProblem = level === 'warn';
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
    const name = this.#taps.get(network.id)?.place?.interface ?? network.bridge;
    const where = name === undefined ? {} : { interface: name };
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

function bothFilters(configured: string | undefined, own: string): string {
  return configured === undefined || configured === '' ? own : `(${configured}) and (${own})`;
}

function noDrops(): Drops {
  return { kernel: 0, interface: 0, at: wallMicros() };
}
