/**
 * Packets, bytes and losses by the network they were on: counted once a batch and once a reading of the kernel's
 * counters, never once a packet. Bounded: networks come and go on a machine that builds things, so those without a tap
 * make room, and are counted together from then on.
 */
import type { CaptureTally, CaptureVantage } from '../../model/capture-tally.ts';
import { type MetricFamily, type MetricSample, sample } from '../../model/metric.ts';
import { metric } from '../../model/metric-catalogue.ts';
import type { LossRecord } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';

/** Numbers since the start. */
export interface CaptureCount {
  packets: number;
  bytes: number;
  kernelDrops: number;
  interfaceDrops: number;
}

interface Place {
  readonly vantage: CaptureVantage;
  readonly network?: string;
  readonly count: CaptureCount;
  /** As of the last tally. */
  told: CaptureCount;
  openTaps: number;
}

/** Each is four counters in the exposition. */
const MAX_NETWORKS = 256;
/** No network of Docker can have this name: they begin with a letter or a digit. */
const OTHER = '_other';

export class CaptureCounts {
  readonly #maxNetworks: number;
  readonly #networks = new Map<string, Place>();
  readonly #others: Place = newPlace('bridge', OTHER);
  readonly #containers: Place = newPlace('container');
  readonly #uplinks: Place = newPlace('uplink');
  #talliedAt: Micros | undefined;

  constructor({ maxNetworks = MAX_NETWORKS } = {}) {
    this.#maxNetworks = maxNetworks;
  }

  /** A tap begins. What it reads is added to `count` by its reader; `ended` when it is over. */
  begin(vantage: CaptureVantage, network?: string): { readonly count: CaptureCount; ended(): void } {
    const place = this.#placeOf(vantage, network);
    place.openTaps += 1;
    return {
      count: place.count,
      ended: () => {
        place.openTaps -= 1;
      },
    };
  }

  /** Of a tap of that vantage; other losses are passed over. */
  lost(vantage: CaptureVantage, { source, where, count }: LossRecord): void {
    const place = this.#placeOf(vantage, where);
    if (source === 'kernel-ring') place.count.kernelDrops += count;
    if (source === 'interface') place.count.interfaceDrops += count;
  }

  /** What came and was lost since the last call; nothing for places where nothing did. */
  tallies(now: Micros): CaptureTally[] {
    const first = Math.min(this.#talliedAt ?? now, now);
    this.#talliedAt = now;
    return this.#places().flatMap((place) => {
      const { vantage, network, count, told } = place;
      const tally: CaptureTally = {
        vantage,
        ...(network === undefined ? {} : { network }),
        first,
        last: now,
        packets: count.packets - told.packets,
        kernelDrops: count.kernelDrops - told.kernelDrops,
        interfaceDrops: count.interfaceDrops - told.interfaceDrops,
      };
      place.told = { ...count };
      return tally.packets + tally.kernelDrops + tally.interfaceDrops === 0 ? [] : [tally];
    });
  }

  metrics(): MetricFamily[] {
    return [
      metric('bridgewatch_captured_packets_total', this.#samples('packets')),
      metric('bridgewatch_captured_bytes_total', this.#samples('bytes')),
      metric('bridgewatch_kernel_dropped_packets_total', this.#samples('kernelDrops')),
      metric('bridgewatch_interface_dropped_packets_total', this.#samples('interfaceDrops')),
      metric(
        'bridgewatch_open_taps',
        (['bridge', 'container', 'uplink'] as const).map((vantage) =>
          sample(this.#openTaps(vantage), { vantage }),
        ),
      ),
    ];
  }

  #openTaps(wanted: CaptureVantage): number {
    return this.#places().reduce(
      (sum, { vantage, openTaps }) => (vantage === wanted ? sum + openTaps : sum),
      0,
    );
  }

  #samples(of: keyof CaptureCount): MetricSample[] {
    return this.#places()
      .filter((place) => place !== this.#others || place.count.packets + place.openTaps > 0)
      .map(({ vantage, network, count }) =>
        sample(count[of], { vantage, ...(network === undefined ? {} : { network }) }),
      );
  }

  #places(): Place[] {
    return [...this.#networks.values(), this.#others, this.#containers, this.#uplinks];
  }

  #placeOf(vantage: CaptureVantage, network: string | undefined): Place {
    if (vantage === 'container') return this.#containers;
    if (vantage === 'uplink' || network === undefined) return this.#uplinks;
    const known = this.#networks.get(network);
    if (known !== undefined) return known;
    if (this.#networks.size >= this.#maxNetworks && !this.#makeRoom()) return this.#others;
    const place = newPlace(vantage, network);
    this.#networks.set(network, place);
    return place;
  }

  /** The oldest network without a tap is counted among the others from now on; false when all have one. */
  #makeRoom(): boolean {
    for (const [name, place] of this.#networks) {
      if (place.openTaps > 0) continue;
      this.#networks.delete(name);
      add(this.#others.count, place.count);
      add(this.#others.told, place.told);
      return true;
    }
    return false;
  }
}

function newPlace(vantage: CaptureVantage, network?: string): Place {
  const none = { packets: 0, bytes: 0, kernelDrops: 0, interfaceDrops: 0 };
  return {
    vantage,
    ...(network === undefined ? {} : { network }),
    count: { ...none },
    told: { ...none },
    openTaps: 0,
  };
}

function add(sum: CaptureCount, more: CaptureCount): void {
  sum.packets += more.packets;
  sum.bytes += more.bytes;
  sum.kernelDrops += more.kernelDrops;
  sum.interfaceDrops += more.interfaceDrops;
}
