/**
 * The last exchanges that are over, so that an answer which comes again is not taken for one that nobody asked for:
 * switches and captures double packets, and a server that was asked twice answers twice. Only what says the same is a
 * repetition. A second answer that differs is told like any other without a question: mostly it is a lower TTL or
 * another order, but it is also what a forger leaves who lost the race, or won it. Bounded; what is forgotten is told.
 */
import type { Micros } from '../../model/time.ts';
import type { DnsContent } from '../decode/dns-record.ts';

interface Answered<Question> {
  readonly key: number;
  readonly question: Question;
  readonly content: DnsContent;
  readonly time: Micros;
}

/** A power of two. Some 1 KB each, and a second of 1,000 questions; repetitions come within milliseconds. */
const PLACES = 1024;
/** Knuth's multiplier: ids that follow each other, and flows, spread over all places. */
const SPREAD = 0x9e3779b1;

export class AnsweredExchanges<Question> {
  /** By key; a newer one takes the place of an older one. */
  readonly #places: (Answered<Question> | undefined)[] = Array.from({ length: PLACES });
  readonly #forgetAfter: Micros;

  constructor(forgetAfter: Micros) {
    this.#forgetAfter = forgetAfter;
  }

  add(key: number, question: Question, content: DnsContent, time: Micros): void {
    this.#places[placeOf(key)] = { key, question, content, time };
  }

  /** The question that was answered with the same content. */
  find(key: number, content: DnsContent, time: Micros): Question | undefined {
    const found = this.#places[placeOf(key)];
    if (found === undefined || found.key !== key || time - found.time > this.#forgetAfter) return undefined;
    return isSameContent(found.content, content) ? found.question : undefined;
  }

  /** Those with keys in [from, to) are over, and their keys will be others'. */
  forget(from: number, to: number): void {
    for (let i = 0; i < PLACES; i++) {
      const found = this.#places[i];
      if (found !== undefined && found.key >= from && found.key < to) this.#places[i] = undefined;
    }
  }
}

/** Keys go beyond 32 bits. */
function placeOf(key: number): number {
  const mixed = Math.imul((key | 0) ^ ((key / 0x100000000) | 0), SPREAD);
  return (mixed >>> 16) & (PLACES - 1);
}

/** In all that a record would tell. */
function isSameContent(a: DnsContent, b: DnsContent): boolean {
  return (
    a.rcode === b.rcode &&
    a.opcode === b.opcode &&
    a.trailingBytes === b.trailingBytes &&
    isSameList(a.flags, b.flags) &&
    isSameList(a.anomalies, b.anomalies) &&
    a.answers.length === b.answers.length &&
    a.answers.every((answer, i) => {
      const other = b.answers[i]!;
      return (
        answer.type === other.type &&
        answer.data === other.data &&
        answer.ttl === other.ttl &&
        answer.name === other.name
      );
    })
  );
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((entry, i) => entry === b[i]);
}
