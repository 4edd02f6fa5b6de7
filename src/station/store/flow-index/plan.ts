/**
 * Which questions the index can answer, and how: a filter becomes a test of a row of the block that is held, a field of
 * a group the number of its value there. What a word decides is decided once for each word, not for each row.
 */

import type { PublicFlow } from '../../../model/serialize.ts';
import type { Aggregate, Measure } from '../../../query/aggregate.ts';
import type { Condition, Test } from '../../../query/condition.ts';
import { predicateOf } from '../../../query/evaluate.ts';
import { END_FIELDS, fieldNamed, WORDS } from '../../../query/fields.ts';
import { bucketText, type GroupKey } from '../../../query/group-keys.ts';
import type { Era } from './era.ts';
import { BLOCK_ROOM, COLUMN_NAMES, type ColumnName, type WordColumn } from './layout.ts';

export type RowTest = (row: number) => boolean;
type RowNumber = (row: number) => number;
type Leaf = Extract<Condition, { type: 'test' }>;

/** A question that the index cannot answer: a part of it that no column has. */
export class NotInIndex extends Error {
  override readonly name = 'NotInIndex';
}

const ENDS = ['orig', 'resp', 'client'] as const;
const PLACE_COLUMNS: Readonly<Record<string, WordColumn>> = {
  src: 'orig',
  dst: 'resp',
  'nat.client': 'client',
};
const EITHER_END: ReadonlySet<string> = new Set(
  END_FIELDS.filter(({ either }) => either).map(({ name }) => name),
);
const WORD_FIELDS: Readonly<Record<string, WordColumn>> = {
  internal: 'net',
  interface: 'net',
  protocol: 'facts',
  service: 'facts',
  portHint: 'facts',
  direction: 'facts',
  state: 'facts',
  coverage: 'facts',
  'nat.kind': 'facts',
  'nat.published': 'facts',
  'nat.publishedPort': 'facts',
  serverName: 'serverName',
  // Of every flow the same.
  kind: 'net',
};
const PORTS: Readonly<Record<string, ColumnName>> = {
  port: 'respPort',
  'dst.port': 'respPort',
  'src.port': 'origPort',
};
/** What is added up, of one column or two. */
const NUMBERS: Readonly<Record<string, readonly ColumnName[]>> = {
  time: ['time'],
  end: ['time'],
  start: ['start'],
  bytes: ['origBytes', 'respBytes'],
  'bytes.out': ['origBytes'],
  'bytes.in': ['respBytes'],
  packets: ['origPackets', 'respPackets'],
  'packets.out': ['origPackets'],
  'packets.in': ['respPackets'],
};
const PORT_VALUES = 65_536;

/** The columns of the block that is held, and what is remembered of its era. */
export class Plan {
  /** Those that are needed; words as indices of the era. */
  readonly needed = new Set<ColumnName>();
  readonly columns: Readonly<Record<ColumnName, Float64Array>>;
  readonly #onEra: ((era: Era) => void)[] = [];
  #era!: Era;

  constructor() {
    this.columns = Object.fromEntries(
      COLUMN_NAMES.map((name) => [name, new Float64Array(BLOCK_ROOM)]),
    ) as Record<ColumnName, Float64Array>;
  }

  beginEra(era: Era): void {
    this.#era = era;
    for (const begin of this.#onEra) begin(era);
  }

  test(condition: Condition): RowTest {
    switch (condition.type) {
      case 'all': {
        const parts = condition.parts.map((part) => this.test(part));
        return (row) => {
          for (const part of parts) if (!part(row)) return false;
          return true;
        };
      }
      case 'any':
        return anyOf(condition.parts.map((part) => this.test(part)));
      case 'not': {
        const part = this.test(condition.part);
        return (row) => !part(row);
      }
      case 'test':
        return this.#leaf(condition);
    }
  }

  /** What a word decides alone. */
  wordTest(column: WordColumn, passes: (flow: PublicFlow) => boolean): RowTest {
    const values = this.#column(column);
    let known = new Uint8Array(0);
    this.#onEra.push(({ size }) => {
      known = new Uint8Array(size);
    });
    return (row) => {
      const index = values[row]!;
      if (known[index] === 0) known[index] = passes(this.#era.flowOf(column, index)) ? 2 : 1;
      return known[index] === 2;
    };
  }

  /** The number of a key's value, as the aggregate has it. */
  key(key: GroupKey, place: number, aggregate: Aggregate): RowNumber {
    const { source } = key;
    if (source.type === 'end') return this.#wordKey(source.place, key, place, aggregate);
    if (source.type === 'bucket') return this.#bucketKey(source.micros, place, aggregate);
    const { name } = source.field;
    const port = PORTS[name];
    if (port !== undefined) return this.#portKey(port, place, aggregate);
    const column = name === 'network' ? 'net' : wordColumnOf(name);
    if (column === undefined) throw new NotInIndex(`${name} is not in the index`);
    return this.#wordKey(column, key, place, aggregate);
  }

  measure(measure: Measure): RowNumber {
    if (measure === 'flows') return () => 1;
    return this.#sum(NUMBERS[measure]!);
  }

