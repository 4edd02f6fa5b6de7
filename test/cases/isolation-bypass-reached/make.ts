import { capture, type Host, inTurn, PROXY, tcpBetween, tcpExchange } from '../world.ts';

const ADMIN: Host = { ip: '172.29.0.5', mac: '02:42:ac:1d:00:05' };
const NEIGHBOUR: Host = { ip: '172.29.0.6', mac: '02:42:ac:1d:00:06' };
/** What lies behind the bridge of `admin` has its MAC. */
const behind = (ip: string): Host => ({ ip, mac: '02:42:00:00:00:02' });

export function make(): Uint8Array {
  return capture([
    ...tcpExchange(ADMIN, behind(PROXY.ip), { sport: 40_000, dport: 80 }),
    ...inTurn(1, [tcpBetween(NEIGHBOUR, behind('172.31.0.9'), { sport: 40_001, dport: 22, flags: 'S' })]),
    ...tcpExchange(ADMIN, NEIGHBOUR, { sport: 40_002, dport: 80, startSecs: 2 }),
  ]);
}
