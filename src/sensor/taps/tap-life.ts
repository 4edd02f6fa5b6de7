/**
 * The life of one live tap: opened when it can be, opened again when it ended, drained at its end, its losses counted
 * all along. Each change goes out as a coverage record; nothing that the world does is thrown. What it taps, and whose
 * traffic that is, is its owner's to know.
 */
import {
  type CaptureStats,
  type EndReason,
  type FrameBatch,
  LIVE_DEFAULTS,
  type LiveOptions,
  type PacketSource,
} from '../../../capture/source.ts';
import type { Workload } from '../../model/network.ts';
import type { CoverageRecord, LossRecord } from '../../model/record.ts';
import { type Micros, wallMicros } from '../../model/time.ts';
import type { Logger } from '../../telemetry/logger.ts';

export interface AttachedTap {
  onBatch(batch: FrameBatch): void;
  /** The tap's last batch has been handed over. */
  detach(): void;
}

/** What to open now, or why there is nothing to open yet. */
export type TapTarget =
  | {
      readonly live: LiveOptions;
      /** What a reader of the coverage should know. */
      readonly remark?: string | undefined;
    }
  | {
      readonly reason: string;
      /** It should be there; by default it cannot be yet, and that is as it should be. */
      readonly isProblem?: boolean;
    };

export interface TapLifeOptions {
  /** Whom its coverage is about. */
  readonly subject: { readonly network: string } | { readonly container: string };
  /** That container as it is known now. */
  readonly workload?: () => Workload | undefined;
  /** As it stands in coverage records; asked for each. */
  readonly interfaceName: () => string | undefined;
  /** As it stands in loss records. */
  readonly lossName: string;
  /** The setting that makes its ring larger. */
  readonly bufferSetting: string;
  /** Asked before each attempt. */
  readonly target: () => TapTarget | Promise<TapTarget>;
  /** Rejects with a CaptureError when the interface cannot be tapped. */
  readonly open: (options: LiveOptions) => Promise<PacketSource>;
  readonly attach: (source: PacketSource) => AttachedTap;
  /** Whether what `open` gave holds frames from before: those are read also when the end came first. */
  readonly holdsFrames?: () => boolean;
  /** Whether the so-many-th refusal in a row is a problem, or mends itself; all are problems by default. */
  readonly isProblem?: (refusals: number) => boolean;
  readonly emit: (record: CoverageRecord | LossRecord) => void;
  readonly log: Logger;
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
/** An interface that went takes its network or container along, and a busy engine tells of that 3 s later. */
const REFUSALS_AFTER_GONE = 5;

export class TapLife {
  readonly #options: TapLifeOptions;
  #source: PacketSource | undefined;
  #readTimeoutMs: number = LIVE_DEFAULTS.readTimeoutMs;
  /** Settles when the source has ended and its last batch is handed over. */
  #running: Promise<EndReason> | undefined;
  /** Settles when nothing is being opened any more. */
  #opening: Promise<void> | undefined;
  #retry: NodeJS.Timeout | undefined;
  #attempts = 0;
  /** Why it is not covered, as last reported; so that a failing retry does not repeat itself. */
  #uncovered: { readonly because: string; readonly isProblem: boolean } | undefined;
  /** Refusals to bear in silence, because the interface has just gone. */
  #forbearance = 0;
  #drops = noDrops();
  #isOver = false;

  constructor(options: TapLifeOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#source !== undefined;
  }

  /** Why it is not open though it should be. */
  get problem(): string | undefined {
    return this.#uncovered?.isProblem === true ? this.#uncovered.because : undefined;
  }

  begin(): void {
    this.#opening = this.#open();
  }

