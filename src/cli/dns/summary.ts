/**
 * Look-ups summed up by who asked, what was asked for, its zone, or who was asked. Any number of them in bounded memory:
 * of too many groups those asked least are put together, and how much any other may lack by that is known.
 */
import { ZoneMemory } from '../../model/dns-zone.ts';
import type { PublicDns } from '../../model/serialize.ts';
import { foldCase } from '../../query/pattern.ts';
import type { DnsSummaryRecord } from '../lib/records.ts';
import { DnsGroup } from './group.ts';
import { DistinctCount } from './sketches.ts';
import { askerText, lastResolverText } from './text.ts';

export const GROUPINGS = ['container', 'name', 'zone', 'resolver'] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** 1 to 20 kB each. */
const MAX_GROUPS = 5000;

export class DnsSummary {
  readonly #by: Grouping;
  readonly #maxGroups: number;
  readonly #zones = new ZoneMemory();
  #groups = new Map<string, DnsGroup>();
  readonly #others = new DnsGroup();
  readonly #otherKeys = new DistinctCount(4096);
  #mayLack = 0;

  constructor(by: Grouping, maxGroups = MAX_GROUPS) {
    this.#by = by;
    this.#maxGroups = maxGroups;
  }

  /** A group may have had that many questions more than it tells; 0: all are exact. */
  get mayLack(): number {
    return this.#mayLack;
  }

  add(record: PublicDns): void {
    const name = foldCase(record.query);
    const key = this.#keyOf(record, name);
    let group = this.#groups.get(key);
    if (group === undefined) {
      if (this.#groups.size >= this.#maxGroups) this.#makeRoom();
      group = new DnsGroup();
      this.#groups.set(key, group);
    }
    group.add(record, name, this.#by === 'resolver');
  }

  /** Ends it. Those with the most questions first; where there are more, a last one for all of them together. */
  records(limit: number): DnsSummaryRecord[] {
    const sorted = this.#sorted();
    const told = sorted.slice(0, limit).map(([key, group]) => group.toRecord(this.#by, { key }));
    for (const [key, group] of sorted.slice(limit)) this.#putAway(key, group);
    this.#groups = new Map(sorted.slice(0, limit));
    if (this.#others.questions === 0) return told;
    return [...told, this.#others.toRecord(this.#by, { others: this.#otherKeys.value })];
  }

  #keyOf(record: PublicDns, name: string): string {
    switch (this.#by) {
      case 'container':
        return askerText(record);
      case 'name':
        return name;
      case 'zone':
        return this.#zones.ofText(name)?.zone || name.slice(name.lastIndexOf('.') + 1) || '.';
      case 'resolver':
        return lastResolverText(record);
    }
  }

  #makeRoom(): void {
    const sorted = this.#sorted();
    const kept = Math.floor(this.#maxGroups / 2);
    this.#mayLack += sorted[kept]?.[1].questions ?? 0;
    for (const [key, group] of sorted.slice(kept)) this.#putAway(key, group);
    this.#groups = new Map(sorted.slice(0, kept));
  }

  #putAway(key: string, group: DnsGroup): void {
    this.#otherKeys.add(key);
    this.#others.addAll(group);
  }

  #sorted(): [string, DnsGroup][] {
    return [...this.#groups].sort(([a, x], [b, y]) => y.questions - x.questions || (a < b ? -1 : 1));
  }
}
