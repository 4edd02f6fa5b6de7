/**
 * Flows summed up from the index: all rows of the blocks that a question is about, and from their JSON the few that are
 * in none (the newest, and flows that go on). What is looked at is settled in one short transaction; blocks never change
 * after that, so they are read one by one and hold up no writer.
 */
import type { Database } from 'better-sqlite3';
import { type PublicFlow, parseRecord } from '../../../model/serialize.ts';
import type { Micros } from '../../../model/time.ts';
import type { Aggregate } from '../../../query/aggregate.ts';
import type { Filter } from '../../../query/filter.ts';
import { decodeColumn } from './columns.ts';
import { Era } from './era.ts';
import { type ColumnName, columnId, WORD_COLUMNS } from './layout.ts';
import { NotInIndex, Plan, type RowTest } from './plan.ts';

/** More rows outside the index than that, and it would not be worth it: 0.5 s. */
const MAX_OUTSIDE_ROWS = 40_000;

export interface FlowQuestion {
  readonly since: Micros | undefined;
  readonly until: Micros | undefined;
  readonly filter: Filter | undefined;
  /** More that a flow must pass, by the word column that decides it. */
  readonly network: string | undefined;
  readonly container: ((names: PublicFlow) => boolean) | undefined;
  /** The same question in SQL, for rows outside the index. */
  readonly conditions: readonly string[];
  readonly values: readonly (string | number)[];
}

/** How an answer came to be. */
export interface Looked {
  readonly way: 'index' | 'scan';
  /** Why it was not answered from the index. */
  readonly because?: string;
  /** Rows that were looked at: in the index, and one by one. */
  readonly indexRows: number;
  readonly rows: number;
}

interface Block {
  readonly id: number;
  readonly rows: number;
  readonly least: Micros;
  readonly most: Micros;
  readonly wordsFrom: number;
  readonly gone: Micros;
  readonly goneSeq: number;
}

/** Undefined when it cannot be answered from the index; `onRefused` is told why. */
export function summarizeFromIndex(
  db: Database,
  question: FlowQuestion,
  aggregate: Aggregate,
  onRefused: (because: string) => void,
): Looked | undefined {
  try {
    return new IndexScan(db, question, aggregate).run();
  } catch (error) {
    if (!(error instanceof NotInIndex)) throw error;
    onRefused(error.message);
    return undefined;
  }
}

class IndexScan {
  readonly #db: Database;
  readonly #question: FlowQuestion;
  readonly #aggregate: Aggregate;
  readonly #plan = new Plan();
  readonly #tests: readonly RowTest[];
  readonly #keys: readonly ((row: number) => number)[];
  readonly #measures: readonly ((row: number) => number)[];
  #replaced: ReadonlySet<number> = new Set();
  #indexRows = 0;
  #rows = 0;

