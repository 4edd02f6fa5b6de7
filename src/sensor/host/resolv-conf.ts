/**
 * Reads resolv.conf(5) as the engine writes it for a container, and as the host has it. A container can write into its
 * own: any bytes may stand there, so nothing is believed that is no address.
 */
import { formatIp, parseIp } from '../../model/ip.ts';

export interface ResolvConf {
  readonly nameservers: readonly string[];
  /**
   * What the embedded resolver at 127.0.0.11 asks itself, in the engine's own remark `# ExtServers: [...]` (moby
   * libnetwork/internal/resolvconf; 20.10 does not write it). Absent without the remark.
   */
  readonly extServers?: readonly string[];
}

/** glibc uses three name servers, musl three; more than these are noise. */
const MAX_SERVERS = 16;

export function parseResolvConf(text: string): ResolvConf {
  const nameservers: string[] = [];
  let extServers: readonly string[] | undefined;
  for (const line of text.split('\n')) {
    const [keyword, value = ''] = line.trim().split(/\s+/, 2);
    if (keyword === 'nameserver') nameservers.push(value);
    const remark = /^# ExtServers: \[([^\]]*)\]/.exec(line);
    if (remark !== null) extServers = addressesOf(remark[1]!.split(/\s+/));
  }
  return { nameservers: addressesOf(nameservers), ...(extServers === undefined ? {} : { extServers }) };
}

/** Canonical and each once. `host(127.0.0.53)` is asked from the host's namespace; zones are of no use elsewhere. */
export function addressesOf(texts: readonly string[]): string[] {
  const found = new Set<string>();
  for (const text of texts) {
    const bare = text.replace(/^host\((.*)\)$/, '$1').replace(/%.*$/, '');
    const words = parseIp(bare);
    if (words !== undefined && found.size < MAX_SERVERS) found.add(formatIp(...words));
  }
  return [...found];
}

export function isLoopback(ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1';
}
