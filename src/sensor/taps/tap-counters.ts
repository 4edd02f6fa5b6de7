/** What the decoders counted, as records at intervals and as totals at the end. */
import type { AnomalyRecord } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';
import { ANOMALY_CODES, anomalyTable, newAnomalyCounts } from '../decode/anomaly.ts';
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

  /** Malformed traffic so far, by code. */
  anomalies(taps: Iterable<Tap>): Record<string, number> {
    const counts = newAnomalyCounts();
    for (const { decoder } of taps)
      for (let code = 0; code < counts.length; code++) counts[code]! += decoder.anomalyCounts[code]!;
    const anomalies = { ...this.#retired.anomalies };
    for (const [code, count] of Object.entries(anomalyTable(counts))) add(anomalies, code, count);
    return anomalies;
  }

  #reportTap(time: Micros, tap: Tap): void {
    const counts = tap.decoder.anomalyCounts;
    const told = this.#told.get(tap);
    // Of thousands of taps, as a case of many files has them, most have nothing new.
    for (let index = 0; index < counts.length; index++) {
      const count = counts[index]! - (told === undefined ? 0 : told[index]!);
      const code = ANOMALY_CODES[index]!;
      if (count > 0) this.#emit({ kind: 'anomaly', time, code, interface: tap.interface, count });
    }
    if (told === undefined) this.#told.set(tap, counts.slice());
    else told.set(counts);
  }
}

function add(table: Record<string, number>, key: string, count: number): void {
  table[key] = (table[key] ?? 0) + count;
}
