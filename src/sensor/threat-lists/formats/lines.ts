/** Cuts pieces of text into lines. A line without end is cut off and told, so that a hostile file costs no memory. */

/** URLs of phishing pages have a few thousand characters. */
export const MAX_LINE_CHARS = 65_536;

export class Lines {
  readonly #onLine: (line: string, number: number) => void;
  readonly #onTooLong: (number: number, begin: string) => void;
  #rest = '';
  #number = 0;
  /** The line at hand was told as too long; the rest of it is thrown away. */
  #isSkipping = false;

  constructor(
    onLine: (line: string, number: number) => void,
    onTooLong: (number: number, begin: string) => void,
  ) {
    this.#onLine = onLine;
    this.#onTooLong = onTooLong;
  }

  push(text: string): void {
    let from = 0;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      this.#take(text.slice(from, at));
      from = at + 1;
    }
    if (this.#isSkipping) return;
    this.#rest += text.slice(from);
    if (this.#rest.length > MAX_LINE_CHARS) this.#skip();
  }

  end(): void {
    if (this.#rest !== '') this.#take('');
  }

  #take(end: string): void {
    if (this.#isSkipping) {
      this.#isSkipping = false;
      return;
    }
    const line = this.#rest + end;
    this.#rest = '';
    this.#number += 1;
    if (line.length > MAX_LINE_CHARS) this.#onTooLong(this.#number, line);
    else this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line, this.#number);
  }

  #skip(): void {
    this.#number += 1;
    this.#onTooLong(this.#number, this.#rest);
    this.#rest = '';
    this.#isSkipping = true;
  }
}
