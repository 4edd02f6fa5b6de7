/**
 * A password or token that cannot be printed by accident: whatever turns it into text (a template, JSON, the
 * logger, `console.log`) gets `***`. Only `reveal()` gives it away, and only the code that sends it may call it.
 */
import { inspect } from 'node:util';

const REDACTED = '***';

/** A copy with the secrets as plain text: for the one reader that needs them all, never for a log. */
export function revealed(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal();
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, revealed(part)]));
}

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
