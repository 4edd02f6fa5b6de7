/**
 * Sources that were found to agree with the inventory, so that a busy container's thousandth flow costs some
 * comparisons and no string. Direct-mapped: two sources in one place take turns, which costs time and nothing else.
 */
import type { Micros } from '../model/time.ts';

const ENTRIES = 4096;
/** Four of the address, two of the MAC, tap, version of the inventory. */
const WORDS = 8;

export class SourceCache {
  readonly #entries = new Int32Array(ENTRIES * WORDS).fill(-1);
  /** When each was last met. */
  readonly #times = new Float64Array(ENTRIES);

  /** Whether it agreed when the inventory was of this version; remembers that it was met. */
  has(
    ip: ArrayLike<number>,
    macHi: number,
    macLo: number,
    tap: number,
    version: number,
    time: Micros,
  ): boolean {
    const at = placeOf(ip, macLo, tap);
    if (!this.#isAt(at, ip, macHi, macLo, tap) || this.#entries[at + 7] !== (version | 0)) return false;
    this.#times[at / WORDS] = time;
    return true;
  }

  /** When it was last met and agreed, whatever has changed in the inventory since; undefined when that is forgotten. */
  lastMet(ip: ArrayLike<number>, macHi: number, macLo: number, tap: number): Micros | undefined {
    const at = placeOf(ip, macLo, tap);
    return this.#isAt(at, ip, macHi, macLo, tap) ? this.#times[at / WORDS] : undefined;
  }

  #isAt(at: number, ip: ArrayLike<number>, macHi: number, macLo: number, tap: number): boolean {
    const entries = this.#entries;
    return (
      entries[at] === (ip[0]! | 0) &&
      entries[at + 1] === (ip[1]! | 0) &&
      entries[at + 2] === (ip[2]! | 0) &&
      entries[at + 3] === (ip[3]! | 0) &&
      entries[at + 4] === macHi &&
      entries[at + 5] === macLo &&
      entries[at + 6] === tap
    );
  }

  add(ip: ArrayLike<number>, macHi: number, macLo: number, tap: number, version: number, time: Micros): void {
    const at = placeOf(ip, macLo, tap);
    const entries = this.#entries;
    this.#times[at / WORDS] = time;
    for (let i = 0; i < 4; i++) entries[at + i] = ip[i]!;
    entries[at + 4] = macHi;
    entries[at + 5] = macLo;
    entries[at + 6] = tap;
    entries[at + 7] = version;
  }
}

function placeOf(ip: ArrayLike<number>, macLo: number, tap: number): number {
  let hash = Math.imul(ip[3]! ^ Math.imul(ip[1]! ^ ip[2]!, 0x9e3779b1), 0x85ebca6b) ^ macLo ^ (tap << 7);
  hash ^= hash >>> 15;
  return (hash & (ENTRIES - 1)) * WORDS;
}
