/**
 * Sums traffic per edge (who, to whom, which port) over an interval: what dashboards draw. Bounded: beyond
 * `maxEdges` in one interval the rest is summed into one edge whose ends are both `other`.
 */
import type { Direction, TrafficRecord } from '../model/flow.ts';
import type { Micros } from '../model/time.ts';

/** What distinguishes an edge. Made once a flow. */
export interface EdgeName {
  readonly network: string;
  readonly orig: string;
  readonly resp: string;
  readonly protocol: string;
  readonly respPort?: number;
  readonly direction: Direction;
}

interface Sums {
  readonly name: EdgeName;
  origBytes: number;
  respBytes: number;
  origPackets: number;
  respPackets: number;
  flowsStarted: number;
}

const OTHER: EdgeName = {
  network: 'other',
  orig: 'other',
  resp: 'other',
  protocol: 'other',
  direction: 'unknown',
};

export class TrafficRollup {
  readonly #maxEdges: number;
  readonly #edges = new Map<string, Sums>();
  #folded = 0;

  constructor(maxEdges: number) {
    this.#maxEdges = maxEdges;
  }

  add(
    name: EdgeName,
    origBytes: number,
    respBytes: number,
    origPackets: number,
    respPackets: number,
    flowsStarted: number,
  ): void {
    const sums = this.#edge(name);
    sums.origBytes += origBytes;
    sums.respBytes += respBytes;
    sums.origPackets += origPackets;
    sums.respPackets += respPackets;
    sums.flowsStarted += flowsStarted;
  }

  /** The interval's records; the next interval starts empty. `folded` counts what went into `other`. */
  drain(start: Micros, end: Micros, emit: (record: TrafficRecord) => void): { readonly folded: number } {
    for (const { name, ...sums } of this.#edges.values())
      emit({ kind: 'traffic', start, end, ...name, ...sums });
    const folded = this.#folded;
    this.#edges.clear();
    this.#folded = 0;
    return { folded };
  }

  #edge(name: EdgeName): Sums {
    const key = `${name.network}|${name.orig}|${name.resp}|${name.protocol}|${name.respPort ?? ''}|${name.direction}`;
    const known = this.#edges.get(key);
    if (known !== undefined) return known;
    if (this.#edges.size < this.#maxEdges) return this.#create(key, name);
    this.#folded++;
    return this.#edges.get('other') ?? this.#create('other', OTHER);
  }

  #create(key: string, name: EdgeName): Sums {
    const sums = { name, origBytes: 0, respBytes: 0, origPackets: 0, respPackets: 0, flowsStarted: 0 };
    this.#edges.set(key, sums);
    return sums;
  }
}
