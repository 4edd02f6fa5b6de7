/**
 * A service as `new-edge` knows it: how long it was watched, and whether it is still learned (Discover) or its edges are
 * known (Monitor). Kept over restarts, so its form is checked when it comes back. All but `first` and `monitoredSince`,
 * which are for people, is measured by the time watched.
 */
import { z } from 'zod';
import type { Json } from '../../../src/model/learned.ts';
import type { Workload } from '../../../src/model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../../../src/model/time.ts';
import type { Watched } from './watch-clock.ts';

/** Discover ends at the latest after so many times the time to learn. */
const LONGEST = 7;
/** In the last part of the time to learn there must be nothing new; a quiet stretch counts for as much at most. */
const LAST_PART = 4;
/** A pair has one record a minute at most, so that no shorter stretch is quiet. */
const NOT_QUIET: Micros = 120 * MICROS_PER_SECOND;
/** A rolling update, or a rollback, has two at once. */
const MAX_VERSIONS = 2;
const MAX_VERSION_LENGTH = 300;
const MAX_PLATFORMS = 64;

const time = z.number();
const form = z.strictObject({
  first: time,
  firstAt: time,
  seenAt: time,
  presence: time.nonnegative(),
  newestAt: time,
  newestPlaceAt: time.optional(),
  monitoredSince: time.optional(),
  monitorInSecs: time.optional(),
  places: z.number().int().nonnegative(),
  wanders: z.boolean(),
  exposed: z.boolean(),
  versions: z.array(z.string()).max(MAX_VERSIONS),
  deployedAt: time.optional(),
  platforms: z.record(z.string(), z.number()),
});

export class WatchedOwner {
  readonly #learning: Micros;
  readonly first: Micros;
  readonly #firstAt: Watched;
  #seenAt: Watched;
  /** Time watched in which it was there: between its contacts, as far as they are not too far apart. */
  #presence: Micros = 0;
  #newestAt: Watched;
  #newestPlaceAt: Watched | undefined;
  monitoredSince: Micros | undefined;
  /** Outside places that it ever learned. */
  places = 0;
  /** Always somewhere else outside: nothing there is new. */
  wanders = false;
  /** Reached from the Internet. */
  exposed = false;
  #versions: readonly string[] = [];
  #deployedAt: Watched | undefined;
  /** How many zones of customers it knows of each platform. */
  readonly #platforms = new Map<string, number>();

  constructor(learning: Micros, first: Micros, now: Watched) {
    this.#learning = learning;
    this.first = first;
    this.#firstAt = now;
    this.#seenAt = now;
    this.#newestAt = now;
  }

  get isLearning(): boolean {
    return this.monitoredSince === undefined;
  }

  get seenAt(): Watched {
    return this.#seenAt;
  }

  watched(now: Watched): Micros {
    const quiet = Math.max(NOT_QUIET, this.#learning / LAST_PART);
    return this.#presence + Math.min(now - this.#seenAt, quiet);
  }

  /** It was there. Returns whether it has to be kept anew. */
  note(now: Watched): boolean {
    this.#presence = this.watched(now);
    this.#seenAt = now;
    return this.isLearning;
  }

  /** True when its learning has just ended. */
  review(now: Watched, time: Micros): boolean {
    if (!this.isLearning) return false;
    const part = this.#learning / LAST_PART;
    const isSettled = now - this.#newestAt >= part;
    const isOver = now - this.#firstAt >= LONGEST * this.#learning;
    if (!isOver && !(isSettled && this.watched(now) >= this.#learning)) return false;
    this.monitoredSince = time;
    if (this.#newestPlaceAt !== undefined && now - this.#newestPlaceAt < part) this.wanders = true;
    return true;
  }

  learned(now: Watched, isOutside: boolean): void {
    this.#newestAt = now;
    if (!isOutside) return;
    this.#newestPlaceAt = now;
    this.places += 1;
  }

  /** One more zone of the platform's customers; returns how many. */
  learnedUnder(platform: string): number {
    const count = (this.#platforms.get(platform) ?? 0) + 1;
    if (this.#platforms.has(platform) || this.#platforms.size < MAX_PLATFORMS)
      this.#platforms.set(platform, count);
    return count;
  }

  /** What runs is another image, or another Compose configuration, than before; only who rules the engine can do that. */
  runs(workload: Workload, now: Watched): boolean {
    const { image, imageDigest = '', labels } = workload;
    const config = labels['com.docker.compose.config-hash'] ?? '';
    const version = `${image} ${imageDigest} ${config}`.slice(0, MAX_VERSION_LENGTH);
    if (this.#versions.includes(version)) return false;
    if (this.#versions.length > 0) this.#deployedAt = now;
    this.#versions = [version, ...this.#versions].slice(0, MAX_VERSIONS);
    return true;
  }

  /** Since the last deployment; undefined when none was seen. */
  sinceDeployment(now: Watched): Micros | undefined {
    return this.#deployedAt === undefined ? undefined : now - this.#deployedAt;
  }

  save(): Json {
    return {
      first: this.first,
      firstAt: this.#firstAt,
      seenAt: this.#seenAt,
      presence: this.#presence,
      newestAt: this.#newestAt,
      ...(this.#newestPlaceAt === undefined ? {} : { newestPlaceAt: this.#newestPlaceAt }),
      ...(this.monitoredSince === undefined
        ? { monitorInSecs: this.#monitorInSecs() }
        : { monitoredSince: this.monitoredSince }),
      places: this.places,
      wanders: this.wanders,
      exposed: this.exposed,
      versions: this.#versions,
      ...(this.#deployedAt === undefined ? {} : { deployedAt: this.#deployedAt }),
      platforms: Object.fromEntries(this.#platforms),
    };
  }

  static load(saved: Json, learning: Micros): WatchedOwner | undefined {
    const { data } = form.safeParse(saved);
    if (data === undefined) return undefined;
    const owner = new WatchedOwner(learning, data.first, data.firstAt);
    owner.#seenAt = data.seenAt;
    owner.#presence = data.presence;
    owner.#newestAt = data.newestAt;
    owner.#newestPlaceAt = data.newestPlaceAt;
    owner.monitoredSince = data.monitoredSince;
    owner.places = data.places;
    owner.wanders = data.wanders;
    owner.exposed = data.exposed;
    owner.#versions = data.versions;
    owner.#deployedAt = data.deployedAt;
    for (const [platform, count] of Object.entries(data.platforms)) owner.#platforms.set(platform, count);
    return owner;
  }

  /** Of more watching, at the least; for who reads what is kept. */
  #monitorInSecs(): number {
    const now = this.#seenAt;
    const untilQuiet = this.#learning / LAST_PART - (now - this.#newestAt);
    const untilOver = LONGEST * this.#learning - (now - this.#firstAt);
    const left = Math.min(Math.max(this.#learning - this.#presence, untilQuiet), untilOver);
    return Math.ceil(Math.max(0, left) / MICROS_PER_SECOND);
  }
}
