/**
 * pcapng timestamps: a 64-bit count of units since the epoch, where each interface chooses its unit (if_tsresol) and
 * an offset in whole seconds (if_tsoffset). Exact for every unit. A double holds 53 bits, so the upper 32 bits
 * are turned into seconds and a remainder once, with BigInt, and reused while they stay the same: 4.29 s of
 * traffic at nanoseconds, 71 minutes at microseconds.
 */

const LAST_SECOND = 0xffff_ffff;
const NSEC_PER_SECOND = 1_000_000_000;
// remainder (< units) + low word (< 2^32) must stay exact in a double
const MAX_EXACT_UNITS = 2 ** 52;

/** Converts the timestamps of one interface; `sec` and `nsec` hold the latest. */
export class PcapngClock {
  sec = 0;
  nsec = 0;
  readonly #unitsPerSecond: number;
  readonly #bigUnitsPerSecond: bigint;
  readonly #offsetSecs: number;
  #high = 0;
  #highSec = 0;
  #highUnits = 0;

  /** @param tsresol if_tsresol: a power of 10, or of 2 when the top bit is set. @param offsetSecs if_tsoffset. */
  constructor(tsresol = 6, offsetSecs = 0) {
    const exponent = BigInt(tsresol & 0x7f);
    this.#bigUnitsPerSecond = (tsresol & 0x80) === 0 ? 10n ** exponent : 2n ** exponent;
    this.#unitsPerSecond = Number(this.#bigUnitsPerSecond);
    this.#offsetSecs = offsetSecs;
  }

  /** Times outside of 1970..2106 cannot be held by a batch and become its first or last second. */
  read(high: number, low: number): void {
    const unitsPerSecond = this.#unitsPerSecond;
    if (unitsPerSecond > MAX_EXACT_UNITS) {
      this.#readExactly(high, low);
      return;
    }
    if (high !== this.#high) this.#setHigh(high);
    const units = this.#highUnits + low;
    const whole = Math.floor(units / unitsPerSecond);
    this.#setSec(this.#highSec + whole);
    this.nsec = this.#toNsec(units - whole * unitsPerSecond);
  }

  #setHigh(high: number): void {
    const units = BigInt(high) << 32n;
    this.#high = high;
    this.#highSec = Number(units / this.#bigUnitsPerSecond);
    this.#highUnits = Number(units % this.#bigUnitsPerSecond);
  }

  #toNsec(units: number): number {
    const unitsPerSecond = this.#unitsPerSecond;
    if (unitsPerSecond === NSEC_PER_SECOND) return units;
    const scaled = units * NSEC_PER_SECOND;
    if (scaled <= Number.MAX_SAFE_INTEGER) return Math.floor(scaled / unitsPerSecond);
    return Number((BigInt(units) * 1_000_000_000n) / this.#bigUnitsPerSecond);
  }

  #readExactly(high: number, low: number): void {
    const units = (BigInt(high) << 32n) | BigInt(low);
    this.#setSec(Number(units / this.#bigUnitsPerSecond));
    this.nsec = Number(((units % this.#bigUnitsPerSecond) * 1_000_000_000n) / this.#bigUnitsPerSecond);
  }

  #setSec(sec: number): void {
    const shifted = sec + this.#offsetSecs;
    this.sec = shifted < 0 ? 0 : Math.min(shifted, LAST_SECOND);
  }
}
