import { API, capture, DB, tcpBetween } from '../world.ts';

/** As nmap -T0 takes its time, a little more. */
const EVERY_SECS = 360;
const PROBES = 24;

export function make(): Uint8Array {
  return capture(
    Array.from({ length: PROBES }, (_, i) => {
      const sport = 40_000 + i;
      const dport = 8000 + 7 * i;
      const at = i * EVERY_SECS;
      return [
        [at, tcpBetween(API, DB, { sport, dport, flags: 'S', seq: 100, ack: 0 })] as const,
        [
          at + 0.001,
          tcpBetween(DB, API, { sport: dport, dport: sport, flags: 'RA', seq: 0, ack: 101 }),
        ] as const,
      ];
    }).flat(),
  );
}
