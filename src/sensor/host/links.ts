/**
 * The kernel's side of a container's place on a network: its network namespace, and the host's end of its link, which
 * no API of the engine tells (moby#17064).
 *
 * The host's end comes from the bridge's own forwarding table: the MAC's port number, and which interface has that
 * port. The other way, `iflink` in the namespace, lies below the container's own root (/proc/PID/root/sys), which a
 * hostile container can lay out as it likes, or needs a sysfs mounted anew in each namespace. The table is learned from
 * frames, so it knows a container after its first one and forgets it after 300 s of silence; an answer is kept. It also
 * believes whoever sends from a MAC, so an interface counts only where no other endpoint has it.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';
import type { LinkFacts } from '../docker/address-book.ts';
import type { ContainerState } from '../docker/inventory-event.ts';
import { type NamespaceReaderOptions, pidProblem } from './namespace-counters.ts';

export interface LinkPaths extends NamespaceReaderOptions {
  /** Shows the network namespace that it was mounted in: without the host's, no link is found. */
  readonly sysClassNet?: string;
}

/** include/uapi/linux/if_bridge.h, struct __fdb_entry: MAC 6, port low 1, is_local 1, age 4, port high 1, 3 unused. */
const FDB_ENTRY_BYTES = 16;
const MAC_BYTES = 6;

/** Interfaces of a bridge's ports by the MAC that was last seen behind them. */
export async function readBridgePorts(
  bridge: string,
  paths: LinkPaths = {},
): Promise<ReadonlyMap<string, Pick<LinkFacts, 'veth' | 'ifIndex'>>> {
  const found = new Map<string, Pick<LinkFacts, 'veth' | 'ifIndex'>>();
  const sys = paths.sysClassNet ?? '/sys/class/net';
  try {
    const [table, names] = await Promise.all([
      readFile(`${sys}/${bridge}/brforward`),
      readdir(`${sys}/${bridge}/brif`),
    ]);
    const ports = new Map<number, Pick<LinkFacts, 'veth' | 'ifIndex'>>();
    for (const veth of names) {
      const [port, ifIndex] = await Promise.all([
        readFile(`${sys}/${bridge}/brif/${veth}/port_no`, 'utf8'),
        readFile(`${sys}/${veth}/ifindex`, 'utf8'),
      ]).then((texts) => texts.map(Number));
      ports.set(port!, { veth, ifIndex: ifIndex! });
    }
    for (const { mac, port } of learnedEntries(table)) {
      const link = ports.get(port);
      if (link !== undefined) found.set(mac, link);
    }
  } catch {
    // The bridge, or a port of it, went while we read; or this /sys is another namespace's. The next round tries again.
  }
  return found;
}

/** Without the bridge's own addresses. */
export function learnedEntries(table: Uint8Array): { readonly mac: string; readonly port: number }[] {
  const entries: { mac: string; port: number }[] = [];
  for (let at = 0; at + FDB_ENTRY_BYTES <= table.length; at += FDB_ENTRY_BYTES) {
    if (table[at + 7] !== 0) continue;
    const bytes = [...table.subarray(at, at + MAC_BYTES)];
    const mac = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
    entries.push({ mac, port: table[at + 6]! | (table[at + 12]! << 8) });
  }
  return entries;
}

/** Inode of a container's network namespace; undefined when its process is not visible here. */
export async function readNamespaceInode(
  container: ContainerState,
  paths: LinkPaths = {},
): Promise<number | undefined> {
  const proc = paths.proc ?? '/proc';
  const { sandboxKey } = container;
  const sandbox = sandboxKey === undefined ? undefined : (paths.sandboxPath?.(sandboxKey) ?? sandboxKey);
  if ((await pidProblem(container, sandbox, proc)) !== undefined) return undefined;
  try {
    const text = await readlink(`${proc}/${container.pid}/ns/net`);
    const inode = /^net:\[(\d+)\]$/.exec(text)?.[1];
    return inode === undefined ? undefined : Number(inode);
  } catch {
    return undefined;
  }
}
