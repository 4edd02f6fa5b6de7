import { API, capture, DB, tcpExchange } from '../world.ts';

/** The api asks the database every ten minutes for an hour; then somebody is answered by the database on port 4444, twice. */
export function make(): Uint8Array {
  return capture([
    ...Array.from({ length: 7 }, (_, i) =>
      tcpExchange(API, DB, { sport: 50_000 + i, dport: 5432, startSecs: i * 600 }),
    ).flat(),
    ...[3700, 3705].flatMap((startSecs, i) =>
      tcpExchange(API, DB, { sport: 51_000 + i, dport: 4444, startSecs }),
    ),
    ...tcpExchange(API, DB, { sport: 52_000, dport: 5432, startSecs: 3800 }),
  ]);
}
