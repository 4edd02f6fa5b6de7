/**
 * What a flow did since it was last looked at. Bounded by the map it is given; a flow that had to be forgotten counts
 * from where it stands when it is met again, because nobody knows what of it was counted: too little, never twice.
 */
import type { FlowRecord } from '../../src/model/flow.ts';
import type { ClockStep, Micros } from '../../src/model/time.ts';
import type { BoundedMap, BoundedMapOptions } from '../../src/sensor/analysis/analyzer.ts';

export interface FlowDelta {
  readonly isFirst: boolean;
  readonly origBytes: number;
  readonly respBytes: number;
}

interface Counted {
  origBytes: number;
  respBytes: number;
}

export class FlowDeltas {
  readonly #counted: BoundedMap<Counted>;
  /** Flows that began later were never forgotten. */
  #lastForgotten: Micros = Number.NEGATIVE_INFINITY;
  #now: Micros = Number.NEGATIVE_INFINITY;

  constructor(boundedMap: (options: BoundedMapOptions<Counted>) => BoundedMap<Counted>, maxFlows: number) {
    this.#counted = boundedMap({
      name: 'flows',
      maxKeys: maxFlows,
      onEvict: () => {
        this.#lastForgotten = this.#now;
      },
    });
  }

  /** For each record of a flow, its last one included. */
  of(flow: FlowRecord): FlowDelta {
    this.#now = Math.max(this.#now, flow.end);
    const { origBytes, respBytes } = flow;
    const known = this.#counted.get(flow.uid);
    const delta = this.#delta(flow, known);
    if (flow.reason !== 'active') this.#counted.delete(flow.uid);
    else if (known === undefined) this.#counted.ensure(flow.uid, () => ({ origBytes, respBytes }));
    else {
      known.origBytes = origBytes;
      known.respBytes = respBytes;
    }
    return delta;
  }

  clockSet({ from, to }: ClockStep): void {
    this.#now += to - from;
    this.#lastForgotten += to - from;
  }

  #delta({ origBytes, respBytes, start }: FlowRecord, known: Counted | undefined): FlowDelta {
    if (known !== undefined) {
      return {
        isFirst: false,
        origBytes: origBytes - known.origBytes,
        respBytes: respBytes - known.respBytes,
      };
    }
    if (start <= this.#lastForgotten) return { isFirst: false, origBytes: 0, respBytes: 0 };
    return { isFirst: true, origBytes, respBytes };
  }
}
