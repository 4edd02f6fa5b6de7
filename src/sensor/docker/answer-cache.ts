/**
 * Answers that hold for a while, each for the time between two borders. Bounded: when it is full it starts again empty.
 * No key is built for a look-up, which happens once or twice a record.
 */
import type { Micros } from '../../model/time.ts';
import type { Attributed } from './answers.ts';

export interface CachedAnswer {
  readonly mac: string | undefined;
  /** The answer holds for packets in [from, to). */
  readonly from: Micros;
  readonly to: Micros;
  readonly result: Attributed;
  readonly tally: Tally;
}

interface Chained extends CachedAnswer {
  readonly next: Chained | undefined;
}

/** Of one method and confidence. */
export interface Tally {
  count: number;
}

export class AnswerCache {
  readonly #maxEntries: number;
  /** By network id, then address, then MAC and time as a list. */
  readonly #answers = new Map<string, Map<string, Chained>>();
  #size = 0;
  /** How often it was full. */
  overflows = 0;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  find(ip: string, mac: string | undefined, networkId: string, time: Micros): CachedAnswer | undefined {
    for (let entry = this.#answers.get(networkId)?.get(ip); entry !== undefined; entry = entry.next) {
      if (entry.mac === mac && time >= entry.from && time < entry.to) return entry;
    }
    return undefined;
  }

  add(ip: string, networkId: string, answer: CachedAnswer): void {
    if (this.#size >= this.#maxEntries) {
      this.overflows++;
      this.clear();
    }
    let byIp = this.#answers.get(networkId);
    if (byIp === undefined) {
      byIp = new Map();
      this.#answers.set(networkId, byIp);
    }
    // Not `...answer`: with it a look-up costs 300 ns instead of 40 (measured, Node 20).
    const { mac, from, to, result, tally } = answer;
    byIp.set(ip, { mac, from, to, result, tally, next: byIp.get(ip) });
    this.#size++;
  }

  clear(): void {
    this.#answers.clear();
    this.#size = 0;
  }
}
