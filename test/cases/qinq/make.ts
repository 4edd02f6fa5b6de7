import { ETHERTYPE, ethernet, ipv4, tcp, vlan } from '../../support/packet-builder.ts';
import { capture, DB, OUTSIDE } from '../world.ts';

export function make(): Uint8Array {
  const packet = ipv4({ src: DB.ip, dst: OUTSIDE.ip }, tcp({ sport: 40_000, dport: 443, flags: 'S' }));
  const inner = vlan({ id: 30 }, packet);
  const outer = vlan({ id: 100, type: ETHERTYPE.VLAN }, inner);
  return capture([[0, ethernet({ src: DB.mac, dst: OUTSIDE.mac, type: ETHERTYPE.QINQ }, outer)]]);
}
