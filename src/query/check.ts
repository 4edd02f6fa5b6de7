/** Holds a tree against the fields: which exist, for the kinds of records asked about, and what they may be compared with. */
import { nearest } from '../model/nearest.ts';
import type { RecordKind } from '../model/record.ts';
import type { Micros } from '../model/time.ts';
import type { Ast, Comparison, Value } from './ast.ts';
import type { Condition } from './condition.ts';
import { QueryError, shortened } from './error.ts';
import { FIELDS, type Field, fieldNamed, placeNamed, WORDS } from './fields.ts';
import { containingPattern, makePattern } from './pattern.ts';
import { cidrOf, testOf } from './values.ts';

export interface CheckContext {
  /** The filter, for the messages. */
  readonly text: string;
  /** A field that none of them has is an error: it could only be a mistake. */
  readonly kinds: readonly RecordKind[];
  /** What `-1h` is counted from. */
  readonly now: Micros;
}

export function checkFilter(ast: Ast, context: CheckContext): Condition {
  switch (ast.type) {
    case 'and':
    case 'or':
      return {
        type: ast.type === 'and' ? 'all' : 'any',
        parts: ast.parts.map((part) => checkFilter(part, context)),
      };
    case 'not':
      return { type: 'not', part: checkFilter(ast.part, context) };
    case 'word':
      return wordCondition(ast.value);
    case 'compare':
      return comparison(ast, context);
  }
}

/** An address means either end; anything else is part of a name, or all of one when it has a star. */
function wordCondition({ text, isQuoted }: Value): Condition {
  const cidr = isQuoted ? undefined : cidrOf(text);
  if (cidr !== undefined) return { type: 'test', field: fieldNamed('ip')!, test: { type: 'ip', cidr } };
  const pattern = !isQuoted && text.includes('*') ? makePattern(text, false) : containingPattern(text);
  return { type: 'test', field: WORDS, test: { type: 'text', pattern } };
}

function comparison(ast: Comparison, context: CheckContext): Condition {
  const place = placeNamed(ast.field.text);
  if (place === undefined) return leaf(ast, fieldOf(ast, context), context);
  const part = (name: string) => {
    const field = { ...ast.field, text: `${place.prefix}.${name}` };
    return leaf(ast, fieldOf({ ...ast, field }, context), context);
  };
  // `src:10.0.0.0/8` or `src:shop/db`.
  const isAddress = ast.value.text === '*' || cidrOf(ast.value.text) !== undefined;
  return isAddress ? part('ip') : { type: 'any', parts: [part('container'), part('name')] };
}

function leaf(ast: Comparison, field: Field, { text, now }: CheckContext): Condition {
  const test = testOf(field, ast.operator, ast.value, now);
  if (!('problem' in test)) return { type: 'test', field, test };
  const { from, to } = test.isOperator === true ? { from: ast.field.to, to: ast.value.from } : ast.value;
  throw new QueryError(test.problem, text, from, to);
}

function fieldOf(
  { field: { text: name, from, to }, operator, value }: Comparison,
  context: CheckContext,
): Field {
  const field = fieldNamed(name);
  if (field !== undefined && context.kinds.some((kind) => field.read[kind] !== undefined)) return field;
  if (field !== undefined) {
    const problem = `${field.name} is of ${plural(Object.keys(field.read))}; this filters ${plural(context.kinds)}`;
    throw new QueryError(problem, context.text, from, to);
  }
  const problem = `unknown field "${shortened(name)}"; ${unknownFieldHint(name, operator, value, context.kinds)}`;
  throw new QueryError(problem, context.text, from, to);
}

function unknownFieldHint(
  name: string,
  operator: Comparison['operator'],
  value: Value,
  kinds: readonly RecordKind[],
): string {
  const here = FIELDS.filter(({ read }) => kinds.some((kind) => read[kind] !== undefined));
  const meant = nearest(name, here.flatMap(spellings)) ?? nearest(name, FIELDS.flatMap(spellings));
  if (meant !== undefined) return `did you mean "${meant}"?`;
  const isName = operator === '=' && !value.isQuoted;
  return isName
    ? `if it is a name, quote it: "${shortened(`${name}:${value.text}`)}"`
    : 'docs/filters.md lists them';
}

function spellings({ name, aliases }: Field): readonly string[] {
  return [name, ...aliases];
}

const PLURALS: Readonly<Record<string, string>> = { flow: 'flows', finding: 'findings', dns: 'DNS records' };

function plural(kinds: readonly string[]): string {
  return kinds.map((kind) => PLURALS[kind] ?? `${kind} records`).join(', ');
}
