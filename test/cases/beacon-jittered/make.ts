import { capture, OUTSIDE, outside, PROXY, tcpExchange } from '../world.ts';

const OTHER = outside('198.51.101.7');

export function make(): Uint8Array {
  let beat = 0;
  let other = 0;
  return capture(
    Array.from({ length: 20 }, (_, i) => {
      // The fractions of multiples of the golden ratio lie evenly, and in no order.
      const part = (i * 0.618_034) % 1;
      beat += 5 * (1 - 0.2 * part);
      other += 0.5 + 12 * part * part;
      return [
        ...tcpExchange(PROXY, OUTSIDE, { sport: 50_000 + i, dport: 443, startSecs: beat }),
        ...tcpExchange(PROXY, OTHER, { sport: 51_000 + i, dport: 443, startSecs: other }),
      ];
    })
      .flat()
      .sort(([a], [b]) => a - b),
  );
}
