import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentRecord } from '../../src/model/record.ts';
import { parseRecord } from '../../src/model/serialize.ts';
import { Station, type StationDeps } from '../../src/station/station.ts';
import { openStoreReadOnly } from '../../src/station/store/reader.ts';
import { memoryLogger, stationConfig, temporaryDirectory, until } from './support/harness.ts';
import { coverage, dns, finding, flow, T0, traffic } from './support/records.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let log: ReturnType<typeof memoryLogger>;
let station: Station | undefined;

beforeEach(() => {
  directory = temporaryDirectory();
  log = memoryLogger();
});

afterEach(async () => {
  await station?.stop();
  directory.remove();
});

async function start(
  over: Partial<StationDeps> = {},
  ...config: Parameters<typeof stationConfig> extends [string, ...infer R] ? R : never
): Promise<Station> {
  station = new Station(stationConfig(directory.path, ...config), { logger: log.logger, ...over });
  await station.start();
  return station;
}

function openReader() {
  return openStoreReadOnly(join(directory.path, 'bridgewatch.db'));
}

describe('Station', () => {
  it('keeps every kind but roll-ups and the summary, and shows each record as it comes', async () => {
    const shown: string[] = [];
    const running = await start({ onRecord: (record) => shown.push(record.kind) });
    const summary: AgentRecord = {
      kind: 'summary',
      packets: 1,
      bytes: 1,
      flows: 1,
      dnsQuestions: 0,
      findings: 0,
      anomalies: {},
      notUnderstood: {},
      losses: {},
    };

    for (const record of [finding(1), flow(1), dns(1), coverage(1), traffic(1), summary])
      running.receive(record);
    await running.stop();

    expect(shown).toEqual(['finding', 'flow', 'dns', 'coverage', 'traffic', 'summary']);
    const reader = await openReader();
    expect(reader.queryFindings()).toHaveLength(1);
    expect(reader.queryFlows()).toHaveLength(1);
    expect(reader.queryDns()).toHaveLength(1);
    expect(reader.queryEvents()).toHaveLength(1);
    reader.close();
  });

  it('survives a live view that throws, and says so once', async () => {
    const running = await start({
      onRecord: () => {
        throw new Error('EPIPE');
      },
    });

    running.receive(finding(1));
    running.receive(finding(2));
    await running.stop();

    expect(running.status()?.store.written).toBe(2);
    expect(log.lines.filter(({ msg }) => msg.startsWith('the live view failed'))).toHaveLength(1);
  });

  it('writes what it had to give up as loss records', async () => {
    const running = await start({ now: () => T0 }, {}, { buffer_max_records: 100 });

    for (let i = 0; i < 150; i++) running.receive(flow(i));
    expect(running.status()).toMatchObject({ lost: 50, store: { shed: 50, buffered: 100 } });
    await running.stop();

    const reader = await openReader();
    const [row] = reader.queryEvents({ kinds: ['loss'] });
    expect(parseRecord(row!.text)).toMatchObject({ source: 'store', where: 'flow', count: 50 });
    reader.close();
  });

  it('takes nothing before it starts and after it stops, without complaint', async () => {
    const early = new Station(stationConfig(directory.path), { logger: log.logger });
    early.receive(finding(1));
    expect(early.status()).toBeUndefined();
    await early.start();
    await early.stop();
    early.receive(finding(2));
    await early.stop();

    expect(early.status()?.store.written).toBe(0);
  });

  it('does not start on a database that it cannot have', async () => {
    await start();
    const second = new Station(stationConfig(directory.path), { logger: log.logger });

    await expect(second.start()).rejects.toMatchObject({ code: 'STORE_IN_USE' });
  });

  it('starts without its sink, and tells', async () => {
    const running = await start({}, { url: 'http://127.0.0.1:9', drain_timeout_ms: 100 });
    running.receive(finding(1));

    await until('the failure', () => running.status()?.sinks[0]?.state === 'retrying');

    expect(running.status()?.sinks[0]).toMatchObject({
      sink: 'influxdb',
      accepted: 1,
      problem: expect.stringContaining('cannot reach InfluxDB at http://127.0.0.1:9'),
    });
  });
});
