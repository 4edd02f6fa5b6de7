import { arp, ETHERTYPE, ethernet } from '../../support/packet-builder.ts';
import { API, capture, DB, type Host, inTurn } from '../world.ts';

const EVIL: Host = { ip: '172.30.0.66', mac: '02:42:ac:1e:00:42' };

function message(op: number, from: Host, to: Host): Uint8Array {
  const body = arp({ op, senderMac: from.mac, senderIp: from.ip, targetMac: to.mac, targetIp: to.ip });
  return ethernet({ src: from.mac, dst: to.mac, type: ETHERTYPE.ARP }, body);
}

export function make(): Uint8Array {
  const asDb = { ip: DB.ip, mac: EVIL.mac };
  return capture([
    ...inTurn(0, [message(1, API, DB), message(2, DB, API)]),
    ...inTurn(1, [message(1, EVIL, DB), message(2, DB, EVIL), message(2, asDb, API)]),
    ...inTurn(3, [message(2, asDb, API)]),
  ]);
}
