import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FollowedEvents } from '../../../src/cli/events/followed.ts';
import { compileFilter } from '../../../src/query/filter.ts';
import { Station } from '../../../src/station/station.ts';
import { openStoreReadOnly, type StoreReader } from '../../../src/station/store/reader.ts';
import { memoryLogger, stationConfig, temporaryDirectory } from '../../station/support/harness.ts';
import { finding, inventory, loss } from '../../station/support/records.ts';

/** Far fewer rows than are stored between two looks. */
const PAGE = 10;

let directory: ReturnType<typeof temporaryDirectory>;
let readers: StoreReader[] = [];

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => {
  for (const reader of readers) reader.close();
  readers = [];
  directory.remove();
});

/** What an agent of its own stores in one run. */
async function store(...batches: readonly ((station: Station) => void)[]): Promise<void> {
  const station = new Station(stationConfig(directory.path), { logger: memoryLogger().logger });
  await station.start();
  for (const batch of batches) batch(station);
  await station.stop();
}

async function read(): Promise<StoreReader> {
  const reader = await openStoreReadOnly(join(directory.path, 'bridgewatch.db'));
  readers.push(reader);
  return reader;
}

const seqs = (followed: FollowedEvents): number[] => [...followed.next()].map(({ seq }) => seq);
const upTo = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('FollowedEvents', () => {
  it('begins after what is there already', async () => {
    await store((station) => station.receive(finding(1)));
    const followed = new FollowedEvents(await read(), { all: true });

    expect(seqs(followed)).toEqual([]);
    expect(followed.seen).toBe(1);
  });

  // More than a page of each kind, in long runs: the page of one kind ends far before the other's.
  it('tells each row once and in order, however many came since the last look', async () => {
    await store((station) => station.receive(loss(0)));
    const followed = new FollowedEvents(await read(), { all: true }, PAGE);
    const many = (station: Station) => {
      for (let i = 0; i < 26; i++) station.receive(inventory(i));
      for (let i = 0; i < 13; i++) station.receive(finding(i));
      for (let i = 0; i < 21; i++) station.receive(i % 2 === 0 ? inventory(i) : finding(i));
    };

    await store(many);

    expect(seqs(followed)).toEqual(upTo(2, 61));
    expect(seqs(followed)).toEqual([]);
  });

  it('passes over what the filters leave out, and still finds what comes after it', async () => {
    await store((station) => station.receive(loss(0)));
    const followed = new FollowedEvents(await read(), { severity: 'high' }, PAGE);

    await store((station) => {
      for (let i = 0; i < 15; i++) station.receive(finding(i, { severity: 'low' }));
      station.receive(finding(9000, { severity: 'critical' }));
    });

    expect(seqs(followed)).toEqual([17]);
    expect(followed.seen).toBe(17);
  });

  it('asks the filter about each, and still finds what comes after a page that it refuses', async () => {
    await store((station) => station.receive(loss(0)));
    const filter = compileFilter('severity>=high or kind:loss', { kinds: ['finding', 'loss'], now: 0 });
    const followed = new FollowedEvents(await read(), { all: true, filter }, PAGE);

    await store((station) => {
      for (let i = 0; i < 15; i++) station.receive(finding(i, { severity: 'low' }));
      for (let i = 0; i < 15; i++) station.receive(inventory(i));
      station.receive(loss(1));
      station.receive(finding(9000, { severity: 'critical' }));
    });

    expect(seqs(followed)).toHaveLength(2);
    expect(followed.seen).toBe(33);
  });

  it('tells findings only, unless all is asked for', async () => {
    await store((station) => station.receive(loss(0)));
    const findings = new FollowedEvents(await read(), {});
    const all = new FollowedEvents(await read(), { all: true });

    await store((station) => {
      station.receive(inventory(1));
      station.receive(finding(1));
      station.receive(finding(1, { status: 'update' }));
    });

    expect(seqs(findings)).toEqual([3, 4]);
    expect(seqs(all)).toEqual([2, 3, 4]);
  });
});
