import { capture, DB, OUTSIDE, tcpBetween } from '../world.ts';

const YEAR_SECS = 365 * 86_400;

export function make(): Uint8Array {
  const syn = (sport: number) => tcpBetween(DB, OUTSIDE, { sport, dport: 443, flags: 'S' });
  return capture([
    [0, syn(40_000)],
    [-3600, syn(40_001)],
    [1, syn(40_002)],
    [10 * YEAR_SECS, syn(40_003)],
    [2, syn(40_004)],
    [-7200, syn(40_005)],
    [-7199, syn(40_006)],
  ]);
}
