/**
 * A password or token that cannot be printed by accident: whatever turns it into text (a template, JSON, the
 * logger, `console.log`) gets `***`. Only `reveal()` gives it away, and only the code that sends it may call it.
 */
import { inspect } from 'node:util';

const REDACTED = '***';

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
