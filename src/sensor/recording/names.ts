/** Names of addresses on recorded networks, as a reader of the capture knows them. */
import { isIpv4Words, parseIp } from '../../model/ip.ts';
import { workloadLabel } from '../../model/network.ts';
import type { KnownWorld } from './target.ts';

export interface AddressName {
  readonly ip: string;
  /** 4 or 16 bytes, network order. */
  readonly address: Uint8Array;
  readonly name: string;
}

/** One name an address: containers by their label, the host's own address on a network as `gateway.NETWORK`. */
export function addressNames(
  { networks, containers }: KnownWorld,
  recorded: ReadonlySet<string>,
): readonly AddressName[] {
  const found: AddressName[] = [];
  const add = (ip: string, name: string) => {
    const address = addressBytes(ip);
    if (address !== undefined) found.push({ ip, address, name });
  };
  for (const { id, name, gateways } of networks) {
    if (recorded.has(id)) for (const ip of gateways) add(ip, `gateway.${name}`);
  }
  for (const { workload, endpoints } of containers) {
    for (const { networkId, ips } of endpoints) {
      if (recorded.has(networkId)) for (const ip of ips) add(ip, workloadLabel(workload));
    }
  }
  return found;
}

function addressBytes(ip: string): Uint8Array | undefined {
  const words = parseIp(ip);
  if (words === undefined) return undefined;
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word);
  return isIpv4Words(words[0], words[1], words[2]) ? bytes.subarray(12) : bytes;
}
