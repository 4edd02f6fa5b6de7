/** A filter whose fields and values have been understood: what is evaluated, and what a store narrows its search by. */
import type { Cidr } from '../model/ip.ts';
import type { Field } from './fields.ts';
import type { Pattern } from './pattern.ts';

/** Holds when one of the field's values passes. */
export type Test =
  | { readonly type: 'exists' }
  | { readonly type: 'text'; readonly pattern: Pattern }
  /** A name, or the beginning of an id (lower case); at most as long as ids are in records. */
  | { readonly type: 'container'; readonly pattern: Pattern; readonly idPrefix?: string }
  | { readonly type: 'choice'; readonly accepted: ReadonlySet<string> }
  /** Whole numbers in [from, before), infinite where open. */
  | { readonly type: 'range'; readonly from: number; readonly before: number }
  | { readonly type: 'ip'; readonly cidr: Cidr };

export type Condition =
  | { readonly type: 'all' | 'any'; readonly parts: readonly Condition[] }
  | { readonly type: 'not'; readonly part: Condition }
  | { readonly type: 'test'; readonly field: Field; readonly test: Test };
