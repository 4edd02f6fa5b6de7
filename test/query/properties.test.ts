/** What holds for every filter, generated. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printAst } from '../../src/query/ast.ts';
import { QueryError } from '../../src/query/error.ts';
import { compileFilter } from '../../src/query/filter.ts';
import { parseFilter } from '../../src/query/parse.ts';
import { makePattern, matchesPattern } from '../../src/query/pattern.ts';
import { anyAst, comparison, meaningfulAst, NOW, shape } from './asts.ts';
import { flowRecord, toPublic } from './records.ts';

describe('any filter', () => {
  it('is read back as the tree that it was printed from', () => {
    fc.assert(
      fc.property(anyAst, (ast) => {
        expect(shape(parseFilter(printAst(ast)))).toEqual(shape(ast));
      }),
      { numRuns: 1000, examples: [[comparison('fe80', ':1')], [comparison('1', ':')]] },
    );
  });

  it('means the same when it is printed and read again', () => {
    fc.assert(
      fc.property(meaningfulAst('flow'), flowRecord, (ast, record) => {
        const options = { kinds: ['flow'], now: NOW } as const;
        const text = printAst(ast);
        const again = printAst(parseFilter(text));

        expect(again).toBe(text);
        expect(() => compileFilter(text, options).matches(toPublic(record))).not.toThrow();
      }),
      { numRuns: 500 },
    );
  });

  it('and its opposite are never both true, nor both false', () => {
    fc.assert(
      fc.property(meaningfulAst('flow'), flowRecord, (ast, record) => {
        const options = { kinds: ['flow'], now: NOW } as const;
        const subject = toPublic(record);
        const straight = compileFilter(printAst(ast), options).matches(subject);

        expect(compileFilter(`not (${printAst(ast)})`, options).matches(subject)).toBe(!straight);
      }),
      { numRuns: 500 },
    );
  });
});

describe('any text', () => {
  const soup = fc
    .array(
      fc.constantFrom(
        'and',
        'or',
        'not',
        '(',
        ')',
        '"',
        "'",
        ':',
        '>',
        '>=',
        '!=',
        '!',
        '*',
        ' ',
        '\\',
        'port',
        'src.ip',
        'bytes',
        'severity',
        'start',
        '10.0.0.0/8',
        '1MB',
        '-1h',
        'shop/db',
        '2001:db8::1',
        '&&',
        '||',
        '=',
        '\n',
        '😀',
        '\ud800',
      ),
      { maxLength: 24 },
    )
    .map((parts) => parts.join(''));

  it.each([
    ['of any characters', fc.string({ unit: 'binary', maxLength: 60 })],
    ['made of the words of the language', soup],
  ])('%s compiles or throws a QueryError whose place is in it', (_, texts) => {
    fc.assert(
      fc.property(texts, (text) => {
        try {
          compileFilter(text, { kinds: ['flow', 'finding', 'dns'], now: NOW });
        } catch (error) {
          if (!(error instanceof QueryError)) throw error;
          expect(error.from).toBeGreaterThanOrEqual(0);
          expect(error.to).toBeLessThanOrEqual(text.length);
          // An empty place is only where something is missing, at the end.
          expect(error.to > error.from || error.from === text.length).toBe(true);
          expect(error.lines).toHaveLength(3);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('any pattern', () => {
  it('matches as the regular expression does that it stands for', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '.'), maxLength: 12 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', 'A', '.', '*'), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (star, subject) => {
        const oracle = new RegExp(`^${star.replaceAll('.', '\\.').replaceAll(/\*+/g, '.*')}$`, 'i');

        expect(matchesPattern(makePattern(star, false), subject)).toBe(oracle.test(subject));
      }),
      { numRuns: 3000 },
    );
  });
});
