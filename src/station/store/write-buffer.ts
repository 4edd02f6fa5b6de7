/**
 * What is accepted but not yet in the database. Bounded by records and bytes; when it is full, flows and DNS are
 * shed first, other events next, and a finding only when the buffer holds nothing but findings.
 */

import { Fifo } from '../../model/fifo.ts';
import type { Entry } from '../entry.ts';
import type { DurableEntry } from './rows.ts';

export interface WriteBufferBounds {
  readonly maxRecords: number;
  readonly maxBytes: number;
}

export class WriteBuffer {
  readonly findings = new Fifo<DurableEntry>();
  readonly events = new Fifo<DurableEntry>();
  readonly bulk = new Fifo<Entry>();
  readonly #bounds: WriteBufferBounds;
  readonly #onShed: (entry: Entry) => void;
  #bytes = 0;

  constructor(bounds: WriteBufferBounds, onShed: (entry: Entry) => void) {
    this.#bounds = bounds;
    this.#onShed = onShed;
  }

  get records(): number {
    return this.findings.length + this.events.length + this.bulk.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.records >= this.#bounds.maxRecords || this.#bytes >= this.#bounds.maxBytes;
  }

  addDurable(entry: DurableEntry): void {
    const lane = entry.kind === 'finding' ? this.findings : this.events;
    lane.push(entry);
    this.#bytes += entry.text.length;
    while (this.#isOver) this.#shedOne(entry.kind === 'finding');
  }

  /** A full buffer refuses bulk at once: what waits was there first, and a finding must never have to. */
  addBulk(entry: Entry): void {
    if (this.isFull) {
      this.#onShed(entry);
      return;
    }
    this.bulk.push(entry);
    this.#bytes += entry.text.length;
  }

  /** Takes the first `count` of a lane out, once they are written. */
  settle(lane: Fifo<Entry>, count: number): void {
    for (let i = 0; i < count; i++) this.#bytes -= lane.shift()?.text.length ?? 0;
  }

  get #isOver(): boolean {
    return this.records > this.#bounds.maxRecords || this.#bytes > this.#bounds.maxBytes;
  }

  #shedOne(forFinding: boolean): void {
    if (this.bulk.length > 0) this.#shed(this.bulk);
    else if (this.events.length > 0) this.#shed(this.events);
    else if (forFinding) this.#shed(this.findings);
  }

  #shed(lane: Fifo<Entry>): void {
    const entry = lane.shift();
    if (entry === undefined) return;
    this.#bytes -= entry.text.length;
    this.#onShed(entry);
  }
}
