/**
 * Bulk records on their way to one sink, in memory only. Bounded by records and bytes: when the peer is slow or away
 * the oldest go, counted. What is just being sent is never dropped under the writer's hands.
 *
 *     taken [ a b ]   being sent, or to be sent again first
 *     queue [ c d e ] oldest at the front; dropped from there when full
 */

import { Fifo } from '../../model/fifo.ts';
import type { Delivery } from '../entry.ts';

interface Queued {
  readonly delivery: Delivery;
  readonly at: number;
}

export interface BulkBounds {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

export class BulkLane {
  readonly #bounds: BulkBounds;
  readonly #onDrop: (delivery: Delivery) => void;
  readonly #queue = new Fifo<Queued>();
  #taken: Queued[] = [];
  #queuedBytes = 0;

  constructor(bounds: BulkBounds, onDrop: (delivery: Delivery) => void) {
    this.#bounds = bounds;
    this.#onDrop = onDrop;
  }

  get length(): number {
    return this.#taken.length + this.#queue.length;
  }

  /** When the oldest came, on the clock of `offer`. */
  get oldestAt(): number | undefined {
    return (this.#taken[0] ?? this.#queue.at(0))?.at;
  }

  offer(delivery: Delivery, at: number): void {
    this.#queue.push({ delivery, at });
    this.#queuedBytes += delivery.text.length;
    while (this.#queue.length > this.#bounds.maxRecords || this.#queuedBytes > this.#bounds.maxBytes) {
      this.#onDrop(this.#shift()!.delivery);
    }
  }

  /** The first records, at least one when there is any; they stay until settled. */
  read(maxRecords: number, maxBytes: number): readonly Delivery[] {
    const found: Delivery[] = [];
    let bytes = 0;
    for (let i = 0; i < maxRecords; i++) {
      const next = this.#taken[i] ?? this.#queue.at(0);
      if (next === undefined) break;
      bytes += next.delivery.text.length;
      if (found.length > 0 && bytes > maxBytes) break;
      if (i >= this.#taken.length) this.#taken.push(this.#shift()!);
      found.push(next.delivery);
    }
    return found;
  }

  settle(deliveries: readonly Delivery[]): number {
    this.#taken = this.#taken.slice(deliveries.length);
    return deliveries.length;
  }

  /** Gives up everything, each one counted. */
  clear(): void {
    for (const { delivery } of this.#taken) this.#onDrop(delivery);
    this.#taken = [];
    for (let next = this.#shift(); next !== undefined; next = this.#shift()) this.#onDrop(next.delivery);
  }

  #shift(): Queued | undefined {
    const next = this.#queue.shift();
    this.#queuedBytes -= next?.delivery.text.length ?? 0;
    return next;
  }
}
