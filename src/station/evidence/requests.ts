/**
 * Who asked for packets of the last moments, and waits. The sensor answers by a collection, or by a refusal; who asked is
 * remembered for as long as the collection may still come, so that its record says it.
 */
import { randomBytes } from 'node:crypto';
import type { EvidenceRecord, EvidenceRequest } from '../../model/evidence.ts';
import { EvidenceError } from './error.ts';

/** A ring is read in a second or two; behind a busy sensor it may take longer. */
const ANSWER_MS = 30_000;
/** Afterwards a collection that comes all the same has nobody's name. */
const REMEMBERED_MS = 600_000;
const MAX_WAITING = 4;

export interface Wish {
  readonly targets: readonly string[];
  readonly lastSecs: number;
  /** Who asks, as they say. */
  readonly by: string;
}

interface Pending {
  readonly wish: Wish;
  readonly answer: (outcome: EvidenceRecord | EvidenceError) => void;
  readonly timer: NodeJS.Timeout;
  readonly forgotten: NodeJS.Timeout;
}

export class EvidenceRequests {
  readonly #collect: ((request: EvidenceRequest) => void) | undefined;
  readonly #answerMs: number;
  readonly #pending = new Map<string, Pending>();
  #waiting = 0;

  constructor(collect: ((request: EvidenceRequest) => void) | undefined, answerMs = ANSWER_MS) {
    this.#collect = collect;
    this.#answerMs = answerMs;
  }

  /** Resolves once the packets are a file; rejects with an EvidenceError. */
  ask(wish: Wish): Promise<EvidenceRecord> {
    const collect = this.#collect;
    if (collect === undefined)
      return Promise.reject(new EvidenceError('AWAY', 'no sensor is there that could be asked for packets'));
    if (this.#waiting >= MAX_WAITING)
      return Promise.reject(
        new EvidenceError('FULL', `${this.#waiting} others wait for packets already; ask again in a moment`),
      );
    const request = `r-${randomBytes(8).toString('hex')}`;
    this.#waiting += 1;
    return new Promise<EvidenceRecord>((resolve, reject) => {
      let isAnswered = false;
      const answer = (outcome: EvidenceRecord | EvidenceError) => {
        if (isAnswered) return;
        isAnswered = true;
        clearTimeout(this.#pending.get(request)?.timer);
        this.#waiting -= 1;
        if (outcome instanceof EvidenceError) reject(outcome);
        else resolve(outcome);
      };
      const seconds = this.#answerMs / 1000;
      const timer = setTimeout(
        () =>
          answer(
            new EvidenceError(
              'SILENT',
              `the sensor did not put the packets aside within ${seconds} s; when it does after all, \`bridgewatch evidence\` lists them`,
            ),
          ),
        this.#answerMs,
      );
      const forgotten = setTimeout(() => this.#pending.delete(request), REMEMBERED_MS).unref();
      this.#pending.set(request, { wish, answer, timer, forgotten });
      collect({ request, targets: wish.targets, lastSecs: wish.lastSecs });
    });
  }

  /** Of a collection that came; undefined for a request that nobody here made. */
  wishOf(request: string): Wish | undefined {
    return this.#pending.get(request)?.wish;
  }

  complete(request: string, record: EvidenceRecord): void {
    this.#end(request, record);
  }

  refuse(request: string, reason: string): void {
    this.#end(request, new EvidenceError('REFUSED', reason));
  }

  /** Nobody will answer any more. */
  stop(): void {
    for (const request of [...this.#pending.keys()])
      this.#end(request, new EvidenceError('AWAY', 'the agent is being stopped; nothing was put aside'));
  }

  #end(request: string, outcome: EvidenceRecord | EvidenceError): void {
    const pending = this.#pending.get(request);
    if (pending === undefined) return;
    clearTimeout(pending.timer);
    clearTimeout(pending.forgotten);
    this.#pending.delete(request);
    pending.answer(outcome);
  }
}
