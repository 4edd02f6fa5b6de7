import { ethernet, ipv4, tcp } from '../../support/packet-builder.ts';
import { API, capture, DB, tcpExchange } from '../world.ts';

export function make(): Uint8Array {
  const payload = new Uint8Array(65_535 - 40).fill(0x62);
  const segment = tcp({ sport: 40_000, dport: 8080, flags: 'A', seq: 106, ack: 506 }, payload);
  const ends = { src: DB.ip, dst: API.ip };
  const link = { src: DB.mac, dst: API.mac };
  const exchange = tcpExchange(DB, API, { sport: 40_000, dport: 8080 });
  return capture([
    ...exchange.slice(0, 5),
    [0.1, ethernet(link, ipv4(ends, segment))],
    [0.2, ethernet(link, ipv4({ ...ends, totalLength: 0 }, segment))],
  ]);
}
