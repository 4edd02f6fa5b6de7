/**
 * How many networks' worth of invented sources one sender used within a while. Prefixes (/24 of IPv4, /48 of IPv6), not
 * addresses, for sources from elsewhere: the clients behind a VPN are many and share one; addresses for the own subnet.
 */
import { type IpWords, isIpv4Words, parseIp } from '../../../src/model/ip.ts';
import type { ClockStep, Micros } from '../../../src/model/time.ts';

/** Beyond this nobody counts: any threshold is lower. */
const MAX_KEPT = 256;

export class SourceSpread {
  readonly #windowMicros: number;
  readonly #lastSeen = new Map<string, Micros>();

  constructor(windowMicros: number) {
    this.#windowMicros = windowMicros;
  }

  /** How many there were within the window before `time`, this one included. */
  add(group: string, time: Micros): number {
    this.#lastSeen.delete(group);
    this.#lastSeen.set(group, time);
    for (const [old, seen] of this.#lastSeen) {
      if (this.#lastSeen.size <= MAX_KEPT && seen > time - this.#windowMicros) break;
      this.#lastSeen.delete(old);
    }
    return this.#lastSeen.size;
  }

  clockSet({ from, to }: ClockStep): void {
    for (const [group, seen] of this.#lastSeen) this.#lastSeen.set(group, seen + to - from);
  }
}

export function prefixOf(ip: string): string {
  const words: IpWords | undefined = parseIp(ip);
  if (words === undefined) return ip;
  const [w0, w1, w2, w3] = words;
  return isIpv4Words(w0, w1, w2) ? `v4 ${w3 >>> 8}` : `v6 ${w0} ${w1 >>> 16}`;
}
