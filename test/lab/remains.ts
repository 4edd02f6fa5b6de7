/**
 * What a lab leaves on the machine, and how all of it goes away: processes, namespaces, control groups, files.
 * Everything is synchronous, since it must also work in an exit handler. It ends only processes that carry the
 * lab's mark, live in the lab's network namespaces, or sit in its control groups; each is ended by its id.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Every process started in a lab has this variable with the lab's id. Not BRIDGEWATCH_...: that is the agent's. */
export const LAB_MARK = 'BWLAB_ID';

const PREFIX = 'bwlab-';
const OWNER_FILE = 'owner.json';
const CGROUP_ROOT = '/sys/fs/cgroup';

export interface LabNames {
  readonly id: string;
  readonly dir: string;
  /** Network namespaces, by the names `ip netns` knows. */
  readonly hostNetns: string;
  readonly wanNetns: string;
  /** Parent of the control groups of all the lab's containers. */
  readonly cgroup: string;
}

export function labNames(id: string): LabNames {
  const name = `${PREFIX}${id}`;
  return {
    id,
    dir: join(tmpdir(), name),
    hostNetns: `${name}-host`,
    wanNetns: `${name}-wan`,
    cgroup: name,
  };
}

export function netnsPath(name: string): string {
  return `/run/netns/${name}`;
}

/** Claims the lab's directory for this process, so that a later lab can tell a living owner from a dead one. */
export function writeOwner(names: LabNames): void {
  const owner = { pid: process.pid, startedAt: processStart(process.pid) };
  writeFileSync(join(names.dir, OWNER_FILE), JSON.stringify(owner));
}

/** Removes what labs of dead processes left behind. Answers the ids of those it removed. */
export function removeStaleLabs(): string[] {
  const removed: string[] = [];
  for (const entry of readdirSync(tmpdir())) {
    if (!entry.startsWith(PREFIX) || ownerLives(join(tmpdir(), entry))) continue;
    const id = entry.slice(PREFIX.length);
    removeLab(labNames(id));
    removed.push(id);
  }
  return removed;
}

function ownerLives(dir: string): boolean {
  try {
    const owner = JSON.parse(readFileSync(join(dir, OWNER_FILE), 'utf8')) as {
      pid: number;
      startedAt: string;
    };
    return processStart(owner.pid) === owner.startedAt;
  } catch {
    // No readable owner: either of another kind, or a lab made this very moment. Give the young ones a minute.
    const stat = statSync(dir, { throwIfNoEntry: false });
    return stat === undefined || Date.now() - stat.ctimeMs < 60_000;
  }
}

/** Start time in clock ticks since boot (proc(5), stat field 22): with the pid it names one process for ever. */
function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Ends and removes one lab wholly. Safe to call again, and on a lab that came up only in part. */
export function removeLab(names: LabNames): void {
  endProcesses(names);
  for (const netns of [names.hostNetns, names.wanNetns]) {
    if (existsSync(netnsPath(netns))) spawnSync('ip', ['netns', 'delete', netns], { stdio: 'ignore' });
  }
  for (const dir of cgroupDirs(names.cgroup)) removeCgroup(dir);
  // The lab's mounts live in its own mount namespace and went with its last process. Should one have leaked
  // into ours, deleting files below it could reach the machine's own: better to leave the directory.
  const leaked = mountsBelow(names.dir);
  for (const mount of leaked) spawnSync('umount', ['--lazy', mount], { stdio: 'ignore' });
  if (mountsBelow(names.dir).length > 0) return;
  spawnSync('rm', ['-rf', '--one-file-system', names.dir], { stdio: 'ignore' });
}

function endProcesses(names: LabNames): void {
  for (let round = 0; round < 100; round++) {
    const pids = labProcesses(names);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself between the listing and now.
      }
    }
    sleepSync(20);
  }
}

/** The processes that belong to this lab and to nothing else, whoever their parent is by now. */
export function labProcesses(names: LabNames): number[] {
  const mark = `${LAB_MARK}=${names.id}\0`;
  const netnsInodes = new Set<number>();
  for (const netns of [names.hostNetns, names.wanNetns]) {
    const stat = statSync(netnsPath(netns), { throwIfNoEntry: false });
    if (stat !== undefined) netnsInodes.add(stat.ino);
  }
  const ownNetns = statSync('/proc/self/ns/net').ino;
  netnsInodes.delete(ownNetns);

  const found = new Set<number>();
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid) continue;
    if (isZombie(pid)) continue;
    if (netnsInodes.has(inodeOf(`/proc/${pid}/ns/net`)) || environmentOf(pid).includes(mark)) found.add(pid);
  }
  for (const dir of cgroupDirs(names.cgroup)) for (const pid of cgroupProcesses(dir)) found.add(pid);
  found.delete(process.pid);
  return [...found];
}

function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return true;
  }
}

function inodeOf(path: string): number {
  try {
    return statSync(path).ino;
  } catch {
    return -1;
  }
}

function environmentOf(pid: number): string {
  try {
    return `${readFileSync(`/proc/${pid}/environ`, 'latin1')}\0`;
  } catch {
    return '';
  }
}

/** On cgroup v1 there is one directory a controller, on v2 a single one. */
function cgroupDirs(name: string): string[] {
  const candidates = [join(CGROUP_ROOT, name)];
  if (existsSync(CGROUP_ROOT)) {
    for (const controller of readdirSync(CGROUP_ROOT)) candidates.push(join(CGROUP_ROOT, controller, name));
  }
  return candidates.filter((dir) => existsSync(join(dir, 'cgroup.procs')));
}

function cgroupProcesses(dir: string): number[] {
  try {
    const own = readFileSync(join(dir, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    return own.concat(childDirs(dir).flatMap(cgroupProcesses));
  } catch {
    return []; // removed under our eyes
  }
}

function removeCgroup(dir: string): void {
  for (const child of childDirs(dir)) removeCgroup(child);
  for (let round = 0; round < 50; round++) {
    try {
      rmdirSync(dir);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') return;
      sleepSync(10); // the kernel still counts tasks that are on their way out
    }
  }
}

function childDirs(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(dir, entry.name));
}

/** Deepest first, as they have to be unmounted. */
function mountsBelow(dir: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((mount) => mount === dir || mount.startsWith(`${dir}/`))
    .reverse();
}

function sleepSync(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
