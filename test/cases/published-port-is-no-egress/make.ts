import { capture, DB, OUTSIDE, outside, PROXY, tcpExchange, text } from '../world.ts';

export function make(): Uint8Array {
  const page = [text('GET /'), text('x'.repeat(1400))] as const;
  return capture([
    ...tcpExchange(outside('198.51.100.9'), PROXY, { sport: 50_000, dport: 443 }, page),
    ...tcpExchange(OUTSIDE, DB, { sport: 50_001, dport: 5432, startSecs: 1 }),
  ]);
}
