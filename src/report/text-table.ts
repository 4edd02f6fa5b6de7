/** Tables of plain text that fit a width: prose is broken into lines, other cells give way only where they must. */

export interface TextColumn {
  readonly title: string;
  readonly right?: boolean;
  readonly isProse?: boolean;
}

const GAP = '  ';
const LEAST_PROSE = 24;
const LEAST_CELL = 8;

/** Without a width nothing is broken or cut. The first line has the titles. */
export function textTable(
  columns: readonly TextColumn[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string[] {
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  if (width !== undefined) narrow(widths, columns, width);
  const lines = (cells: readonly string[]): string[] => {
    const wrapped = cells.map((cell, i) => wrap(cell, widths[i]!));
    const height = Math.max(...wrapped.map((parts) => parts.length));
    return Array.from({ length: height }, (_, y) =>
      wrapped
        .map((parts, i) => {
          const part = parts[y] ?? '';
          return columns[i]!.right === true ? part.padStart(widths[i]!) : part.padEnd(widths[i]!);
        })
        .join(GAP)
        .trimEnd(),
    );
  };
  return [...lines(columns.map(({ title }) => title)), ...rows.flatMap(lines)];
}

/** Prose gives way first, then the widest of the others; below the least of each, lines are too long. */
function narrow(widths: number[], columns: readonly TextColumn[], width: number): void {
  const total = () => widths.reduce((sum, one) => sum + one, 0) + GAP.length * (widths.length - 1);
  columns.forEach(({ isProse }, i) => {
    if (isProse === true)
      widths[i] = Math.max(Math.min(widths[i]!, LEAST_PROSE), widths[i]! - Math.max(0, total() - width));
  });
  while (total() > width) {
    const widest = widths.reduce((best, one, i) => (one > widths[best]! ? i : best), 0);
    if (widths[widest]! <= LEAST_CELL) return;
    widths[widest]! -= 1;
  }
}

/** At spaces; a word that is longer than the line is broken anywhere. */
export function wrap(text: string, width: number | undefined, indent = ''): string[] {
  if (width === undefined || text.length + indent.length <= width) return [indent + text];
  const room = Math.max(1, width - indent.length);
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = '';
    } else if (line !== '') {
      line += ` ${word}`;
      continue;
    }
    let rest = word;
    for (; rest.length > room; rest = rest.slice(room)) lines.push(rest.slice(0, room));
    line = rest;
  }
  if (line !== '' || lines.length === 0) lines.push(line);
  return lines.map((one) => indent + one);
}
