/**
 * How long questions over the flows of 14 days take, answered from the index and by reading each flow, and what a flow
 * costs to write with the index and without. `npx tsx test/bench/history.ts [FLOWS] [FILE]`: a FILE that is there is asked
 * and kept. Beyond a million flows the rows but the first and the last are stored without their text (1.3 kB each):
 * what is answered from the index never reads it, and reading each flow is then left out.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import Sqlite from 'better-sqlite3';
import { type FlowRow, flowRow } from '../../src/model/flow-row.ts';
import { Aggregate, parseGrouping } from '../../src/query/aggregate.ts';
import { compileFilter } from '../../src/query/filter.ts';
import { openDatabase } from '../../src/station/store/database.ts';
import { FlowIndexWriter } from '../../src/station/store/flow-index/writer.ts';
import { openStoreReadOnly, type StoreReader } from '../../src/station/store/reader.ts';
import { sumTalks } from '../../src/station/store/talks.ts';
import { historyFlow } from './history/flows.ts';

const END = 1_795_442_400_000_000;
const HOUR = 3_600_000_000;
const SPAN = 14 * 24 * HOUR;
const MOST_WITH_TEXT = 1_000_000;
/** In no block, or read before there was one: these need their text. */
const TEXT_AT_EITHER_END = 12_000;
const PER_TRANSACTION = 1000;
const ROUNDS = 3;

interface Question {
  readonly name: string;
  readonly filter?: string;
  readonly by: string;
  readonly sum?: string;
  readonly hours?: number;
}

const QUESTIONS: readonly Question[] = [
  { name: 'which services', by: 'service' },
  { name: 'which names outside', filter: 'direction:egress', by: 'dst.name' },
  { name: 'which ports', by: 'dst.port', sum: 'bytes,packets' },
  {
    name: "one service's egress",
    filter: 'src.container:shop/db direction:egress',
    by: 'dst.name,dst.port',
    sum: 'bytes.out',
  },
  { name: "one address's peers", filter: 'ip:198.51.100.7', by: 'src,dst' },
  { name: 'top talkers of an hour', by: 'src,dst', hours: 1 },
  { name: 'top talkers of a day', by: 'src,dst', hours: 24 },
  { name: 'top talkers of all', by: 'src,dst' },
  { name: 'large flows', filter: 'bytes>1MB', by: 'src,dst' },
  { name: 'as the issue has it', filter: 'network:data direction:egress', by: 'src.service,dst.name' },
  { name: 'that by the hour', filter: 'network:data direction:egress', by: 'hour' },
];

