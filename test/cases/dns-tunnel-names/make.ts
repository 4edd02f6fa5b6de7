import { answer, dnsQuery, dnsResponse, QTYPE } from '../../support/packet-builder.ts';
import { API, capture, DB, type Timed, udpBetween } from '../world.ts';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz012345';

/** 50 letters that look like Base32; a fixed generator, so that the capture is the same each time. */
function label(seed: number): string {
  let state = seed * 2_654_435_761;
  return Array.from({ length: 50 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return ALPHABET[state >>> 27];
  }).join('');
}

export function make(): Uint8Array {
  const timed: Timed[] = [];
  for (let i = 0; i < 60; i++) {
    const fields = { id: i, name: `${label(i + 1)}.t.updates.example.net`, type: QTYPE.TXT };
    timed.push([i * 0.2, udpBetween(DB, API, [40_000 + i, 53], dnsQuery(fields))]);
    const reply = dnsResponse({ ...fields, answers: [answer.txt(label(i + 1000))] });
    timed.push([i * 0.2 + 0.01, udpBetween(API, DB, [53, 40_000 + i], reply)]);
  }
  return capture(timed);
}
