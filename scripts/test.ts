/**
 * `make test`: every check there is, one after the other, all of them even when one fails; then what ran, what
 * failed and what could not run here. The last line is for machines; the exit code is 0 only when nothing failed.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { NOT_RUN } from './audit-report.ts';
import { readRun, type TestRun } from './test-report.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BIN = join(ROOT, 'node_modules/.bin');
const REPORTS = join(ROOT, '.lab');

interface Step {
  readonly name: string;
  readonly argv: readonly string[];
  /** A hung step must not hang the whole run. */
  readonly timeoutMs: number;
  /** Where its output goes when another one prints meanwhile. */
  readonly held?: string[];
}

/** The whole run, on two cores; a step gets what is left of it at most. */
const BUDGET_MS = 19 * 60_000;

const CHECKS: readonly Step[] = [
  { name: 'lint', argv: [join(BIN, 'biome'), 'check', '.'], timeoutMs: 120_000 },
  { name: 'types', argv: [join(BIN, 'tsc'), '-p', 'tsconfig.json'], timeoutMs: 180_000 },
  { name: 'build', argv: ['make', '--no-print-directory', 'build'], timeoutMs: 300_000 },
  { name: 'audit', argv: [join(BIN, 'tsx'), join(ROOT, 'scripts/audit.ts')], timeoutMs: 90_000 },
];

const UNIT = { name: 'unit', timeoutMs: 600_000 };
const INTEGRATION = { name: 'integration', timeoutMs: 900_000 };
/** Bears a neighbour, and `integration` waits for engines and packets much of its time. */
const PROGRAMS = { name: 'programs', timeoutMs: 900_000, held: [] as string[] };

interface Result {
  readonly name: string;
  readonly secs: number;
  readonly code: number | undefined;
  readonly run?: TestRun;
}

const notes: string[] = [];
let interrupted = false;
const results: Result[] = [];
mkdirSync(REPORTS, { recursive: true });
for (const step of CHECKS) if (!interrupted) results.push(await perform(step));
if (!interrupted) results.push(await performSuite(UNIT));
if (!interrupted) {
  results.push(...(await Promise.all([INTEGRATION, PROGRAMS].map(performSuite))));
  console.log(`\n== programs tests, meanwhile\n${PROGRAMS.held.join('')}`);
}
if (!interrupted) summarize();

async function perform(step: Step): Promise<Result> {
  if (step.held === undefined) console.log(`\n== ${step.name}`);
  const startedMs = performance.now();
  const code = await runStep(step);
  return { name: step.name, secs: (performance.now() - startedMs) / 1000, code };
}

/** The unit tests run apart, so that they do not take the processor from those with real daemons. */
async function performSuite({ name, ...suite }: Omit<Step, 'argv'>): Promise<Result> {
  const file = join(REPORTS, `tests-${name}.json`);
  rmSync(file, { force: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const argv = [join(BIN, 'vitest'), 'run', '--project', name, ...reporters];
  const result = await perform({ ...suite, name: `${name} tests`, argv });
  return { ...result, run: readRun(name, readIfThere(file), result.code, ROOT) };
}

/** Passes the output through, and keeps what tests say when they cannot run here. */
function runStep({ argv: [file = '', ...args], ...step }: Step): Promise<number | undefined> {
  const timeoutMs = Math.max(1000, Math.min(step.timeoutMs, BUDGET_MS - performance.now()));
  const colours = process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
  const child = spawn(file, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a group of its own, so that what it started can be ended with it
    env: { ...process.env, ...colours },
  });
  for (const [stream, out] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ] as const) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      if (step.held === undefined) out.write(chunk);
      else step.held.push(chunk);
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.map(stripVTControlCharacters)) {
        if (/^\W*SKIPPED\b/.test(line) && !notes.includes(line)) notes.push(line);
      }
    });
  }
  const end = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-child.pid!, signal);
    } catch {
      // It has ended by itself.
    }
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    interrupted = true;
    end(signal);
    process.exitCode = 130;
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  // First politely: the labs of a suite are removed by its own process.
  const polite = setTimeout(() => {
    console.error(`*** not done after ${Math.round(timeoutMs / 1000)} s: ended`);
    end('SIGTERM');
  }, timeoutMs);
  const firm = setTimeout(() => end('SIGKILL'), timeoutMs + 15_000);
  return new Promise((resolve) => {
    const settle = (code: number | undefined): void => {
      clearTimeout(polite);
      clearTimeout(firm);
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      resolve(code);
    };
    child.once('error', (error) => {
      console.error(error.message);
      settle(undefined);
    });
    child.once('close', (code) => settle(code ?? undefined));
  });
}

function summarize(): void {
  console.log('\n== summary');
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for (const { name, secs, code, run } of results) {
    const isSkipped = run === undefined && code === NOT_RUN;
    const isOk = code === 0 && (run?.failed ?? 0) === 0;
    const verdict = isSkipped ? 'skipped' : isOk ? 'ok' : 'FAILED';
    const counts =
      run === undefined ? '' : `  ${run.passed} passed, ${run.failed} failed, ${run.skipped} skipped`;
    console.log(`${name.padEnd(18)} ${verdict.padEnd(7)} ${secs.toFixed(1).padStart(6)} s${counts}`);
    // Lint, types, build and audit count as one check each.
    passed += run?.passed ?? (isOk ? 1 : 0);
    failed += run?.failed ?? (isOk || isSkipped ? 0 : 1);
    skipped += run?.skipped ?? (isSkipped ? 1 : 0);
  }
  const failures = results.flatMap(({ run }) => run?.failures ?? []);
  if (failures.length > 0) console.log(`\nfailed:\n${failures.map((line) => `  ${line}`).join('\n')}`);
  const skippedIn = results.flatMap(({ run }) => [...(run?.skippedIn ?? [])]);
  if (skipped > 0) {
    console.log('\ncould not run here:');
    for (const [file, count] of skippedIn) console.log(`  ${file}: ${count} tests`);
    for (const note of notes) console.log(`  ${note}`);
  }
  console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
  const isBad = ({ code, run }: Result) => code !== 0 && (run !== undefined || code !== NOT_RUN);
  if (failed > 0 || results.some(isBad)) process.exitCode ||= 1;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
