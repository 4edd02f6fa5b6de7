import { icmp } from '../../support/packet-builder.ts';
import { between, capture, inTurn, OUTSIDE, PROXY, text } from '../world.ts';

export function make(): Uint8Array {
  const exchange = (seq: number) => [
    between(PROXY, OUTSIDE, icmp({ type: 8, id: 7, seq }, text(`up ${seq} ${'x'.repeat(90)}`))),
    between(OUTSIDE, PROXY, icmp({ type: 0, id: 7, seq }, text(`down ${seq} ${'y'.repeat(70)}`))),
  ];
  return capture(inTurn(0, [1, 2, 3, 4].flatMap(exchange)));
}
