import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import newEdge from '../../analyzers/new-edge.ts';
import { learnedMaps, learnedServices } from '../../src/cli/learned/services.ts';
import type { LearnedRecord } from '../../src/model/learned.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { Station } from '../../src/station/station.ts';
import { openStoreReadOnly } from '../../src/station/store/reader.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from '../station/support/harness.ts';
import { outputSchema } from '../support/output-schema.ts';
import { answered, container, flow, loneWorkload, network, secs } from '../support/records.ts';

let directory: ReturnType<typeof temporaryDirectory>;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => directory.remove());

const back = network({ name: 'back' });
const job = container('job', '172.30.0.30', {
  workload: loneWorkload('job', ['back'], { image: 'backup:1' }),
});

/** The api asks the database for `hours`, each hour; then an image without a service does so as well. */
function asked(hours: number): LearnedRecord[] {
  const talk = (from: typeof job, at: number): AnalyzerEvent => {
    const started = flow({
      network: back,
      orig: { ...from, port: 50_000 },
      resp: container('db', '172.30.0.11', { port: 5432 }),
      start: secs(at),
    });
    return { on: 'flow-answered', flow: answered(started, secs(at)) };
  };
  const api = container('api', '172.30.0.10');
  const events = Array.from({ length: hours + 1 }, (_, hour) => talk(api, hour * 3600));
  return [...runAnalyzer(newEdge, [...events, talk(job, hours * 3600 + 1)]).learned];
}

describe('what new-edge has learned', () => {
  it('is a service each, by name, with its state and how many edges it opens', () => {
    const { services, edges, unreadable } = learnedServices(asked(24));

    expect(services).toMatchObject([
      { service: 'image backup:1', state: 'discover', edges: 1, monitorInSecs: 86_400 },
      { service: 'shop/api', state: 'monitor', edges: 1, watchedSecs: 86_400 },
      { service: 'shop/db', state: 'monitor', edges: 0 },
    ]);
    expect(services[1]).not.toHaveProperty('monitorInSecs');
    expect(edges).toMatchObject([
      { service: 'image backup:1', target: 'shop/db', port: '5432/tcp' },
      { service: 'shop/api', target: 'shop/db', port: '5432/tcp', first: '2026-01-01T00:00:00.000000Z' },
    ]);
    expect(unreadable).toBe(0);
  });

  it('says how much longer a service must be watched', () => {
    const { services } = learnedServices(asked(20));
    expect(services[1]).toMatchObject({ service: 'shop/api', state: 'discover', monitorInSecs: 4 * 3600 });
  });

  it('leaves out and counts what it does not understand', () => {
    const broken = asked(1).map((record) => ({ ...record, value: 'odd' }));
    expect(learnedServices(broken)).toEqual({ services: [], edges: [], unreadable: broken.length - 1 });
  });

  it('comes from the database as it was kept, and as the schema has it', async () => {
    const learned = asked(24);
    const station = new Station(stationConfig(directory.path), { logger: memoryLogger().logger });
    await station.start();
    for (const record of learned) station.remember(record);
    await station.stop();
    const reader = await openStoreReadOnly(join(directory.path, 'bridgewatch.db'));
    const read = reader.learned();
    reader.close();

    expect(learnedServices(read)).toEqual(learnedServices(learned));
    const maps = learnedMaps(read);
    expect(maps.map(({ map, entries }) => [map, entries])).toEqual([
      ['edges', 2],
      ['owners', 3],
      ['watched', 1],
    ]);
    const { services, edges } = learnedServices(read);
    for (const record of [...services, ...edges, ...maps])
      expect(outputSchema().problems(record)).toEqual([]);
  });
});
