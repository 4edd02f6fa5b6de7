import { ipv4, LINKTYPE, sll2, tcp } from '../../support/packet-builder.ts';
import { capture, DB, OUTSIDE } from '../world.ts';

export function make(): Uint8Array {
  const packet = ipv4({ src: DB.ip, dst: OUTSIDE.ip }, tcp({ sport: 40_000, dport: 443, flags: 'S' }));
  return capture([[0, sll2({ src: DB.mac }, packet)]], LINKTYPE.SLL2);
}
