/** What is kept of each entry beside its key, in columns: eleven bytes an entry. Notes are kept once each. */

/** Distinct notes of one list; feeds have hundreds. Entries beyond it have none, and are counted. */
const MAX_NOTES = 0xffff;
const MAX_NOTE_CHARS = 120;
const FIRST_SIZE = 256;

/** Of a name: it itself, or what is below it. `URL`: the name stands for a page on that host. */
export const FLAG = { SELF: 1, BELOW: 2, URL: 4 } as const;

export class Notes {
  readonly #ids = new Map<string, number>();
  readonly #texts: string[] = [''];
  /** Entries whose note was left out for want of room. */
  lost = 0;

  /** 0 for none. */
  idOf(text: string | undefined): number {
    if (text === undefined) return 0;
    const note = text.slice(0, MAX_NOTE_CHARS).trim();
    if (note === '') return 0;
    const known = this.#ids.get(note);
    if (known !== undefined) return known;
    if (this.#texts.length > MAX_NOTES) {
      this.lost += 1;
      return 0;
    }
    // A copy: a slice would keep the whole piece of the file that it was cut from.
    const own = Buffer.from(note, 'utf8').toString('utf8');
    const id = this.#texts.push(own) - 1;
    this.#ids.set(own, id);
    return id;
  }

  text(id: number): string | undefined {
    return id === 0 ? undefined : this.#texts[id];
  }
}

export class EntryFacts {
  #lines = new Uint32Array(FIRST_SIZE);
  #notes = new Uint16Array(FIRST_SIZE);
  #ports = new Uint16Array(FIRST_SIZE);
  #flags = new Uint8Array(FIRST_SIZE);
  /** Addresses only: of 128. */
  #prefixes = new Uint8Array(FIRST_SIZE);
  size = 0;

  get bytes(): number {
    return (
      this.#lines.byteLength +
      this.#notes.byteLength +
      this.#ports.byteLength +
      this.#flags.byteLength +
      this.#prefixes.byteLength
    );
  }

  /** The id of the next one. */
  push(line: number, note: number, port: number, flags: number, prefixBits = 0): number {
    const id = this.size;
    if (id === this.#lines.length) this.#resize(id * 2);
    this.#lines[id] = line;
    this.#notes[id] = note;
    this.#ports[id] = port;
    this.#flags[id] = flags;
    this.#prefixes[id] = prefixBits;
    this.size = id + 1;
    return id;
  }

  line(id: number): number {
    return this.#lines[id]!;
  }

  note(id: number): number {
    return this.#notes[id]!;
  }

  /** 0 for any. */
  port(id: number): number {
    return this.#ports[id]!;
  }

  flags(id: number): number {
    return this.#flags[id]!;
  }

  prefixBits(id: number): number {
    return this.#prefixes[id]!;
  }

  setPort(id: number, port: number): void {
    this.#ports[id] = port;
  }

  setFlags(id: number, flags: number): void {
    this.#flags[id] = flags;
  }

  /** No more will come. */
  trim(): void {
    this.#resize(this.size);
  }

  #resize(size: number): void {
    this.#lines = resized(this.#lines, new Uint32Array(size));
    this.#notes = resized(this.#notes, new Uint16Array(size));
    this.#ports = resized(this.#ports, new Uint16Array(size));
    this.#flags = resized(this.#flags, new Uint8Array(size));
    this.#prefixes = resized(this.#prefixes, new Uint8Array(size));
  }
}

export function resized<T extends Uint8Array | Uint16Array | Uint32Array>(from: T, to: T): T {
  to.set(from.length > to.length ? from.subarray(0, to.length) : from);
  return to;
}
