/** What a run that ended left behind: findings that nobody watches any more. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PublicFinding, parseRecord } from '../../src/model/serialize.ts';
import { Station, type StationDeps } from '../../src/station/station.ts';
import { openStoreReadOnly } from '../../src/station/store/reader.ts';
import { memoryLogger, stationConfig, temporaryDirectory, until } from './support/harness.ts';
import { database, endpoint, finding, outside, T0 } from './support/records.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let station: Station | undefined;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(async () => {
  await station?.stop();
  directory.remove();
});

async function start(over: Partial<StationDeps> = {}): Promise<Station> {
  station = new Station(stationConfig(directory.path), { logger: memoryLogger().logger, ...over });
  await station.start();
  return station;
}

async function history(id?: string): Promise<PublicFinding[]> {
  const reader = await openStoreReadOnly(join(directory.path, 'bridgewatch.db'));
  const rows = reader.queryFindings({ history: true, ...(id === undefined ? {} : { id }) });
  reader.close();
  return rows.map(({ text }) => parseRecord(text) as PublicFinding);
}

describe('findings that an earlier run left open', () => {
  it('are closed once, with a reason that says nobody saw the end', async () => {
    const first = await start();
    first.receive(finding(1));
    first.receive(finding(2));
    first.receive(finding(2, { status: 'update', count: 7, lastSeen: T0 + 50_000 }));
    first.receive(finding(3));
    first.receive(finding(3, { status: 'closed', reason: 'quiet for 300 s' }));
    await first.stop();

    await (await start()).stop();
    await (await start()).stop();

    expect((await history('f-1')).map(({ status }) => status)).toEqual(['open', 'closed']);
    expect((await history('f-2')).map(({ status }) => status)).toEqual(['open', 'update', 'closed']);
    expect((await history('f-3')).map(({ reason }) => reason)).toEqual(['first report', 'quiet for 300 s']);
    expect((await history('f-2')).at(-1)).toMatchObject({
      reason: 'the agent that watched it ended; whether it went on was not seen',
      count: 7,
    });
  });

  it('say in all else what was said last, hostile names included', async () => {
    const workload = { ...database, name: 'x\n#beef\u202e"', composeService: '\u001b[31m\ud83d' };
    const told = finding(1, {
      subject: endpoint({ workload, names: ['\u0000 name'] }),
      peers: [
        outside({ geo: { country: 'NZ', asn: 64_500 } }),
        endpoint({
          attribution: { method: 'ip@time', confidence: 'ambiguous', reason: 'two', candidates: ['a', 'b'] },
        }),
      ],
      evidence: { text: '\u2028', list: ['a'], numbers: [1, 2], yes: true },
    });
    const first = await start();
    first.receive(told);
    await first.stop();
    await (await start()).stop();

    const [before, after] = await history();

    expect({ ...after, status: 'open', reason: before!.reason }).toEqual(before);
    expect(JSON.stringify(Object.keys(after!))).toBe(JSON.stringify(Object.keys(before!)));
  });

  it('are still found by their container, by its whole id too', async () => {
    const first = await start();
    first.receive(finding(1));
    await first.stop();
    await (await start()).stop();

    const reader = await openStoreReadOnly(join(directory.path, 'bridgewatch.db'));
    expect(reader.queryFindings({ container: 'shop/db' })).toHaveLength(1);
    expect(reader.queryFindings({ container: database.containerId })).toHaveLength(1);
    reader.close();
  });

  it('are shown as they are closed, and not those of this run', async () => {
    const first = await start();
    first.receive(finding(1));
    await first.stop();
    const shown: string[] = [];

    const second = await start({
      onRecord: (record) => {
        if (record.kind === 'finding') shown.push(`${record.id} ${record.status}`);
      },
    });
    second.receive(finding(4));
    await second.stop();

    expect(shown).toEqual(['f-1 closed', 'f-4 open']);
    expect((await history('f-4')).map(({ status }) => status)).toEqual(['open']);
  });

  it('do not overwrite what was said at the same microsecond: each has a tie of its own', async () => {
    const first = await start();
    first.receive(finding(1));
    first.receive(finding(2, { lastSeen: finding(1).lastSeen }));
    await first.stop();
    await (await start()).stop();

    const { default: Sqlite } = await import('better-sqlite3');
    const db = new Sqlite(join(directory.path, 'bridgewatch.db'), { readonly: true });
    const ties = db.prepare("SELECT tie FROM events WHERE kind = 'finding' ORDER BY tie").pluck().all();
    db.close();
    expect(ties).toEqual([0, 1, 2, 3]);
  });

  it('are all closed, however many and however small the buffer is', async () => {
    const config = stationConfig(directory.path, {}, { buffer_max_records: 100 });
    const first = new Station(config, { logger: memoryLogger().logger });
    await first.start();
    for (let i = 0; i < 1200; i++) {
      first.receive(finding(i));
      if (i % 50 === 49) await until('room', () => first.status()!.store.buffered === 0);
    }
    await first.stop();
    const before = first.status()!.lost;
    const second = new Station(config, { logger: memoryLogger().logger });
    await second.start();
    await second.stop();

    const reader = await openStoreReadOnly(config.store.path);
    const states = reader
      .queryFindings({ limit: 5000 })
      .map(({ text }) => parseRecord(text) as PublicFinding);
    reader.close();
    expect([before, second.status()!.lost]).toEqual([0, 0]);
    expect(states).toHaveLength(1200);
    expect(states.filter(({ status }) => status !== 'closed')).toEqual([]);
  });
});
