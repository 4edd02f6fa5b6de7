import { type Logger, pino, stdTimeFunctions } from 'pino';

export type { Logger } from 'pino';

/**
 * The agent's log: NDJSON on stderr, constant messages plus fields, so that lines can be counted.
 * stdout belongs to the commands' own output.
 */
export function createLogger(level: string): Logger {
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime }, pino.destination(2));
}
