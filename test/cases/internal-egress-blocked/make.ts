import { capture, DB, inTurn, OUTSIDE, outside, tcpBetween, udpBetween } from '../world.ts';

export function make(): Uint8Array {
  const syn = tcpBetween(DB, OUTSIDE, { sport: 40_000, dport: 443, flags: 'S', seq: 1 });
  return capture([
    [0, syn],
    [1, syn],
    [3, syn],
    ...inTurn(4, [udpBetween(DB, outside('198.51.100.8'), [123, 123], new Uint8Array(48))]),
  ]);
}
