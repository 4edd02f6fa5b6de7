import { API, capture, DB, tcpExchange } from '../world.ts';

/** The api asks the database every ten seconds for five minutes; then the database goes to the api's SSH, and does so again. */
export function make(): Uint8Array {
  return capture([
    ...Array.from({ length: 30 }, (_, i) =>
      tcpExchange(API, DB, { sport: 50_000 + i, dport: 5432, startSecs: i * 10 }),
    ).flat(),
    ...[301, 371].flatMap((startSecs, i) =>
      tcpExchange(DB, API, { sport: 51_000 + i, dport: 22, startSecs }),
    ),
    ...tcpExchange(API, DB, { sport: 52_000, dport: 5432, startSecs: 380 }),
    ...tcpExchange(API, DB, { sport: 52_001, dport: 5432, startSecs: 460 }),
  ]);
}
