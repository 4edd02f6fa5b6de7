/** A sensor that does not know what was heard tells it again: nothing is lost, nothing is there twice. */
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Station } from '../../src/station/station.ts';
import { openStoreReadOnly } from '../../src/station/store/reader.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from './support/harness.ts';
import { lease } from './support/leases.ts';
import { finding, flow, inventory, T0 } from './support/records.ts';

let directory: ReturnType<typeof temporaryDirectory>;

beforeEach(() => {
  directory = temporaryDirectory();
});

afterEach(() => directory.remove());

async function begun(run: string): Promise<Station> {
  const station = new Station(stationConfig(directory.path), {
    logger: memoryLogger().logger,
    now: () => T0,
  });
  await station.start(run);
  return station;
}

async function stored() {
  const reader = await openStoreReadOnly(stationConfig(directory.path).store.path);
  const findings = reader.queryFindings({ limit: 1000, history: true }).map(({ text }) => JSON.parse(text));
  const inventories = reader.queryEvents({ limit: 1000, kinds: ['inventory'] }).length;
  const openLeases = reader.queryLeases({ ip: '172.30.1.5' }).filter(({ lease: { to } }) => to === undefined);
  reader.close();
  return { findings, inventories, openLeases };
}

function ties(): readonly number[] {
  const db = new Database(stationConfig(directory.path).store.path, { readonly: true });
  const found = db.prepare("SELECT tie FROM events WHERE kind = 'finding' ORDER BY seq").pluck().all();
  db.close();
  return found as number[];
}

describe('records that a sensor tells again', () => {
  it('are kept once, by one station and by the next', async () => {
    const first = await begun('run-1');
    for (const seq of [1, 2, 1, 2]) first.receive(finding(seq), seq);
    first.receive(inventory(1), 1);
    await first.stop();
    const second = await begun('run-1');
    for (const seq of [1, 2, 3]) second.receive(finding(seq), seq);
    second.receive(inventory(1), 1);
    await second.stop();

    const { findings, inventories } = await stored();
    expect(findings.map(({ id }) => id)).toEqual([1, 2, 3].map((seq) => finding(seq).id));
    expect(inventories).toBe(1);
  });

  it('have the number that they had, though flows of the same moment are not told again', async () => {
    const time = T0 + 5;
    const [one, other] = [1, 2].map((n) => finding(n, { firstSeen: time, lastSeen: time }));
    // It is killed before any of that is on the disk; sinks may have been given it, when the disk refuses.
    const killed = await begun('run-1');
    killed.receive(flow(1, { start: time, end: time }));
    killed.receive(one!, 1);
    killed.receive(flow(2, { start: time, end: time }));
    killed.receive(other!, 2);
    await killed.stop();
    const before = ties();
    directory.remove();
    directory = temporaryDirectory();
    const next = await begun('run-1');
    next.receive(one!, 1);
    next.receive(other!, 2);
    await next.stop();

    expect(ties()).toEqual(before);
  });

  it('do not take the number of a record of an earlier run, though the clock was set back', async () => {
    for (const run of ['run-1', 'run-2']) {
      const station = await begun(run);
      station.receive(finding(1, { id: run, status: 'closed' }), 1);
      await station.stop();
    }
    expect(ties()).toEqual([0, 1]);
  });

  it('of another run are others, whatever their numbers', async () => {
    const first = await begun('run-1');
    first.receive(finding(1, { status: 'closed' }), 1);
    await first.stop();
    const second = await begun('run-2');
    second.receive(finding(2, { status: 'closed' }), 1);
    await second.stop();
    expect((await stored()).findings).toHaveLength(2);
  });

  it('go on: findings and leases of a run that goes on stay open, those of an earlier one are closed', async () => {
    const first = await begun('run-1');
    first.receive(finding(1), 1);
    first.receive(lease(1), 1);
    await first.stop();
    await (await begun('run-1')).stop();
    const during = await stored();
    expect(during.findings.map(({ status }) => status)).toEqual(['open']);
    expect(during.openLeases).toHaveLength(1);

    await (await begun('run-2')).stop();
    const after = await stored();
    expect(after.findings.map(({ status }) => status)).toEqual(['open', 'closed']);
    expect(after.openLeases).toHaveLength(0);
  });

  it('of the same microsecond keep numbers of their own over a restart of the station', async () => {
    const first = await begun('run-1');
    first.receive(finding(1), 1);
    await first.stop();
    const second = await begun('run-1');
    second.receive({ ...finding(2), lastSeen: finding(1).lastSeen }, 2);
    await second.stop();
    const { default: Sqlite } = await import('better-sqlite3');
    const db = new Sqlite(stationConfig(directory.path).store.path, { readonly: true });
    const ties = db.prepare("SELECT tie FROM events WHERE kind = 'finding' ORDER BY seq").pluck().all();
    db.close();
    expect(ties).toEqual([0, 1]);
  });
});

describe('what is on the disk', () => {
  it('is acknowledged in order, and only when it is there', async () => {
    const station = await begun('run-1');
    const kept: string[] = [];
    station.receive(finding(1), 1);
    station.whenKept(() => kept.push('finding'));
    station.receive(inventory(1), 1);
    station.remember({ kind: 'learned', time: 1, analyzer: 'a', map: 'm', key: 'k', value: 1 });
    station.whenKept(() => kept.push('inventory and learned'));
    expect(kept).toEqual([]);
    await expect.poll(() => kept).toEqual(['finding', 'inventory and learned']);
    station.whenKept(() => kept.push('nothing new'));
    expect(kept).toHaveLength(3);
    expect((await stored()).inventories).toBe(1);
    expect(station.learned()).toHaveLength(1);
    await station.stop();
  });
});
