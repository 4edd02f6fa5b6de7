/**
 * Questions told within the last second, so that who asks the same again and again costs some comparisons and no string.
 * Fixed memory (160 KB): four places a question; when all four are younger than a second, the newcomer is left out.
 */
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';

const PLACES = 4096;
const WAYS = 4;
/** Two of the MAC, four of the address, one of the tap. */
const WORDS = 7;

export type Standing = 'new' | 'told' | 'no-room';

export class RecentQuestions {
  readonly #words = new Int32Array(PLACES * WORDS);
  readonly #times = new Float64Array(PLACES).fill(Number.NEGATIVE_INFINITY);

  /** `words` from `at`: the address asked for. A new one is remembered as told at `time`. */
  note(macHi: number, macLo: number, words: Uint32Array, at: number, tap: number, time: Micros): Standing {
    const since = time - MICROS_PER_SECOND;
    let free = -1;
    const first = hashOf(macLo, words, at, tap) & (PLACES - 1) & ~(WAYS - 1);
    for (let place = first; place < first + WAYS; place++) {
      if (this.#times[place]! <= since) free = place;
      else if (this.#isAt(place, macHi, macLo, words, at, tap)) return 'told';
    }
    if (free < 0) return 'no-room';
    this.#put(free, macHi, macLo, words, at, tap);
    this.#times[free] = time;
    return 'new';
  }

  clear(): void {
    this.#times.fill(Number.NEGATIVE_INFINITY);
  }

  #isAt(place: number, macHi: number, macLo: number, words: Uint32Array, at: number, tap: number): boolean {
    const known = this.#words;
    const base = place * WORDS;
    if (known[base] !== macHi || known[base + 1] !== macLo || known[base + 6] !== tap) return false;
    for (let i = 0; i < 4; i++) if (known[base + 2 + i] !== (words[at + i]! | 0)) return false;
    return true;
  }

  #put(place: number, macHi: number, macLo: number, words: Uint32Array, at: number, tap: number): void {
    const known = this.#words;
    const base = place * WORDS;
    known[base] = macHi;
    known[base + 1] = macLo;
    for (let i = 0; i < 4; i++) known[base + 2 + i] = words[at + i]! | 0;
    known[base + 6] = tap;
  }
}

function hashOf(macLo: number, words: Uint32Array, at: number, tap: number): number {
  let hash = Math.imul(words[at + 3]! ^ Math.imul(words[at + 2]! ^ words[at + 1]!, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ macLo ^ (tap << 7), 0xc2b2ae35);
  return hash ^ (hash >>> 13);
}
