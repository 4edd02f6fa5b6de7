/**
 * Which process of which container holds a socket: what an operator asks first about a port that was not open before.
 * Looked up when a listener appears, never per flow. Names of processes are the containers' own words.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import type { Workload } from '../../model/network.ts';
import { type ProcPaths, processesOfContainer } from './container-sockets.ts';

export interface SocketHolder {
  readonly workload: Workload;
  /** `comm`: at most 15 characters, and the process may change it. */
  readonly process?: string;
  /** The path of its executable in the container. */
  readonly program?: string;
}

export interface PossibleHolder {
  readonly workload: Workload;
  readonly pid?: number;
}

/** Open files looked at for one question, some 2 us each. */
const MAX_FILES = 20_000;
const MAX_PROGRAM_CHARS = 256;

/** Those that are found; never rejects. */
export async function holdersOf(
  inodes: ReadonlySet<number>,
  containers: readonly PossibleHolder[],
  paths: ProcPaths = {},
): Promise<ReadonlyMap<number, SocketHolder>> {
  const proc = paths.proc ?? '/proc';
  const found = new Map<number, SocketHolder>();
  let files = 0;
  for (const { workload, pid } of containers) {
    if (pid === undefined) continue;
    const pids = await processesOfContainer(workload.containerId, pid, paths).catch(() => undefined);
    for (const each of pids ?? []) {
      // Workers inherit their listener: the first that has it is the one that opened it, as a rule.
      const names = await readdir(`${proc}/${each}/fd`).catch(() => []);
      for (const name of names) {
        if (found.size === inodes.size || ++files > MAX_FILES) return found;
        const target = await readlink(`${proc}/${each}/fd/${name}`).catch(() => '');
        const inode = Number(/^socket:\[(\d+)\]$/.exec(target)?.[1]);
        if (inodes.has(inode) && !found.has(inode))
          found.set(inode, { workload, ...(await namesOf(`${proc}/${each}`)) });
      }
    }
  }
  return found;
}

async function namesOf(dir: string): Promise<Omit<SocketHolder, 'workload'>> {
  const [comm, exe] = await Promise.all([
    readFile(`${dir}/comm`, 'utf8').catch(() => ''),
    readlink(`${dir}/exe`).catch(() => ''),
  ]);
  return {
    ...(comm.trim() === '' ? {} : { process: comm.trim() }),
    ...(exe === '' ? {} : { program: exe.slice(0, MAX_PROGRAM_CHARS) }),
  };
}
