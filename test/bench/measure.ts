/** Programs for the bench, compiled once a version of their source, and what a command costs. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

export const FOLDER = join(import.meta.dirname, '..', '..', '.bench');

/** Ten times what the slowest needs on an idle machine: then it hangs. */
const MAX_RUN_MS = 120_000;

export interface Cost {
  readonly wallSeconds: number;
  /** Of all its threads; needs less of an idle machine than the wall time does. */
  readonly cpuSeconds: number;
  readonly maxRssBytes: number;
}

/** What measured.c prints. */
interface Measured {
  readonly status: number;
  readonly wallSeconds: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
  readonly maxRssBytes: number;
}

/** A path in .bench that changes with the sources it is made from. */
export function madeFrom(source: string, name: string, ...also: readonly string[]): string {
  mkdirSync(FOLDER, { recursive: true });
  const version = createHash('sha256').update(readFileSync(join(import.meta.dirname, source)));
  for (const text of also) version.update(` ${text}`);
  const [base, extension = ''] = name.split('.');
  return join(
    FOLDER,
    `${base}-${version.digest('hex').slice(0, 12)}${extension === '' ? '' : `.${extension}`}`,
  );
}

/** Compiles a C file of this folder; the path of the program. */
export function compile(source: string, ...libraries: readonly string[]): string {
  const program = madeFrom(source, source.replace(/\.c$/, ''));
  if (existsSync(program)) return program;
  const unfinished = `${program}.${process.pid}`;
  const from = join(import.meta.dirname, source);
  execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', unfinished, from, ...libraries]);
  renameSync(unfinished, program);
  return program;
}

/** Runs a command to its end. Throws when it fails: a tool that refuses its input must not win. */
export function measure(command: readonly string[]): Cost {
  const output = execFileSync(compile('measured.c'), command, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: MAX_RUN_MS,
    // Some tools read a home's configuration, and an agent's environment would configure ours.
    env: { PATH: process.env['PATH'], HOME: FOLDER, LC_ALL: 'C' },
  });
  const { status, ...cost } = JSON.parse(output) as Measured;
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}`);
  const { wallSeconds, userSeconds, systemSeconds, maxRssBytes } = cost;
  return { wallSeconds, cpuSeconds: userSeconds + systemSeconds, maxRssBytes };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)]!;
}
