/**
 * A filter as it was written, not yet held against the fields. `a != b` is `not a:b` and `a:(b or c)` is `a:b or a:c`,
 * so that later steps know three connectives and one comparison.
 */
import { parseCidr, parseIp } from '../model/ip.ts';

/** [from, to) in UTF-16 units of the filter's text. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export type Operator = '=' | '>' | '>=' | '<' | '<=';

export interface Value extends Span {
  readonly text: string;
  /** Then a `*` in it is a star, no wildcard. */
  readonly isQuoted: boolean;
}

export interface Comparison {
  readonly type: 'compare';
  readonly field: { readonly text: string } & Span;
  readonly operator: Operator;
  readonly value: Value;
}

export type Ast =
  | { readonly type: 'and' | 'or'; readonly parts: readonly Ast[] }
  | { readonly type: 'not'; readonly part: Ast }
  | Comparison
  /** A word alone: searched in the names. */
  | { readonly type: 'word'; readonly value: Value };

/** What may stand without quotes where a word alone is expected; `:` and the like would make it a comparison. */
const BARE_WORD = /^[^\s()<>"'=:!&|][^\s()<>"=:!]*$/;
const BARE_VALUE = /^[^\s()<>"'=][^\s()<>"]*$/;
const KEYWORD = /^(?:and|or|not|&&|\|\||!)$/i;

export function isKeyword(text: string): boolean {
  return KEYWORD.test(text);
}

/** Addresses may have colons and yet be words. */
export function isAddress(text: string): boolean {
  return parseIp(text) !== undefined || parseCidr(text) !== undefined;
}

/** The filter in its one canonical spelling; parsing that gives the same tree. */
export function printAst(ast: Ast): string {
  switch (ast.type) {
    case 'and':
    case 'or':
      return ast.parts.map(printOperand).join(` ${ast.type} `);
    case 'not':
      return `not ${printOperand(ast.part)}`;
    case 'compare':
      return printComparison(ast);
    case 'word':
      return isAddress(ast.value.text) && !ast.value.isQuoted
        ? ast.value.text
        : printValue(ast.value, BARE_WORD);
  }
}

/** `fe80=:1` is spelt with its other sign, for `fe80::1` is read as the address that it also is. */
function printComparison({ field, operator, value }: Comparison): string {
  const printed = printValue(value, BARE_VALUE);
  if (operator !== '=') return `${field.text}${operator}${printed}`;
  return isAddress(`${field.text}:${printed}`) ? `${field.text}=${printed}` : `${field.text}:${printed}`;
}

function printOperand(ast: Ast): string {
  return ast.type === 'and' || ast.type === 'or' ? `(${printAst(ast)})` : printAst(ast);
}

function printValue({ text, isQuoted }: Value, bare: RegExp): string {
  if (!isQuoted && bare.test(text) && !isKeyword(text)) return text;
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}
