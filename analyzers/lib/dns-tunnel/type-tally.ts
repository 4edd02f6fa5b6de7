/** How often each record type was asked for. A chain of counts: a zone has one to three, and a Map costs ten times as much. */

const MAX_TYPES = 12;
const OTHER = 'other';

interface Count {
  readonly type: string;
  count: number;
  readonly next: Count | undefined;
}

export class TypeTally {
  all = 0;
  #first: Count | undefined;
  #types = 0;

  note(type: string): void {
    this.all += 1;
    const known = this.#find(type) ?? (this.#types >= MAX_TYPES ? this.#find(OTHER) : undefined);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    this.#first = { type: this.#types >= MAX_TYPES ? OTHER : type, count: 1, next: this.#first };
    this.#types += 1;
  }

  shareOf(types: ReadonlySet<string>): number {
    let chosen = 0;
    for (let at = this.#first; at !== undefined; at = at.next) if (types.has(at.type)) chosen += at.count;
    return this.all === 0 ? 0 : chosen / this.all;
  }

  /** Whether anything else was asked for than these. */
  hasOther(types: ReadonlySet<string>): boolean {
    for (let at = this.#first; at !== undefined; at = at.next) if (!types.has(at.type)) return true;
    return false;
  }

  /** `TXT 12`, the first type first. */
  texts(): string[] {
    const texts: string[] = [];
    for (let at = this.#first; at !== undefined; at = at.next) texts.unshift(`${at.type} ${at.count}`);
    return texts;
  }

  clear(): void {
    this.all = 0;
    this.#first = undefined;
    this.#types = 0;
  }

  #find(type: string): Count | undefined {
    for (let at = this.#first; at !== undefined; at = at.next) if (at.type === type) return at;
    return undefined;
  }
}
