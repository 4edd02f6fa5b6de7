import { icmp } from '../../support/packet-builder.ts';
import { API, between, capture, DB, inTurn, text } from '../world.ts';

export function make(): Uint8Array {
  const ping = (seq: number) => [
    between(API, DB, icmp({ type: 8, id: 7, seq }, text('abcdefgh'))),
    between(DB, API, icmp({ type: 0, id: 7, seq }, text('abcdefgh'))),
  ];
  return capture(inTurn(0, [...ping(1), ...ping(2), ...ping(3)]));
}
