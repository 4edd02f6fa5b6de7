/**
 * Packets of chosen networks into pcapng, as they are: taps opened for what is asked, names of addresses beside them,
 * what was lost at the end. It decodes nothing. Containers that come later and belong to what is asked are recorded from
 * then on.
 */
import { type InterfaceStatistics, PcapngWriter, type SectionFacts } from '../../../capture/pcapng.ts';
import {
  type CaptureStats,
  type EndReason,
  type FrameBatch,
  LIVE_DEFAULTS,
  type LiveOptions,
  type PacketSource,
} from '../../../capture/source.ts';
import type { Network } from '../../model/network.ts';
import { SHORT_ID_LENGTH } from '../../model/serialize.ts';
import type { PlaceOrReason } from '../taps/tap-place.ts';
import { addressNames } from './names.ts';
import { ReaderGone, type RecordingOutput, type WrittenFile } from './output.ts';
import { type WantedTap, wantedTaps } from './taps.ts';
import type { KnownWorld, Target } from './target.ts';

export interface RecordingLimits {
  /** Ends after so many. */
  readonly packets?: number;
  /** Of a file: ends there, or goes on in the next where the output has one. */
  readonly bytes?: number;
}

export interface RecordingOptions {
  readonly targets: readonly Target[];
  /** As it is now. */
  readonly world: () => KnownWorld;
  readonly placeOf: (network: Network) => PlaceOrReason;
  /** Rejects with a CaptureError. */
  readonly open: (options: LiveOptions) => Promise<PacketSource>;
  readonly live: Omit<LiveOptions, 'interface' | 'netns' | 'filter'>;
  /** pcap-filter(7), the person's own. */
  readonly filter?: string;
  /** Called once there is something to record. */
  readonly output: () => RecordingOutput;
  readonly limits?: RecordingLimits;
  readonly section: SectionFacts;
  /** What a person should know, one line. */
  readonly onNotice: (line: string) => void;
}

export type RecordingEnd = 'stopped' | 'packets' | 'bytes' | 'reader-gone' | 'interfaces-gone' | 'failed';

export class NothingToRecord extends Error {
  override readonly name = 'NothingToRecord';
  readonly code = 'RECORDING_NOTHING';

  constructor(unseen: readonly string[]) {
    super(
      `nothing of what was asked for can be seen from here: ${unseen.join('; ') || 'it is on no network'}`,
    );
  }
}

/** One tap, as it was. */
export interface RecordedInterface {
  readonly network: Network;
  readonly interface: string;
  readonly filter?: string;
  /** Frames written. */
  readonly packets: number;
  readonly stats: CaptureStats;
}

export interface RecordingSummary {
  readonly end: RecordingEnd;
  /** Why it failed; absent when it did not. */
  readonly error?: unknown;
  readonly packets: number;
  readonly interfaces: readonly RecordedInterface[];
  readonly files: readonly WrittenFile[];
  /** What was asked for and could not be seen. */
  readonly unseen: readonly string[];
  readonly startedMs: number;
  readonly endedMs: number;
}

interface OpenTap {
  readonly wanted: WantedTap;
  readonly source: PacketSource;
  readonly startedMs: number;
  /** In the file that is being written. */
  id: number;
  packets: number;
  isOver: boolean;
}

export class Recording {
  readonly #options: RecordingOptions;
  readonly #writer: PcapngWriter;
  readonly #taps: OpenTap[] = [];
  readonly #unseen = new Set<string>();
  readonly #told = new Map<string, string>();
  readonly #startedMs = Date.now();
  #packets = 0;
  #finish!: (summary: RecordingSummary) => void;
  #isEnding = false;
  #output: RecordingOutput | undefined;
  #hasBegun = false;
  #looking: Promise<void> = Promise.resolve();

  /** Resolves when nothing more is written; never rejects: a failure is an end. */
  readonly finished: Promise<RecordingSummary>;