  /** What was missing may have come: if a retry is waiting, it waits no longer. */
  hurry(): void {
    if (this.#retry === undefined || this.isOpen || this.#isOver) return;
    clearTimeout(this.#retry);
    this.#attempts = 0;
    this.begin();
  }

  /** Reads the drop counters; call it every second or so. */
  readStatistics(): void {
    if (this.#source !== undefined) this.#reportDrops(this.#source.stats());
  }

  /**
   * No more of it; settles when the last frames have been handed over: what the kernel holds back is the last thing a
   * container did. `because` goes into a coverage record.
   */
  async end(because: string | undefined): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#retry);
    const drained = this.#source === undefined ? this.#rest() : this.#drain(this.#source);
    if (because !== undefined) this.#report('uncovered', because, 'info');
    await drained;
  }

  /** What is being opened may hold the only frames there are. */
  async #rest(): Promise<void> {
    if (this.#options.holdsFrames !== undefined) await this.#opening;
  }

  async #drain(source: PacketSource): Promise<void> {
    if (source.drain === undefined) source.close();
    else source.drain();
    const late = setTimeout(() => source.close(), this.#readTimeoutMs + DRAIN_SLACK_MS);
    await this.#running;
    clearTimeout(late);
    this.#reportDrops(source.stats());
    source.close();
    this.#source = undefined;
  }

  /** Never rejects: what goes wrong is reported and tried again. */
  async #open(): Promise<void> {
    this.#retry = undefined;
    const asked = this.#options.target();
    const target = asked instanceof Promise ? await asked : asked;
    if (this.#isOver && this.#options.holdsFrames === undefined) return;
    if (!('live' in target)) {
      this.#retryLater(target.reason, target.isProblem ?? false);
      return;
    }
    let source: PacketSource;
    try {
      source = await this.#options.open(target.live);
    } catch (error) {
      const isProblem = this.#forbearance-- <= 0 && (this.#options.isProblem?.(this.#attempts + 1) ?? true);
      this.#retryLater(error instanceof Error ? error.message : String(error), isProblem);
      return;
    }
    if (this.#isOver && this.#options.holdsFrames?.() !== true) {
      source.close();
      return;
    }
    this.#readTimeoutMs = target.live.readTimeoutMs ?? LIVE_DEFAULTS.readTimeoutMs;
    void this.#run(source, target.remark);
    if (this.#isOver) await this.#drain(source);
  }

  async #run(source: PacketSource, remark: string | undefined): Promise<void> {
    const attached = this.#options.attach(source);
    this.#source = source;
    this.#attempts = 0;
    this.#drops = noDrops();
    this.#uncovered = undefined;
    const more = remark === undefined ? '' : `; ${remark}`;
    if (!this.#isOver) this.#report('covered', `tapped with the ${source.backend} backend${more}`, 'info');
    this.#running = source
      .run((batch) => attached.onBatch(batch))
      .catch((error: unknown): EndReason => {
        this.#options.log.error({ err: error, ...this.#options.subject }, 'a packet led to a bug');
        return { reason: 'failed', detail: String(error) };
      });
    const end = await this.#running;
    attached.detach();
    if (!this.#isOver) this.#ended(source, end);
  }

  #ended(source: PacketSource, end: EndReason): void {
    this.#reportDrops(source.stats());
    source.close();
    this.#source = undefined;
    const isGone = end.reason === 'interface-gone';
    this.#forbearance = isGone ? REFUSALS_AFTER_GONE : 0;
    this.#retryLater('detail' in end ? end.detail : end.reason, !isGone);
  }

  /** It may come back, or be on its way out: try until told. */
  #retryLater(because: string, isProblem: boolean): void {
    if (this.#isOver) return;
    const before = this.#uncovered;
    this.#uncovered = { because, isProblem };
    if (before?.because !== because || (isProblem && !before.isProblem)) {
      this.#report('uncovered', because, isProblem ? 'warn' : 'info');
    }
    const delay = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#attempts++);
    this.#retry = setTimeout(() => this.begin(), delay);
  }

  #report(state: CoverageRecord['state'], reason: string, level: 'info' | 'warn'): void {
    reportCoverage(this.#options, state, reason, level);
  }

  #reportDrops(stats: CaptureStats): void {
    const { kernel, interface: byInterface, at } = this.#drops;
    // Unknown is not zero, but there is nothing to tell either.
    const now: Drops = {
      kernel: stats.droppedByKernel ?? kernel,
      interface: stats.droppedByInterface ?? byInterface,
      at: wallMicros(),
    };
    this.#drops = now;
    this.#tellLoss('kernel-ring', now.kernel - kernel, at, now.at);
    this.#tellLoss('interface', now.interface - byInterface, at, now.at);
  }

  #tellLoss(source: string, count: number, first: Micros, last: Micros): void {
    if (count <= 0) return;
    const { subject, lossName: where, bufferSetting, log, emit } = this.#options;
    log.warn({ source, ...subject, count }, `packets lost; raise ${bufferSetting}`);
    // The wall clock may have been set back since the last reading.
    emit({ kind: 'loss', time: last, source, where, count, first: Math.min(first, last), last });
  }
}

/** Also of what is never tapped. */
export function reportCoverage(
  about: Pick<TapLifeOptions, 'subject' | 'workload' | 'interfaceName' | 'emit' | 'log'>,
  state: CoverageRecord['state'],
  reason: string,
  level: 'info' | 'warn',
): void {
  const name = about.interfaceName();
  const by = { ...about.subject, ...(name === undefined ? {} : { interface: name }), reason };
  const what = 'network' in about.subject ? 'network' : "container's DNS";
  about.log[level](by, state === 'covered' ? `${what} covered` : `${what} not covered`);
  const workload = about.workload?.();
  about.emit({
    kind: 'coverage',
    time: wallMicros(),
    state,
    ...by,
    ...(workload === undefined ? {} : { workload }),
  });
}

function noDrops(): Drops {
  return { kernel: 0, interface: 0, at: wallMicros() };
}