  constructor(db: Database, question: FlowQuestion, aggregate: Aggregate) {
    this.#db = db;
    this.#question = question;
    this.#aggregate = aggregate;
    const { filter, network, container } = question;
    const plan = this.#plan;
    const { keys, sums } = aggregate.grouping;
    this.#tests = [
      ...(network === undefined ? [] : [plan.wordTest('net', (flow) => flow.network?.name === network)]),
      ...(container === undefined ? [] : [eitherOf(plan, container)]),
      ...(filter === undefined ? [] : [plan.test(filter.condition)]),
    ];
    this.#keys = keys.map((key, place) => plan.key(key, place, aggregate));
    this.#measures = sums.map((measure) => plan.measure(measure));
    plan.needed.add('time');
  }

  run(): Looked {
    const blocks = this.#db.transaction(() => this.#settle())();
    const column = this.#db.prepare<[number], Buffer>('SELECT data FROM flow_columns WHERE id = ?').pluck();
    let era: number | undefined;
    for (const block of blocks) {
      if (block.wordsFrom !== era) {
        era = block.wordsFrom;
        this.#plan.beginEra(this.#readEra(era));
      }
      if (this.#load(block, (name) => column.get(columnId(block.id, name)))) this.#scan(block);
    }
    return { way: 'index', indexRows: this.#indexRows, rows: this.#rows };
  }

  /** Which blocks, and the rows in none of them; consistent, because nothing is written meanwhile. */
  #settle(): readonly Block[] {
    const { since, until } = this.#question;
    const db = this.#db;
    const covered = db.prepare('SELECT covered FROM flow_index').pluck().get() as number;
    // Both before any is added: a question that the index refuses is asked otherwise, from the beginning.
    const newest = this.#outside('seq > ?', covered, 'the index is still being made of flows stored earlier');
    const loose = this.#outside(
      'seq IN (SELECT seq FROM flow_loose) AND seq <= ?',
      covered,
      'too many flows are going on',
    );
    this.#addOutside(newest);
    this.#addOutside(loose);
    this.#replaced = new Set(db.prepare('SELECT seq FROM flow_replaced').pluck().all() as number[]);
    if (this.#replaced.size > 0) this.#plan.needed.add('seq');
    return db
      .prepare(
        `SELECT id, rows, least_us AS least, most_us AS most, words_from AS wordsFrom, gone_us AS gone, gone_seq AS goneSeq
         FROM flow_blocks WHERE most_us >= ? AND least_us < ? ORDER BY id`,
      )
      .all(since ?? Number.MIN_SAFE_INTEGER, until ?? Number.MAX_SAFE_INTEGER) as Block[];
  }

  #outside(which: string, covered: number, tooMany: string): readonly string[] {
    const { conditions, values } = this.#question;
    const where = [which, ...conditions].join(' AND ');
    const texts = this.#db
      .prepare<unknown[], string>(`SELECT record FROM flows WHERE ${where} LIMIT ?`)
      .pluck()
      .all(covered, ...values, MAX_OUTSIDE_ROWS + 1);
    if (texts.length > MAX_OUTSIDE_ROWS) throw new NotInIndex(tooMany);
    return texts;
  }

  #addOutside(texts: readonly string[]): void {
    const { filter } = this.#question;
    this.#rows += texts.length;
    for (const text of texts) {
      const flow = parseRecord(text) as PublicFlow;
      if (filter === undefined || filter.matches(flow)) this.#aggregate.add(flow);
    }
  }

  #readEra(from: number): Era {
    const before = this.#db
      .prepare('SELECT min(words_from) FROM flow_blocks WHERE words_from > ?')
      .pluck()
      .get(from) as number | null;
    const words = this.#db
      .prepare<[number, number], string>('SELECT text FROM flow_words WHERE id >= ? AND id < ? ORDER BY id')
      .pluck()
      .all(from, before ?? Number.MAX_SAFE_INTEGER);
    return new Era(['', ...words]);
  }

  /** False: it expired meanwhile. */
  #load(block: Block, read: (name: ColumnName) => Buffer | undefined): boolean {
    const { needed, columns } = this.#plan;
    if (block.gone >= block.least) needed.add('seq');
    for (const name of needed) {
      const data = read(name);
      if (data === undefined) return false;
      decodeColumn(data, columns[name], block.rows);
    }
    const offset = block.wordsFrom - 1;
    for (const name of WORD_COLUMNS) {
      if (!needed.has(name)) continue;
      const values = columns[name];
      for (let i = 0; i < block.rows; i++) if (values[i]! > 0) values[i]! -= offset;
    }
    return true;
  }

  #scan(block: Block): void {
    const { since = Number.MIN_SAFE_INTEGER, until = Number.MAX_SAFE_INTEGER } = this.#question;
    const { gone, goneSeq, least, most, rows } = block;
    const { time, seq } = this.#plan.columns;
    const [tests, keys, measures, replaced] = [this.#tests, this.#keys, this.#measures, this.#replaced];
    const { sums } = this.#aggregate;
    const isWhole = least >= since && most < until && gone < least;
    const hasReplaced = replaced.size > 0;
    this.#indexRows += rows;
    each: for (let row = 0; row < rows; row++) {
      const at = time[row]!;
      if (!isWhole && (at < since || at >= until || at < gone || (at === gone && seq[row]! <= goneSeq)))
        continue;
      if (hasReplaced && replaced.has(seq[row]!)) continue;
      for (const test of tests) if (!test(row)) continue each;
      let isTooMany = false;
      for (let j = 0; j < keys.length; j++) {
        const number = keys[j]!(row);
        sums.key[j] = number;
        if (number < 0) isTooMany = true;
      }
      for (let j = 0; j < measures.length; j++) sums.values[j] = measures[j]!(row);
      if (isTooMany) sums.addToOthers(at);
      else sums.add(at);
    }
  }
}

function eitherOf(plan: Plan, passes: (flow: PublicFlow) => boolean): RowTest {
  const orig = plan.wordTest('orig', passes);
  const resp = plan.wordTest('resp', passes);
  return (row) => orig(row) || resp(row);
}