  constructor(options: RecordingOptions) {
    this.#options = options;
    this.#writer = new PcapngWriter((bytes) => this.#output?.write(bytes));
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** Rejects when nothing at all can be recorded: then nothing was written. */
  async start(): Promise<void> {
    await this.#look();
    try {
      if (this.#taps.length === 0) throw new NothingToRecord([...this.#unseen]);
      this.#output = this.#options.output();
      this.#beginFile();
    } catch (error) {
      for (const { source } of this.#taps) source.close();
      throw error;
    }
    this.#hasBegun = true;
    for (const tap of this.#taps) this.#run(tap);
  }

  get packets(): number {
    return this.#packets;
  }

  /** Whether there is anything to record now. */
  get openTaps(): number {
    return this.#taps.filter(({ isOver }) => !isOver).length;
  }

  /** Containers came or went: names, and taps for those that belong to what is asked. */
  worldChanged(): void {
    if (!this.#hasBegun || this.#isEnding) return;
    this.#looking = this.#looking.then(async () => {
      const known = this.#taps.length;
      await this.#look();
      if (this.#isEnding) return;
      this.#guarded(() => {
        for (const tap of this.#taps.slice(known)) {
          tap.id = this.#describe(tap);
          this.#run(tap);
        }
        this.#tellNames();
        this.#writer.flush();
      });
    });
  }

  stop(end: RecordingEnd = 'stopped', error?: unknown): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const statistics = this.#taps.map((tap) => tap.source.stats());
    let failure = error;
    let how = end;
    let files: readonly WrittenFile[] = [];
    try {
      if (end !== 'reader-gone' && end !== 'failed') this.#endFile();
      files = this.#output?.close() ?? [];
    } catch (closing) {
      if (!(closing instanceof ReaderGone)) [how, failure] = ['failed', closing];
    }
    for (const tap of this.#taps) tap.source.close();
    this.#finish({
      end: how,
      ...(failure === undefined ? {} : { error: failure }),
      packets: this.#packets,
      interfaces: this.#taps.map(({ wanted, packets }, i) => ({
        network: wanted.network,
        interface: wanted.place.interface,
        ...(wanted.filter === undefined ? {} : { filter: wanted.filter }),
        packets,
        stats: statistics[i]!,
      })),
      files,
      unseen: [...this.#unseen],
      startedMs: this.#startedMs,
      endedMs: Date.now(),
    });
  }

  async #look(): Promise<void> {
    const { targets, world, placeOf, filter, open, live, onNotice } = this.#options;
    const there = this.#taps.filter(({ isOver }) => !isOver).map(({ wanted }) => wanted);
    const { taps, unseen } = wantedTaps(targets, world(), placeOf, filter, there);
    for (const line of unseen) {
      if (!this.#unseen.has(line)) onNotice(`not recorded: ${line}`);
      this.#unseen.add(line);
    }
    for (const wanted of taps) {
      const { place } = wanted;
      try {
        const source = await open({
          ...live,
          interface: place.interface,
          ...(place.netns === undefined ? {} : { netns: place.netns }),
          ...(wanted.filter === undefined ? {} : { filter: wanted.filter }),
        });
        if (place.remark !== undefined) onNotice(`${wanted.network.name}: ${place.remark}`);
        this.#taps.push({ wanted, source, startedMs: Date.now(), id: -1, packets: 0, isOver: false });
      } catch (error) {
        // Of several, one that cannot be opened does not keep the others from being recorded.
        if (!this.#hasBegun && taps.length === 1) throw error;
        const line = `network ${wanted.network.name}: ${error instanceof Error ? error.message : String(error)}`;
        if (!this.#unseen.has(line)) onNotice(`not recorded: ${line}`);
        this.#unseen.add(line);
      }
    }
  }

  #run(tap: OpenTap): void {
    const over = ({ reason, ...rest }: EndReason) => {
      tap.isOver = true;
      if (this.#isEnding) return;
      const detail = 'detail' in rest ? rest.detail : reason;
      this.#options.onNotice(`${tap.wanted.network.name} ended: ${detail}`);
      if (this.openTaps === 0 && this.#options.targets.every(({ kind }) => kind === 'network'))
        this.stop('interfaces-gone');
    };
    tap.source
      .run((batch) => this.#guarded(() => this.#onBatch(tap, batch)))
      .then(over, (error) => this.stop('failed', error));
  }

  #onBatch(tap: OpenTap, batch: FrameBatch): void {
    const { packets: maxPackets = Number.POSITIVE_INFINITY, bytes: maxBytes } = this.#options.limits ?? {};
    for (let i = 0; i < batch.count && !this.#isEnding; i++) {
      if (maxBytes !== undefined && this.#writer.bytes + batch.capLen[i]! + this.#endBytes > maxBytes) {
        if (this.#output?.next === undefined) {
          this.stop('bytes');
          return;
        }
        this.#endFile();
        this.#output.next();
        this.#beginFile();
      }
      this.#writer.packet(tap.id, batch, i);
      tap.packets += 1;
      this.#packets += 1;
      if (this.#packets >= maxPackets) this.stop('packets');
    }
    // Who looks on sees them now.
    if (!this.#isEnding) this.#writer.flush();
  }

  /** What must still find room behind the data of a packet. */
  get #endBytes(): number {
    return PACKET_OVERHEAD_BYTES + this.#taps.length * STATISTICS_BYTES;
  }

  #beginFile(): void {
    this.#writer.section(this.#options.section);
    for (const tap of this.#taps) tap.id = this.#describe(tap);
    this.#told.clear();
    this.#tellNames();
    this.#writer.flush();
  }

  #endFile(): void {
    for (const tap of this.#taps) this.#writer.statistics(tap.id, statisticsOf(tap));
    this.#writer.flush();
  }

  #describe({ wanted, source, startedMs }: OpenTap): number {
    const { network, place, filter } = wanted;
    const later = startedMs - this.#startedMs > LATE_MS;
    return this.#writer.addInterface({
      name: place.interface,
      description: `docker network ${network.name} (${network.id.slice(0, SHORT_ID_LENGTH)})`,
      linkType: source.interfaces[0]!.linkType,
      snaplenBytes: this.#options.live.snaplenBytes ?? LIVE_DEFAULTS.snaplenBytes,
      ...(filter === undefined ? {} : { filter }),
      comments: [
        ...(network.internal ? ['internal network'] : []),
        ...(later ? [`recorded since ${new Date(startedMs).toISOString()}`] : []),
        ...(place.remark === undefined ? [] : [place.remark]),
      ],
    });
  }

  /** Those that are new, or another's now. */
  #tellNames(): void {
    const recorded = new Set(this.#taps.map(({ wanted }) => wanted.network.id));
    const news = addressNames(this.#options.world(), recorded).filter(
      ({ ip, name }) => this.#told.get(ip) !== name,
    );
    for (const { ip, name } of news) this.#told.set(ip, name);
    this.#writer.names(news.map(({ address, name }) => ({ address, names: [name] })));
  }

  /** A full disk, or a reader that went, is an end and no crash. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.stop(error instanceof ReaderGone ? 'reader-gone' : 'failed', error);
    }
  }
}

/** Header and padding of a packet, and for each interface its statistics at the end. */
const PACKET_OVERHEAD_BYTES = 36;
const STATISTICS_BYTES = 92;

/** A tap that opened so much later than the first is said to be later. */
const LATE_MS = 2000;

function statisticsOf({ source, startedMs }: OpenTap): InterfaceStatistics {
  const { received, droppedByKernel, droppedByInterface } = source.stats();
  return {
    start: clock(startedMs),
    end: clock(Date.now()),
    received,
    ...(droppedByKernel === undefined ? {} : { droppedByKernel }),
    ...(droppedByInterface === undefined ? {} : { droppedByInterface }),
  };
}

function clock(ms: number) {
  return { sec: Math.floor(ms / 1000), nsec: (ms % 1000) * 1_000_000 };
}
