/**
 * Bytes of the distinct things a client said, over the three spans. Up to 64 things a day each is kept, with when it was
 * said last, and the sums are exact; beyond that a sample of them is (distinct-bytes.ts), as long as the budget that all
 * histories share lasts. Without budget the oldest of the 64 go, and the sums are too small rather than the memory too
 * large.
 */
import type { ClockStep, Micros } from '../../../src/model/time.ts';
import { slotOf } from './distinct-bytes.ts';
import { NameWindow } from './name-windows.ts';
import { SPANS, type Span, spanMicros } from './spans.ts';

const MAX_EXACT = 64;
/** Time is kept in turns of five minutes: half of the shortest span. */
const TURN_MICROS: Micros = 300_000_000;
const SPAN_TURNS = SPANS.map((span) => spanMicros(span) / TURN_MICROS);
const DAY_TURNS = SPAN_TURNS[2]!;

// One number a thing, all 53 bits of it: 35 of the hash, 8 of the weight, 10 of the turn (85 hours, then it wraps; what
// is older than a day is taken out long before).
const TURN_RANGE = 1024;
const WEIGHT_RANGE = 256;
const HASH_RANGE = 2 ** 35;

/** How many samples there may be at once, 4 KB each. */
export class SampleBudget {
  #left: number;

  constructor(samples: number) {
    this.#left = samples;
  }

  take(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }

  giveBack(): void {
    this.#left += 1;
  }
}

/** Shared: the first thing that is said takes its place. */
const NOTHING_SAID: number[] = [];

/** `new`: not said within a day. `again`: said before, but not in these minutes. `known`: nothing changed. */
export type Novelty = 'new' | 'again' | 'known';

export class DistinctHistory {
  readonly #budget: SampleBudget;
  #said: number[] = NOTHING_SAID;
  #turn = -1;
  #sum0 = 0;
  #sum1 = 0;
  #sum2 = 0;
  #sampled: readonly NameWindow[] | undefined;

  constructor(budget: SampleBudget) {
    this.#budget = budget;
  }

