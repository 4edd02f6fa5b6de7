/**
 * CSV with a header (RFC 4180), which may stand in a comment, as abuse.ch writes it. The header says which column holds
 * the indicator. Values are only compared, never run or written anywhere, so that a formula in one is nothing but text.
 */
import type { IndicatorSet } from '../indicator-set.ts';
import { addRow, type Fields, fieldsOf } from './fields.ts';
import { Lines, MAX_LINE_CHARS } from './lines.ts';
import type { ListParser } from './parser.ts';

const SEPARATORS = [',', ';', '\t'] as const;
type Separator = (typeof SEPARATORS)[number];

export interface CsvHeader {
  readonly separator: Separator;
  readonly fields: Fields;
  readonly columns: number;
  readonly isComment: boolean;
}

/** Undefined when the line is no header that names a column of indicators. */
export function csvHeader(line: string): CsvHeader | undefined {
  const isComment = line.startsWith('#');
  const text = isComment ? line.replace(/^#+\s*/, '') : line;
  for (const separator of SEPARATORS) {
    const names = splitRow(text, separator);
    if (names === undefined || !names.every((name) => /^[\w -]{1,40}$/.test(name))) continue;
    // A comment of one word is a comment.
    if (isComment && names.length < 2) continue;
    const fields = fieldsOf(names);
    if (fields !== undefined) return { separator, fields, columns: names.length, isComment };
  }
  return undefined;
}

export function csvParser(into: IndicatorSet): ListParser {
  let header: CsvHeader | undefined;
  /** A row whose quoted field goes on in the next line. */
  let open = '';
  let openLine = 0;
  let isFirstRow = true;

  function readLine(text: string, number: number): void {
    into.report.lines = number;
    if (open === '' && text.trim() === '') return;
    if (open === '' && text.startsWith('#')) {
      header ??= csvHeader(text);
      return;
    }
    if (isFirstRow) {
      isFirstRow = false;
      // What stands there uncommented is surely meant as one.
      const plain = csvHeader(text);
      header = plain ?? header;
      if (plain !== undefined) return;
    }
    if (header === undefined) into.notUnderstood(number, text, 'no header tells which column is which');
    else readRow(header, text, number);
  }

  function readRow({ separator, fields }: CsvHeader, text: string, number: number): void {
    const line = open === '' ? number : openLine;
    const whole = open === '' ? text : `${open}\n${text}`;
    const row = splitRow(whole, separator);
    if (row !== undefined) {
      open = '';
      addRow(into, fields, row, line);
    } else if (whole.length > MAX_LINE_CHARS) {
      open = '';
      into.notUnderstood(line, whole, 'a quote is never closed');
    } else {
      open = whole;
      openLine = line;
    }
  }

  const lines = new Lines(readLine, (number, begin) => {
    into.report.lines = number;
    open = '';
    into.notUnderstood(number, begin, 'the line is too long');
  });
  return {
    push: (text) => lines.push(text),
    end() {
      lines.end();
      if (open !== '') into.notUnderstood(openLine, open, 'a quote is never closed');
      return header === undefined
        ? 'no header tells which column holds the indicators (such as ip, domain, url, ioc_value)'
        : undefined;
    },
  };
}

/** The fields, without their quotes and the blanks around them; undefined when a quote is still open. */
export function splitRow(line: string, separator: string): string[] | undefined {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    while (line[at] === ' ') at += 1;
    if (line[at] === '"') {
      const end = closingQuote(line, at + 1);
      if (end < 0) return undefined;
      fields.push(line.slice(at + 1, end).replaceAll('""', '"'));
      at = line.indexOf(separator, end);
    } else {
      const begin = at;
      at = line.indexOf(separator, begin);
      fields.push((at < 0 ? line.slice(begin) : line.slice(begin, at)).trim());
    }
    if (at < 0) return fields;
    at += 1;
  }
}

function closingQuote(line: string, from: number): number {
  for (let at = line.indexOf('"', from); at >= 0; at = line.indexOf('"', at + 2)) {
    if (line[at + 1] !== '"') return at;
  }
  return -1;
}
