/** The MACs of this host's own interfaces: with these it sends what it forwards, whoever's address that is from. */
import { networkInterfaces } from 'node:os';
import type { HostMacs } from '../source-judgement.ts';

/** A bridge gets its MAC when it is made and keeps it; reading takes about a millisecond. */
const FRESH_MS = 5000;

export function hostMacs(read: typeof networkInterfaces = networkInterfaces): HostMacs {
  let interfaces: ReturnType<typeof networkInterfaces> = {};
  let readAt = Number.NEGATIVE_INFINITY;
  const current = (): typeof interfaces => {
    const now = performance.now();
    if (now - readAt > FRESH_MS) {
      interfaces = read();
      readAt = now;
    }
    return interfaces;
  };
  return {
    ownsMac: (mac, bridge) => {
      const all = current();
      if (all[bridge] === undefined) return undefined;
      return Object.values(all).some((list) => list?.some((entry) => entry.mac === mac));
    },
    onInterface: (name, ip) => current()[name]?.some((entry) => entry.address === ip) === true,
  };
}
