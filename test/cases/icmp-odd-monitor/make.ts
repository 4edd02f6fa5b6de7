import { icmp } from '../../support/packet-builder.ts';
import { between, capture, OUTSIDE, PROXY, type Timed } from '../world.ts';

/** Bytes without a pattern, the same in every run. */
function noise(seed: number, length: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

export function make(): Uint8Array {
  const ping = (seq: number): Timed[] => {
    const data = noise(seq, 1000);
    return [
      [seq, between(PROXY, OUTSIDE, icmp({ type: 8, id: 7, seq }, data))],
      [seq + 0.02, between(OUTSIDE, PROXY, icmp({ type: 0, id: 7, seq }, data))],
    ];
  };
  return capture(Array.from({ length: 12 }, (_, i) => ping(i + 1)).flat());
}
