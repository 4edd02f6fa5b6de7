/**
 * Texts of what comes again: an address or a MAC has few values on a host and is written out for every record. One string
 * for each, so that whoever looks it up in a map finds it flat and its hash computed. Direct-mapped: bounded, and nothing
 * to tidy up.
 */

/** A power of two; with a text of 20 characters some 80 bytes each. */
const PLACES = 4096;

/** Texts of four words, or of fewer with zeros. */
export class WordTexts {
  readonly #words = new Uint32Array(PLACES * 4);
  readonly #texts: (string | undefined)[] = new Array(PLACES).fill(undefined);
  readonly #format: (w0: number, w1: number, w2: number, w3: number) => string;

  constructor(format: (w0: number, w1: number, w2: number, w3: number) => string) {
    this.#format = format;
  }

  /** Words as unsigned numbers. */
  of(w0: number, w1: number, w2: number, w3: number): string {
    const mixed = Math.imul(w3 ^ (w2 << 7) ^ (w1 << 3) ^ w0, 0x9e37_79b1);
    const at = (mixed ^ (mixed >>> 15)) & (PLACES - 1);
    const words = this.#words;
    const base = at * 4;
    const known = this.#texts[at];
    if (
      known !== undefined &&
      words[base + 3] === w3 &&
      words[base + 2] === w2 &&
      words[base + 1] === w1 &&
      words[base] === w0
    )
      return known;
    const text = this.#format(w0, w1, w2, w3);
    words[base] = w0;
    words[base + 1] = w1;
    words[base + 2] = w2;
    words[base + 3] = w3;
    this.#texts[at] = text;
    return text;
  }
}

interface FlowText {
  readonly first: number;
  readonly number: number;
  uid: string | undefined;
  /** `null`: there is none. */
  communityId: string | null | undefined;
}

/** What names a flow, for as long as no other took its place: most flows have their records soon after each other. */
export class FlowTexts {
  readonly #flows: (FlowText | undefined)[] = new Array(PLACES).fill(undefined);

  /** `first` and `number` tell a flow from all others. */
  of(first: number, number: number): FlowText {
    const at = number & (PLACES - 1);
    const known = this.#flows[at];
    if (known !== undefined && known.number === number && known.first === first) return known;
    const flow: FlowText = { first, number, uid: undefined, communityId: undefined };
    this.#flows[at] = flow;
    return flow;
  }
}
