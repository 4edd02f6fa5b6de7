/**
 * Where frames of the ring were seen: a number for each tap, kept as long as frames carry it. Containers come and go all
 * day, so what no frame names any more is forgotten.
 */
import type { CaptureStats, LinkType } from '../../../capture/source.ts';
import type { Network } from '../../model/network.ts';
import type { Micros } from '../../model/time.ts';

export interface Place {
  /** `br-0a1b2c3d4e5f`, `lo@shop-api-1`. */
  readonly interface: string;
  readonly linkType: LinkType;
  /** Absent of an uplink, and inside a container's namespace. */
  readonly network?: Network | undefined;
  /** The container in whose namespace it is, as that is known now; absent of all other taps. */
  readonly askerId?: (() => string | undefined) | undefined;
  /** Wall clock. */
  readonly openedAt: Micros;
  readonly stats: () => CaptureStats;
}

interface Known {
  readonly place: Place;
  /** Of the ring's next frame when it ended; absent while it is open. */
  endedAt?: number;
}

export class Places {
  readonly #known = new Map<number, Known>();
  #next = 0;

  add(place: Place): number {
    this.#known.set(this.#next, { place });
    return this.#next++;
  }

  /** `ringBegin`, `ringEnd`: numbers of frames; places that only older ones carry are forgotten. */
  end(number: number, ringBegin: number, ringEnd: number): void {
    const ended = this.#known.get(number);
    if (ended === undefined) return;
    // A source that is closed has no numbers any more.
    const stats = ended.place.stats();
    this.#known.set(number, { place: { ...ended.place, stats: () => stats }, endedAt: ringEnd });
    for (const [at, { endedAt }] of this.#known) {
      if (endedAt !== undefined && endedAt <= ringBegin && at !== number) this.#known.delete(at);
    }
  }

  get(number: number): Place | undefined {
    return this.#known.get(number)?.place;
  }

  /** Of the networks with these names, those that are read now. */
  on(networks: readonly string[]): number[] {
    return [...this.#known]
      .filter(
        ([, { place, endedAt }]) => endedAt === undefined && networks.includes(place.network?.name ?? ''),
      )
      .map(([number]) => number);
  }
}
