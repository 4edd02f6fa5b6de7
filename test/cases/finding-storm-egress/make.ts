import { capture, type Host, inTurn, OUTSIDE, tcpBetween, tcpExchange } from '../world.ts';

const member = (i: number): Host => ({ ip: `10.20.0.${i}`, mac: `02:42:0a:14:00:${hex(i)}` });

export function make(): Uint8Array {
  const noise = Array.from({ length: 200 }, (_, i) =>
    tcpBetween(member(i + 10), OUTSIDE, { sport: 40_000, dport: 443, flags: 'S', seq: 1, ack: 0 }),
  );
  return capture([
    ...inTurn(0, noise),
    // What the noise hides.
    ...tcpExchange(member(5), OUTSIDE, { sport: 40_000, dport: 443, startSecs: 5 }),
  ]);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
