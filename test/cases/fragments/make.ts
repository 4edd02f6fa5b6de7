import { concat, ethernet, ipv4, udp } from '../../support/packet-builder.ts';
import { API, capture, DB, inTurn } from '../world.ts';

export function make(): Uint8Array {
  const datagram = udp({ sport: 40_000, dport: 9000 }, new Uint8Array(2992).fill(0x61));
  const piece = (offset: number, end: number) =>
    ethernet(
      { src: DB.mac, dst: API.mac },
      ipv4(
        {
          src: DB.ip,
          dst: API.ip,
          protocol: 17,
          id: 77,
          fragmentOffset: offset,
          moreFragments: end < datagram.length,
        },
        concat(datagram.subarray(offset, end)),
      ),
    );
  return capture(inTurn(0, [piece(0, 1480), piece(1480, 2960), piece(2960, 3000)]));
}
