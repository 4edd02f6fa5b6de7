/**
 * Runs the real executable (bin/bridgewatch, that is dist/) as a person or a script would, and gives back everything
 * it said. `make test` builds dist/ before; by hand: `make build`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** Another build can be put to the same tests: its main file. */
const OTHER = process.env['TEST_BRIDGEWATCH'];
export const BRIDGEWATCH = OTHER ?? join(ROOT, 'bin/bridgewatch');

export const NOT_BUILT = existsSync(OTHER ?? join(ROOT, 'dist/src/cli/main.js'))
  ? undefined
  : 'dist/ is not built; run `make build`';

export interface Ran {
  /** Undefined when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly secs: number;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
  /** Put before the command, as `['unshare', '-m', ...]`. */
  readonly within?: readonly string[];
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

export function bridgewatch(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run([...(options.within ?? []), process.execPath, BRIDGEWATCH, ...args], options);
}

export interface Running {
  /** What it has printed so far. */
  stdout(): string;
  /** Ends it as Ctrl-C does. */
  interrupt(): Promise<Ran>;
}

/** One that goes on until it is told to end. */
export function start(args: readonly string[], options: RunOptions = {}): Running {
  const { child, stdout, ended } = begin([process.execPath, BRIDGEWATCH, ...args], options);
  return {
    stdout: () => stdout.text,
    interrupt: () => {
      child.kill('SIGINT');
      return ended;
    },
  };
}

/** A pipeline or redirection, with `bridgewatch` as a word of it; `$1`, `$2` ... are `args`. */
export function shell(script: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Ran> {
  const preamble = 'bridgewatch() { "$BW_NODE" "$BW_BIN" "$@"; }; set -o pipefail; ';
  const env = { ...options.env, BW_NODE: process.execPath, BW_BIN: BRIDGEWATCH };
  return run(['bash', '-c', preamble + script, 'bash', ...args], { ...options, env });
}

/** The same on a terminal (util-linux script): stdout and stderr are both it, and come back together. */
export function onTerminal(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const command = [process.execPath, BRIDGEWATCH, ...args].map(quoted).join(' ');
  return run(['script', '--quiet', '--return', '--command', command, '/dev/null'], {
    ...options,
    env: { TERM: 'xterm', ...options.env },
  });
}

export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function run(command: readonly string[], options: RunOptions): Promise<Ran> {
  return begin(command, options).ended;
}

interface Begun {
  readonly child: ChildProcess;
  readonly stdout: { readonly text: string };
  readonly ended: Promise<Ran>;
}

function begin([file, ...args]: readonly string[], options: RunOptions): Begun {
  const startedMs = performance.now();
  const child = spawn(file!, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 30_000,
    killSignal: 'SIGKILL',
  });
  if (options.stdin !== undefined) {
    child.stdin?.on('error', () => {}); // It may well end before it has read everything.
    child.stdin?.end(options.stdin);
  }
  const read = (stream: NodeJS.ReadableStream | null): { text: string } => {
    const held = { text: '' };
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      held.text += chunk;
    });
    return held;
  };
  const stdout = read(child.stdout);
  const stderr = read(child.stderr);
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({
        code: code ?? undefined,
        signal: signal ?? undefined,
        stdout: stdout.text,
        stderr: stderr.text,
        secs: (performance.now() - startedMs) / 1000,
      }),
    );
  });
  return { child, stdout, ended };
}

/** Nothing of who runs the tests: no options, no engine, no colours. */
function cleanEnvironment(): Record<string, string> {
  const { PATH = '/usr/bin:/bin', HOME = '/tmp' } = process.env;
  return { PATH: `${PATH}:/usr/sbin:/sbin`, HOME, LANG: 'C.UTF-8' };
}

/** Every line a JSON object with its kind, or the test fails with the line. */
export function records(stdout: string): { readonly kind: string; readonly [field: string]: unknown }[] {
  if (stdout !== '' && !stdout.endsWith('\n')) throw new Error(`the last line is cut: ${stdout.slice(-200)}`);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const record: unknown = JSON.parse(line);
      if (
        typeof record !== 'object' ||
        record === null ||
        !('kind' in record) ||
        !line.startsWith('{"kind":"')
      )
        throw new Error(`no record with its kind first: ${line}`);
      return record as { kind: string };
    });
}

// What a terminal acts on or what makes text read differently from what it says; \n and, on a terminal, \r are fine.
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding those is what it is for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffd]/;

/** The first such character with what stands around it; undefined when there is none. */
export function unsafeText(text: string): string | undefined {
  const at = text.search(UNSAFE);
  return at < 0 ? undefined : JSON.stringify(text.slice(Math.max(0, at - 60), at + 60));
}
