/** Time as pcapng has it: 64 bits of nanoseconds, the high half first, each in the section's byte order (little-endian here). */

export const CLOCK_BYTES = 8;

const HALF = 65_536;
const WORD = 4_294_967_296;
const NSEC_PER_SEC = 1_000_000_000;

/** In two limbs of 16 bits of seconds, because the product has more bits than a double is exact for. */
export function putClock(view: DataView, at: number, sec: number, nsec: number): void {
  const high = Math.floor(sec / HALF) * NSEC_PER_SEC;
  const low = (sec % HALF) * NSEC_PER_SEC + nsec + (high % HALF) * HALF;
  view.setUint32(at, Math.floor(high / HALF) + Math.floor(low / WORD), true);
  view.setUint32(at + 4, low % WORD, true);
}
