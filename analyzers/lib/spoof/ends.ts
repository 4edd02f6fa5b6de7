/** The two ends of a spoof as endpoints: who sent the frame, by its MAC, and whom the address belongs to. */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { SpoofRecord } from '../../../src/model/spoof.ts';

/** Who did it. Without a container, the MAC alone, with an address of its own or else the one that it claims. */
export function spooferOf({ sender, senderIp, ip, mac, mismatch }: SpoofRecord): Endpoint {
  if (sender === undefined) {
    const reason = mismatch === 'contradiction' ? 'no inventory of containers' : 'no container has this MAC';
    const attribution = { method: 'none', confidence: 'none', reason } as const;
    return { ip: senderIp ?? ip, mac, scope: 'unknown', names: [], attribution };
  }
  const attribution = { method: 'mac', confidence: 'certain' } as const;
  return { ip: senderIp ?? ip, mac, scope: 'container', workload: sender, names: [], attribution };
}

/** Whose address it is: a container, this host, or nobody (undefined). */
export function rightfulOf({ holder, ip, mismatch, rivalMac }: SpoofRecord): Endpoint | undefined {
  if (holder !== undefined) {
    const attribution = { method: 'ip@time', confidence: 'certain' } as const;
    return { ip, mac: rivalMac, scope: 'container', workload: holder, names: [], attribution };
  }
  if (mismatch !== 'gateway-address') return undefined;
  return { ip, scope: 'gateway', names: [], attribution: { method: 'gateway', confidence: 'certain' } };
}

/** A container is itself on each of its networks; a MAC of nobody only where it was seen. */
export function spooferKey({ sender, network, interface: name, mac }: SpoofRecord): string {
  return `${network ?? name} ${sender?.containerId ?? mac}`;
}
