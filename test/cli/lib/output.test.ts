import { describe, expect, it } from 'vitest';
import {
  type Column,
  clockText,
  formatBytes,
  renderTable,
  streamedRow,
  streamedTitles,
} from '../../../src/cli/lib/output.ts';

interface Row {
  readonly name: string;
  readonly count: number;
}

const columns: readonly Column<Row>[] = [
  { title: 'NAME', cell: ({ name }) => name, maxWidth: 12, streamWidth: 8 },
  { title: 'COUNT', cell: ({ count }) => String(count), right: true, streamWidth: 6 },
  { title: 'LAST', cell: ({ name }) => name, maxWidth: 12 },
];

describe('renderTable', () => {
  it('aligns text to the left, numbers to the right, and leaves no spaces at line ends', () => {
    const table = renderTable(
      [
        { name: 'a', count: 5 },
        { name: 'longer', count: 12_345 },
      ],
      columns,
    );

    expect(table.split('\n')).toEqual(['NAME    COUNT  LAST', 'a           5  a', 'longer  12345  longer']);
  });

  it('aligns by what is shown: the escaped text', () => {
    const [, hostile, plain] = renderTable(
      [
        { name: '\u001b[31m', count: 1 },
        { name: 'x', count: 1 },
      ],
      columns,
    ).split('\n');

    expect(hostile).toBe('\\x1b[31m      1  \\x1b[31m');
    expect(plain).toBe('x             1  x');
  });

  it('cuts a cell that is too long, with a mark', () => {
    const [, row] = renderTable([{ name: 'x'.repeat(40), count: 1 }], columns).split('\n');

    expect(row).toMatch(/^x{11}~ /);
  });
});

describe('streamedRow', () => {
  it('stands under its title as long as it fits', () => {
    const titles = streamedTitles(columns);
    const row = streamedRow({ name: 'a', count: 7 }, columns);

    expect(titles.indexOf('LAST')).toBe(row.lastIndexOf('a'));
  });

  it('escapes', () => {
    expect(streamedRow({ name: 'a\u009bb', count: 7 }, columns)).toContain('a\\x9bb');
  });
});

describe('clockText', () => {
  it('is UTC to the second, and leaves alone what is no time', () => {
    expect(clockText('2026-11-23T14:02:07.000123Z')).toBe('2026-11-23 14:02:07Z');
    expect(clockText('invalid-time')).toBe('invalid-time');
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [5 * 2 ** 40, '5.0 TiB'],
    [2 ** 60, '1048576.0 TiB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
