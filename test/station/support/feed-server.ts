/** The live feed on a store of its own behind a real HTTP server on a Unix socket; its pauses as short as a test wants. */
import { createServer } from 'node:http';
import { join } from 'node:path';
import { LossTally } from '../../../src/model/loss-tally.ts';
import type { RecordKind } from '../../../src/model/record.ts';
import { FEED_DEFAULTS, Feed, type FeedOptions } from '../../../src/station/api/feed/feed.ts';
import { selectionOf } from '../../../src/station/api/feed/selection.ts';
import { storeConfig } from '../../../src/station/config.ts';
import { openStore } from '../../../src/station/store/store.ts';
import { memoryLogger } from './harness.ts';
import { T0 } from './records.ts';

export async function feedServer(directory: string, options: Partial<FeedOptions> = {}) {
  const { logger, lines } = memoryLogger();
  const listeners = new Set<() => void>();
  const store = await openStore(
    storeConfig.parse({ path: join(directory, 'bridgewatch.db'), buffer_max_records: 1_000_000 }),
    {
      logger,
      losses: new LossTally(),
      now: () => T0,
      onDurable: () => {
        for (const call of listeners) call();
      },
      onShed: () => {},
      onSkipped: () => {},
    },
  );
  const stopping = new AbortController();
  let reads = 0;
  const log = {
    get lastSeq() {
      return store.lastSeq;
    },
    get isFailing() {
      return store.isFailing;
    },
    readableUpTo: store.readableUpTo.bind(store),
    placeBefore: store.placeBefore.bind(store),
    readLog: (request: Parameters<typeof store.readLog>[0]) => {
      reads += 1;
      return store.readLog(request);
    },
  };
  const feed = new Feed(
    {
      source: { log, onBulk: () => () => {}, stopping: stopping.signal },
      onDurable: (call) => {
        listeners.add(call);
        return () => void listeners.delete(call);
      },
      logger,
      now: () => T0,
    },
    { ...FEED_DEFAULTS, maxClients: 1000, ...options },
  );
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url!, 'http://x');
    const kinds = (searchParams.get('kinds') ?? 'finding').split(',') as RecordKind[];
    const after = request.headers['last-event-id'];
    response.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' });
    feed.open(response, selectionOf({ kinds, minSeverity: 0 }), {
      after: typeof after === 'string' ? Number(after) : undefined,
    });
  });
  const socketPath = join(directory, 'feed.sock');
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    store,
    feed,
    socketPath,
    lines,
    onDurable: (call: () => void) => void listeners.add(call),
    /** Pages read so far. */
    reads: () => reads,
    async stop() {
      stopping.abort();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      store.close();
    },
  };
}
