import { API, capture, DB, type Host, type Timed, tcpBetween } from '../world.ts';

/** A SYN, and the reset that a closed port answers with. */
function closed(secs: number, to: Host, sport: number, dport: number): Timed[] {
  return [
    [secs, tcpBetween(API, to, { sport, dport, flags: 'S', seq: 100 })],
    [secs + 0.0001, tcpBetween(to, API, { sport: dport, dport: sport, flags: 'RA', seq: 0, ack: 101 })],
  ];
}

export function make(): Uint8Array {
  const pool = Array.from({ length: 30 }, (_, i) => closed(i / 10, DB, 30_000 + i, 5432)).flat();
  const scan = Array.from({ length: 12 }, (_, i) => closed(5 + i / 100, DB, 40_000 + i, 20 + i)).flat();
  const late: Timed[] = [[7, tcpBetween(API, DB, { sport: 41_000, dport: 80, flags: 'FPU', seq: 1 })]];
  return capture([...pool, ...scan, ...late]);
}
