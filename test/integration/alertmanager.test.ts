import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import { Station } from '../../src/station/station.ts';
import {
  memoryLogger,
  QUICK_RETRY,
  stationConfig,
  temporaryDirectory,
  until,
} from '../station/support/harness.ts';
import { HOSTILE_TEXTS } from '../station/support/hostile.ts';
import { database, endpoint, finding } from '../station/support/records.ts';
import { startWebhookPeer, type WebhookPeer } from '../station/support/webhook-peer.ts';
import { ALERTMANAGER_MISSING, type Alertmanager, startAlertmanager } from '../support/alertmanager.ts';

if (ALERTMANAGER_MISSING !== undefined) console.warn(`SKIPPED alertmanager.test.ts: ${ALERTMANAGER_MISSING}`);

describe.skipIf(ALERTMANAGER_MISSING !== undefined)('Alertmanager, the real one', () => {
  let receiver: WebhookPeer;
  let alertmanager: Alertmanager;
  let directory: ReturnType<typeof temporaryDirectory>;
  let stations: Station[];

  beforeAll(async () => {
    receiver = await startWebhookPeer();
    alertmanager = await startAlertmanager(receiver.url);
  });

  afterAll(async () => {
    await alertmanager?.dispose();
    await receiver?.close();
  });

  beforeEach(() => {
    directory = temporaryDirectory();
    stations = [];
  });

  afterEach(async () => {
    for (const station of stations) await station.stop();
    directory.remove();
  });

  async function newStation(run: string, options: Record<string, unknown> = {}): Promise<Station> {
    const sinks = [
      {
        type: 'alertmanager',
        url: alertmanager.url,
        resend_secs: 1,
        expire_secs: 60,
        min_firing_secs: 0,
        ...options,
      },
    ];
    const config = stationConfig(directory.path, {}, {}, sinks);
    const station = new Station(config, { logger: memoryLogger().logger, host: 'host1', retry: QUICK_RETRY });
    await station.start(run);
    stations.push(station);
    return station;
  }

  /** Of now, because Alertmanager's clock is the real one; each test with keys of its own. */
  function now(number: number, over: Partial<Finding> = {}): Finding {
    const time = Date.now() * 1000;
    return finding(number, { firstSeen: time - 1e6, lastSeen: time, ...over });
  }

  async function firing(id: string) {
    return (await alertmanager.alerts()).find(({ annotations }) => annotations['finding_id'] === id);
  }

  /** What a person was told, in order. */
  function notified(id: string): string[] {
    return receiver.posts
      .flatMap(
        ({ body }) => (JSON.parse(body) as { alerts: { status: string; annotations: object }[] }).alerts,
      )
      .filter(({ annotations }) => (annotations as Record<string, string>)['finding_id'] === id)
      .map(({ status }) => status);
  }

  it('fires while a finding is open and is resolved when it is closed, each told once', async () => {
    const station = await newStation('run-1');

    station.receive(now(1));

    await until('firing', async () => (await firing('f-1')) !== undefined);
    expect((await firing('f-1'))?.labels).toMatchObject({
      alertname: 'internal-egress',
      severity: 'high',
      network: 'shop_data',
      service: 'shop/db',
      host: 'host1',
    });
    station.receive(now(1, { status: 'update', count: 2 }));
    await until('the update', async () => (await firing('f-1'))?.annotations['reports'] === '2');
    await until('word of it', () => notified('f-1').includes('firing'));
    station.receive(now(1, { status: 'closed', count: 2 }));
    await until('word of its end', () => notified('f-1').includes('resolved'));
    expect(await firing('f-1')).toBeUndefined();
    expect(notified('f-1')).toEqual(['firing', 'resolved']);
  });

  it('is resolved while a finding is muted, fires again after, and never fires for what opens muted', async () => {
    const station = await newStation('run-muted');
    const said = { by: 'root', reason: 'drill', forever: true } as const;
    station.receive(now(71));
    await until('firing', async () => (await firing('f-71')) !== undefined);

    await station.decisions!.muteFinding('f-71', said);
    await until('its end', async () => (await firing('f-71')) === undefined);
    station.receive(now(71, { status: 'update', count: 2 }));
    station.receive(now(72, { key: now(71).key }));
    station.receive(now(72, { key: now(71).key, status: 'closed' }));
    // What is told after it has arrived: the two before were told, or are not to be.
    station.receive(now(73));
    await until('the next', async () => (await firing('f-73')) !== undefined);
    expect([await firing('f-71'), await firing('f-72')]).toEqual([undefined, undefined]);

    await station.decisions!.unmute('f-71', { by: 'root' });
    await until('firing again', async () => (await firing('f-71')) !== undefined);
    for (const number of [71, 73]) station.receive(now(number, { status: 'closed', key: now(number).key }));
    await until('its end', async () => (await firing('f-71')) === undefined);
  });

  it('is told again what it forgot when it was killed, and what came meanwhile', async () => {
    const station = await newStation('run-2');
    station.receive(now(2));
    await until('firing', async () => (await firing('f-2')) !== undefined);

    await alertmanager.kill();
    station.receive(now(3));
    await until('the failure', () => station.status()?.sinks[0]?.state === 'retrying');
    await alertmanager.start();

    await until(
      'both',
      async () => (await firing('f-2')) !== undefined && (await firing('f-3')) !== undefined,
    );
    station.receive(now(2, { status: 'closed' }));
    station.receive(now(3, { status: 'closed' }));
    for (const id of ['f-2', 'f-3']) await until('its end', async () => (await firing(id)) === undefined);
    expect(station.status()?.sinks[0]).toMatchObject({ sent: 4, deadLetters: 0, dropped: 0 });
  });

  it('is told by the next station what the one before had told, and when that ended', async () => {
    const first = await newStation('run-3');
    first.receive(now(4));
    await until('firing', async () => (await firing('f-4')) !== undefined);
    await first.stop();

    // Nothing comes from the sensor, so what is told again is from the store.
    await alertmanager.kill();
    await alertmanager.start();
    const second = await newStation('run-3');
    await until('firing again', async () => (await firing('f-4')) !== undefined);
    await second.stop();

    // Another sensor: nobody watches that finding any more.
    await newStation('run-4');
    await until('its end', async () => (await firing('f-4')) === undefined);
  });

  it('tells of a finding that was open and closed while it was away', async () => {
    const station = await newStation('run-5', { min_firing_secs: 2 });
    await alertmanager.kill();
    station.receive(now(5));
    station.receive(now(5, { status: 'closed' }));
    await until('the failure', () => station.status()?.sinks[0]?.state === 'retrying');

    await alertmanager.start();

    await until('word of it and of its end', () => notified('f-5').includes('resolved'));
    expect(notified('f-5')).toEqual(['firing', 'resolved']);
  });

  it('takes whatever a name is', async () => {
    const station = await newStation('run-6');
    const names = [...HOSTILE_TEXTS, '<!channel>', '{{ .Labels }}', 'x'.repeat(5000)];

    for (const [i, name] of names.entries()) {
      station.receive(
        now(100 + i, {
          explanation: name,
          network: name,
          subject: endpoint({ workload: { ...database, composeService: name } }),
        }),
      );
    }

    for (const i of names.keys())
      await until(names[i]!, async () => (await firing(`f-${100 + i}`)) !== undefined);
    expect(station.status()?.sinks[0]).toMatchObject({ sent: names.length, deadLetters: 0 });
  });
});
