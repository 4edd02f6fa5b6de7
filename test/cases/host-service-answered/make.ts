import { capture, type Host, inTurn, PROXY, tcpBetween, tcpExchange, udpBetween } from '../world.ts';

const HOST: Host = { ip: '172.31.0.1', mac: '02:42:00:00:00:02' };
/** Another address of the same machine. */
const UPLINK: Host = { ip: '198.51.100.2', mac: HOST.mac };

export function make(): Uint8Array {
  return capture([
    ...tcpExchange(PROXY, HOST, { sport: 40_000, dport: 22 }),
    ...tcpExchange(PROXY, UPLINK, { sport: 40_001, dport: 8123, startSecs: 1 }),
    ...inTurn(2, [
      tcpBetween(PROXY, HOST, { sport: 40_002, dport: 2375, flags: 'S', seq: 1 }),
      tcpBetween(HOST, PROXY, { sport: 2375, dport: 40_002, flags: 'RA', ack: 2 }),
    ]),
    ...inTurn(3, [udpBetween(PROXY, HOST, [40_003, 123]), udpBetween(HOST, PROXY, [123, 40_003])]),
    // The host at a container: nobody's access to the host.
    ...tcpExchange(HOST, PROXY, { sport: 50_000, dport: 80, startSecs: 4 }),
  ]);
}
