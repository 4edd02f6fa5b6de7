/**
 * The mutes that hold: which of them a finding is muted by, and when the next one ends. Wall clock: what a person said
 * of days is meant so, whatever the packets' clocks say. Few, so they are looked through.
 */
import type { Finding } from '../../model/finding.ts';
import { type PublicFinding, parseRecord, serializeRecord } from '../../model/serialize.ts';
import type { Micros } from '../../model/time.ts';
import type { Filter } from '../../query/filter.ts';
import { compileFindingFilter } from '../../query/finding-filter.ts';

export interface Mute {
  readonly id: string;
  readonly at: Micros;
  readonly by: string;
  readonly reason: string;
  /** Absent: for ever. */
  readonly until?: Micros | undefined;
  /** Said of this finding: all of its analyzer and key are meant. Absent where a filter says which. */
  readonly finding?: string | undefined;
  readonly analyzer?: string | undefined;
  readonly key?: string | undefined;
  readonly network?: string | undefined;
  readonly where?: string | undefined;
}

export class Mutes {
  readonly #byId = new Map<string, Mute>();
  readonly #byKey = new Map<string, Mute>();
  /** In the order in which they were said; the first that fits is the one that is named. */
  readonly #filters = new Map<string, { readonly mute: Mute; readonly filter: Filter }>();

  get size(): number {
    return this.#byId.size;
  }

  all(): readonly Mute[] {
    return [...this.#byId.values()];
  }

  get(id: string): Mute | undefined {
    return this.#byId.get(id);
  }

  /** Throws a QueryError when its filter is none. */
  add(mute: Mute): void {
    const { id, analyzer, key, where } = mute;
    if (where !== undefined) this.#filters.set(id, { mute, filter: compileFindingFilter(where) });
    else if (analyzer !== undefined && key !== undefined) this.#byKey.set(keyOf({ analyzer, key }), mute);
    this.#byId.set(id, mute);
  }

  remove(id: string): Mute | undefined {
    const mute = this.#byId.get(id);
    if (mute === undefined) return undefined;
    this.#byId.delete(id);
    this.#filters.delete(id);
    const { analyzer, key, where } = mute;
    if (where === undefined && analyzer !== undefined && key !== undefined)
      this.#byKey.delete(keyOf({ analyzer, key }));
    return mute;
  }

  /** The mute that was said of this analyzer and key, or of the same filter. */
  sameAs({ analyzer, key, where }: Pick<Mute, 'analyzer' | 'key' | 'where'>): Mute | undefined {
    if (where !== undefined) return this.all().find((mute) => mute.where === where);
    return analyzer === undefined || key === undefined
      ? undefined
      : this.#byKey.get(keyOf({ analyzer, key }));
  }

  /** What mutes this finding at this time. */
  of(finding: Finding, now: Micros): Mute | undefined {
    const own = this.#byKey.get(keyOf(finding));
    if (own !== undefined && holds(own, now)) return own;
    if (this.#filters.size === 0) return undefined;
    // What changes while it lives would have it muted now and then: it is looked at as if it opened.
    const opening = { ...finding, status: 'open', muted: undefined, acknowledged: undefined } as const;
    const subject = parseRecord(serializeRecord(opening)) as PublicFinding;
    for (const { mute, filter } of this.#filters.values())
      if (holds(mute, now) && filter.matches(subject)) return mute;
    return undefined;
  }

  over(now: Micros): readonly Mute[] {
    return this.all().filter((mute) => !holds(mute, now));
  }

  /** Undefined when none ends by itself. */
  nextEnd(): Micros | undefined {
    const ends = this.all().flatMap(({ until }) => until ?? []);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }
}

function holds({ until }: Mute, now: Micros): boolean {
  return until === undefined || now < until;
}

function keyOf({ analyzer, key }: { readonly analyzer: string; readonly key: string }): string {
  return `${analyzer}\0${key}`;
}
