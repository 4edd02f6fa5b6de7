import { arp, ETHERTYPE, ethernet } from '../../support/packet-builder.ts';
import { API, capture, DB, inTurn } from '../world.ts';

export function make(): Uint8Array {
  const ask = arp({ op: 1, senderMac: DB.mac, senderIp: DB.ip, targetIp: API.ip });
  const tell = arp({ op: 2, senderMac: API.mac, senderIp: API.ip, targetMac: DB.mac, targetIp: DB.ip });
  return capture(
    inTurn(0, [
      ethernet({ src: DB.mac, dst: 'ff:ff:ff:ff:ff:ff', type: ETHERTYPE.ARP }, ask),
      ethernet({ src: API.mac, dst: DB.mac, type: ETHERTYPE.ARP }, tell),
    ]),
  );
}
