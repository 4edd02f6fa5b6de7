/**
 * Sources that were found to agree with the inventory, so that a busy container's thousandth flow costs some
 * comparisons and no string. Direct-mapped: two sources in one place take turns, which costs time and nothing else.
 */
const ENTRIES = 4096;
/** Four of the address, two of the MAC, tap, version of the inventory. */
const WORDS = 8;

export class SourceCache {
  readonly #entries = new Int32Array(ENTRIES * WORDS).fill(-1);

  has(ip: Uint32Array, macHi: number, macLo: number, tap: number, version: number): boolean {
    const entries = this.#entries;
    const at = placeOf(ip, macLo, tap);
    return (
      entries[at + 7] === (version | 0) &&
      entries[at] === (ip[0]! | 0) &&
      entries[at + 1] === (ip[1]! | 0) &&
      entries[at + 2] === (ip[2]! | 0) &&
      entries[at + 3] === (ip[3]! | 0) &&
      entries[at + 4] === macHi &&
      entries[at + 5] === macLo &&
      entries[at + 6] === tap
    );
  }

  add(ip: Uint32Array, macHi: number, macLo: number, tap: number, version: number): void {
    const at = placeOf(ip, macLo, tap);
    const entries = this.#entries;
    for (let i = 0; i < 4; i++) entries[at + i] = ip[i]!;
    entries[at + 4] = macHi;
    entries[at + 5] = macLo;
    entries[at + 6] = tap;
    entries[at + 7] = version;
  }
}

function placeOf(ip: Uint32Array, macLo: number, tap: number): number {
  let hash = Math.imul(ip[3]! ^ Math.imul(ip[1]! ^ ip[2]!, 0x9e3779b1), 0x85ebca6b) ^ macLo ^ (tap << 7);
  hash ^= hash >>> 15;
  return (hash & (ENTRIES - 1)) * WORDS;
}
