/** What the decoders counted, as records at intervals and as totals at the end. */
import type { AnomalyRecord } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';
import { ANOMALY_CODES, anomalyTable } from '../decode/anomaly.ts';
import type { Tap } from './tap.ts';

export interface Totals {
  readonly anomalies: Readonly<Record<string, number>>;
  readonly notUnderstood: Readonly<Record<string, number>>;
  /** Frames of which the snaplen cut something that we would have read. */
  readonly truncatedFrames: number;
}

export class TapCounters {
  readonly #emit: (record: AnomalyRecord) => void;
  /** Counts already told, by tap. */
  readonly #told = new WeakMap<Tap, Float64Array>();
  #retired: Totals = { anomalies: {}, notUnderstood: {}, truncatedFrames: 0 };

  constructor(emit: (record: AnomalyRecord) => void) {
    this.#emit = emit;
  }

  /** One record a code and tap for what came since the last report. */
  report(time: Micros, taps: Iterable<Tap>): void {
    for (const tap of taps) this.#reportTap(time, tap);
  }

  /** The tap's last report; its counts stay in the totals. */
  retire(time: Micros, tap: Tap): void {
    this.#reportTap(time, tap);
    this.#retired = this.totals([tap]);
  }

  totals(taps: Iterable<Tap>): Totals {
    const anomalies = { ...this.#retired.anomalies };
    const notUnderstood = { ...this.#retired.notUnderstood };
    let { truncatedFrames } = this.#retired;
    for (const { decoder } of taps) {
      for (const [code, count] of Object.entries(anomalyTable(decoder.anomalyCounts)))
        add(anomalies, code, count);
      for (const [what, count] of Object.entries(decoder.unknowns.table())) add(notUnderstood, what, count);
      truncatedFrames += decoder.truncatedFrames;
    }
    return { anomalies, notUnderstood, truncatedFrames };
  }

  #reportTap(time: Micros, tap: Tap): void {
    const counts = tap.decoder.anomalyCounts;
    const told = this.#told.get(tap) ?? new Float64Array(counts.length);
    for (const [index, code] of ANOMALY_CODES.entries()) {
      const count = counts[index]! - told[index]!;
      if (count > 0) this.#emit({ kind: 'anomaly', time, code, interface: tap.interface, count });
    }
    told.set(counts);
    this.#told.set(tap, told);
  }
}

function add(table: Record<string, number>, key: string, count: number): void {
  table[key] = (table[key] ?? 0) + count;
}
