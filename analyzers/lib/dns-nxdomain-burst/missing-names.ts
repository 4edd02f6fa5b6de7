/**
 * Names that a client asks for again and again and that do not exist. A search list and both address families make many
 * questions of one attempt; they are one, and when any of them is answered there was nothing wrong. Bounded: what
 * was asked for the longest ago goes first.
 */
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import { FewTexts } from '../few.ts';

const MAX_LABELS = 64;
const MAX_NAMES_OF_LABEL = 4;
const MAX_FORMS = 8;
/** What comes within this belongs to one attempt: a search list is gone through in milliseconds, or in time-outs. */
const ATTEMPT: Micros = MICROS_PER_SECOND;

export class MissingName {
  /** As asked, each with what the search list put behind it. */
  readonly forms = new FewTexts();
  /** Begin of each attempt, the latest ones. */
  attempts: Micros[] = [];

  constructor(query: string) {
    this.forms.add(query);
  }

  /** The shortest form: what the client meant. */
  get name(): string {
    let shortest = '';
    for (const form of this.forms) if (shortest === '' || form.length < shortest.length) shortest = form;
    return shortest;
  }

  /** Attempts since `from`. */
  countSince(from: Micros): number {
    let count = 0;
    for (let i = this.attempts.length - 1; i >= 0 && this.attempts[i]! >= from; i--) count += 1;
    return count;
  }
}

export interface MissingNamesOptions {
  /** How many need to be counted. */
  readonly maxAttempts: number;
  /** The longest that is looked back. */
  readonly span: Micros;
  /** A name was given up that was asked for within the span. */
  readonly onForgotten: () => void;
}

export class MissingNames {
  readonly #options: MissingNamesOptions;
  /** By the first label, which all forms of a name share; those asked for last come last. */
  readonly #byLabel = new Map<string, MissingName[]>();

  constructor(options: MissingNamesOptions) {
    this.#options = options;
  }

  *all(): Generator<MissingName> {
    for (const names of this.#byLabel.values()) yield* names;
  }

  /** The name when this begins an attempt, undefined when it belongs to the last one. */
  missing(query: string, time: Micros): MissingName | undefined {
    const names = this.#touch(firstLabel(query), time);
    let name = names.find((other) => isOneName(other, query, time));
    if (name === undefined) {
      name = new MissingName(query);
      if (names.length >= MAX_NAMES_OF_LABEL) this.#forget(names.shift()!, time);
      names.push(name);
    }
    if (name.forms.size < MAX_FORMS) name.forms.add(query);
    const begun = name.attempts.at(-1);
    if (begun !== undefined && time - begun < ATTEMPT) return undefined;
    // Exactly as long as needed: most are tried once.
    name.attempts = name.attempts.concat(time);
    if (name.attempts.length > this.#options.maxAttempts) name.attempts.shift();
    return name;
  }

  /** It exists: under the name itself, or under what a search list made of it a moment ago. */
  existing(query: string, time: Micros): void {
    if (this.#byLabel.size === 0) return;
    const label = firstLabel(query);
    const names = this.#byLabel.get(label);
    if (names === undefined) return;
    const left = names.filter((name) => !isOneName(name, query, time));
    if (left.length === 0) this.#byLabel.delete(label);
    else this.#byLabel.set(label, left);
  }

  clockSet({ from, to }: ClockStep): void {
    for (const name of this.all()) {
      for (const [i, time] of name.attempts.entries()) name.attempts[i] = time + to - from;
    }
  }

  #touch(label: string, now: Micros): MissingName[] {
    const names = this.#byLabel.get(label) ?? [];
    this.#byLabel.delete(label);
    if (this.#byLabel.size >= MAX_LABELS) this.#forgetOldest(now);
    this.#byLabel.set(label, names);
    return names;
  }

  #forgetOldest(now: Micros): void {
    const [label, names] = this.#byLabel.entries().next().value!;
    this.#byLabel.delete(label);
    for (const name of names) this.#forget(name, now);
  }

  #forget({ attempts }: MissingName, now: Micros): void {
    if (now - attempts.at(-1)! <= this.#options.span) this.#options.onForgotten();
  }
}

/** The same, one the other with a suffix, or asked within the attempt that goes on. */
function isOneName({ forms, attempts }: MissingName, query: string, time: Micros): boolean {
  const begun = attempts.at(-1);
  if (forms.has(query) || (begun !== undefined && time - begun < ATTEMPT)) return true;
  for (const form of forms) if (form.startsWith(`${query}.`) || query.startsWith(`${form}.`)) return true;
  return false;
}

function firstLabel(query: string): string {
  const dot = query.indexOf('.');
  return dot < 0 ? query : query.slice(0, dot);
}
