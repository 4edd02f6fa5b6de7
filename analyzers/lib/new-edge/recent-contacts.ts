/**
 * Which pairs of addresses had a record lately, so that a connection pool or a load test costs one record a minute. Words
 * are compared, not hashes: nobody can choose an address that passes for another. Fixed memory: 2048 rows, 80 KB; a pair
 * that must share its row with another is told again.
 */
import type { IpWords } from '../../../src/model/ip.ts';

const ROWS = 2048;
/** Two addresses; port and protocol. */
const WORDS = 9;
/** No port has it, so that an empty row is no pair. */
const EMPTY = 0xffff_ffff;
const UDP = 0x1_0000;

export class RecentContacts {
  readonly #rows = new Uint32Array(ROWS * WORDS).fill(EMPTY);
  readonly #names: (string | undefined)[] = new Array<string | undefined>(ROWS);

  /** True, once: nobody has asked for this pair since it was cleared, or not by this name. */
  isNew(orig: IpWords, resp: IpWords, protocol: string, port: number, name?: string): boolean {
    const what = protocol === 'udp' ? port | UDP : port;
    const row = rowOf(orig, resp, what);
    const isKnown = this.#holds(row * WORDS, orig, resp, what);
    if (isKnown && (name === undefined || name === this.#names[row])) return false;
    if (!isKnown) this.#put(row * WORDS, orig, resp, what);
    this.#names[row] = name;
    return true;
  }

  clear(): void {
    this.#rows.fill(EMPTY);
    this.#names.fill(undefined);
  }

  #holds(at: number, orig: IpWords, resp: IpWords, what: number): boolean {
    const rows = this.#rows;
    if (rows[at + 8] !== what) return false;
    for (let i = 0; i < 4; i++) {
      if (rows[at + i] !== orig[i]! >>> 0 || rows[at + 4 + i] !== resp[i]! >>> 0) return false;
    }
    return true;
  }

  #put(at: number, orig: IpWords, resp: IpWords, what: number): void {
    for (let i = 0; i < 4; i++) {
      this.#rows[at + i] = orig[i]!;
      this.#rows[at + 4 + i] = resp[i]!;
    }
    this.#rows[at + 8] = what;
  }
}

/** FNV-1a over words, with the high bits folded in. */
function rowOf(orig: IpWords, resp: IpWords, what: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < 4; i++) {
    hash = Math.imul(hash ^ orig[i]!, 0x01000193);
    hash = Math.imul(hash ^ resp[i]!, 0x01000193);
  }
  hash = Math.imul(hash ^ what, 0x01000193);
  return (hash ^ (hash >>> 16)) & (ROWS - 1);
}
