/**
 * The sockets that a container's processes hold, by inode. Its processes are those of its control group; where that is
 * out of sight (in a container of our own), what descends from the process that started its first one, and is in its
 * control group. Undefined when not all of them could be read: then a socket that is missing here says nothing.
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
    const pids = await processesOfContainer(containerId, pid, paths);
    if (pids === undefined) return undefined;
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

/** Undefined when they cannot be known from here, or are too many. Rejects when the container has just ended. */
export async function processesOfContainer(
  containerId: string,
  pid: number,
  paths: ProcPaths = {},
): Promise<readonly number[] | undefined> {
  const proc = paths.proc ?? '/proc';
  const control = await readFile(`${proc}/${pid}/cgroup`, 'utf8');
  // An agent in a PID namespace of its own sees another process under that number, or none.
  if (!control.includes(containerId)) return undefined;
  const pids =
    (await processesOfGroup(control, paths.cgroup ?? '/sys/fs/cgroup', pid)) ??
    (await startedWith(proc, pid, containerId));
  return pids.length > MAX_PROCESSES ? undefined : pids;
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

/**
 * The container's shim is the parent of its first process, of what `docker exec` starts in it, and, as their subreaper
 * (prctl(2)), of all whose parents ended outside the container's own PID namespace.
 */
async function startedWith(proc: string, pid: number, containerId: string): Promise<number[]> {
  const all = [pid];
  for (const sibling of await childrenOf(proc, await parentOf(proc, pid))) {
    if (sibling === pid) continue;
    const control = await readFile(`${proc}/${sibling}/cgroup`, 'utf8').catch(() => '');
    if (control.includes(containerId)) all.push(sibling);
  }
  for (let i = 0; i < all.length && all.length <= MAX_PROCESSES; i++) {
    all.push(...(await childrenOf(proc, all[i]!)));
  }
  return all;
}

/** Undefined where it is out of sight. */
async function parentOf(proc: string, pid: number): Promise<number | undefined> {
  const status = await readFile(`${proc}/${pid}/status`, 'utf8').catch(() => '');
  const parent = Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1] ?? 0);
  return parent === 0 ? undefined : parent;
}

async function childrenOf(proc: string, pid: number | undefined): Promise<number[]> {
  if (pid === undefined) return [];
  const children: number[] = [];
  for (const task of await readdir(`${proc}/${pid}/task`).catch(() => [])) {
    const text = await readFile(`${proc}/${pid}/task/${task}/children`, 'utf8').catch(() => '');
    children.push(
      ...text
        .split(' ')
        .map(Number)
        .filter((child) => child > 0),
    );
  }
  return children;
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
