import { arp, ETHERTYPE, ethernet, icmpv6, ip, ipv6 } from '../../support/packet-builder.ts';
import { API, capture, DB, DB6, inTurn } from '../world.ts';

const ask = (from: typeof DB, targetIp: string) =>
  ethernet(
    { src: from.mac, dst: 'ff:ff:ff:ff:ff:ff', type: ETHERTYPE.ARP },
    arp({ op: 1, senderMac: from.mac, senderIp: from.ip, targetIp }),
  );
const solicit = (targetIp: string) =>
  ethernet(
    { src: DB6.mac, dst: '33:33:ff:00:00:09' },
    ipv6({ src: DB6.ip, dst: 'ff02::1:ff00:9', hopLimit: 255 }, icmpv6({ type: 135 }, ip(targetIp))),
  );
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

export function make(): Uint8Array {
  return capture([
    // The api asks for whom it knows, again and again.
    ...inTurn(
      0,
      range(40).map(() => ask(API, DB.ip)),
    ),
    ...inTurn(
      2,
      range(20).map((i) => ask(DB, `172.30.0.${100 + i}`)),
    ),
    ...inTurn(
      20,
      range(20).map((i) => solicit(`fd00:30::${100 + i}`)),
    ),
  ]);
}