const count = Number(process.argv[2] ?? 1_000_000);
const isWithText = count <= MOST_WITH_TEXT;
const folder = mkdtempSync(join(tmpdir(), 'bridgewatch-history-'));
try {
  const path = process.argv[3] ?? join(folder, 'history.db');
  if (!existsSync(path)) write(path);
  const reader = await openStoreReadOnly(path);
  try {
    ask(reader);
    askAsAudit(reader);
  } finally {
    reader.close();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** With the index and without, each into a file of its own. */
function write(path: string): void {
  const { db } = openDatabase(Sqlite, path, { asideSuffix: 'bench', isKnownCorrupt: false });
  const index = new FlowIndexWriter(db);
  const bare = openDatabase(Sqlite, join(folder, 'bare.db'), {
    asideSuffix: 'bench',
    isKnownCorrupt: false,
  }).db;
  const insert = insertInto(db);
  const insertBare = insertInto(bare);
  const us = { withIndex: 0, without: 0 };
  const rows = { full: [] as FlowRow[], stored: [] as FlowRow[] };
  const withIndex = () => {
    us.withIndex += cpuUs(() =>
      db.transaction(() => {
        for (const [i, stored] of rows.stored.entries()) index.add(insert(stored), rows.full[i]!);
        index.settle();
      })(),
    );
  };
  const without = () => {
    us.without += cpuUs(() =>
      bare.transaction(() => {
        for (const stored of rows.stored) insertBare(stored);
      })(),
    );
  };
  for (let from = 0; from < count; from += PER_TRANSACTION) {
    const made = Array.from({ length: PER_TRANSACTION }, (_, i) => rowOf(from + i));
    // In turn, and each has rows as they come out of the pipe: texts that nobody has touched yet.
    const isFirst = (from / PER_TRANSACTION) % 2 === 0;
    for (const work of isFirst ? [withIndex, without] : [without, withIndex]) {
      if (work === without && !isWithText) continue;
      const stored = deserialize(serialize(made.map(([, row]) => row))) as FlowRow[];
      rows.stored = stored;
      rows.full = isWithText ? stored : made.map(([row]) => row);
      work();
    }
  }
  db.pragma('wal_checkpoint(TRUNCATE)');
  if (isWithText) {
    bare.pragma('wal_checkpoint(TRUNCATE)');
    const bytes = (name: string) => (statSync(name).size / count).toFixed(0);
    console.log(
      `a flow, us of CPU: ${(us.withIndex / count).toFixed(2)} with the index, ${(us.without / count).toFixed(2)} without`,
    );
    console.log(
      `a flow, bytes on disk: ${bytes(path)} with the index, ${bytes(join(folder, 'bare.db'))} without`,
    );
  }
  bare.close();
  db.close();
}

function rowOf(n: number): readonly [full: FlowRow, stored: FlowRow] {
  const full = flowRow(historyFlow(n, Math.round(END - SPAN + (SPAN * n) / count)));
  const isAtEnd = n < TEXT_AT_EITHER_END || n >= count - TEXT_AT_EITHER_END;
  if (isWithText || isAtEnd) return [full, full];
  const [uid, start, end] = full;
  return [full, [uid, start, end, null, null, '', '', null, '', '', '']];
}

function insertInto(db: Sqlite.Database): (row: FlowRow) => number {
  const insert = db.prepare(
    `INSERT OR IGNORE INTO flows (uid, start_us, time_us, network, containers, orig_ip, resp_ip, resp_port,
       protocol, direction, record)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  return (row) => Number(insert.run(row).lastInsertRowid);
}

function ask(reader: StoreReader): void {
  console.log('question: least CPU of rounds in turn, wall time of that round, s');
  for (const question of QUESTIONS) {
    const fast = Array.from({ length: ROUNDS }, () => askOnce(reader, question, true));
    const slow = isWithText ? askOnce(reader, question, false) : undefined;
    const best = fast.sort((a, b) => a.cpu - b.cpu)[0]!;
    const rest =
      slow === undefined ? '' : `; each flow read: ${slow.cpu.toFixed(2)}, ${slow.wall.toFixed(2)}`;
    console.log(
      `${question.name.padEnd(24)} ${best.cpu.toFixed(2)}, ${best.wall.toFixed(2)}  (${best.flows} flows)${rest}`,
    );
    if (slow !== undefined && slow.answer !== best.answer) throw new Error('the two answers differ');
  }
}

/** All of it at once, as `bridgewatch audit` does. */
function askAsAudit(reader: StoreReader): void {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const from = performance.now();
    let talks = 0;
    const us = cpuUs(() => {
      talks = sumTalks(reader).talks.length;
    });
    return { cpu: us / 1e6, wall: (performance.now() - from) / 1000, talks };
  });
  const { cpu, wall, talks } = rounds.sort((a, b) => a.cpu - b.cpu)[0]!;
  console.log(
    `${'all talks, for an audit'.padEnd(24)} ${cpu.toFixed(2)}, ${wall.toFixed(2)}  (${talks} talks)`,
  );
}

function askOnce(reader: StoreReader, { filter: text, by, sum, hours }: Question, isIndexUsed: boolean) {
  const filter = text === undefined ? undefined : compileFilter(text, { kinds: ['flow'], now: END });
  const from = performance.now();
  let answer = '';
  let flows = 0;
  const us = cpuUs(() => {
    const aggregate = new Aggregate(parseGrouping({ by, sum, top: 20 }));
    const since = hours === undefined ? {} : { since: END - hours * HOUR };
    reader.summarizeFlows(
      { ...since, ...(filter === undefined ? {} : { matching: { filter } }) },
      aggregate,
      isIndexUsed,
    );
    const result = aggregate.result();
    flows = result.total.flows;
    answer = JSON.stringify(result);
  });
  return { cpu: us / 1e6, wall: (performance.now() - from) / 1000, flows, answer };
}

function cpuUs(work: () => void): number {
  const from = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(from);
  return user + system;
}
