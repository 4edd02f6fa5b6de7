/** Which format a file has, by how it begins. */
import type { ListFormat } from '../config.ts';
import { csvHeader, csvParser, splitRow } from './csv.ts';
import { jsonParser } from './json.ts';
import type { MakeParser } from './parser.ts';
import { plainParser } from './plain.ts';

export type KnownFormat = Exclude<ListFormat, 'auto'>;

export const PARSERS: Readonly<Record<KnownFormat, MakeParser>> = {
  plain: plainParser,
  csv: csvParser,
  json: jsonParser,
};

/** `begin`: the first some thousand characters, or the whole where it is shorter. */
export function detectFormat(begin: string): KnownFormat {
  // A line with an address in brackets begins with one too.
  if (/^\s*(?:\{|\[\s*(?:["{[\]]|$))/.test(begin)) return 'json';
  return isCsv(begin.split('\n')) ? 'csv' : 'plain';
}

/** A header, and after it a row of as many columns: words of a comment could be taken for a header. */
function isCsv(lines: readonly string[]): boolean {
  let header: ReturnType<typeof csvHeader>;
  for (const raw of lines) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.trim() === '') continue;
    if (line.startsWith('#')) {
      header = csvHeader(line) ?? header;
      continue;
    }
    if (header !== undefined) {
      // A quoted field may go on in the next line.
      const row = splitRow(line, header.separator);
      return row === undefined || row.length === header.columns;
    }
    header = csvHeader(line);
    if (header === undefined) return false;
  }
  return header !== undefined && !header.isComment;
}
