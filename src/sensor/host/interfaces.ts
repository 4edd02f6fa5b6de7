/**
 * The interfaces and addresses of this host, read from /proc/net. Not from os.networkInterfaces() alone: libuv leaves
 * out every interface that is not running, and a bridge whose containers have all stopped is such a one (measured:
 * docker0 without containers is missing). Not from /sys alone: sysfs shows the network namespace it was mounted in,
 * which need not be ours.
 */
import { existsSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { type Cidr, cidrContains, formatIp, parseCidr, parseIp } from '../../model/ip.ts';

/** A snapshot; read it again after interfaces have changed. */
export interface HostInterfaces {
  /** All interfaces, also those that are down. */
  readonly names: readonly string[];
  /** All addresses of all interfaces, loopback and link-local included. */
  readonly addresses: readonly string[];
  has(ip: string): boolean;
  onInterface(name: string, ip: string): boolean;
  /** Undefined when /sys does not show the interface. */
  isBridge(name: string): boolean | undefined;
  /** The bridge whose own subnet holds the address, when it is none of `except`. */
  behindBridge(ip: string, except: (name: string) => boolean): string | undefined;
}

export interface InterfacePaths {
  readonly procNet?: string;
  readonly sysClassNet?: string;
}

/**
 * The kernel lists each route too. A router with the whole Internet's routes has some 100 MB of this; then what
 * os.networkInterfaces() says must do.
 */
const MAX_TRIE_CHARS = 8 * 1024 * 1024;

export function readHostInterfaces(paths: InterfacePaths = {}): HostInterfaces {
  const procNet = paths.procNet ?? '/proc/net';
  const sysClassNet = paths.sysClassNet ?? '/sys/class/net';
  const byInterface = new Map<string, Set<string>>();
  const addresses = new Set<string>();
  const subnets: { readonly name: string; readonly cidr: Cidr }[] = [];
  const add = (ip: string, name?: string): void => {
    addresses.add(ip);
    if (name === undefined) return;
    const own = byInterface.get(name);
    if (own === undefined) byInterface.set(name, new Set([ip]));
    else own.add(ip);
  };

  const trie = readText(`${procNet}/fib_trie`);
  if (trie.length <= MAX_TRIE_CHARS) for (const ip of localIpv4(trie)) add(ip);
  for (const { ip, name } of localIpv6(readText(`${procNet}/if_inet6`))) add(ip, name);
  if (procNet === '/proc/net') {
    for (const [name, list] of Object.entries(networkInterfaces())) {
      for (const { address, cidr } of list ?? []) {
        const words = parseIp(address);
        if (words !== undefined) add(formatIp(...words), name);
        const subnet = parseCidr(cidr ?? '');
        if (subnet !== undefined && existsSync(`${sysClassNet}/${name}/bridge`))
          subnets.push({ name, cidr: subnet });
      }
    }
  }

  return {
    names: interfaceNames(readText(`${procNet}/dev`)),
    addresses: [...addresses],
    has: (ip) => addresses.has(ip),
    onInterface: (name, ip) => byInterface.get(name)?.has(ip) === true,
    isBridge: (name) =>
      existsSync(`${sysClassNet}/${name}`) ? existsSync(`${sysClassNet}/${name}/bridge`) : undefined,
    behindBridge: (ip, except) => {
      const words = parseIp(ip);
      if (words === undefined) return undefined;
      return subnets.find(({ name, cidr }) => !except(name) && cidrContains(cidr, words))?.name;
    },
  };
}

/** net/ipv4/fib_trie.c: a leaf is `|-- 172.17.0.1`, and `/32 host LOCAL` under it makes it an address of ours. */
export function localIpv4(trie: string): string[] {
  const found = new Set<string>();
  let leaf: string | undefined;
  for (const line of trie.split('\n')) {
    const at = line.indexOf('|-- ');
    if (at >= 0) leaf = line.slice(at + 4).trim();
    else if (leaf !== undefined && line.includes('/32 host LOCAL')) found.add(leaf);
  }
  return [...found];
}

/** net/ipv6/addrconf.c: address in 32 hex digits, ifindex, prefix length, scope, flags, name. */
export function localIpv6(text: string): { readonly ip: string; readonly name: string }[] {
  const found: { ip: string; name: string }[] = [];
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const [hex, , , , , name] = fields;
    if (hex === undefined || name === undefined || !/^[0-9a-f]{32}$/.test(hex)) continue;
    const word = (i: number): number => Number.parseInt(hex.slice(8 * i, 8 * i + 8), 16);
    found.push({ ip: formatIp(word(0), word(1), word(2), word(3)), name });
  }
  return found;
}

/** net/core/net-procfs.c: two lines of heading, then `name: counters`. */
export function interfaceNames(dev: string): string[] {
  const names: string[] = [];
  for (const line of dev.split('\n').slice(2)) {
    const colon = line.lastIndexOf(':');
    if (colon > 0) names.push(line.slice(0, colon).trim());
  }
  return names;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Without IPv6 in the kernel there is no if_inet6, without IPv4 no fib_trie.
    return '';
  }
}
