import { capture, type Host, OUTSIDE, PROXY, tcpExchange, text } from '../world.ts';

/** The api on shop_front. */
const API_FRONT: Host = { ip: '172.31.0.3', mac: '02:42:ac:1f:00:03' };
const asked = text('GET /v1.44/containers/json HTTP/1.1\r\nHost: docker\r\n\r\n');
const told = text('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]');
const ssh = text('SSH-2.0-OpenSSH_9.2\r\n');

export function make(): Uint8Array {
  return capture([
    ...tcpExchange(PROXY, API_FRONT, { sport: 50_000, dport: 2375 }, [asked, told]),
    ...tcpExchange(PROXY, OUTSIDE, { sport: 50_001, dport: 2375, startSecs: 1 }, [asked, told]),
    ...tcpExchange(PROXY, OUTSIDE, { sport: 50_002, dport: 2376, startSecs: 2 }, [ssh, ssh]),
  ]);
}
