/**
 * Host names and domains of one list. A name is read once from its end, so that each of its suffixes is hashed on the
 * way; texts lie in one array and are compared before anything is said. It must never allocate when it is asked.
 */
import { randomInt } from 'node:crypto';
import { EntryFacts, FLAG, resized } from './entry-facts.ts';
import { NONE } from './prefix-table.ts';

/** Unknown to who writes a list, so that nobody can choose names which collide. */
const SEED = randomInt(2 ** 31);
const FIRST_CAPACITY = 16;
const MAX_LOAD = 0.7;
const FIRST_TEXT_BYTES = 4096;
const DOT = 0x2e;
/** RFC 1035 3.1; a name in presentation form is longer only by escapes, and no listed name has one. */
const MAX_NAME_CHARS = 255;

export class NameTable {
  readonly facts = new EntryFacts();
  #mask = FIRST_CAPACITY - 1;
  /** Entry id plus one, 0 for an empty place, then its hash: side by side, so that a look-up meets one cache line. */
  #places = new Uint32Array(FIRST_CAPACITY * 2);
  /** Eight bits a place, one set for each name: nearly all suffixes of what is in no list end here. */
  #guard = new Uint32Array(FIRST_CAPACITY / 4);
  /** All names, one after the other, and where each begins. */
  #text = new Uint8Array(FIRST_TEXT_BYTES);
  #begins = new Uint32Array(256);

  get bytes(): number {
    const tables = this.#places.byteLength + this.#guard.byteLength + this.facts.bytes;
    return tables + this.#text.byteLength + this.#begins.byteLength;
  }

  /** False when it stands there already. `name`: a host name in lower case, ASCII. */
  add(name: string, facts: { line: number; note: number; port: number; flags: number }): boolean {
    const hash = hashOf(name);
    const at = this.#place(hash, name, 0, name.length);
    const known = this.#places[at]! - 1;
    if (known >= 0) {
      // What is meant as a whole is not only a page any more.
      const both = this.facts.flags(known) & facts.flags & FLAG.URL;
      const reach = (this.facts.flags(known) | facts.flags) & (FLAG.SELF | FLAG.BELOW);
      this.facts.setFlags(known, reach | both);
      if (this.facts.port(known) !== facts.port) this.facts.setPort(known, 0);
      return false;
    }
    const id = this.facts.push(facts.line, facts.note, facts.port, facts.flags);
    this.#keep(id, name);
    this.#put(at, hash, id + 1);
    if (id + 1 > (this.#mask + 1) * MAX_LOAD) this.#grow();
    return true;
  }

  /** The entry of the longest listed name that `name` is, or is below of, as that entry means it; NONE without. */
  find(name: string): number {
    let end = name.length;
    if (end > 0 && name.charCodeAt(end - 1) === DOT) end -= 1;
    if (end === 0 || end > MAX_NAME_CHARS || this.facts.size === 0) return NONE;
    let found = NONE;
    let hash = SEED;
    for (let i = end - 1; i >= 0; i--) {
      const code = name.charCodeAt(i);
      if (code === DOT) {
        const id = this.#idAt(hash >>> 0, name, i + 1, end);
        if (id >= 0 && (this.facts.flags(id) & FLAG.BELOW) !== 0) found = id;
      }
      hash = step(hash, lower(code));
    }
    const id = this.#idAt(hash >>> 0, name, 0, end);
    return id >= 0 && (this.facts.flags(id) & FLAG.SELF) !== 0 ? id : found;
  }

  has(name: string): boolean {
    return this.#idAt(hashOf(name), name, 0, name.length) !== NONE;
  }

  name(id: number): string {
    return Buffer.from(this.#text.subarray(this.#begins[id]!, this.#begins[id + 1]!)).toString('latin1');
  }

  /** How many are in the other one too; yields after so many names. */
  *common(other: NameTable, atOnce: number): Generator<void, number> {
    let common = 0;
    for (let id = 0; id < this.facts.size; id++) {
      if (other.has(this.name(id))) common += 1;
      if (id % atOnce === atOnce - 1) yield;
    }
    return common;
  }

  /** No more will come. */
  trim(): void {
    this.facts.trim();
    this.#text = resized(this.#text, new Uint8Array(this.#begins[this.facts.size]!));
    this.#begins = resized(this.#begins, new Uint32Array(this.facts.size + 1));
  }

  #idAt(hash: number, name: string, from: number, end: number): number {
    const bit = guardBit(hash) & (this.#guard.length * 32 - 1);
    if (((this.#guard[bit >>> 5]! >>> (bit & 31)) & 1) === 0) return NONE;
    return this.#places[this.#place(hash, name, from, end)]! - 1;
  }

  /** Where the text stands, or the empty place where it would. */
  #place(hash: number, name: string, from: number, end: number): number {
    const places = this.#places;
    let i = spread(hash) & this.#mask;
    while (places[2 * i] !== 0) {
      if (places[2 * i + 1] === hash && this.#isAt(places[2 * i]! - 1, name, from, end)) break;
      i = (i + 1) & this.#mask;
    }
    return 2 * i;
  }

  #put(at: number, hash: number, id: number): void {
    this.#places[at] = id;
    this.#places[at + 1] = hash;
    const bit = guardBit(hash) & (this.#guard.length * 32 - 1);
    this.#guard[bit >>> 5]! |= 1 << (bit & 31);
  }

  #isAt(id: number, name: string, from: number, end: number): boolean {
    const begin = this.#begins[id]!;
    if (this.#begins[id + 1]! - begin !== end - from) return false;
    for (let i = from; i < end; i++) {
      if (lower(name.charCodeAt(i)) !== this.#text[begin + i - from]) return false;
    }
    return true;
  }

  #keep(id: number, name: string): void {
    const begin = this.#begins[id]!;
    const end = begin + name.length;
    if (end > this.#text.length) this.#text = resized(this.#text, new Uint8Array(this.#text.length * 2));
    for (let i = 0; i < name.length; i++) this.#text[begin + i] = name.charCodeAt(i);
    if (id + 2 > this.#begins.length)
      this.#begins = resized(this.#begins, new Uint32Array(this.#begins.length * 2));
    this.#begins[id + 1] = end;
  }

  #grow(): void {
    const before = this.#places;
    const capacity = (this.#mask + 1) * 2;
    this.#mask = capacity - 1;
    this.#places = new Uint32Array(capacity * 2);
    this.#guard = new Uint32Array(capacity / 4);
    for (let at = 0; at < before.length; at += 2) {
      if (before[at] === 0) continue;
      let i = spread(before[at + 1]!) & this.#mask;
      while (this.#places[2 * i] !== 0) i = (i + 1) & this.#mask;
      this.#put(2 * i, before[at + 1]!, before[at]!);
    }
  }
}

/** From the end, as `find` reads. */
function hashOf(name: string): number {
  let hash = SEED;
  for (let i = name.length - 1; i >= 0; i--) hash = step(hash, lower(name.charCodeAt(i)));
  return hash >>> 0;
}

/** FNV-1a, on a seed (draft-eastlake-fnv). */
function step(hash: number, code: number): number {
  return Math.imul(hash ^ code, 0x0100_0193);
}

/** The low bits of FNV are its weakest. */
function spread(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d) >>> 8;
}

/** Other bits than those that choose the place. */
function guardBit(hash: number): number {
  return Math.imul(hash ^ (hash >>> 13), 0x85eb_ca6b) >>> 4;
}

function lower(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
}