  /** `hash` is an integer below 2^53, `weight` 1..255 bytes. */
  add(now: Micros, hash: number, weight: number): Novelty {
    this.#advance(now);
    // The same as %, which calls into the C library.
    const kept = hash - Math.floor(hash / HASH_RANGE) * HASH_RANGE;
    const thing = kept * WEIGHT_RANGE + weight;
    if (this.#sampled !== undefined) return this.#addToSample(this.#sampled, now, thing);
    const least = thing * TURN_RANGE;
    for (let i = 0, said = this.#said; i < said.length; i++) {
      const turn = said[i]! - least;
      if (turn >= 0 && turn < TURN_RANGE) return this.#sayAgain(i, turn, least);
    }
    if (this.#said.length >= MAX_EXACT) {
      const sampled = this.#promote();
      if (sampled !== undefined) return this.#addToSample(sampled, now, thing);
      this.#dropOldest();
    }
    // Exactly as long as needed, because what is pushed makes room for half as many again and sixteen.
    this.#said = this.#said.concat([least + (this.#turn % TURN_RANGE)]);
    this.#sum0 += weight;
    this.#sum1 += weight;
    this.#sum2 += weight;
    return 'new';
  }

  /** How many bytes a thing that is added now and not `known` speaks for: more than its own once most are left out. */
  standsFor(weight: number): number {
    return weight / (this.#sampled?.[2]?.chanceOf(weight) ?? 1);
  }

  /** Never below what `sum` says, and cheap. */
  upperBound(span: Span, now: Micros): number {
    this.#advance(now);
    if (this.#sampled !== undefined) return this.#sampled[span]!.upperBound(now);
    return span === 0 ? this.#sum0 : span === 1 ? this.#sum1 : this.#sum2;
  }

  sum(span: Span, now: Micros): { readonly bytes: number; readonly names: number } {
    const bytes = this.upperBound(span, now);
    if (this.#sampled !== undefined) return this.#sampled[span]!.sum();
    let names = 0;
    for (const one of this.#said) if (this.#age(one) < SPAN_TURNS[span]!) names += 1;
    return { bytes, names };
  }

  clockSet(step: ClockStep): void {
    for (const window of this.#sampled ?? []) window.clockSet(step);
    if (this.#turn < 0) return;
    const turns = Math.floor(step.to / TURN_MICROS) - Math.floor(step.from / TURN_MICROS);
    const aged = this.#said.map((one) => this.#age(one));
    this.#turn = Math.max(0, this.#turn + turns);
    for (const [i, age] of aged.entries()) this.#said[i] = this.#stamped(this.#said[i]!, age);
  }

  /** The history is given up: its sample may be another's. */
  release(): void {
    if (this.#sampled === undefined) return;
    this.#sampled = undefined;
    this.#budget.giveBack();
  }

  #sayAgain(i: number, turn: number, least: number): Novelty {
    const current = this.#turn % TURN_RANGE;
    if (turn === current) return 'known';
    this.#said[i] = least + current;
    this.#sumUp();
    return 'again';
  }

  #addToSample(windows: readonly NameWindow[], now: Micros, thing: number): Novelty {
    const slot = slotOf(Math.floor(thing / WEIGHT_RANGE) * 2 ** 18, thing % WEIGHT_RANGE);
    const isNew = [windows[0]!.add(now, slot), windows[1]!.add(now, slot), windows[2]!.add(now, slot)];
    if (isNew[2]) return 'new';
    return isNew[0] || isNew[1] ? 'again' : 'known';
  }

  /** From the exact list to samples, oldest first; undefined when the budget is spent. */
  #promote(): readonly NameWindow[] | undefined {
    if (!this.#budget.take()) return undefined;
    const sampled = SPANS.map((span) => new NameWindow(spanMicros(span)));
    this.#sampled = sampled;
    const aged = this.#said.map((one) => ({ age: this.#age(one), thing: Math.floor(one / TURN_RANGE) }));
    aged.sort((a, b) => b.age - a.age);
    for (const { age, thing } of aged) {
      this.#addToSample(sampled, (this.#turn - age) * TURN_MICROS, thing);
    }
    this.#said = NOTHING_SAID;
    return sampled;
  }

  #dropOldest(): void {
    let oldest = 0;
    for (let i = 1; i < this.#said.length; i++) {
      if (this.#age(this.#said[i]!) > this.#age(this.#said[oldest]!)) oldest = i;
    }
    this.#said.splice(oldest, 1);
    this.#sumUp();
  }

  /** Time that runs backwards (reordered packets) stays in the newest turn. */
  #advance(now: Micros): void {
    const turn = Math.floor(now / TURN_MICROS);
    if (turn <= this.#turn) return;
    const passed = turn - this.#turn;
    // Ages are of the turn before; later they would have wrapped.
    const oldest = DAY_TURNS - passed;
    // Filtered only where something goes, because the copy has room to spare.
    if (this.#said.some((one) => this.#age(one) >= oldest))
      this.#said = this.#said.filter((one) => this.#age(one) < oldest).slice();
    this.#turn = turn;
    if (this.#sampled === undefined) this.#sumUp();
    else if (passed >= DAY_TURNS) this.release();
  }

  #sumUp(): void {
    let [short, middle, long] = [0, 0, 0];
    for (const one of this.#said) {
      const age = this.#age(one);
      const weight = Math.floor(one / TURN_RANGE) % WEIGHT_RANGE;
      long += weight;
      if (age < SPAN_TURNS[1]!) middle += weight;
      if (age < SPAN_TURNS[0]!) short += weight;
    }
    this.#sum0 = short;
    this.#sum1 = middle;
    this.#sum2 = long;
  }

  #age(one: number): number {
    return (((this.#turn - one) % TURN_RANGE) + TURN_RANGE) % TURN_RANGE;
  }

  #stamped(one: number, age: number): number {
    const stamp = (((this.#turn - age) % TURN_RANGE) + TURN_RANGE) % TURN_RANGE;
    return Math.floor(one / TURN_RANGE) * TURN_RANGE + stamp;
  }
}
