/**
 * What each step on the way of a flow record costs, least CPU of rounds in turn: the way it goes, the way it went before
 * (the record itself through the pipe, its text made by the station), and the same text through better-sqlite3 alone.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import Sqlite from 'better-sqlite3';
import type { FlowRecord } from '../../../src/model/flow.ts';
import type { FlowRow } from '../../../src/model/flow-row.ts';
import { packed, sentText } from '../../../src/model/sent-record.ts';
import { serializeByCopy } from '../../../src/model/serialize.ts';
import { storeConfig } from '../../../src/station/config.ts';
import { openDatabase } from '../../../src/station/store/database.ts';
import { keepWithinBounds } from '../../../src/station/store/retention.ts';
import { RowWriter } from '../../../src/station/store/rows.ts';
import { WatchLog } from '../../../src/station/store/watch-log.ts';
import { benchFlow } from './flows.ts';

const ROUNDS = 12;
const RECORDS = 20_000;
/** As the link and the store take them. */
const PER_MESSAGE = 64;
const PER_MESSAGE_BEFORE = 250;
const PER_TRANSACTION = 1000;
const T0 = 1_795_442_400_000_000;
const ALL = { finding: Number.MAX_SAFE_INTEGER, event: Number.MAX_SAFE_INTEGER };

/** Us of CPU a record, by step. */
export function measureStages(): ReadonlyMap<string, number> {
  const least = new Map<string, number>();
  const folder = mkdtempSync(join(tmpdir(), 'bridgewatch-stages-'));
  try {
    const path = join(folder, 'ours.db');
    const { db } = openDatabase(Sqlite, path, { asideSuffix: 'bench', isKnownCorrupt: false });
    const rows = new RowWriter(db, new WatchLog(db));
    const config = storeConfig.parse({ path, max_bytes: 128 * 1_048_576 });
    const bare = new Sqlite(join(folder, 'bare.db'));
    bare.pragma('journal_mode = WAL');
    bare.pragma('synchronous = NORMAL');
    bare.exec('CREATE TABLE bare (seq INTEGER PRIMARY KEY, record TEXT NOT NULL)');
    const insert = bare.prepare('INSERT INTO bare (record) VALUES (?)');
    const note = (name: string, us: number) => least.set(name, Math.min(least.get(name) ?? us, us));
    const cpuUs = (work: () => void): number => {
      const from = process.cpuUsage();
      work();
      const { user, system } = process.cpuUsage(from);
      return user + system;
    };
    const step = (name: string, work: () => void) => note(name, cpuUs(work) / RECORDS);
    for (let round = 0; round < ROUNDS; round++) {
      const flows = Array.from({ length: RECORDS }, (_, i) =>
        benchFlow(round * RECORDS + i, T0 + round * 1e6 + i * 20),
      );
      const before = inPieces(flows, PER_MESSAGE_BEFORE);
      const messages = inPieces(flows, PER_MESSAGE);
      const framesBefore: Buffer[] = [];
      step('before: sensor, to the pipe', () => {
        for (const records of before) framesBefore.push(serialize({ type: 'bulk', records }));
      });
      step('before: station, from the pipe', () => {
        for (const frame of framesBefore) deserialize(frame);
      });
      step('before: station, text', () => flows.forEach(serializeByCopy));
      const frames: Buffer[] = [];
      step('sensor, text and columns, to the pipe', () => {
        for (const records of messages)
          frames.push(serialize({ type: 'bulk', records: records.map(packed) }));
      });
      const got: FlowRow[] = [];
      step('station, from the pipe', () => {
        for (const frame of frames) got.push(...(deserialize(frame) as { records: FlowRow[] }).records);
      });
      const transactions = inPieces(got, PER_TRANSACTION);
      step('station, into SQLite', () => {
        for (const records of transactions)
          db.transaction(() => {
            for (const record of records)
              rows.writeBulk({ kind: 'flow', time: T0, tie: 0, text: sentText(record), record });
          })();
      });
      const count = () => db.prepare('SELECT count(*) FROM flows').pluck().get() as number;
      const there = count();
      const deletingUs = cpuUs(() => keepWithinBounds(db, config, T0, ALL, 10_000));
      const deleted = there - count();
      if (deleted > RECORDS / 4) note('station, deleting the oldest', deletingUs / deleted);
      step('better-sqlite3 alone, one column, no index', () => {
        for (const records of transactions)
          bare.transaction(() => {
            for (const record of records) insert.run(sentText(record));
          })();
      });
    }
    db.close();
    bare.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return least;
}

function inPieces<T extends FlowRecord | FlowRow>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}
