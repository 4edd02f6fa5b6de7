/**
 * Says a lasting failure when it begins, when it changes, every so many times in between, and when it is over;
 * never once an attempt. Messages are constant, what differs stands in fields.
 */
import type { Logger } from '../telemetry/logger.ts';

export interface FailureMessages {
  readonly failing: string;
  /** Absent for failures that have no end, only repetitions. */
  readonly recovered?: string;
}

/** With retries that settle at 30 s, one line in ten minutes. */
const REPEAT_EVERY = 20;

export class FailureLog {
  readonly #logger: Logger;
  readonly #messages: FailureMessages;
  #current: string | undefined;
  #attempts = 0;

  constructor(logger: Logger, messages: FailureMessages) {
    this.#logger = logger;
    this.#messages = messages;
  }

  /** `identity` tells one failure from another; the error's text, when its numbers do not change by themselves. */
  failed(identity: string, fields: Readonly<Record<string, unknown>>): void {
    this.#attempts = identity === this.#current ? this.#attempts + 1 : 1;
    this.#current = identity;
    if (this.#attempts % REPEAT_EVERY !== 1) return;
    this.#logger.warn({ ...fields, attempts: this.#attempts }, this.#messages.failing);
  }

  succeeded(fields: Readonly<Record<string, unknown>> = {}): void {
    if (this.#current === undefined) return;
    if (this.#messages.recovered !== undefined) {
      this.#logger.info({ ...fields, attempts: this.#attempts }, this.#messages.recovered);
    }
    this.#current = undefined;
    this.#attempts = 0;
  }
}
