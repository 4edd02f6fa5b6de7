/**
 * Addresses and networks of one list, longest prefix first. One small table a prefix length; a map of the /16s that hold
 * anything spares most IPv4 look-ups, since private addresses are in no list.
 */
import { type IpWords, isIpv4Words, wordMask } from '../../model/ip.ts';
import { EntryFacts } from './entry-facts.ts';
import { NONE, PrefixTable } from './prefix-table.ts';

interface OfLength {
  /** Of 128. */
  readonly prefixBits: number;
  readonly masks: IpWords;
  readonly table: PrefixTable;
}

/** `::ffff:0:0/96`. */
const V4_BITS = 96;

export class AddressTable {
  readonly facts = new EntryFacts();
  /** A bit for each /16 of IPv4. */
  readonly #guard = new Uint32Array(0x1_0000 / 32);
  #v4: OfLength[] = [];
  #v6: OfLength[] = [];

  get bytes(): number {
    const tables = [...this.#v4, ...this.#v6].reduce((sum, { table }) => sum + table.bytes, 0);
    return tables + this.facts.bytes + this.#guard.byteLength;
  }

  /** False when it stands there already. `base` has no bits beyond the prefix. A port of 0 is any. */
  add(
    [w0, w1, w2, w3]: IpWords,
    prefixBits: number,
    facts: { line: number; note: number; port: number },
  ): boolean {
    const isV4 = prefixBits >= V4_BITS && isIpv4Words(w0, w1, w2);
    const { table } = this.#ofLength(isV4, prefixBits);
    const id = this.facts.size;
    const known = table.ensure(w0, w1, w2, w3, id);
    if (known !== id) {
      // The same address at two ports: a server whose every port is worth a word.
      if (this.facts.port(known) !== facts.port) this.facts.setPort(known, 0);
      return false;
    }
    this.facts.push(facts.line, facts.note, facts.port, 0, prefixBits);
    if (isV4) this.#mark(w3, prefixBits - V4_BITS);
    return true;
  }

  /** The entry of the longest prefix that holds the address; NONE without. */
  find(ip: IpWords): number {
    const [w0, w1, w2, w3] = ip;
    if (isIpv4Words(w0, w1, w2)) {
      if (((this.#guard[w3 >>> 21]! >>> ((w3 >>> 16) & 31)) & 1) === 0) return NONE;
      for (const { masks, table } of this.#v4) {
        const id = table.find(0, 0, 0, (w3 & masks[3]) >>> 0);
        if (id !== NONE) return id;
      }
      return NONE;
    }
    for (const { masks, table } of this.#v6) {
      const id = table.find(
        (w0 & masks[0]) >>> 0,
        (w1 & masks[1]) >>> 0,
        (w2 & masks[2]) >>> 0,
        (w3 & masks[3]) >>> 0,
      );
      if (id !== NONE) return id;
    }
    return NONE;
  }

  has([w0, w1, w2, w3]: IpWords, prefixBits: number): boolean {
    const lengths = isIpv4Words(w0, w1, w2) && prefixBits >= V4_BITS ? this.#v4 : this.#v6;
    const { table } = lengths.find((each) => each.prefixBits === prefixBits) ?? {};
    return table !== undefined && table.find(w0, w1, w2, w3) !== NONE;
  }

  /** How many are in the other one too; yields after each few thousand places, for whoever shares a thread. */
  *common(other: AddressTable, places: number): Generator<void, number> {
    let common = 0;
    for (const { prefixBits, table } of [...this.#v4, ...this.#v6]) {
      let at: number | undefined = 0;
      while (at !== undefined) {
        at = table.walk(at, places, (w0, w1, w2, w3) => {
          if (other.has([w0, w1, w2, w3], prefixBits)) common += 1;
        });
        yield;
      }
    }
    return common;
  }

  #ofLength(isV4: boolean, prefixBits: number): OfLength {
    const lengths = isV4 ? this.#v4 : this.#v6;
    const known = lengths.find((each) => each.prefixBits === prefixBits);
    if (known !== undefined) return known;
    const masks: IpWords = [0, 1, 2, 3].map((i) => wordMask(prefixBits, i) >>> 0) as unknown as IpWords;
    const made = { prefixBits, masks, table: new PrefixTable(isV4 ? 1 : 4) };
    lengths.push(made);
    lengths.sort((a, b) => b.prefixBits - a.prefixBits);
    return made;
  }

  #mark(w3: number, bits: number): void {
    const first = w3 >>> 16;
    const count = bits >= 16 ? 1 : 1 << (16 - bits);
    for (let i = first; i < first + count; i++) this.#guard[i >>> 5]! |= 1 << (i & 31);
  }
}
