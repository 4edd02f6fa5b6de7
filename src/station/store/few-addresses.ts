/**
 * Of each port some of the addresses that came to it by themselves, and all others as one: a port that half of the Internet
 * knows is not to fill the groups, nor to hide who came to a quiet one. Works on the numbers that an aggregate gives to the
 * values of its keys, row by row.
 */
import type { Aggregate } from '../../query/aggregate.ts';

/** Some 150 bytes each; who comes when there are so many is summed up unseen. */
const MAX_KNOWN = 300_000;
/** Numbers of one key: of addresses, and of what else stands there. */
const MAX_NUMBERS = 2 * MAX_KNOWN;
const PORTS = 65_537;

export interface KeyPlaces {
  /** Where in a key an address can stand. */
  readonly addresses: readonly number[];
  /** Who was asked, and at which port. */
  readonly resp: number;
  readonly port: number;
}

export class FewAddresses {
  readonly #places: KeyPlaces;
  readonly #max: number;
  /** As the places: of the number of an address that of all of its kind; -1 for what is no address. */
  readonly #summed: readonly Int32Array[];
  /** Who is told, by resp and port; one set for all places, in which the numbers of a place are apart. */
  readonly #told = new Map<number, Set<number>>();
  #known = 0;

  constructor(places: KeyPlaces, max: number) {
    this.#places = places;
    this.#max = max;
    this.#summed = places.addresses.map(() => new Int32Array(MAX_NUMBERS).fill(-1));
  }

  /** The text of an address, or that of all of its kind where there is no room for one more. */
  textOf(aggregate: Aggregate, place: number, address: string, kind: string): string {
    if (this.#known >= MAX_KNOWN) return kind;
    const number = aggregate.numberOf(place, address);
    const summed = this.#summed[this.#places.addresses.indexOf(place)]!;
    if (number < 0 || number >= MAX_NUMBERS) return kind;
    if (summed[number] === -1) {
      summed[number] = aggregate.numberOf(place, kind);
      this.#known += 1;
    }
    return address;
  }

  /** Of a row that is about to be added. */
  readonly rewrite = (key: Int32Array): void => {
    const { addresses } = this.#places;
    for (let i = 0; i < addresses.length; i++) {
      const place = addresses[i]!;
      const number = key[place]!;
      if (number < 0 || number >= MAX_NUMBERS) continue;
      const kind = this.#summed[i]![number]!;
      if (kind >= 0 && !this.#isTold(key, number * addresses.length + i)) key[place] = kind;
    }
  };

  #isTold(key: Int32Array, who: number): boolean {
    const door = key[this.#places.resp]! * PORTS + key[this.#places.port]!;
    let told = this.#told.get(door);
    if (told === undefined) {
      told = new Set();
      this.#told.set(door, told);
    }
    if (told.has(who)) return true;
    if (told.size >= this.#max) return false;
    told.add(who);
    return true;
  }
}
