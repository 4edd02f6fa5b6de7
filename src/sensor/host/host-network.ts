/**
 * The network of the host as the engine has it: addresses, routes, who listens, the kernel's switches. It says so where
 * this process stands in another network namespace than the engine, because then all of it would be somebody else's.
 */
import { readdir, readlink } from 'node:fs/promises';
import type { EngineProcess } from './engine-process.ts';
import { readHostInterfaces } from './interfaces.ts';
import { type Listening, readListenerTable } from './listener-table.ts';
import { type HostRoute, readRoutes } from './routes.ts';
import { readSmallFile } from './small-file.ts';

export interface HostNetwork {
  readonly routes: readonly HostRoute[];
  /** All that there are, also those that are down; absent where the kernel does not list them. */
  readonly interfaces?: readonly string[];
  /** Its own, on all interfaces; absent where the kernel does not list them. */
  readonly addresses?: readonly string[];
}

export interface HostListener extends Omit<Listening, 'inode'> {
  /** Whether the engine's own process holds it; undefined where its open files cannot be read. */
  readonly isEngines: boolean | undefined;
}

/** Of /proc/sys/net; absent where the kernel has no such switch now (br_netfilter is a module). */
export interface KernelSwitches {
  readonly 'bridge.bridge-nf-call-iptables'?: number;
  readonly 'bridge.bridge-nf-call-ip6tables'?: number;
  readonly 'ipv4.ip_forward'?: number;
  readonly 'ipv6.conf.all.forwarding'?: number;
}

const SWITCHES = [
  'bridge.bridge-nf-call-iptables',
  'bridge.bridge-nf-call-ip6tables',
  'ipv4.ip_forward',
  'ipv6.conf.all.forwarding',
] as const;
const TABLES = [
  ['tcp', 'tcp'],
  ['tcp6', 'tcp'],
  ['udp', 'udp'],
  ['udp6', 'udp'],
] as const;
const MAX_FILES = 10_000;

/**
 * Why what this process sees of the network is not the engine's; undefined when it is. By the engine's process where it is
 * visible, else by whether this host has any gateway of its bridges.
 */
export async function namespaceProblem(
  engine: Pick<EngineProcess, 'dir'> | undefined,
  gateways: readonly string[],
  proc = '/proc',
): Promise<string | undefined> {
  const [its, ours] = await Promise.all(
    [engine === undefined ? undefined : `${engine.dir}/ns/net`, `${proc}/self/ns/net`].map((path) =>
      path === undefined ? undefined : readlink(path).catch(() => undefined),
    ),
  );
  const problem = 'this process stands in another network namespace than the engine';
  if (its !== undefined && ours !== undefined) return its === ours ? undefined : problem;
  const { addresses } = readHostInterfaces({ procNet: `${proc}/net` });
  if (gateways.some((gateway) => addresses.includes(gateway))) return undefined;
  return gateways.length === 0
    ? 'no bridge of the engine has an address by which its network namespace could be known'
    : problem;
}

/** Undefined where the kernel's tables cannot be read. */
export async function readHostNetwork(proc = '/proc'): Promise<HostNetwork | undefined> {
  const routes = await readRoutes(`${proc}/net`);
  if (routes === undefined) return undefined;
  const { names, addresses } = readHostInterfaces({ procNet: `${proc}/net` });
  return {
    routes,
    ...(names.length === 0 ? {} : { interfaces: names }),
    ...(addresses.length === 0 ? {} : { addresses }),
  };
}

/** Undefined where the kernel's tables cannot be read. */
export async function readHostListeners(
  engine: Pick<EngineProcess, 'dir'> | undefined,
  proc = '/proc',
): Promise<readonly HostListener[] | undefined> {
  const [inodes, ...tables] = await Promise.all([
    engine === undefined ? undefined : socketsOf(engine.dir),
    ...TABLES.map(([file, protocol]) => readListenerTable(`${proc}/net/${file}`, protocol)),
  ]);
  const [tcp, tcp6, udp, udp6] = tables;
  if (tcp === undefined || udp === undefined) return undefined;
  return [tcp, tcp6, udp, udp6].flatMap((table) =>
    (table?.listeners ?? []).map(({ inode, ...listener }) => ({
      ...listener,
      isEngines: inodes?.has(inode),
    })),
  );
}

export async function readSwitches(proc = '/proc'): Promise<KernelSwitches> {
  const found: Record<string, number> = {};
  for (const name of SWITCHES) {
    const text = await readSmallFile(`${proc}/sys/net/${name.replaceAll('.', '/')}`, 64);
    if (text !== undefined && /^\d+\s*$/.test(text)) found[name] = Number(text);
  }
  return found;
}

async function socketsOf(dir: string): Promise<ReadonlySet<number> | undefined> {
  const names = await readdir(`${dir}/fd`).catch(() => undefined);
  if (names === undefined) return undefined;
  const inodes = new Set<number>();
  for (const name of names.slice(0, MAX_FILES)) {
    const target = await readlink(`${dir}/fd/${name}`).catch(() => '');
    const inode = Number(/^socket:\[(\d+)\]$/.exec(target)?.[1]);
    if (inode > 0) inodes.add(inode);
  }
  return inodes;
}
