/** More flows than either side has room for: each one is in the database or in a loss record, and findings are all there. */
import { duplexPair } from 'node:stream';
import Sqlite from 'better-sqlite3';
import { expect, it } from 'vitest';
import { SensorLink } from '../../src/channel/sensor-link.ts';
import { StationLink } from '../../src/channel/station-link.ts';
import type { PublicOf } from '../../src/model/serialize.ts';
import { Station } from '../../src/station/station.ts';
import { memoryLogger, stationConfig, temporaryDirectory, until } from '../station/support/harness.ts';
import { finding, flow } from '../station/support/records.ts';

const BURSTS = 12;
const FLOWS_PER_BURST = 1500;

it('what is sent is what is written and what is told as lost, with findings never among the lost', async () => {
  const directory = temporaryDirectory();
  try {
    const config = stationConfig(directory.path, {}, { buffer_max_records: 700 });
    const station = new Station(config, { logger: memoryLogger().logger });
    await station.start('run-1');
    const [near, far] = duplexPair();
    let isOver = false;
    const there: SensorLink = new SensorLink({
      stream: far,
      onMessage: (message) => {
        if (message.type === 'hello')
          there.tell({ type: 'welcome', leases: { leases: [] }, learned: [], findings: [] });
        if (message.type === 'bulk') for (const record of message.records) station.receive(record);
        if (message.type === 'durable') {
          for (const [seq, record] of [...message.findings, ...message.events]) station.receive(record, seq);
          station.whenKept(() => there.acknowledge(message.n));
        }
        if (message.type === 'bye') isOver = true;
      },
      onEnd: () => {},
    });
    const link = new StationLink({
      run: 'run-1',
      config: {},
      json: false,
      onMessage: () => {},
      onNonsense: () => expect.unreachable('the station talks nonsense'),
      bounds: { maxBulk: 1000 },
    });
    link.attach(near);
    for (let burst = 0; burst < BURSTS; burst++) {
      for (let i = 0; i < FLOWS_PER_BURST; i++) link.send(flow(burst * FLOWS_PER_BURST + i));
      link.send(finding(burst));
      await until('the finding of the burst is acknowledged', () => link.waiting === 0);
    }
    link.close();
    await until('the last words are heard', () => isOver);
    const shedByStation = station.status()!.store.shed;
    await station.stop();

    const db = new Sqlite(config.store.path, { readonly: true });
    const written = db.prepare('SELECT count(*) FROM flows').pluck().get() as number;
    const lost = (db.prepare("SELECT record FROM events WHERE kind = 'loss'").pluck().all() as string[]).map(
      (text) => JSON.parse(text) as PublicOf<'loss'>,
    );
    const findings = db.prepare('SELECT count(*) FROM findings').pluck().get();
    db.close();
    const lostBy = (source: string) =>
      lost
        .filter((loss) => loss.source === source && loss.where === 'flow')
        .reduce((sum, { count }) => sum + count, 0);
    expect(link.lost).toBeGreaterThan(0);
    expect(shedByStation).toBeGreaterThan(0);
    expect(lostBy('channel')).toBe(link.lost);
    expect(lostBy('store')).toBe(shedByStation);
    expect(written + lostBy('channel') + lostBy('store')).toBe(BURSTS * FLOWS_PER_BURST);
    expect(lost.every(({ where }) => where === 'flow')).toBe(true);
    expect(findings).toBe(BURSTS);
  } finally {
    directory.remove();
  }
});
