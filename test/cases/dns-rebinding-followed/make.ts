import { answer, dnsQuery, dnsResponse } from '../../support/packet-builder.ts';
import { capture, inTurn, OUTSIDE, outside, PROXY, tcpBetween, udpBetween } from '../world.ts';

const METADATA = outside('169.254.169.254');
const name = 'a1.rebind.example.com';

/** A look-up with its answer, which may be kept for a second. */
function lookUp(id: number, address: string): Uint8Array[] {
  return [
    udpBetween(PROXY, OUTSIDE, [40_000 + id, 53], dnsQuery({ id, name })),
    udpBetween(OUTSIDE, PROXY, [53, 40_000 + id], dnsResponse({ id, name, answers: [answer.a(address, 1)] })),
  ];
}

export function make(): Uint8Array {
  const ports = { sport: 50_000, dport: 80 };
  return capture([
    ...inTurn(0, lookUp(1, '198.51.100.9')),
    ...inTurn(2, [...lookUp(2, METADATA.ip), tcpBetween(PROXY, METADATA, { ...ports, flags: 'S', seq: 1 })]),
    // Too late to have come of it.
    ...inTurn(90, [tcpBetween(PROXY, METADATA, { ...ports, sport: 50_001, flags: 'S', seq: 1 })]),
  ]);
}
