import { capture, OUTSIDE, outside, PROXY, tcpExchange, text } from '../world.ts';

const PULLED = outside('198.51.101.7');
/** As offloading hands it over: larger than any MTU. */
const large = text('x'.repeat(60_000));

export function make(): Uint8Array {
  return capture(
    [0, 1, 2].flatMap((i) => [
      ...tcpExchange(PROXY, OUTSIDE, { sport: 50_000 + i, dport: 9000, startSecs: 2 * i }, [
        large,
        text('ok'),
      ]),
      ...tcpExchange(PROXY, PULLED, { sport: 51_000 + i, dport: 9000, startSecs: 2 * i + 1 }, [
        text('get'),
        large,
      ]),
    ]),
  );
}
