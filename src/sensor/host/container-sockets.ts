/**
 * The sockets that a container's processes hold, by inode. Its processes are those of its control group; where that is
 * out of sight, its first process and that one's descendants. Undefined when not all of them could be read: then a
 * socket that is missing here says nothing.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';

export interface ProcPaths {
  readonly proc?: string;
  readonly cgroup?: string;
}

/** A container with more processes or open files is not searched. */
const MAX_PROCESSES = 512;
const MAX_FILES = 20_000;

export async function socketsOfContainer(
  containerId: string,
  pid: number,
  paths: ProcPaths = {},
): Promise<ReadonlySet<number> | undefined> {
  const proc = paths.proc ?? '/proc';
  try {
    const control = await readFile(`${proc}/${pid}/cgroup`, 'utf8');
    // An agent in a PID namespace of its own sees another process under that number, or none.
    if (!control.includes(containerId)) return undefined;
    const pids =
      (await processesOfGroup(control, paths.cgroup ?? '/sys/fs/cgroup', pid)) ??
      (await descendants(proc, pid));
    if (pids.length > MAX_PROCESSES) return undefined;
    const inodes = new Set<number>();
    let files = 0;
    for (const each of pids) {
      files += await addSockets(`${proc}/${each}/fd`, inodes, MAX_FILES - files);
      if (files > MAX_FILES) return undefined;
    }
    return inodes;
  } catch {
    return undefined;
  }
}

/** `9:pids:/docker/<id>` with version 1, `0::/docker/<id>` with version 2; undefined where it is not mounted. */
async function processesOfGroup(control: string, root: string, pid: number): Promise<number[] | undefined> {
  for (const line of control.trim().split('\n')) {
    const [, controllers = '', ...path] = line.split(':');
    const group = `${root}/${controllers.replace(/^name=/, '')}/${path.join(':')}/cgroup.procs`;
    const text = await readFile(group, 'utf8').catch(() => '');
    const pids = text
      .split('\n')
      .map(Number)
      .filter((each) => each > 0);
    if (pids.includes(pid)) return pids;
  }
  return undefined;
}

async function descendants(proc: string, pid: number): Promise<number[]> {
  const all = [pid];
  for (let i = 0; i < all.length && all.length <= MAX_PROCESSES; i++) {
    for (const task of await readdir(`${proc}/${all[i]}/task`).catch(() => [])) {
      const text = await readFile(`${proc}/${all[i]}/task/${task}/children`, 'utf8').catch(() => '');
      all.push(
        ...text
          .split(' ')
          .map(Number)
          .filter((child) => child > 0),
      );
    }
  }
  return all;
}

/** Answers how many files there were. A process that has ended meanwhile holds none. */
async function addSockets(dir: string, inodes: Set<number>, max: number): Promise<number> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (names.length > max) return names.length;
  for (const name of names) {
    const target = await readlink(`${dir}/${name}`).catch(() => '');
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (inode !== undefined) inodes.add(Number(inode));
  }
  return names.length;
}
