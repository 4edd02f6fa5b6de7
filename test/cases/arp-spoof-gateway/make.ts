import { neighborAdvertisement } from '../../support/ndp-builder.ts';
import { arp, ETHERTYPE, ethernet } from '../../support/packet-builder.ts';
import { API, capture, DB, GATEWAY, type Host, inTurn } from '../world.ts';

/** A reply, in a frame of `by`. */
function reply(by: Host, claims: Host, to: Host): Uint8Array {
  const body = arp({ op: 2, senderMac: claims.mac, senderIp: claims.ip, targetMac: to.mac, targetIp: to.ip });
  return ethernet({ src: by.mac, dst: to.mac, type: ETHERTYPE.ARP }, body);
}

export function make(): Uint8Array {
  const poison = reply(API, { ip: GATEWAY.ip, mac: API.mac }, DB);
  const other = reply(API, { ip: DB.ip, mac: API.mac }, GATEWAY);
  const poison6 = neighborAdvertisement({
    mac: API.mac,
    ip: 'fd00:30::3',
    target: 'fd00:30::1',
    dst: 'fd00:30::2',
  });
  return capture([
    ...inTurn(0, [reply(DB, DB, API), reply(GATEWAY, GATEWAY, DB), reply(API, API, DB)]),
    ...inTurn(1, [poison, other, poison6]),
    ...inTurn(3, [poison, other]),
    ...inTurn(5, [poison, other]),
  ]);
}
