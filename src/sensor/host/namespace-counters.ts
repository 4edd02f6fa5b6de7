/**
 * Reads the counters of a container's network namespace, by the way that works here: through /proc/<pid> when the
 * engine's pids are ours, else by entering the namespace. Which pid is whose is verified, never assumed: in a PID
 * namespace of our own the same number is another process.
 */
import { readFile, stat } from 'node:fs/promises';
import type { Workload } from '../../model/network.ts';
import type { ContainerState } from '../docker/inventory-event.ts';
import { type NoRouteCounters, noRouteCounters } from './proc-snmp.ts';

/** As exported by capture/native; handed in, so that this wing does not load the binding by itself. */
export type ReadInNamespace = (path: string, names: readonly string[]) => Promise<(string | undefined)[]>;

export interface NamespaceReaderOptions {
  readonly readInNamespace?: ReadInNamespace;
  /** Where the engine's path of a namespace is found from here; the same by default. */
  readonly sandboxPath?: (sandboxKey: string) => string;
  readonly proc?: string;
}

export type Reading =
  | { readonly ok: true; readonly way: 'pid' | 'namespace'; readonly counters: NoRouteCounters }
  | { readonly ok: false; readonly reason: string };

const FILES = ['net/snmp', 'net/snmp6'] as const;

export async function readCounters(
  container: ContainerState,
  options: NamespaceReaderOptions = {},
): Promise<Reading> {
  const proc = options.proc ?? '/proc';
  const path = sandboxPath(container, options);
  const problem = await pidProblem(container, path, proc);
  if (problem === undefined) {
    const texts = await Promise.all(FILES.map((file) => textOf(`${proc}/${container.pid}/${file}`)));
    if (texts[0] !== undefined) {
      return { ok: true, way: 'pid', counters: noRouteCounters(texts[0], texts[1]) };
    }
  }
  const byPid = problem ?? 'its main process has just ended';
  if (path === undefined) return { ok: false, reason: `${byPid}; the engine names no namespace of it` };
  if (options.readInNamespace === undefined) {
    return { ok: false, reason: `${byPid}; entering ${path} needs the native binding (see doctor)` };
  }
  const there = await readThere(path, path, options);
  return there.ok ? there : { ok: false, reason: `${byPid}; ${there.reason}` };
}

/** By entering the namespace at `path`, which is called `name` in what went wrong. */
export async function readThere(
  path: string,
  name: string,
  { readInNamespace }: NamespaceReaderOptions,
): Promise<Reading> {
  try {
    const [snmp, snmp6] = (await readInNamespace?.(path, FILES)) ?? [];
    if (snmp === undefined) return { ok: false, reason: `${name} has no net/snmp` };
    return { ok: true, way: 'namespace', counters: noRouteCounters(snmp, snmp6) };
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Where the container's namespace can be opened from here: by its pid when that is verified, else its sandbox. */
export async function namespacePath(
  container: ContainerState,
  options: NamespaceReaderOptions = {},
): Promise<string | undefined> {
  const proc = options.proc ?? '/proc';
  const path = sandboxPath(container, options);
  const problem = await pidProblem(container, path, proc);
  return problem === undefined ? `${proc}/${container.pid}/ns/net` : path;
}

/** Where the engine's path of its namespace is found from here. */
export function sandboxPath(
  { sandboxKey }: Pick<ContainerState, 'sandboxKey'>,
  options: NamespaceReaderOptions,
): string | undefined {
  return sandboxKey === undefined ? undefined : (options.sandboxPath?.(sandboxKey) ?? sandboxKey);
}

/** Why the engine's pid does not mean this container here; undefined when it does. */
export async function pidProblem(
  container: Pick<ContainerState, 'pid'> & { readonly workload: Pick<Workload, 'containerId'> },
  path: string | undefined,
  proc: string,
): Promise<string | undefined> {
  const { pid } = container;
  if (pid === undefined) return 'it has no process yet';
  const [own, expected] = await Promise.all([
    identity(`${proc}/${pid}/ns/net`),
    path === undefined ? undefined : identity(path),
  ]);
  if (own === undefined) return `pid ${pid} is not visible here (our PID namespace is not the engine's)`;
  if (expected !== undefined) {
    return own === expected
      ? undefined
      : `pid ${pid} is another process here (our PID namespace is not the engine's)`;
  }
  // The namespace's file is not mounted here; the control group names the container, in every cgroup version.
  const cgroup = (await textOf(`${proc}/${pid}/cgroup`)) ?? '';
  return cgroup.includes(container.workload.containerId)
    ? undefined
    : `pid ${pid} is not known here to be this container's`;
}

/** Namespaces are files of nsfs: the same device and inode is the same namespace. */
async function identity(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}
