/**
 * The front door of the filter language: one text in, one compiled filter out. Pure, so that the command line, the API
 * and a browser say the same about the same record. Throws QueryError and nothing else.
 */
import type { RecordKind } from '../model/record.ts';
import type { Micros } from '../model/time.ts';
import { checkFilter } from './check.ts';
import type { Condition } from './condition.ts';
import { type Predicate, predicateOf } from './evaluate.ts';
import { parseFilter } from './parse.ts';

export interface Filter {
  readonly text: string;
  readonly condition: Condition;
  /** What it means. */
  readonly matches: Predicate;
  /** Whether it speaks of time itself, so that nobody need add a default. */
  readonly asksForTime: boolean;
}

export interface FilterOptions {
  /** Which kinds are filtered; a field that none of them has is an error. */
  readonly kinds: readonly RecordKind[];
  /** What `-1h` is counted from. */
  readonly now: Micros;
}

export function compileFilter(text: string, { kinds, now }: FilterOptions): Filter {
  const condition = checkFilter(parseFilter(text), { text, kinds, now });
  return { text, condition, matches: predicateOf(condition), asksForTime: asksForTime(condition) };
}

function asksForTime(condition: Condition): boolean {
  switch (condition.type) {
    case 'all':
    case 'any':
      return condition.parts.some(asksForTime);
    case 'not':
      return asksForTime(condition.part);
    case 'test':
      return condition.field.type === 'time';
  }
}
