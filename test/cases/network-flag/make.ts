import { capture, DB, OUTSIDE, tcpBetween } from '../world.ts';

export function make(): Uint8Array {
  return capture([[0, tcpBetween(DB, OUTSIDE, { sport: 40_000, dport: 443, flags: 'S' })]]);
}
