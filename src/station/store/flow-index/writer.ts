/**
 * Keeps the index over stored flows: blocks of a few thousand rows, column by column, in the order in which they were
 * stored. Made of the rows alone, in the transaction that stores them: a crash leaves whole blocks and rows in none,
 * which are read again when writing goes on. So is a database of an earlier format, some thousand rows a second.
 *
 * Invariant: a row up to `covered` is in a block, or in `flow_loose` because it will be replaced (the flow goes on); a
 * row beyond is in neither. A row of a block that was replaced all the same is in `flow_replaced`.
 */
import type { Database, Statement } from 'better-sqlite3';
import { type FlowRow, flowRowText } from '../../../model/flow-row.ts';
import type { Micros } from '../../../model/time.ts';
import { encodeColumn } from './columns.ts';
import { BLOCK_ROOM, BLOCK_ROWS, COLUMN_NAMES, type ColumnName, columnId } from './layout.ts';
import { goesOn, noParts, takeApart } from './parts.ts';
import { Words } from './words.ts';

/**
 * Rows of earlier runs that one step reads again, 20 ms in which the station does nothing else: a block's worth. While
 * there are such, a step follows after so many new rows as are half of it, so that it catches up with any pace.
 */
const NEW_PER_READ = 0.5;

interface StoredRow {
  readonly seq: number;
  readonly start: Micros;
  readonly time: Micros;
  readonly orig: string;
  readonly resp: string;
  readonly text: string;
}

export class FlowIndexWriter {
  readonly #statements: ReturnType<typeof prepare>;
  readonly #columns: Readonly<Record<ColumnName, Float64Array>>;
  readonly #blockRows: number;
  readonly #parts = noParts();
  readonly #loose = new Set<number>();
  #words: Words;
  #rows = 0;
  #leastTime = Number.POSITIVE_INFINITY;
  /** The last row that is in what waits, or in a block. */
  #last = 0;
  #covered = 0;
  /** Whether all rows beyond `covered` wait here. */
  #isWhole = false;
  #newRows = Number.POSITIVE_INFINITY;

