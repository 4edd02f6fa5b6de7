/**
 * What flows can be grouped by: a field of the filter language that has few values and is of one end, an end whole, or a
 * bucket of time. A group's value, written behind its field in a filter, takes the flows of the group again.
 */

import { nearest } from '../model/nearest.ts';
import { workloadLabel } from '../model/network.ts';
import type { PublicFlow } from '../model/serialize.ts';
import { formatMicros } from '../model/time.ts';
import type { End } from './ends.ts';
import { QueryError, shortened } from './error.ts';
import { END_FIELDS, FIELDS, type Field, fieldNamed, placeNamed, valuesOf } from './fields.ts';
import { microsOf } from './time-text.ts';

export type KeyValue = string | number | undefined;

export interface GroupKey {
  /** As its column is called: the field's own name, whichever spelling was given. */
  readonly name: string;
  readonly of: (flow: PublicFlow) => KeyValue;
  /** `field`: what the field reads; the others are of the whole end, or of the time. */
  readonly source:
    | { readonly type: 'field'; readonly field: Field }
    | { readonly type: 'end'; readonly place: 'orig' | 'resp' }
    | { readonly type: 'bucket'; readonly micros: number };
}

export const MAX_KEYS = 5;

const HOUR = 3_600_000_000;
const BUCKETS: Readonly<Record<string, number>> = { minute: HOUR / 60, hour: HOUR, day: 24 * HOUR };

/** Each flow has its own, so that every group would be one flow. */
const OWN_OF_EACH: ReadonlySet<string> = new Set(['uid', 'communityId']);
const EITHER_END: ReadonlySet<string> = new Set(
  END_FIELDS.filter(({ either }) => either).map(({ name }) => name),
);

/** `orig.service,resp.name`. Throws QueryError and nothing else. */
export function parseGroupKeys(text: string): readonly GroupKey[] {
  const keys: GroupKey[] = [];
  let from = 0;
  for (const part of text.split(',')) {
    const at = from + part.length - part.trimStart().length;
    const key = keyNamed(part.trim(), text, at);
    if (keys.some(({ name }) => name === key.name))
      throw new QueryError(`${key.name} is given twice`, text, at, from + part.length);
    keys.push(key);
    from += part.length + 1;
  }
  if (keys.length > MAX_KEYS)
    throw new QueryError(`at most ${MAX_KEYS} fields make a group`, text, 0, text.length);
  return keys;
}

function keyNamed(name: string, text: string, from: number): GroupKey {
  const fail = (problem: string): never => {
    throw new QueryError(problem, text, from, from + name.length);
  };
  if (name === '') return fail('a field is missing; like --by src.service,dst.name');
  const lower = name.toLowerCase();
  const bucket = BUCKETS[lower];
  if (bucket !== undefined) return bucketKey(lower, bucket);
  const place = placeNamed(name);
  if (place?.prefix === 'src') return endKey('src', 'orig');
  if (place?.prefix === 'dst') return endKey('dst', 'resp');
  if (place !== undefined) return fail(`${place.prefix} is no end of a flow to group by; give a part of it`);
  const field = fieldNamed(name);
  if (field?.read.flow === undefined) return fail(unknownText(name, field));
  if (EITHER_END.has(field.name))
    return fail(`${field.name} is of any end; say of which: src.${field.name} or dst.${field.name}`);
  if (field.type === 'time') return fail(`group by minute, hour or day instead of ${field.name}`);
  if (field.type === 'size' || field.type === 'duration' || field.name.startsWith('packets'))
    return fail(`${field.name} has too many values to group by; it can be summed (--sum) or filtered by`);
  if (OWN_OF_EACH.has(field.name)) return fail(`each flow has a ${field.name} of its own: no groups`);
  return {
    name: field.name,
    of: (flow) => valuesOf(field, flow).find((value) => value !== undefined),
    source: { type: 'field', field },
  };
}

function unknownText(name: string, field: Field | undefined): string {
  if (field !== undefined) return `${field.name} is not a field of flows`;
  const names = FIELDS.filter(({ read }) => read.flow !== undefined).flatMap((known) => [
    known.name,
    ...known.aliases,
  ]);
  const meant = nearest(name, [...names, ...Object.keys(BUCKETS), 'src', 'dst']);
  const hint = meant === undefined ? 'docs/filters.md lists them' : `did you mean "${meant}"?`;
  return `unknown field "${shortened(name)}"; ${hint}`;
}

function bucketKey(name: string, micros: number): GroupKey {
  return {
    name,
    of: (flow) => bucketText(microsOf(flow.end), micros),
    source: { type: 'bucket', micros },
  };
}

/** When it begins, as the store's own times are told: `2026-11-23T14:00:00Z`, of a day `2026-11-23`. */
export function bucketText(time: number | undefined, micros: number): string | undefined {
  if (time === undefined) return undefined;
  const iso = formatMicros(Math.floor(time / micros) * micros);
  return micros === BUCKETS['day'] ? iso.slice(0, 10) : `${iso.slice(0, 19)}Z`;
}

function endKey(name: string, place: 'orig' | 'resp'): GroupKey {
  return { name, of: (flow) => endName(flow[place]), source: { type: 'end', place } };
}

/** Whom a person means: the container, else the likeliest name, else the address. */
export function endName({ workload, names, ip }: End): string | undefined {
  return workload === undefined ? (names?.[0] ?? ip) : workloadLabel(workload);
}
