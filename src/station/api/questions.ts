/**
 * Questions to the database, one after the other, in a thread of their own. What waits is bounded, and so is the time
 * of each: a thread that is not done by then is ended, and the next question gets a new one.
 */
import type { Worker } from 'node:worker_threads';
import { startThread, threadScript } from '../../start-thread.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { ApiProblem } from './problem.ts';
import type { Fault, QuestionAnswers, QuestionType, Reply } from './question.ts';

const MAX_WAITING = 32;
const TIME_LIMIT_MS = 10_000;
/** Of the thread: a page of a thousand large records is some 10 MiB. */
const MAX_HEAP_MIB = 256;

export interface QuestionsOptions {
  readonly storePath: string;
  readonly logger: Logger;
  readonly timeLimitMs?: number;
  /** Another thread, for tests. */
  readonly script?: URL;
}

interface Asked {
  readonly id: number;
  readonly question: unknown;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (problem: ApiProblem) => void;
}

export class Questions {
  readonly #options: QuestionsOptions;
  readonly #waiting: Asked[] = [];
  #running: Asked | undefined;
  #timer: NodeJS.Timeout | undefined;
  #worker: Worker | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  /** Rejects with an ApiProblem. */
  ask<T extends QuestionType>(
    question: QuestionAnswers[T][0] & { readonly type: T },
  ): Promise<QuestionAnswers[T][1]> {
    if (this.#isClosed) return Promise.reject(stopping());
    if (this.#waiting.length >= MAX_WAITING)
      return Promise.reject(
        new ApiProblem(503, 'too many questions wait for the database; ask again in a few seconds', {
          headers: { 'retry-after': '5' },
        }),
      );
    return new Promise((resolve, reject) => {
      this.#lastId += 1;
      const settle = resolve as (answer: unknown) => void;
      this.#waiting.push({ id: this.#lastId, question, resolve: settle, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(stopping());
    const running = this.#running;
    const worker = this.#forget();
    running?.reject(stopping());
    await worker?.terminate();
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const asked = this.#waiting.shift();
    if (asked === undefined) return;
    this.#running = asked;
    this.#worker ??= this.#start();
    this.#worker.postMessage({ id: asked.id, question: asked.question });
    this.#timer = setTimeout(() => this.#tooLong(asked), this.#options.timeLimitMs ?? TIME_LIMIT_MS);
  }

  #start(): Worker {
    const { storePath, logger, script = threadScript('station/api/question-worker') } = this.#options;
    const worker = startThread(script, {
      workerData: { storePath },
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
    });
    worker.unref();
    worker.on('message', (reply: Reply) => this.#onReply(reply));
    worker.on('error', (error) => {
      logger.error(
        { err: error },
        'the thread that answers questions failed; the next question gets a new one',
      );
    });
    worker.once('exit', () => {
      if (worker !== this.#worker) return;
      const running = this.#running;
      this.#forget();
      running?.reject(new ApiProblem(500, 'this could not be answered; the log of the agent says why'));
      this.#next();
    });
    return worker;
  }

  #onReply(reply: Reply): void {
    const running = this.#running;
    if (running === undefined || reply.id !== running.id) return;
    clearTimeout(this.#timer);
    this.#running = undefined;
    if ('answer' in reply) running.resolve(reply.answer);
    else running.reject(this.#problemOf(reply.fault));
    this.#next();
  }

  #tooLong(asked: Asked): void {
    const worker = this.#forget();
    // It stands in a call of SQLite: only its end ends that.
    void worker?.terminate();
    asked.reject(
      new ApiProblem(
        503,
        'this takes too long: narrow the time with since and until, or put an address, a port or an analyzer into the filter',
      ),
    );
    this.#next();
  }

  /** Whatever comes of the thread from now on is nobody's. */
  #forget(): Worker | undefined {
    const worker = this.#worker;
    clearTimeout(this.#timer);
    this.#worker = undefined;
    this.#running = undefined;
    return worker;
  }

  #problemOf(fault: Fault): ApiProblem {
    if (fault.reason === 'filter') {
      const { problem, text, from, to } = fault;
      const detail = `the filter cannot be understood, at character ${from + 1}: ${problem}`;
      return new ApiProblem(400, detail, { members: { filter: { text, from, to } } });
    }
    this.#options.logger.error({ fault }, 'the API could not ask the database');
    return fault.reason === 'store'
      ? new ApiProblem(503, `the database cannot be read now (${fault.code}); the log of the agent says why`)
      : new ApiProblem(500, 'this could not be answered; the log of the agent says why');
  }
}

function stopping(): ApiProblem {
  return new ApiProblem(503, 'the agent is stopping');
}
