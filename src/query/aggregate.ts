/**
 * Flows summed up by what they have in common: which fields make a group, what is summed, how groups are ordered. Pure;
 * the store adds rows of its index the same way, so that both say the same.
 */
import { nearest } from '../model/nearest.ts';
import type { PublicFlow } from '../model/serialize.ts';
import { QueryError, shortened } from './error.ts';
import { type GroupKey, type KeyValue, parseGroupKeys } from './group-keys.ts';
import { GroupSums, MAX_GROUPS, type OtherGroups } from './group-sums.ts';
import { microsOf } from './time-text.ts';

/** What is summed, by the names of the filter language; flows are always counted. */
export const MEASURES = [
  'flows',
  'bytes',
  'bytes.out',
  'bytes.in',
  'packets',
  'packets.out',
  'packets.in',
] as const;
export type Measure = (typeof MEASURES)[number];

/** As records call them. */
const ALIASES: Readonly<Record<string, Measure>> = {
  count: 'flows',
  origbytes: 'bytes.out',
  respbytes: 'bytes.in',
  origpackets: 'packets.out',
  resppackets: 'packets.in',
};

export interface Grouping {
  readonly keys: readonly GroupKey[];
  readonly sums: readonly Measure[];
  /** Which of them makes a group large. */
  readonly sort: Measure;
  readonly top: number;
}

export interface GroupingText {
  readonly by: string;
  readonly sum?: string | undefined;
  readonly sort?: string | undefined;
  readonly top: number;
}

/** Throws QueryError and nothing else. */
export function parseGrouping({ by, sum, sort, top }: GroupingText): Grouping {
  const keys = parseGroupKeys(by);
  const sums = sum === undefined ? (['bytes'] as const) : parseMeasures(sum);
  const sortBy = sort === undefined ? sums[0]! : measureNamed(sort.trim(), sort, 0);
  const wanted = sums.includes(sortBy) ? sums : [...sums, sortBy];
  return { keys, sums: wanted, sort: sortBy, top };
}

function parseMeasures(text: string): readonly Measure[] {
  let from = 0;
  const found = text.split(',').map((part) => {
    const measure = measureNamed(part.trim(), text, from + part.length - part.trimStart().length);
    from += part.length + 1;
    return measure;
  });
  return [...new Set(found)];
}

function measureNamed(name: string, text: string, from: number): Measure {
  const lower = name.toLowerCase();
  const measure = MEASURES.find((known) => known === lower) ?? ALIASES[lower];
  if (measure !== undefined) return measure;
  const meant = nearest(lower, [...MEASURES, ...Object.keys(ALIASES)]);
  const hint = meant === undefined ? `it is one of ${MEASURES.join(', ')}` : `did you mean "${meant}"?`;
  throw new QueryError(`"${shortened(name)}" cannot be summed; ${hint}`, text, from, from + name.length);
}

export function measureOf(flow: PublicFlow, measure: Measure): number {
  switch (measure) {
    case 'flows':
      return 1;
    case 'bytes':
      return flow.origBytes + flow.respBytes;
    case 'bytes.out':
      return flow.origBytes;
    case 'bytes.in':
      return flow.respBytes;
    case 'packets':
      return flow.origPackets + flow.respPackets;
    case 'packets.out':
      return flow.origPackets;
    case 'packets.in':
      return flow.respPackets;
  }
}

export interface Group {
  readonly key: readonly KeyValue[];
  readonly flows: number;
  /** In the order of the grouping's sums. */
  readonly sums: readonly number[];
  /** Ends of the first and the last of its flows. */
  readonly first: number;
  readonly last: number;
}

export interface GroupTotals {
  readonly flows: number;
  readonly sums: readonly number[];
}

export interface Groups {
  /** The largest first. */
  readonly groups: readonly Group[];
  /** All that are not told one by one; the sums of both are those of all flows. */
  readonly others: OtherGroups | undefined;
  readonly total: GroupTotals;
  /** Any group may have had that much more of what it is sorted by, which is among the others; 0: all are exact. */
  readonly mayLack: number;
}

/** Values of keys that are told apart; what comes after them is among the others. */
const MAX_VALUES = 1_000_000;

export interface AggregateOptions {
  readonly maxGroups?: number;
  readonly maxValues?: number;
  /** Puts a row into another group than its own, by the numbers of its key's values (`numberOf`). */
  readonly rewrite?: (key: Int32Array) => void;
}

/** Takes flows one by one. */
export class Aggregate {
  readonly grouping: Grouping;
  readonly sums: GroupSums;
  readonly #maxValues: number;
  readonly #numbers: Map<KeyValue, number>[];
  readonly #values: KeyValue[][];

  constructor(
    grouping: Grouping,
    { maxGroups = MAX_GROUPS, maxValues = MAX_VALUES, rewrite }: AggregateOptions = {},
  ) {
    const { keys, sums, sort } = grouping;
    this.grouping = grouping;
    this.sums = new GroupSums(keys.length, sums.length, sums.indexOf(sort), maxGroups, rewrite);
    this.#maxValues = maxValues;
    this.#numbers = keys.map(() => new Map());
    this.#values = keys.map(() => []);
  }

  add(flow: PublicFlow): void {
    const { keys, sums } = this.grouping;
    const target = this.sums;
    let isTooMany = false;
    for (let j = 0; j < keys.length; j++) {
      const number = this.numberOf(j, keys[j]!.of(flow));
      target.key[j] = number;
      isTooMany ||= number < 0;
    }
    for (let j = 0; j < sums.length; j++) target.values[j] = measureOf(flow, sums[j]!);
    const time = microsOf(flow.end) ?? 0;
    if (isTooMany) target.addToOthers(time);
    else target.add(time);
  }

  /** The number of a key's value; -1 where there are too many already. */
  numberOf(key: number, value: KeyValue): number {
    const numbers = this.#numbers[key]!;
    const known = numbers.get(value);
    if (known !== undefined) return known;
    const values = this.#values[key]!;
    if (values.length >= this.#maxValues) return -1;
    numbers.set(value, values.length);
    values.push(value);
    return values.length - 1;
  }

  /** Ends it. */
  result(): Groups {
    const { top } = this.grouping;
    const { groups, others } = this.sums.result(top, (a, b) => this.#compare(a, b));
    const all = [...groups, ...(others === undefined ? [] : [others])];
    return {
      groups: groups.map((group) => ({ ...group, key: this.#valuesOf(group.key) })),
      others,
      total: {
        flows: all.reduce((sum, { flows }) => sum + flows, 0),
        sums: this.grouping.sums.map((_, j) => all.reduce((sum, { sums }) => sum + sums[j]!, 0)),
      },
      mayLack: this.sums.mayLack,
    };
  }

  #valuesOf(key: readonly number[]): KeyValue[] {
    return key.map((number, j) => this.#values[j]![number]);
  }

  #compare(a: readonly number[], b: readonly number[]): number {
    const x = this.#valuesOf(a);
    const y = this.#valuesOf(b);
    for (let j = 0; j < x.length; j++) {
      const order = compareValues(x[j], y[j]);
      if (order !== 0) return order;
    }
    return 0;
  }
}

/** Absent last, numbers by size, texts by their code units: the same on every machine. */
function compareValues(a: KeyValue, b: KeyValue): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  return a < b ? -1 : 1;
}
