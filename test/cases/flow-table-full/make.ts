import { API, capture, DB, type Timed, tcpBetween } from '../world.ts';

export function make(): Uint8Array {
  const timed: Timed[] = [];
  for (let i = 0; i < 1100; i++)
    timed.push([i * 0.001, tcpBetween(DB, API, { sport: 2000 + i, dport: 8080, flags: 'S' })]);
  return capture(timed);
}