  /** `blockRows`: tests make small ones. */
  constructor(db: Database, blockRows = BLOCK_ROWS) {
    this.#blockRows = blockRows;
    this.#statements = prepare(db);
    this.#columns = Object.fromEntries(
      COLUMN_NAMES.map((name) => [name, new Float64Array(BLOCK_ROOM)]),
    ) as Record<ColumnName, Float64Array>;
    this.#words = new Words(this.#nextWord());
    this.forget();
  }

  /** Whether rows are left that `catchUp` has to read. */
  get isBehind(): boolean {
    return !this.#isWhole;
  }

  /** A row that was stored, in the same transaction. */
  add(seq: number, row: FlowRow): void {
    this.#newRows += 1;
    if (this.#isWhole) this.#take(seq, row[1], row[2], row[5], row[6], flowRowText(row));
  }

  /** The row of a flow gives way to a later one; called before. */
  replaced(seq: number): void {
    if (seq <= this.#covered) {
      if (this.#statements.dropLoose.run(seq).changes === 0) this.#statements.replaced.run(seq);
    } else if (this.#isWhole && !this.#loose.delete(seq)) this.#drop(seq);
  }

  /** At the end of a transaction that stored rows. */
  settle(): void {
    if (this.#isWhole) {
      if (this.#rows + this.#loose.size >= this.#blockRows) this.#close();
    } else if (this.#newRows >= this.#blockRows * NEW_PER_READ) this.catchUp();
  }

  /** One step towards a whole index; call it now and then, in a transaction. */
  catchUp(): void {
    if (this.#isWhole) return;
    this.#newRows = 0;
    const rows = this.#statements.beyond.all(this.#last, this.#blockRows) as StoredRow[];
    for (const { seq, start, time, orig, resp, text } of rows) this.#take(seq, start, time, orig, resp, text);
    this.#isWhole = rows.length < this.#blockRows;
    if (this.#rows + this.#loose.size >= this.#blockRows) this.#close();
  }

  /** What waits is not sure to be stored any more: it is read again. */
  forget(): void {
    this.#clear();
    this.#words = new Words(this.#nextWord());
    this.#covered = this.#statements.covered.get() as number;
    this.#last = this.#covered;
    this.#isWhole = false;
    this.#newRows = Number.POSITIVE_INFINITY;
  }

  #nextWord(): number {
    return this.#statements.nextWord.get() as number;
  }

  #take(seq: number, start: Micros, time: Micros, origIp: string, respIp: string, text: string): void {
    this.#last = seq;
    const parts = this.#parts;
    if (goesOn(text) || !takeApart(text, origIp, respIp, parts)) {
      this.#loose.add(seq);
      return;
    }
    const columns = this.#columns;
    const i = this.#rows;
    columns.seq[i] = seq;
    columns.time[i] = time;
    columns.start[i] = start;
    const words = this.#words;
    columns.net[i] = words.numberOf(parts.net);
    columns.orig[i] = words.numberOfEnd(origIp, parts.orig);
    columns.resp[i] = words.numberOfEnd(respIp, parts.resp);
    columns.facts[i] = words.numberOf(parts.facts);
    columns.serverName[i] = words.numberOf(parts.serverName);
    columns.client[i] = words.numberOf(parts.client);
    columns.origPort[i] = parts.origPort;
    columns.respPort[i] = parts.respPort;
    columns.origBytes[i] = parts.origBytes;
    columns.respBytes[i] = parts.respBytes;
    columns.origPackets[i] = parts.origPackets;
    columns.respPackets[i] = parts.respPackets;
    this.#rows += 1;
    if (time < this.#leastTime) this.#leastTime = time;
  }

  /** Of what waits; the rows behind it move up. */
  #drop(seq: number): void {
    const at = this.#columns.seq.subarray(0, this.#rows).indexOf(seq);
    if (at < 0) return;
    for (const name of COLUMN_NAMES) this.#columns[name].copyWithin(at, at + 1, this.#rows);
    this.#rows -= 1;
  }

  #close(): void {
    const { goneSince, column, block, word, loose, cover } = this.#statements;
    // The oldest were deleted down to what waits here, so that a part of it may be gone.
    if ((goneSince.get() as number) >= this.#leastTime) this.#readAgain();
    const { time } = this.#columns;
    const id = this.#covered + 1;
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < this.#rows; i++) {
      least = Math.min(least, time[i]!);
      most = Math.max(most, time[i]!);
    }
    for (const { id: number, text } of this.#words.takeFresh()) word.run(number, text);
    for (const seq of this.#loose) loose.run(seq);
    if (this.#rows > 0) {
      for (const name of COLUMN_NAMES)
        column.run(columnId(id, name), encodeColumn(this.#columns[name], this.#rows));
      block.run(id, this.#last, this.#rows, least, most, this.#words.from);
    }
    cover.run(this.#last);
    this.#covered = this.#last;
    this.#clear();
    if (this.#words.isFull) this.#words.beginEra();
  }

  /** Only what is still there. */
  #readAgain(): void {
    const upTo = this.#last;
    this.#clear();
    for (const { seq, start, time, orig, resp, text } of this.#statements.between.all(
      this.#covered,
      upTo,
    ) as StoredRow[])
      this.#take(seq, start, time, orig, resp, text);
    this.#last = upTo;
  }

  #clear(): void {
    this.#rows = 0;
    this.#loose.clear();
    this.#leastTime = Number.POSITIVE_INFINITY;
  }
}

function prepare(db: Database) {
  const row =
    'SELECT seq, start_us AS start, time_us AS time, orig_ip AS orig, resp_ip AS resp, record AS text';
  const pluck = (sql: string): Statement => db.prepare(sql).pluck();
  return {
    covered: pluck('SELECT covered FROM flow_index'),
    goneSince: pluck('SELECT gone_us FROM flow_index'),
    nextWord: pluck('SELECT coalesce(max(id), 0) + 1 FROM flow_words'),
    beyond: db.prepare(`${row} FROM flows WHERE seq > ? ORDER BY seq LIMIT ?`),
    between: db.prepare(`${row} FROM flows WHERE seq > ? AND seq <= ? ORDER BY seq`),
    word: db.prepare('INSERT INTO flow_words (id, text) VALUES (?, ?)'),
    column: db.prepare('INSERT INTO flow_columns (id, data) VALUES (?, ?)'),
    block: db.prepare(
      `INSERT INTO flow_blocks (id, last_seq, rows, least_us, most_us, words_from, gone_us, gone_seq)
       VALUES (?, ?, ?, ?, ?, ?, ${NEVER}, 0)`,
    ),
    loose: db.prepare('INSERT OR IGNORE INTO flow_loose (seq) VALUES (?)'),
    dropLoose: db.prepare('DELETE FROM flow_loose WHERE seq = ?'),
    replaced: db.prepare('INSERT OR IGNORE INTO flow_replaced (seq) VALUES (?)'),
    cover: db.prepare(`UPDATE flow_index SET covered = ?, gone_us = ${NEVER}`),
  };
}

/** Before all times. */
export const NEVER = Number.MIN_SAFE_INTEGER;
