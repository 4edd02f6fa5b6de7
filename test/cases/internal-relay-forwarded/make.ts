import { API, capture, DB, type Host, OUTSIDE, type Timed, tcpExchange, text } from '../world.ts';

const API_FRONT: Host = { ip: '172.31.0.3', mac: '02:42:ac:1f:00:03' };

/** Eight requests of other lengths each. */
const TIMES = [0, 1.7, 4.1, 5.2, 8.9, 10.3, 13, 14.1];

export function make(): Uint8Array {
  const relayed = TIMES.flatMap((startSecs, i) => exchange(i, startSecs));
  return capture([...relayed].sort(([a], [b]) => a - b));
}

/** What the database says to the api goes on to the outside; its answer comes back two hops of 10 ms later. */
function exchange(i: number, startSecs: number): Timed[] {
  const said = [text('q'.repeat(40 + 53 * i)), text('a'.repeat(300 + 211 * i))] as const;
  return [
    ...tcpExchange(DB, API, { sport: 40_000 + i, dport: 8000, startSecs }, said),
    ...tcpExchange(
      API_FRONT,
      OUTSIDE,
      { sport: 50_000 + i, dport: 9000, startSecs: startSecs + 0.0012 },
      said,
    ),
  ];
}
