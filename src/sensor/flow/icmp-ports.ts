/**
 * What stands for ports in ICMP, as Zeek and Community ID agree on it: a request and its reply are one flow, so the
 * originator's "port" is the type and the responder's the type of the answer. A message that has no answer is one
 * way: type and code, and never matched with a packet of the other direction.
 */

const NO_ANSWER = 255;

/** Answer by type, NO_ANSWER for one-way messages. */
const ICMP_ANSWER = answers([
  [0, 8],
  [8, 0],
  [13, 14],
  [14, 13],
  [15, 16],
  [16, 15],
  [10, 9],
  [9, 10],
  [17, 18],
  [18, 17],
]);

const ICMPV6_ANSWER = answers([
  [128, 129],
  [129, 128],
  [133, 134],
  [134, 133],
  [135, 136],
  [136, 135],
  [130, 131],
  [131, 130],
  [139, 140],
  [140, 139],
  [144, 145],
  [145, 144],
]);

function answers(pairs: readonly (readonly [number, number])[]): Uint8Array {
  const table = new Uint8Array(256).fill(NO_ANSWER);
  for (const [type, answer] of pairs) table[type] = answer;
  return table;
}

/** Type of the answer, or -1 for a one-way message. */
export function icmpAnswerType(isV6: boolean, type: number): number {
  const answer = (isV6 ? ICMPV6_ANSWER : ICMP_ANSWER)[type]!;
  return answer === NO_ANSWER ? -1 : answer;
}
