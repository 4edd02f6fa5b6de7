/**
 * Cuts a byte stream into lines, however the chunks fall: a chunk may end in the middle of a line or of a UTF-8
 * character. Bounded: a line longer than `maxLineBytes` is an error, not memory.
 */
export class LineSplitter {
  readonly #maxLineBytes: number;
  #rest: Buffer[] = [];
  #restBytes = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** The lines that this chunk completed, without their ends; empty lines are left out. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let at = chunk.indexOf(0x0a, from); at >= 0; at = chunk.indexOf(0x0a, from)) {
      this.#keep(chunk.subarray(from, at));
      const line = Buffer.concat(this.#rest).toString('utf8').trim();
      if (line !== '') lines.push(line);
      this.#rest = [];
      this.#restBytes = 0;
      from = at + 1;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
    return lines;
  }

  #keep(part: Buffer): void {
    this.#restBytes += part.length;
    if (this.#restBytes > this.#maxLineBytes) {
      throw new RangeError(`a line of more than ${this.#maxLineBytes} bytes`);
    }
    this.#rest.push(part);
  }
}
