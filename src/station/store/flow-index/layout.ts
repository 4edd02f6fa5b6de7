/** Which columns a block has, and by which number they are stored. Numbers are never used again for another meaning. */
export const COLUMNS = {
  seq: 0,
  time: 1,
  start: 2,
  net: 3,
  orig: 4,
  resp: 5,
  facts: 6,
  serverName: 7,
  client: 8,
  origPort: 9,
  respPort: 10,
  origBytes: 11,
  respBytes: 12,
  origPackets: 13,
  respPackets: 14,
} as const;

export type ColumnName = keyof typeof COLUMNS;

export const COLUMN_NAMES = Object.keys(COLUMNS) as ColumnName[];

/** Those that hold words. */
export const WORD_COLUMNS = ['net', 'orig', 'resp', 'facts', 'serverName', 'client'] as const;
export type WordColumn = (typeof WORD_COLUMNS)[number];

const MOST_COLUMNS = 16;

/** The key of a block's column. */
export function columnId(block: number, column: ColumnName): number {
  return block * MOST_COLUMNS + COLUMNS[column];
}

/** The keys of all columns of a block are in [from, before). */
export function columnIds(block: number): { readonly from: number; readonly before: number } {
  return { from: block * MOST_COLUMNS, before: (block + 1) * MOST_COLUMNS };
}

/**
 * A block is closed with the transaction in which it has that many. Smaller ones cost the reader more steps, larger ones
 * more rows that are read as JSON because they are in no block yet.
 */
export const BLOCK_ROWS = 4096;
/** And a transaction of the store that closes it may bring so many more. */
export const BLOCK_ROOM = 2 * BLOCK_ROWS;
