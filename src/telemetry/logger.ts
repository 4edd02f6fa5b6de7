/**
 * The agent's log, on stderr, since stdout belongs to what a command answers. NDJSON for machines, one plain line
 * for a person at a terminal. Messages are constant texts plus fields, so that lines can be counted.
 */
import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import { escapeText } from '../model/escape.ts';

export type { Logger } from 'pino';

/** All that a part needs which logs nothing but our own bugs. */
export interface ErrorLog {
  error(fields: object, message: string): void;
}

export interface WarningLog extends ErrorLog {
  warn(fields: object, message: string): void;
}

const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO ',
  40: 'WARN ',
  50: 'ERROR',
  60: 'FATAL',
};

/** Loaded with the first logger: commands that have nothing to log start without it. */
const loadPino = (): typeof import('pino') => createRequire(import.meta.url)('pino');

export function createLogger(level: string, terminal = process.stderr.isTTY === true): Logger {
  const { pino, stdTimeFunctions } = loadPino();
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  if (!terminal) return pino(options, pino.destination({ fd: 2, sync: true }));
  return pino(options, { write: (line: string) => void process.stderr.write(forPeople(line)) });
}

/** For commands that log only when something is wrong with us, or with what they were given. */
export function createLazyLog(level: string): WarningLog {
  let logger: Logger | undefined;
  const made = () => {
    logger ??= createLogger(level);
    return logger;
  };
  return {
    error: (fields, message) => made().error(fields, message),
    warn: (fields, message) => made().warn(fields, message),
  };
}

function forPeople(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as { level: number; time: string; msg?: string };
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${escapeText(fieldText(value), 500)}`);
  return `${time.slice(11, 19)} ${LEVEL_NAMES[level] ?? level} ${[msg ?? '', ...rest].join('  ')}\n`;
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message);
  return JSON.stringify(value) ?? '';
}
