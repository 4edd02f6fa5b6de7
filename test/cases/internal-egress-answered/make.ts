import { capture, DB, OUTSIDE, tcpExchange, text } from '../world.ts';

export function make(): Uint8Array {
  const payloads = [text('x'.repeat(1000)), text('ok')] as const;
  return capture(tcpExchange(DB, OUTSIDE, { sport: 40_000, dport: 443 }, payloads));
}
