/** Generated trees: of any shape for the spelling, and such as the fields allow for the meaning. */
import fc from 'fast-check';
import type { Ast, Value } from '../../src/query/ast.ts';
import { FIELDS, type Field } from '../../src/query/fields.ts';
import { T0 } from './records.ts';

const NOWHERE = { from: 0, to: 0 };

function value(text: string, isQuoted = false): Value {
  return { text, isQuoted, ...NOWHERE };
}

const quoted = fc.string({ unit: 'binary', maxLength: 12 }).map((text) => value(text, true));
const bareWord = fc
  .stringMatching(/^[a-zA-Z0-9*./_@-]{1,10}$/)
  .filter((text) => !/^(and|or|not)$/i.test(text))
  .map((text) => value(text));
const bareValue = fc
  .stringMatching(/^[a-zA-Z0-9*.:/_@-][a-zA-Z0-9*.:/=_@!&|'-]{0,9}$/)
  .filter((text) => !/^(and|or|not)$/i.test(text))
  .map((text) => value(text));

const operator = fc.constantFrom('=', '>', '>=', '<', '<=' as const);

export const anyAst: fc.Arbitrary<Ast> = tree(
  fc.oneof(
    fc.record({ type: fc.constant('word' as const), value: fc.oneof(bareWord, quoted) }),
    fc.record({
      type: fc.constant('compare' as const),
      field: bareWord.map(({ text }) => ({ text, ...NOWHERE })),
      operator,
      value: fc.oneof(bareValue, quoted),
    }),
  ) as fc.Arbitrary<Ast>,
);

/** `field:text`, whose spelling may be one that means something else. */
export function comparison(field: string, text: string): Ast {
  return { type: 'compare', field: { text: field, ...NOWHERE }, operator: '=', value: value(text) };
}

function tree(leaf: fc.Arbitrary<Ast>): fc.Arbitrary<Ast> {
  return fc.letrec<{ ast: Ast }>((tie) => ({
    ast: fc.oneof(
      { depthSize: 'small', maxDepth: 4 },
      leaf,
      fc.record({
        type: fc.constantFrom('and' as const, 'or' as const),
        parts: fc.array(tie('ast'), { minLength: 2, maxLength: 4 }),
      }),
      fc.record({ type: fc.constant('not' as const), part: tie('ast') }),
    ),
  })).ast;
}

const TEXTS = [
  'db',
  'DB',
  'shop',
  'shop/db',
  'data',
  'shop_data',
  '*',
  'd*',
  '*a*a*',
  '*.example.com',
  'x/y',
  'tls',
  '3f2a',
  '3f2ab4c5d6e73f2a',
  'größe',
  '#3f2a',
  '1:orig=',
  '02:42:*',
];
const QUOTED = ['a"b\\c', 'with space', '*', '', '\u202e\u0000', '\ud800', 'a\\032b.example'];
const IPS = [
  '172.30.1.5',
  '172.30.1.0/24',
  '172.0.0.0/6',
  '172.30.1.4/30',
  '2001:db8::/32',
  'fe80::1',
  '0.0.0.0/0',
  '::/0',
  '::ffff:10.0.0.1',
];
const COUNTS = ['0', '1', '53', '443', '5432', '64496', '65535'];
const SIZES = ['0', '60', '1kB', '1.5kB', '1MiB', '1MB', '5000000'];
const DURATIONS = ['0', '1us', '1200us', '1.5s', '1m', '1h'];
const TIMES = ['-2m', 'now', '-1h', '2026-11-23', '2026-11-23T14:01', '"2026-11-23 14:02:00"'];

/** Conditions that are right for their field. */
function fieldAst(field: Field): fc.Arbitrary<Ast> {
  const compare = (texts: readonly string[], operators: readonly string[] = ['=']) =>
    fc
      .tuple(
        fc.constantFrom(field.name, ...field.aliases),
        fc.constantFrom(...operators),
        fc.constantFrom(...texts),
      )
      .map(([name, operator, text]): Ast => {
        const isQuoted = text.startsWith('"') && text.length > 2;
        return {
          type: 'compare',
          field: { text: name, ...NOWHERE },
          operator: operator as '=',
          value: value(isQuoted ? text.slice(1, -1) : text, isQuoted),
        };
      });
  const ordered = ['>', '>=', '<', '<='];
  switch (field.type) {
    case 'text':
    case 'exact':
    case 'container': {
      const known = field.example.slice(field.example.indexOf(':') + 1);
      return compare([...TEXTS, ...QUOTED.map((text) => `"${text}"`), known.startsWith('(') ? '*' : known]);
    }
    case 'choice': {
      const choices = field.choices ?? [];
      return fc.oneof(
        compare(['*', ...choices, ...choices.map((choice) => choice.toUpperCase()), `${choices[0]![0]}*`]),
        ...(field.isOrdered === true ? [compare(choices, ordered)] : []),
      );
    }
    case 'ip':
      return compare(['*', ...IPS]);
    case 'data':
      return compare([
        '*',
        ...IPS,
        '198.51.100.0/24',
        '198.*',
        'cdn.example.net',
        ...QUOTED.map((text) => `"${text}"`),
      ]);
    case 'count':
      return fc.oneof(compare(['*', ...COUNTS]), compare(COUNTS, ordered));
    case 'size':
      return fc.oneof(compare(['*', ...SIZES]), compare(SIZES, ordered));
    case 'duration':
      return fc.oneof(compare(['*', ...DURATIONS]), compare(DURATIONS, ordered));
    case 'time':
      return fc.oneof(compare(['*', '2026-11-23T14:01', '2026-11-23']), compare(TIMES, ordered));
  }
}

export function meaningfulAst(kind: 'flow' | 'finding' | 'dns'): fc.Arbitrary<Ast> {
  const fields = FIELDS.filter(({ read }) => read[kind] !== undefined);
  const word = fc.constantFrom(...TEXTS, ...IPS).map((text): Ast => ({ type: 'word', value: value(text) }));
  const odd = fc.constantFrom(...QUOTED).map((text): Ast => ({ type: 'word', value: value(text, true) }));
  return tree(fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...fields).chain(fieldAst) }, word, odd));
}

/** A tree without its places in the text. */
export function shape(ast: Ast): unknown {
  return JSON.parse(JSON.stringify(ast, (key, part) => (key === 'from' || key === 'to' ? undefined : part)));
}

/** Two minutes after the middle of the generated times. */
export const NOW = T0 + 120_000_000;
