import { udp, vxlan } from '../../support/packet-builder.ts';
import { between, capture, DB, OUTSIDE, outside, tcpBetween } from '../world.ts';

export function make(): Uint8Array {
  const inner = tcpBetween(DB, OUTSIDE, { sport: 40_000, dport: 443, flags: 'S' });
  const tunnel = udp({ sport: 55_555, dport: 4789 }, vxlan({ vni: 4097 }, inner));
  return capture([[0, between(outside('198.51.100.2'), outside('198.51.100.3'), tunnel)]]);
}
