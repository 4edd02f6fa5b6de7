/**
 * Texts that many flows share, by number: ends, networks, services. The numbers of what is remembered are given again;
 * beyond a bound everything is forgotten and an era of new numbers begins, so that neither the memory nor what a reader
 * must hold at once grows without end. The same text may so have several numbers.
 */

/** Some 450 bytes each, so 60 MB at most; a host that speaks with 50,000 others stays far below. */
const MAX_WORDS = 131_072;

export class Words {
  readonly #numbers = new Map<string, number>();
  readonly #texts = new Map<number, string>();
  readonly #recent = new Map<string, { readonly id: number; readonly text: string }>();
  readonly #maxWords: number;
  #fresh: { readonly id: number; readonly text: string }[] = [];
  #next: number;
  #from: number;

  /** `next`: the first number that no word has yet. */
  constructor(next: number, maxWords = MAX_WORDS) {
    this.#next = next;
    this.#from = next;
    this.#maxWords = maxWords;
  }

  /** The first number of this era. */
  get from(): number {
    return this.#from;
  }

  get isFull(): boolean {
    return this.#numbers.size >= this.#maxWords;
  }

  /** 0 for no text. */
  numberOf(text: string): number {
    if (text === '') return 0;
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    const id = this.#next++;
    const own = ownCopy(text);
    this.#numbers.set(own, id);
    this.#texts.set(id, own);
    this.#fresh.push({ id, text: own });
    return id;
  }

  /**
   * Of an end, `rest` behind its address. An address mostly comes with the rest that it had last time: to see that costs
   * a third of making one text of both and looking for it.
   */
  numberOfEnd(ip: string, rest: string): number {
    const recent = this.#recent.get(ip);
    if (recent?.text.length === ip.length + 1 + rest.length && recent.text.endsWith(rest)) return recent.id;
    const text = `${ip}"${rest}`;
    const id = this.numberOf(text);
    // The copy that is kept anyway.
    this.#recent.set(ownCopy(ip), { id, text: this.#texts.get(id)! });
    return id;
  }

  /** Those that were numbered since the last time. */
  takeFresh(): readonly { readonly id: number; readonly text: string }[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  beginEra(): void {
    this.#numbers.clear();
    this.#texts.clear();
    this.#recent.clear();
    this.#fresh = [];
    this.#from = this.#next;
  }
}

/** A piece of a text keeps the whole of it in memory. */
function ownCopy(text: string): string {
  return /^[ -~]*$/.test(text)
    ? Buffer.from(text, 'latin1').toString('latin1')
    : Buffer.from(text, 'utf16le').toString('utf16le');
}
