import { afterEach, beforeEach, expect, it } from 'vitest';
import { LossTally } from '../../../src/model/loss-tally.ts';
import { storeConfig } from '../../../src/station/config.ts';
import { openStore, type Store } from '../../../src/station/store/store.ts';
import { append, memoryLogger, temporaryDirectory } from '../support/harness.ts';
import { coverage, finding, T0 } from '../support/records.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let store: Store;

beforeEach(async () => {
  directory = temporaryDirectory();
  store = await open();
});

afterEach(() => {
  store.close();
  directory.remove();
});

async function open(): Promise<Store> {
  return await openStore(storeConfig.parse({ path: `${directory.path}/x.db` }), {
    logger: memoryLogger().logger,
    losses: new LossTally(),
    now: () => T0,
    onDurable: () => {},
    onShed: () => {},
    onSkipped: () => {},
  });
}

it('keeps nothing from expiring for a sink that wants nothing of a lane', () => {
  const none = store.openOutbox('webhook', 'event', new Set());
  const some = store.openOutbox('file', 'event', new Set(['coverage'] as const));

  append(store, coverage(1), coverage(2));
  store.flush();

  expect(some.cursor).toBe(0);
  expect(none.cursor).toBe(store.lastSeq);
  expect(none.count()).toBe(0);
});

it('takes a sink that began with an empty database for no new one at the next start', async () => {
  const kinds = new Set(['finding'] as const);
  store.openOutbox('new', 'finding', kinds, { backlog: false });
  append(store, finding(1));
  store.flush();
  store.close();

  store = await open();

  expect(store.openOutbox('new', 'finding', kinds, { backlog: false }).count()).toBe(1);
});

it('remembers where a sink without backlog began, though it was sent nothing before the next start', async () => {
  append(store, finding(1));
  store.flush();
  const kinds = new Set(['finding'] as const);
  expect(store.openOutbox('new', 'finding', kinds, { backlog: false }).count()).toBe(0);
  append(store, finding(2));
  store.flush();
  store.close();

  store = await open();
  const again = store.openOutbox('new', 'finding', kinds, { backlog: false });

  expect(again.read(10, 1_000_000).map(({ text }) => (JSON.parse(text) as { id: string }).id)).toEqual([
    'f-2',
  ]);
  expect(store.openOutbox('whole', 'finding', kinds).count()).toBe(2);
});
