/**
 * Child processes for the lab: run one and read its answer, or keep one running and watch it.
 * A failure always says what was run and what it printed; nothing here retries.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string | Buffer;
  /** Milliseconds after which the process is killed. */
  readonly timeoutMs?: number;
  /** Exit codes that are an answer; any other rejects. Default [0]; 'any' takes all. */
  readonly accept?: readonly number[] | 'any';
}

export interface RunResult {
  /** 128 + signal number is not invented here: undefined when a signal ended the process. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export class RunError extends Error {
  override readonly name = 'RunError';
  readonly argv: readonly string[];
  readonly result: RunResult;

  constructor(argv: readonly string[], why: string, result: RunResult) {
    const said = [result.stdout, result.stderr].flatMap((text) => text.trim().split('\n').slice(-15));
    const text = said.filter((line) => line !== '').join('\n  ');
    super(`\`${argv.join(' ')}\` ${why}${text === '' ? '' : `; it said:\n  ${text}`}`);
    this.argv = argv;
    this.result = result;
  }
}

export function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { timeoutMs = 60_000, accept = [0], input, env, cwd } = options;
  const [file, ...args] = argv as [string, ...string[]];
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 64 << 20, env, cwd },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
        const result: RunResult = { code, stdout, stderr };
        if (code !== undefined && (accept === 'any' || accept.includes(code))) return resolve(result);
        if (error?.code === 'ENOENT') return reject(new RunError(argv, 'is not installed here', result));
        if (error?.killed === true)
          return reject(new RunError(argv, `did not end within ${timeoutMs} ms`, result));
        reject(
          new RunError(argv, code === undefined ? `failed: ${error?.message}` : `ended with ${code}`, result),
        );
      },
    );
    child.stdin?.on('error', () => {}); // a child that does not read its input is judged by its exit code
    child.stdin?.end(input);
  });
}

/** The last part of what a long-running process printed is kept, so that its death can be explained. */
const KEPT_OUTPUT_CHARS = 64 * 1024;

export interface RunningProcess {
  readonly argv: readonly string[];
  readonly pid: number;
  readonly child: ChildProcess;
  /** Settles when the process has ended; undefined when a signal ended it. Never rejects. */
  readonly exited: Promise<number | undefined>;
  running(): boolean;
  /** The end of stdout and stderr together, as it came. */
  output(): string;
  /** Asks, waits up to `graceMs`, then kills. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<void>;
}

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Called for each whole line of stdout and of stderr. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

export function start(argv: readonly string[], options: StartOptions = {}): RunningProcess {
  const [file, ...args] = argv as [string, ...string[]];
  const child = spawn(file, args, {
    env: options.env,
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a session of its own: Ctrl-C at the terminal is for us, we end what we started
  });
  let output = '';
  let ended = false;
  const exited = new Promise<number | undefined>((resolve) => {
    child.once('error', (error) => {
      output += `cannot start ${file}: ${error.message}\n`;
      ended = true;
      resolve(undefined);
    });
    child.once('exit', (code) => {
      ended = true;
      // Its last words may still be in the pipe; a child that it left behind could keep that open for ever.
      child.once('close', () => resolve(code ?? undefined));
      setTimeout(() => resolve(code ?? undefined), 500).unref();
    });
  });
  for (const stream of ['stdout', 'stderr'] as const) {
    let rest = '';
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      output = (output + chunk).slice(-KEPT_OUTPUT_CHARS);
      if (options.onLine === undefined) return;
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) options.onLine(line, stream);
    });
    child[stream].once('end', () => {
      if (rest !== '') options.onLine?.(rest, stream);
    });
  }
  return {
    argv,
    pid: child.pid ?? -1,
    child,
    exited,
    running: () => !ended,
    output: () => output,
    async stop(signal = 'SIGTERM', graceMs = 5_000) {
      if (ended) return;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  /** What the error should show of the world when the wait was in vain, such as a process's output. */
  readonly explain?: () => string;
}

/** Polls a condition of the real world until it holds; the error says what was waited for and what was seen last. */
export async function waitFor<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 20_000, everyMs = 50, explain = () => '' }: WaitOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const error =
        last === undefined ? '' : `; last error: ${last instanceof Error ? last.message : String(last)}`;
      throw new Error(`waited ${timeoutMs} ms in vain for ${what}${error}\n${explain()}`.trim());
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
