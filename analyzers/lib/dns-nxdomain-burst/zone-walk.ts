/**
 * A client's first contacts with registered zones as a walk: up for a zone that does not exist, down for one that does
 * (the sequential test of Jung et al. 2004, as a CUSUM so that a quiet past hides nothing). What is asked again moves
 * nothing. Bounded: of more zones than it keeps the earliest are forgotten.
 */
import type { ClockStep, Micros } from '../../../src/model/time.ts';

const MAX_ZONES = 256;
const MAX_STEMS = 256;

interface Contact {
  time: Micros;
  step: -1 | 0 | 1;
  /** What was asked for; kept for samples. */
  readonly query: string;
}

/** The stretch of the walk in which it rose the most, up to now. */
export interface Rise {
  readonly height: number;
  readonly since: Micros;
  readonly missing: number;
  readonly existing: number;
  readonly zones: readonly string[];
  readonly names: readonly string[];
}

export class ZoneWalk {
  /** In the order of first contact. */
  readonly #contacts = new Map<string, Contact>();
  readonly #stems = new Set<string>();
  readonly #span: Micros;
  readonly #onForgotten: () => void;

  /** `onForgotten`: a step up was given up that lies within `span`, the longest that is asked for. */
  constructor(span: Micros, onForgotten: () => void) {
    this.#span = span;
    this.#onForgotten = onForgotten;
  }

  /**
   * True when the walk rose. `stem`: the name without its zone's part of it; the same stem under many zones is one idea
   * of the client's (`tracker.`, a tenant's name, a search list), not many.
   */
  missing(zone: string, stem: string, query: string, time: Micros): boolean {
    if (this.#contacts.has(zone)) return false;
    const isNewStem = !this.#stems.has(stem);
    if (isNewStem) {
      if (this.#stems.size >= MAX_STEMS) this.#stems.delete(this.#stems.values().next().value!);
      this.#stems.add(stem);
    }
    this.#add(zone, { time, step: isNewStem ? 1 : 0, query });
    return isNewStem;
  }

  /** The zone exists, whatever was said of a name below it before. */
  existing(zone: string, time: Micros): void {
    const contact = this.#contacts.get(zone);
    if (contact === undefined) this.#add(zone, { time, step: -1, query: '' });
    else contact.step = -1;
  }

  /** How far it has risen from its lowest point within the span, up to now. */
  height(now: Micros, span: Micros): number {
    let height = 0;
    for (const { time, step } of this.#contacts.values()) {
      if (time >= now - span) height = Math.max(0, height + step);
    }
    return height;
  }

  /** The same with what it is made of. */
  rise(now: Micros, span: Micros, samples: number): Rise {
    const rise = { height: 0, since: now, missing: 0, existing: 0 };
    const risen: [zone: string, contact: Contact][] = [];
    for (const entry of this.#contacts) {
      const [, { time, step }] = entry;
      if (time < now - span || step === 0) continue;
      if (rise.height === 0) Object.assign(rise, { since: time, missing: 0, existing: 0 });
      if (rise.height === 0) risen.length = 0;
      rise.height = Math.max(0, rise.height + step);
      if (step < 0) rise.existing += 1;
      else {
        rise.missing += 1;
        if (risen.length < samples) risen.push(entry);
      }
    }
    return {
      ...rise,
      zones: risen.map(([zone]) => zone),
      names: risen.map(([, { query }]) => query),
    };
  }

  clockSet({ from, to }: ClockStep): void {
    for (const contact of this.#contacts.values()) contact.time += to - from;
  }

  #add(zone: string, contact: Contact): void {
    if (this.#contacts.size >= MAX_ZONES) this.#forgetOldest(contact.time);
    this.#contacts.set(zone, contact);
  }

  #forgetOldest(now: Micros): void {
    const [zone, { step, time }] = this.#contacts.entries().next().value!;
    this.#contacts.delete(zone);
    if (step > 0 && time >= now - this.#span) this.#onForgotten();
  }
}
