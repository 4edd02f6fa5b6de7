/** The sensor program from outside: what it has told, what was acknowledged, its station, and its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REPOSITORY } from '../../lab/agent.ts';

const PROGRAM = fileURLToPath(new URL('sensor.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');
export const MAIN = join(REPOSITORY, 'dist/src/cli/main.js');

export interface SensorProcess {
  /** Keys of the records that it told, in order. */
  told(): readonly string[];
  /** How many of them it knows to be on the disk of the station. */
  kept(): number;
  /** Number of the first finding that it has not opened. */
  opened(): number;
  /** Asks for records until so many findings are opened, those of runs before included. */
  goOnUntil(findings: number): void;
  /** Undefined while there is none. */
  stationPid(): number | undefined;
  isRunning(): boolean;
  kill(): Promise<void>;
  /** In good order: all that waits is delivered. Resolves with its exit code. */
  end(): Promise<number | null>;
}

export interface SensorOptions {
  readonly prefix: readonly string[];
  readonly configFile: string;
  readonly journalFile: string;
  readonly seed: number;
  readonly first: number;
  /** Of it and of its station. */
  readonly stdoutFile: string;
  readonly stderrFile: string;
}

export function startSensor(options: SensorOptions): SensorProcess {
  const { prefix, configFile, journalFile, seed, first, stdoutFile, stderrFile } = options;
  const [file = '', ...args] = [
    ...prefix,
    process.execPath,
    ...['--import', TSX, PROGRAM, MAIN, configFile, journalFile, String(seed), String(first)],
  ];
  const child: ChildProcess = spawn(file, args, {
    cwd: REPOSITORY,
    stdio: ['pipe', openSync(stdoutFile, 'a'), openSync(stderrFile, 'a')],
  });
  const exited = once(child, 'exit');
  child.stdin?.on('error', () => {});
  const told: string[] = [];
  let kept = 0;
  let opened = 0;
  let rest = '';
  let readTo = 0;
  /** What the journal says that it did not say before. */
  const readOn = () => {
    if (!existsSync(journalFile)) return;
    const journal = openSync(journalFile, 'r');
    const chunk = Buffer.alloc(Math.max(0, fstatSync(journal).size - readTo));
    readTo += readSync(journal, chunk, 0, chunk.length, readTo);
    closeSync(journal);
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('k ')) kept = Number(line.slice(2));
      else told.push(line.slice(2));
      if (line.includes(':open:')) opened += 1;
    }
  };
  return {
    told() {
      readOn();
      return told;
    },
    kept() {
      readOn();
      return kept;
    },
    opened() {
      readOn();
      return first + opened;
    },
    goOnUntil: (findings) => void child.stdin?.write(`${findings}\n`),
    stationPid() {
      try {
        const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
        return children === '' ? undefined : Number(children.split(' ').at(-1));
      } catch {
        return undefined;
      }
    },
    isRunning: () => child.exitCode === null && child.signalCode === null,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async end() {
      child.stdin?.write('end\n');
      await exited;
      return child.exitCode;
    },
  };
}
