/**
 * From text to tree, by recursive descent. The text is anybody's: its length, depth and number of conditions are
 * bounded, so that neither the stack nor a database's limits can be reached, and nothing but QueryError is thrown.
 *
 *   filter     = and { "or" and }
 *   and        = not { ["and"] not }
 *   not        = "not" not | "(" filter ")" | comparison | word
 *   comparison = field operator ( value | "(" values ")" )      values: as a filter, of values; joined in words only
 */
import { type Ast, isAddress, isKeyword, type Operator, type Value } from './ast.ts';
import { QueryError, shortened } from './error.ts';

export const MAX_LENGTH = 4096;
/** Of parentheses and `not`. */
export const MAX_DEPTH = 50;
/** SQLite refuses expressions deeper than 1000, and a chain of `or` is as deep as it is long. */
export const MAX_CONDITIONS = 200;

const SPACE = /\s*/y;
const WORD_AND = /(?:and(?=[\s()"']|$)|&&)/iy;
const WORD_OR = /(?:or(?=[\s()"']|$)|\|\|)/iy;
const WORD_NOT = /(?:not(?=[\s()"']|$)|!(?!=))/iy;
const RUN = /[^\s()<>"]+/y;
const NAME = /[^\s()<>"'=:!&|][^\s()<>"=:!]*/y;
const OPERATOR = /\s*(>=|<=|==|!=|[:=<>])/y;
const AFTER_VALUE = /[\s()]|$/y;

export function parseFilter(text: string): Ast {
  if (text.length > MAX_LENGTH) {
    const problem = `a filter has at most ${MAX_LENGTH} characters, this one ${text.length}`;
    throw new QueryError(problem, text, MAX_LENGTH, text.length);
  }
  return new Parser(text).parse();
}

/** Reads one operand of `and`, `or`, `not`: a condition, or a value within a list. */
type Leaf = () => Ast;

class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #conditions = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Ast {
    const ast = this.#or(this.#condition, false);
    if (this.#at < this.#text.length) throw this.#error('this ")" closes nothing', this.#at, this.#at + 1);
    return ast;
  }

  #or(leaf: Leaf, isList: boolean): Ast {
    const parts = [this.#and(leaf, isList)];
    while (this.#take(WORD_OR) !== undefined) parts.push(this.#and(leaf, isList));
    return parts.length === 1 ? parts[0]! : { type: 'or', parts };
  }

  #and(leaf: Leaf, isList: boolean): Ast {
    const parts = [this.#not(leaf, isList)];
    while (this.#take(WORD_AND) !== undefined || this.#another(isList)) parts.push(this.#not(leaf, isList));
    return parts.length === 1 ? parts[0]! : { type: 'and', parts };
  }

  /** Conditions side by side mean `and`; values side by side mean nothing, because people expect `or` there. */
  #another(isList: boolean): boolean {
    this.#skipSpace();
    if (this.#at >= this.#text.length || this.#text[this.#at] === ')' || this.#sees(WORD_OR)) return false;
    if (isList) throw this.#errorHere('expected "or", "and" or ")" between the values of a list');
    return true;
  }

  #not(leaf: Leaf, isList: boolean): Ast {
    const from = this.#at;
    if (this.#take(WORD_NOT) !== undefined) {
      return this.#nested(from, () => ({ type: 'not', part: this.#not(leaf, isList) }));
    }
    this.#skipSpace();
    return this.#text[this.#at] === '(' ? this.#parenthesis(leaf, isList) : leaf();
  }

  #parenthesis(leaf: Leaf, isList: boolean): Ast {
    const open = this.#at;
    this.#at += 1;
    return this.#nested(open, () => {
      const inner = this.#or(leaf, isList);
      if (this.#text[this.#at] !== ')') throw this.#error('this "(" is never closed', open, open + 1);
      this.#at += 1;
      return inner;
    });
  }

  #nested(from: number, read: () => Ast): Ast {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) {
      throw this.#error(`nested deeper than ${MAX_DEPTH} parentheses and "not"`, from, from + 1);
    }
    const ast = read();
    this.#depth -= 1;
    return ast;
  }

  readonly #condition = (): Ast => {
    this.#skipSpace();
    const from = this.#at;
    const char = this.#text[from];
    if (char === undefined || char === ')') throw this.#missing('expected a condition, like port:443');
    this.#count(from);
    if (char === '"' || char === "'") return { type: 'word', value: this.#endOf(this.#quoted()) };
    const run = this.#match(RUN);
    if (run !== undefined && isAddress(run)) return { type: 'word', value: this.#endOf(this.#bare(RUN)!) };
    const name = this.#bare(NAME);
    if (name === undefined) throw this.#errorHere('expected a field or a word here');
    if (isKeyword(name.text)) {
      throw this.#error(`expected a condition before "${name.text}"`, name.from, name.to);
    }
    const operatorText = this.#match(OPERATOR);
    if (operatorText === undefined) return { type: 'word', value: this.#endOf(name) };
    this.#at += operatorText.length;
    const found = operatorText.trim();
    const field = { text: name.text, from: name.from, to: name.to };
    const isNegated = found === '!=';
    const operator = isNegated || found === ':' || found === '==' ? '=' : (found as Operator);
    const ast = this.#comparisons(field, operator, found);
    return isNegated ? { type: 'not', part: ast } : ast;
  };

  #comparisons(
    field: Value | { text: string; from: number; to: number },
    operator: Operator,
    written: string,
  ): Ast {
    const compare = (): Ast => ({
      type: 'compare',
      field,
      operator,
      value: this.#value(`${shortened(field.text)}${written}`),
    });
    this.#skipSpace();
    if (this.#text[this.#at] !== '(') return compare();
    if (operator !== '=') {
      throw this.#errorHere(
        `a list goes with ":" only; repeat ${shortened(field.text)}${written} for each value`,
      );
    }
    let first = true;
    return this.#parenthesis(() => {
      if (!first) this.#count(this.#at);
      first = false;
      return compare();
    }, true);
  }

  #value(after: string): Value {
    this.#skipSpace();
    const char = this.#text[this.#at];
    if (char === undefined || char === ')') throw this.#missing(`expected a value after ${after}`);
    if (char === '"' || char === "'") return this.#endOf(this.#quoted());
    const value = char === '=' ? undefined : this.#bare(RUN);
    if (value === undefined) {
      const hint = after.endsWith(':') ? `; compare without the colon: ${after.slice(0, -1)}${char}...` : '';
      throw this.#errorHere(`expected a value after ${after}${hint}`);
    }
    if (isKeyword(value.text)) {
      const problem = `expected a value after ${after}; quote "${value.text}" when it is meant as one`;
      throw this.#error(problem, value.from, value.to);
    }
    return this.#endOf(value);
  }

  #bare(pattern: RegExp): Value | undefined {
    const from = this.#at;
    const text = this.#match(pattern);
    if (text === undefined) return undefined;
    this.#at += text.length;
    return { text, isQuoted: false, from, to: this.#at };
  }

  /** `\"` and `\\` stand for themselves; any other backslash is one, because DNS names are full of them. */
  #quoted(): Value {
    const from = this.#at;
    const quote = this.#text[from]!;
    let text = '';
    for (this.#at += 1; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at]!;
      const next = this.#text[this.#at + 1];
      if (char === quote) {
        this.#at += 1;
        return { text, isQuoted: true, from, to: this.#at };
      }
      if (char === '\\' && (next === quote || next === '\\')) this.#at += 1;
      text += this.#text[this.#at];
    }
    throw this.#error(`this ${quote} is never closed`, from, from + 1);
  }

  /** What follows at once would else be read as something of its own. */
  #endOf(value: Value): Value {
    if (this.#sees(AFTER_VALUE)) return value;
    throw this.#errorHere(`expected a space here; quote what belongs together, as in "a:b"`);
  }

  #count(from: number): void {
    this.#conditions += 1;
    if (this.#conditions <= MAX_CONDITIONS) return;
    throw this.#error(`more than ${MAX_CONDITIONS} conditions`, from, this.#text.length);
  }

  #skipSpace(): void {
    SPACE.lastIndex = this.#at;
    this.#at += SPACE.exec(this.#text)![0].length;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0];
  }

  #sees(pattern: RegExp): boolean {
    return this.#match(pattern) !== undefined;
  }

  #take(pattern: RegExp): string | undefined {
    this.#skipSpace();
    const found = this.#match(pattern);
    this.#at += found?.length ?? 0;
    return found;
  }

  #missing(problem: string): QueryError {
    return this.#at < this.#text.length
      ? this.#errorHere(problem)
      : this.#error(problem, this.#text.length, this.#text.length);
  }

  /** Under the one character, or pair of surrogates, that stands here. */
  #errorHere(problem: string): QueryError {
    const width = String.fromCodePoint(this.#text.codePointAt(this.#at)!).length;
    return this.#error(problem, this.#at, this.#at + width);
  }

  #error(problem: string, from: number, to: number): QueryError {
    return new QueryError(problem, this.#text, from, to);
  }
}
