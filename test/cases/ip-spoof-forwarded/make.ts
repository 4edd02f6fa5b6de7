import { capture, type Host, inTurn, PROXY, udpBetween } from '../world.ts';

const API_MAC = '02:42:ac:1f:00:03';
const GATEWAY: Host = { ip: '172.31.0.1', mac: '02:42:00:00:00:02' };
/** In a frame of the API. */
const from = (ip: string): Host => ({ ip, mac: API_MAC });

export function make(): Uint8Array {
  return capture([
    ...inTurn(0, [
      udpBetween(from('10.8.0.2'), PROXY, [40_000, 5000]),
      udpBetween(from('10.8.0.3'), PROXY, [40_001, 5000]),
    ]),
    ...inTurn(1, [udpBetween(from(PROXY.ip), { ...GATEWAY, ip: '198.51.100.7' }, [40_002, 123])]),
  ]);
}