  #leaf({ field, test }: Leaf): RowTest {
    const { name } = field;
    const passes = predicateOf({ type: 'test', field, test });
    const port = PORTS[name];
    if (port !== undefined) return rangeTest(this.#numbers(port), test, true);
    if (name === 'duration') return rangeTest(this.#duration(), test, false);
    const columns = NUMBERS[name];
    if (columns !== undefined) return rangeTest(this.#sum(columns), test, false);
    if (name === 'network') return this.#network(test);
    const column = wordColumnOf(name);
    if (column !== undefined) return this.wordTest(column, passes);
    const ofWords = (all: readonly WordColumn[]) => all.map((one) => this.wordTest(one, passes));
    if (field === WORDS) return anyOf([this.#network(test), ...ofWords([...ENDS, 'facts', 'serverName'])]);
    if (name === 'name') return anyOf(ofWords([...ENDS, 'serverName']));
    if (EITHER_END.has(name)) return anyOf(ofWords(ENDS));
    throw new NotInIndex(`${name} is not in the index`);
  }

  /** Its name, and its name without the project of an end that is of that project. */
  #network(test: Test): RowTest {
    const passes = predicateOf({ type: 'test', field: fieldNamed('network')!, test });
    const nets = this.#column('net');
    const ends = ENDS.map((end) => this.#column(end));
    let known: Uint8Array[] = [];
    this.#onEra.push(() => {
      known = [];
    });
    const passesWith = (net: number, end: number) => {
      const era = this.#era;
      const project = era.projectOf(end);
      known[project] ??= new Uint8Array(era.size);
      const ofProject = known[project];
      if (ofProject[net] === 0) ofProject[net] = passes(era.flowOfProject(net, end)) ? 2 : 1;
      return ofProject[net] === 2;
    };
    return (row) => {
      const net = nets[row]!;
      for (const end of ends) if (passesWith(net, end[row]!)) return true;
      return false;
    };
  }

  #wordKey(column: WordColumn, { of }: GroupKey, place: number, aggregate: Aggregate): RowNumber {
    const values = this.#column(column);
    const UNKNOWN = -2;
    let known = new Int32Array(0);
    this.#onEra.push(({ size }) => {
      known = new Int32Array(size).fill(UNKNOWN);
    });
    return (row) => {
      const index = values[row]!;
      if (known[index] === UNKNOWN)
        known[index] = aggregate.numberOf(place, of(this.#era.flowOf(column, index)));
      return known[index]!;
    };
  }

  #bucketKey(micros: number, place: number, aggregate: Aggregate): RowNumber {
    const times = this.#column('time');
    let last = Number.NaN;
    let number = -1;
    return (row) => {
      const bucket = Math.floor(times[row]! / micros);
      if (bucket !== last) {
        last = bucket;
        number = aggregate.numberOf(place, bucketText(bucket * micros, micros));
      }
      return number;
    };
  }

  #portKey(column: ColumnName, place: number, aggregate: Aggregate): RowNumber {
    const values = this.#column(column);
    const known = new Int32Array(PORT_VALUES + 1).fill(-2);
    return (row) => {
      const value = values[row]!;
      if (value >= PORT_VALUES) return aggregate.numberOf(place, value);
      if (known[value + 1] === -2)
        known[value + 1] = aggregate.numberOf(place, value < 0 ? undefined : value);
      return known[value + 1]!;
    };
  }

  #numbers(column: ColumnName): RowNumber {
    const values = this.#column(column);
    return (row) => values[row]!;
  }

  #sum(columns: readonly ColumnName[]): RowNumber {
    const [a, b] = columns.map((name) => this.#column(name));
    if (b === undefined) return (row) => a![row]!;
    return (row) => a![row]! + b[row]!;
  }

  #duration(): RowNumber {
    const start = this.#column('start');
    const end = this.#column('time');
    return (row) => end[row]! - start[row]!;
  }

  #column(name: ColumnName): Float64Array {
    this.needed.add(name);
    return this.columns[name];
  }
}

/** The column that decides a field alone. */
function wordColumnOf(name: string): WordColumn | undefined {
  const own = WORD_FIELDS[name];
  if (own !== undefined) return own;
  const dot = name.lastIndexOf('.');
  // The ports of ends are no part of their words.
  return name.slice(dot + 1) === 'port' ? undefined : PLACE_COLUMNS[name.slice(0, Math.max(0, dot))];
}

function anyOf(parts: readonly RowTest[]): RowTest {
  return (row) => {
    for (const part of parts) if (part(row)) return true;
    return false;
  };
}

function rangeTest(value: RowNumber, test: Test, isAbsentBelowZero: boolean): RowTest {
  const least = isAbsentBelowZero ? 0 : Number.NEGATIVE_INFINITY;
  if (test.type === 'exists') return (row) => value(row) >= least;
  if (test.type !== 'range') throw new NotInIndex('numbers are compared by size');
  const from = Math.max(least, test.from);
  const { before } = test;
  return (row) => {
    const number = value(row);
    return number >= from && number < before;
  };
}
