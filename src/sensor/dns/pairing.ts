/**
 * Joins DNS questions with their answers by a key that names the exchange. Bounded: beyond the bound the
 * oldest question goes out as unanswered, and says so through the same callback as one that timed out.
 */
import type { ClockStep, Micros } from '../../model/time.ts';

export interface DnsPairingOptions<Question> {
  readonly maxPending: number;
  readonly timeoutMicros: number;
  /**
   * The question will get no answer: time ran out, the bound was reached, nobody listens there
   * any more, or the capture ended.
   */
  readonly onUnanswered: (question: Question, why: 'timeout' | 'evicted' | 'given-up' | 'shutdown') => void;
}

interface Pending<Question> {
  readonly question: Question;
  /** By the clock as it is now. */
  time: Micros;
}

export class DnsPairing<Question> {
  /** In order of arrival: a Map iterates by insertion, so the first entry is the oldest. */
  readonly #pending = new Map<number, Pending<Question>>();
  readonly #options: DnsPairingOptions<Question>;

  constructor(options: DnsPairingOptions<Question>) {
    this.#options = options;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** False when the same question is already waiting: a client's retransmission, one record for both. */
  ask(key: number, question: Question, time: Micros): boolean {
    if (this.#pending.has(key)) return false;
    if (this.#pending.size >= this.#options.maxPending) this.#dropOldest();
    this.#pending.set(key, { question, time });
    return true;
  }

  /** The question that waits under this key. */
  peek(key: number): Question | undefined {
    return this.#pending.get(key)?.question;
  }

  /** When it was asked, by the clock as it is now. */
  askedAt(key: number): Micros | undefined {
    return this.#pending.get(key)?.time;
  }

  /** The question this answers, taken out; undefined when none is waiting. */
  answer(key: number): Question | undefined {
    const found = this.#pending.get(key);
    if (found === undefined) return undefined;
    this.#pending.delete(key);
    return found.question;
  }

  /** Every question stays as old as it was, so that its answer still finds it and none waits for an old clock. */
  clockSet({ from, to }: ClockStep): void {
    for (const pending of this.#pending.values()) pending.time += to - from;
  }

  expire(now: Micros): void {
    for (const [key, { question, time }] of this.#pending) {
      if (now - time < this.#options.timeoutMicros) return;
      this.#pending.delete(key);
      this.#options.onUnanswered(question, 'timeout');
    }
  }

  /** Questions with keys in [from, to) will get no answer. */
  giveUp(from: number, to: number): void {
    for (const [key, { question }] of this.#pending) {
      if (key < from || key >= to) continue;
      this.#pending.delete(key);
      this.#options.onUnanswered(question, 'given-up');
    }
  }

  flush(): void {
    for (const { question } of this.#pending.values()) this.#options.onUnanswered(question, 'shutdown');
    this.#pending.clear();
  }

  #dropOldest(): void {
    for (const [key, { question }] of this.#pending) {
      this.#pending.delete(key);
      this.#options.onUnanswered(question, 'evicted');
      return;
    }
  }
}
