/**
 * Ports that a container answered on lately, so that of a busy service one connection a minute is looked at and not each.
 * Fixed in size, without a string; two that share a place take turns, which costs a record and hides nothing.
 */
import type { IpWords } from '../../../src/model/ip.ts';
import { MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';

/** A power of two; 28 bytes each. */
const PLACES = 4096;
const LATELY = 60 * MICROS_PER_SECOND;

export class RecentPorts {
  readonly #words = new Uint32Array(PLACES * 4);
  readonly #ports = new Uint32Array(PLACES);
  readonly #times = new Float64Array(PLACES).fill(Number.NEGATIVE_INFINITY);

  /** True when it was there already, within the last minute; else it is from now on. */
  has(ip: IpWords, port: number, now: Micros): boolean {
    const [w0, w1, w2, w3] = ip;
    const at = Math.imul(w0 ^ w1 ^ w2 ^ w3 ^ (port << 16) ^ port, 0x9e37_79b1) >>> 20;
    const words = this.#words;
    const i = at * 4;
    const isSame =
      this.#ports[at] === port &&
      words[i] === w0 &&
      words[i + 1] === w1 &&
      words[i + 2] === w2 &&
      words[i + 3] === w3;
    const age = now - this.#times[at]!;
    if (isSame && age >= 0 && age < LATELY) return true;
    this.#ports[at] = port;
    words[i] = w0;
    words[i + 1] = w1;
    words[i + 2] = w2;
    words[i + 3] = w3;
    this.#times[at] = now;
    return false;
  }
}
