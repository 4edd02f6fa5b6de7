/**
 * One tap per network, opened when the network appears, closed when it goes, opened again when its interface comes
 * back. What cannot be watched, and why, goes out as a coverage record: an unwatched network is never silent.
 */
import type { LiveOptions, PacketSource } from '../../../capture/source.ts';
import type { Network } from '../../model/network.ts';
import type { CoverageRecord, LossRecord } from '../../model/record.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { type AttachedTap, reportCoverage, TapLife, type TapTarget } from './tap-life.ts';
import { type TapPlace, tapPlace } from './tap-place.ts';

export interface NetworkTapsOptions {
  /** Rejects with a CaptureError when the interface cannot be tapped. */
  readonly open: (options: LiveOptions) => Promise<PacketSource>;
  readonly live: Omit<LiveOptions, 'interface'>;
  /** Empty: all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** Where a network is tapped. */
  readonly placeOf?: (network: Network) => ReturnType<typeof tapPlace>;
  /** A tap begins. */
  readonly attach: (network: Network, source: PacketSource) => AttachedTap;
  readonly emit: (record: CoverageRecord | LossRecord) => void;
  readonly log: Logger;
}

interface Tap {
  readonly network: Network;
  /** Where it is tapped, or was last. */
  place?: TapPlace;
  readonly life: TapLife;
}

/** The engine makes an overlay's namespace first and the bridge in it some 100 ms later (20.10). */
const REFUSALS_UNTIL_PROBLEM = 4;

export class NetworkTaps {
  readonly #options: NetworkTapsOptions;
  readonly #taps = new Map<string, Tap>();
  #stopped = false;

  constructor(options: NetworkTapsOptions) {
    this.#options = options;
  }

  /** Names of the networks that have an open tap now. */
  covered(): string[] {
    return [...this.#taps.values()].filter(({ life }) => life.isOpen).map(({ network }) => network.name);
  }

  /** Networks that should be watched and are not, one line each. */
  problems(): string[] {
    return [...this.#taps.values()].flatMap(({ network, life: { problem } }) =>
      problem === undefined ? [] : [`network ${network.name} is not covered: ${problem}`],
    );
  }

  add(network: Network): void {
    if (this.#stopped || this.#taps.has(network.id)) return;
    const unwatched = this.#reasonNotToWatch(network);
    if (unwatched !== undefined) {
      reportCoverage(
        {
          ...this.#options,
          subject: { network: network.name },
          interfaceName: () => network.bridge,
        },
        'uncovered',
        unwatched,
        'info',
      );
      return;
    }
    const { open, attach, emit, log } = this.#options;
    const tap: Tap = {
      network,
      life: new TapLife({
        subject: { network: network.name },
        interfaceName: () => tap.place?.interface ?? network.bridge,
        lossName: network.name,
        bufferSetting: 'capture.buffer_bytes',
        target: () => this.#targetOf(tap),
        open,
        attach: (source) => attach(network, source),
        isProblem: (refusals) => tap.place?.netns === undefined || refusals >= REFUSALS_UNTIL_PROBLEM,
        emit,
        log,
      }),
    };
    this.#taps.set(network.id, tap);
    tap.life.begin();
  }

  remove(networkId: string): void {
    const tap = this.#taps.get(networkId);
    if (tap === undefined) return;
    void tap.life.end('the network was removed');
    this.#taps.delete(networkId);
  }

  /** A container came to the network: an interface that was missing may have come with it. */
  joined(networkId: string): void {
    this.#taps.get(networkId)?.life.hurry();
  }

  /** Reads the drop counters; call it every second or so. */
  readStatistics(): void {
    for (const { life } of this.#taps.values()) life.readStatistics();
  }

  /** Settles when the last frames have been handed over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const lives = [...this.#taps.values()].map(({ life }) => life);
    await Promise.all(lives.map((life) => life.end(life.isOpen ? 'the agent stopped' : undefined)));
    this.#taps.clear();
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

  #targetOf(tap: Tap): TapTarget {
    const where = this.#placeOf(tap.network);
    if (!('place' in where)) return { reason: where.reason };
    const { place } = where;
    tap.place = place;
    const sharer = this.#sharedWith(tap, place);
    if (sharer !== undefined) {
      return {
        reason: `${place.interface} is tapped for the network ${sharer.network.name}, and seen as part of that`,
      };
    }
    const { live } = this.#options;
    return {
      live: {
        ...live,
        interface: place.interface,
        ...(place.netns === undefined ? {} : { netns: place.netns }),
        ...(place.filter === undefined ? {} : { filter: bothFilters(live.filter, place.filter) }),
      },
      remark: place.remark,
    };
  }

  /** Engines from 28 on let several macvlan networks share a parent: each frame is to be counted once. */
  #sharedWith(tap: Tap, place: TapPlace): Tap | undefined {
    if (tap.network.bridge !== undefined) return undefined;
    return [...this.#taps.values()].find(
      (other) =>
        other !== tap &&
        other.life.isOpen &&
        other.place?.interface === place.interface &&
        other.place.netns === place.netns,
    );
  }
}

function bothFilters(configured: string | undefined, own: string): string {
  return configured === undefined || configured === '' ? own : `(${configured}) and (${own})`;
}
