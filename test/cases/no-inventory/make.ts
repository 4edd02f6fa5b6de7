import { capture, DB, OUTSIDE, tcpExchange } from '../world.ts';

export function make(): Uint8Array {
  return capture(tcpExchange(DB, OUTSIDE, { sport: 40_000, dport: 443 }));
}
