/** An address that passes from one container to another is named rightly before and after, whatever told of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCase } from '../../../capture/case.ts';
import { offlineInventory } from '../../../src/cli/analyze/offline-inventory.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { LeaseRecord } from '../../../src/model/lease.ts';
import type { InventoryChange } from '../../../src/model/record.ts';
import { serializeRecord } from '../../../src/model/serialize.ts';
import type { Micros } from '../../../src/model/time.ts';
import { inventoryToRecords, type OfflineInventory } from '../../../src/sensor/docker/inventory-records.ts';
import { replayCase } from '../../../src/sensor/replay.ts';
import { Station } from '../../../src/station/station.ts';
import { openStoreReadOnly } from '../../../src/station/store/reader.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { memoryLogger, stationConfig } from '../../station/support/harness.ts';
import { engineChange, lease, SECOND } from '../../station/support/leases.ts';
import { database, network, T0 } from '../../station/support/records.ts';
import { captureFolder } from '../../support/capture-folder.ts';
import { type FakeEngine, fakeEngine } from '../../support/fake-engine.ts';
import { pcapFile, tcpFrame } from '../../support/packet-builder.ts';
import { smallEngine } from '../support/small-engine.ts';

const folder = captureFolder();
const { docker } = loadConfig({ env: {}, analyzers: [] });
const ADDRESS = '172.30.1.5';
/** At 14:02:07 the address passes from shop/db to shop/worker, which has another MAC. */
const REUSED = T0 + 127 * SECOND;
const worker = {
  ...database,
  containerId: 'c0ffee'.repeat(10),
  name: 'shop-worker-1',
  composeService: 'worker',
};
const known: InventoryChange = {
  kind: 'inventory',
  time: T0 - 3600 * SECOND,
  change: 'added',
  object: 'network',
  id: network.id,
  name: network.name,
  detail: {
    driver: 'bridge',
    internal: true,
    subnets: network.subnets,
    gateways: network.gateways,
    bridge: network.bridge!,
  },
};
const leases: readonly LeaseRecord[] = [
  lease(0, { id: 'l-db', ips: [ADDRESS], from: T0 - 3600 * SECOND, to: REUSED, time: REUSED }),
  lease(0, {
    id: 'l-worker',
    ips: [ADDRESS],
    mac: '02:42:ac:1e:01:77',
    workload: worker,
    from: REUSED + SECOND,
    time: REUSED + SECOND,
  }),
];

/** An agent that saw it, until five minutes after. */
async function databaseOf(records: readonly LeaseRecord[]): Promise<string> {
  const path = folder.at(`store-${records.length}`);
  const station = new Station(stationConfig(path), { logger: memoryLogger().logger });
  await station.start();
  station.receive(engineChange('added', T0 - 3600 * SECOND));
  station.receive(known);
  for (const record of records) station.receive(record);
  station.receive(engineChange('removed', T0 + 600 * SECOND));
  await station.stop();
  return `${path}/bridgewatch.db`;
}

const time = (from?: Micros) => ({ from: async () => from, until: undefined });

function holderAt(inventory: OfflineInventory, at: Micros): string | undefined {
  const held = inventory.state.book.byIp(ADDRESS).filter(({ from, to }) => at >= from && at < to);
  return held.map(({ holder }) => holder.workload.composeService).join();
}

