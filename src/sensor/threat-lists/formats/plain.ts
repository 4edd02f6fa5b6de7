/**
 * One value a line: an address, a network, a domain, a URL, with a port or without. Comments begin with `#`, `;` or `!`
 * and become the note of what stands before them. A hosts file is told by its lines: an address that means nobody, then names.
 */
import type { IndicatorSet } from '../indicator-set.ts';
import { Lines } from './lines.ts';
import type { ListParser } from './parser.ts';

/** Where hosts files send names to be rid of them. */
const NOWHERE: ReadonlySet<string> = new Set([
  '0.0.0.0',
  '127.0.0.1',
  '127.0.1.1',
  '::',
  '::1',
  '255.255.255.255',
]);
/** What every hosts file begins with; no domain of anybody. */
const FURNITURE =
  /^(?:localhost|local|broadcasthost|0\.0\.0\.0|(?:ip6-)?localhost\.localdomain|ip6-[a-z]+)$/i;

export function plainParser(into: IndicatorSet): ListParser {
  const lines = new Lines(
    (line, number) => {
      into.report.lines = number;
      readLine(into, line, number);
    },
    (number, begin) => {
      into.report.lines = number;
      into.notUnderstood(number, begin, 'the line is too long');
    },
  );
  return {
    push: (text) => lines.push(text),
    end() {
      lines.end();
      return undefined;
    },
  };
}

function readLine(into: IndicatorSet, line: string, number: number): void {
  const { content, comment } = withoutComment(line);
  if (content === '') return;
  const space = content.search(/\s/);
  const first = space < 0 ? content : content.slice(0, space);
  const rest = space < 0 ? '' : content.slice(space).trim();
  if (NOWHERE.has(first) && rest !== '') {
    for (const name of rest.split(/\s+/)) {
      if (!FURNITURE.test(name)) into.add({ value: name, type: 'host', note: comment }, number);
    }
    return;
  }
  // `198.51.100.0 - 198.51.100.255` is none of its two ends.
  if (rest.startsWith('-')) into.notUnderstood(number, content);
  else into.add({ value: first, note: joined(rest, comment) }, number);
}

function withoutComment(line: string): { readonly content: string; readonly comment: string | undefined } {
  const at = line.search(/[#;]|^\s*!/);
  if (at < 0) return { content: line.trim(), comment: undefined };
  // A fragment of a URL is no comment.
  const isInside = line[at] === '#' && at > 0 && !/\s/.test(line[at - 1]!) && line.includes('://');
  if (isInside) return { content: line.trim(), comment: undefined };
  return { content: line.slice(0, at).trim(), comment: line.slice(at).replace(/^[#;!\s]+/, '') };
}

function joined(rest: string, comment: string | undefined): string | undefined {
  if (rest === '') return comment;
  return comment === undefined ? rest : `${rest} ${comment}`;
}
