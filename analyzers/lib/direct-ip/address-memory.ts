/**
 * Which outside addresses a group of containers may know: what DNS gave them, what they used while they were learned,
 * who called them. Never forgets one while it lives; what it cannot hold it takes for known.
 */
import { MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import { AddressFilter } from './address-filter.ts';

/** An answer with more addresses than a record keeps: whatever is connected to in this time may be one of them. */
const PARTIAL_ANSWER = 3600 * MICROS_PER_SECOND;

export class AddressMemory {
  /** Since when it remembers. */
  since: Micros;
  readonly #known = new AddressFilter();
  #unsureUntil: Micros = Number.NEGATIVE_INFINITY;

  constructor(since: Micros) {
    this.since = since;
  }

  get count(): number {
    return this.#known.count;
  }

  /** It holds no more, and takes every address for known. */
  get isFull(): boolean {
    return this.#known.isFull;
  }

  learn(address: string): void {
    this.#known.add(address);
  }

  /** An answer gave more than was seen of it. */
  learnUnseen(time: Micros): void {
    this.#unsureUntil = Math.max(this.#unsureUntil, time + PARTIAL_ANSWER);
  }

  mayKnow(address: string, time: Micros): boolean {
    return time <= this.#unsureUntil || this.#known.has(address);
  }

  shift(by: Micros): void {
    this.since += by;
    this.#unsureUntil += by;
  }
}
