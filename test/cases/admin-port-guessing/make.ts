import { capture, type Host, PROXY, tcpExchange, text } from '../world.ts';

/** The api on shop_front. */
const API_FRONT: Host = { ip: '172.31.0.3', mac: '02:42:ac:1f:00:03' };
const banner = text('SSH-2.0-OpenSSH_9.2\r\n');

export function make(): Uint8Array {
  return capture(
    Array.from({ length: 30 }, (_, i) => [
      ...tcpExchange(PROXY, API_FRONT, { sport: 50_000 + i, dport: 22, startSecs: 2 * i }, [banner, banner]),
      ...tcpExchange(PROXY, API_FRONT, { sport: 51_000 + i, dport: 3306, startSecs: 2 * i + 1 }),
    ]).flat(),
  );
}