describe('the inventory of a case', () => {
  let path: string;
  beforeAll(async () => {
    path = await databaseOf(leases);
  });

  it('from an agent is as its database says, before an address was reused and after', async () => {
    const inventory = await offlineInventory({ inventory: path }, docker)(time(T0));

    expect(inventory.about).toEqual({ kind: 'database', source: path });
    expect(holderAt(inventory, REUSED - 1)).toBe('db');
    expect(holderAt(inventory, REUSED)).toBe('');
    expect(holderAt(inventory, REUSED + SECOND)).toBe('worker');
    expect(inventory.state.networks()).toMatchObject([
      { name: 'shop_data', internal: true, bridge: network.bridge, subnets: network.subnets },
    ]);
    expect(inventory.state.containers().map(({ workload }) => workload.name)).toEqual(['shop-worker-1']);
  });

  it('from an agent has no lease that was over a minute before the first packet', async () => {
    const late = await offlineInventory({ inventory: path }, docker)(time(REUSED + 60 * SECOND + 1));
    const early = await offlineInventory({ inventory: path }, docker)(time(REUSED + 60 * SECOND - 1));

    expect(late.state.book.byIp(ADDRESS)).toHaveLength(1);
    expect(early.state.book.byIp(ADDRESS)).toHaveLength(2);
  });

  it('from an agent says when nobody watched', async () => {
    const { state } = await offlineInventory({ inventory: path }, docker)(time(T0));

    expect(state.gapAt(T0 - 3601 * SECOND)).toBeDefined();
    expect(state.gapAt(T0)).toBeUndefined();
    expect(state.gapAt(T0 + 600 * SECOND)).toBeUndefined();
    expect(state.gapAt(T0 + 616 * SECOND)).toMatchObject({ to: Number.POSITIVE_INFINITY });
  });

  it('from what `events --json` printed is the same', async () => {
    const file = folder.write(
      'leases.ndjson',
      [known, ...leases].map((record) => `${serializeRecord(record)}\n`).join(''),
    );

    const inventory = await offlineInventory({ inventory: file }, docker)(time());

    expect(inventory.about).toEqual({ kind: 'records', source: file });
    expect(holderAt(inventory, REUSED - 1)).toBe('db');
    expect(holderAt(inventory, REUSED + SECOND)).toBe('worker');
    expect(inventory.state.networks()).toMatchObject([{ name: 'shop_data', internal: true }]);
  });

  it('from records says the line that is wrong', async () => {
    const wrong = serializeRecord(leases[0]!).replace('2026-11-23T', '2026-99-23T');
    const file = folder.write('wrong.ndjson', `${serializeRecord(known)}\n${wrong}\n`);

    await expect(offlineInventory({ inventory: file }, docker)(time())).rejects.toThrow(
      /wrong\.ndjson: line 2: .*not a time/,
    );
  });

  it('from `map` is told from records by its content', async () => {
    const { state } = await offlineInventory({ inventory: path }, docker)(time(T0));
    const file = folder.write(
      'map.ndjson',
      inventoryToRecords(state)
        .map((record) => `${JSON.stringify(record)}\n`)
        .join(''),
    );

    const inventory = await offlineInventory({ inventory: file }, docker)(time());

    expect(inventory.about).toEqual({ kind: 'map', source: file });
    expect(holderAt(inventory, REUSED - 1)).toBe('db');
  });

  describe('from the engine that runs', () => {
    let engine: FakeEngine;
    beforeAll(async () => {
      engine = fakeEngine(smallEngine());
      await engine.listen();
    });
    afterAll(async () => {
      await engine.remove();
    });

    it('is what it says now', async () => {
      const here = loadConfig({ env: {}, flags: { docker: { socket_path: engine.socket } }, analyzers: [] });
      const inventory = await offlineInventory({ inventory: 'engine' }, here.docker)(time());

      expect(inventory.about).toEqual({ kind: 'engine' });
      expect(inventory.state.networks().length).toBeGreaterThan(0);
      expect(inventory.state.containers().length).toBeGreaterThan(0);
    });
  });

  it('names the flows of a capture by who held their address then', async () => {
    const attempt = (micros: Micros, sport: number, mac: string) => ({
      frame: tcpFrame({
        src: ADDRESS,
        dst: '198.51.100.7',
        srcMac: mac,
        sport,
        dport: 443,
        flags: 'S',
      }),
      timeMicros: micros,
    });
    const capture = folder.write(
      'reused.pcap',
      pcapFile([
        attempt(REUSED - 5 * SECOND, 40_000, '02:42:ac:1e:01:05'),
        attempt(REUSED + 5 * SECOND, 40_001, '02:42:ac:1e:01:77'),
      ]),
    );
    const opened = await openCase({ paths: [capture] });
    const services: (string | undefined)[] = [];

    await replayCase(opened, {
      config: loadConfig({ env: {}, analyzers: [] }),
      analyzers: [],
      inventory: await offlineInventory({ inventory: path }, docker)(time(await opened.firstAt())),
      wants: { flows: true, dns: false },
      emit: (record) => {
        if (record.kind === 'flow') services.push(record.orig.workload?.composeService);
      },
      log: createLogger('silent'),
    });

    expect(services.sort()).toEqual(['db', 'worker']);
  });

  it('is not changed by having been read', async () => {
    await offlineInventory({ inventory: path }, docker)(time(T0));
    const reader = await openStoreReadOnly(path);

    expect(reader.queryLeases({})).toHaveLength(2);
    reader.close();
  });
});
