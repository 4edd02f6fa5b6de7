/**
 * What a name says by itself, worked out once for a name that is asked for again and again. Bounded: a tunnel never asks
 * twice, and then nothing but a little time is lost.
 */
import type { ZoneOfName } from '../../../src/model/dns-zone.ts';
import { factsOfName } from './name-hash.ts';
import { isServiceLabel, weightOf } from './name-weight.ts';

/** Two generations of so many: what was asked for among the latest thousand names is known. */
const REMEMBERED = 1024;

export interface AskedName {
  readonly zone: ZoneOfName;
  /** Labels left of the zone. */
  readonly own: number;
  /** Of those labels, letters folded to lower case. */
  readonly hash: number;
  /** Of the whole name, folded. */
  readonly full: number;
  /** Of the first label, the first two and so on up to `own`, without the whole name. */
  readonly prefixes: readonly number[];
  /** Bytes that the labels left of the zone can say. */
  readonly weight: number;
  readonly firstLabelBytes: number;
  /** Begins with a word of a protocol, left of the zone. */
  readonly isService: boolean;
  /** Begins with `_` (RFC 8552). */
  readonly isUnderscored: boolean;
  readonly letters: number;
  readonly upper: number;
}

export class AskedNames {
  readonly #zoneOf: (query: string) => ZoneOfName | undefined;
  #latest = new Map<string, AskedName>();
  #earlier = new Map<string, AskedName>();

  constructor(zoneOf: (query: string) => ZoneOfName | undefined) {
    this.#zoneOf = zoneOf;
  }

  /** `query` is what the labels read as. Undefined for the root. */
  of(query: string, labels: readonly Uint8Array[]): AskedName | undefined {
    const known = this.get(query);
    if (known !== undefined) return known;
    const zone = this.#zoneOf(query);
    if (zone === undefined || labels.length === 0) return undefined;
    const asked = askedName(labels, zone);
    if (this.#latest.size >= REMEMBERED) {
      this.#earlier = this.#latest;
      this.#latest = new Map();
    }
    this.#latest.set(query, asked);
    return asked;
  }

  get(query: string): AskedName | undefined {
    return this.#latest.get(query) ?? this.#earlier.get(query);
  }
}

function askedName(labels: readonly Uint8Array[], zone: ZoneOfName): AskedName {
  const own = labels.length - zone.zoneLabels;
  const { own: hash, full, prefixes, letters, upper } = factsOfName(labels, own);
  return {
    zone,
    own,
    hash,
    full,
    prefixes: prefixes.slice(0, Math.min(own, labels.length - 1)),
    weight: weightOf(labels, zone),
    firstLabelBytes: labels[0]!.length,
    isService: own > 0 && isServiceLabel(labels[0]!),
    isUnderscored: labels[0]![0] === 0x5f,
    letters,
    upper,
  };
}
