import { icmp } from '../../support/packet-builder.ts';
import { API, between, capture, DB, GATEWAY, inTurn, tcpExchange } from '../world.ts';

export function make(): Uint8Array {
  return capture([
    ...tcpExchange(DB, GATEWAY, { sport: 40_000, dport: 22 }),
    ...inTurn(1, [
      between(API, GATEWAY, icmp({ type: 8, id: 7, seq: 1 })),
      between(GATEWAY, API, icmp({ type: 0, id: 7, seq: 1 })),
    ]),
  ]);
}
