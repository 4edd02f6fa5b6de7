/** What is known of a client over all its zones: how it writes, what it asked lately, how much is new to it. */
import type { Micros } from '../../../src/model/time.ts';
import { CaseHabit } from './case-patterns.ts';
import type { ClientZone } from './client-zone.ts';
import { Ends } from './ends.ts';
import { hashLabels } from './name-hash.ts';
import { RollingBytes } from './rolling-bytes.ts';

/** A power of two. */
const RECENT = 64;
const SAME_TRAILING_ZONES = 3;
/** glibc took six domains for long; Kubernetes gives up to 32, of which a container sees a handful. */
const SEARCH_LIST = 8;
/** Servers that a client asks which asks for itself: no configuration names that many. */
const SERVERS_OF_RESOLVER = 12;
/** Networks that one container is on, and then some. */
const PLACES = 8;

/** The last questions by hash, one a slot: newer ones take the place of older ones. */
class RecentNames<V> {
  readonly #hashes = new Array<number>(RECENT).fill(-1);
  /** Absent where it is only asked whether a name is there. */
  #values: (V | undefined)[] | undefined;

  add(hash: number): void {
    this.#hashes[hash & (RECENT - 1)] = hash;
  }

  set(hash: number, value: V): void {
    this.add(hash);
    this.#values ??= new Array<V | undefined>(RECENT).fill(undefined);
    this.#values[hash & (RECENT - 1)] = value;
  }

  has(hash: number): boolean {
    return this.#hashes[hash & (RECENT - 1)] === hash;
  }

  get(hash: number): V | undefined {
    return this.has(hash) ? this.#values?.[hash & (RECENT - 1)] : undefined;
  }

  delete(hash: number): void {
    if (!this.has(hash)) return;
    this.#hashes[hash & (RECENT - 1)] = -1;
    if (this.#values !== undefined) this.#values[hash & (RECENT - 1)] = undefined;
  }

  /** Nobody is to be told of it any more. */
  deleteAll(value: V): void {
    if (this.#values === undefined) return;
    for (let at = 0; at < RECENT; at++) {
      if (this.#values[at] !== value) continue;
      this.#hashes[at] = -1;
      this.#values[at] = undefined;
    }
  }
}

export class DnsClient {
  /** Stands for it in keys of tables; `key` in those of findings. */
  readonly serial: string;
  readonly key: string;
  readonly caseHabit = new CaseHabit();
  /** Names said to zones that are new to it: what a tunnel spread over many zones adds up to. */
  readonly fresh = new RollingBytes();
  /** What it asked, as far as that is remembered. */
  readonly zones = new Map<string, ClientZone>();
  /** Whom it asks. */
  readonly servers = new Ends(SERVERS_OF_RESOLVER);
  /** Its own addresses. */
  readonly places = new Ends(PLACES);
  watched: Set<ClientZone> | undefined;
  /** What it said to new zones, by span, when that was last judged. */
  readonly spreadJudged: [number, number, number] = [0, 0, 0];
  readonly #asked = new RecentNames<never>();
  readonly #expanded = new RecentNames<ClientZone>();
  #viaEngine: RecentNames<Micros> | undefined;
  #searchList: number[] | undefined;
  #trailingZones: string[] | undefined;
  #trailingBytes = 0;

  constructor(serial: string, key: string) {
    this.serial = serial;
    this.key = key;
  }

  /** It finds the servers of each zone by itself, from the root. */
  get isIterating(): boolean {
    return this.servers.areMany;
  }

  /**
   * A search list at work (resolv.conf): the client asked for the left part as a name of its own before, where it was
   * counted. Only for the first few domains that it puts behind: the rest are no list, but something said.
   */
  isSearched(labels: readonly Uint8Array[], prefixes: readonly number[]): boolean {
    for (let i = prefixes.length; i > 0; i--) {
      if (this.#asked.has(prefixes[i - 1]!))
        return this.#isInSearchList(hashLabels(labels, i, labels.length));
    }
    return false;
  }

  /** The same the other way round: `full` was asked within another zone before, and that zone is told. */
  noteAsked(full: number): void {
    const expandedIn = this.#expanded.get(full);
    if (expandedIn !== undefined) {
      expandedIn.searched += 1;
      this.#expanded.delete(full);
    }
    this.#asked.add(full);
  }

  /** Nothing more is remembered of a zone. */
  forget(pair: ClientZone): void {
    this.zones.delete(pair.zone);
    this.#expanded.deleteAll(pair);
  }

  noteExpanded(own: number, prefixes: readonly number[], pair: ClientZone): void {
    for (let i = Math.max(1, own - 2); i <= prefixes.length; i++) this.#expanded.set(prefixes[i - 1]!, pair);
  }

  /** A question that was seen in the container is on its way out when the bridge shows it: one question. */
  isSeenAlready(
    full: number,
    vantage: 'bridge' | 'container' | 'file',
    now: Micros,
    within: Micros,
  ): boolean {
    if (vantage === 'container') {
      this.#viaEngine ??= new RecentNames();
      this.#viaEngine.set(full, now);
      return false;
    }
    const time = this.#viaEngine?.get(full);
    if (time === undefined) return false;
    this.#viaEngine?.delete(full);
    return now - time <= within;
  }

  /** A device that puts the same bytes behind all its questions says nothing with them. */
  isTrailingHabit(bytes: number, zone: string): boolean {
    if (bytes !== this.#trailingBytes) this.#trailingZones = undefined;
    this.#trailingBytes = bytes;
    this.#trailingZones ??= [];
    if (this.#trailingZones.length < SAME_TRAILING_ZONES && !this.#trailingZones.includes(zone))
      this.#trailingZones.push(zone);
    return this.#trailingZones.length >= SAME_TRAILING_ZONES;
  }

  #isInSearchList(suffix: number): boolean {
    this.#searchList ??= [];
    if (this.#searchList.includes(suffix)) return true;
    if (this.#searchList.length >= SEARCH_LIST) return false;
    this.#searchList.push(suffix);
    return true;
  }
}
