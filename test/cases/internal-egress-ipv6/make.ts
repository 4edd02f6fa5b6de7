import { capture, DB6, OUTSIDE6, tcpBetween } from '../world.ts';

export function make(): Uint8Array {
  return capture([[0, tcpBetween(DB6, OUTSIDE6, { sport: 40_000, dport: 443, flags: 'S' })]]);
}
