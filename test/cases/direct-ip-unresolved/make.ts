import { answer, dnsQuery, dnsResponse } from '../../support/packet-builder.ts';
import { capture, inTurn, OUTSIDE, outside, PROXY, tcpBetween, tcpExchange, udpBetween } from '../world.ts';

const NAMED = outside('198.51.100.9');
const UNNAMED = outside('198.51.100.66');
const asked = { id: 1, name: 'www.example.com' };

export function make(): Uint8Array {
  return capture([
    ...inTurn(0, [
      udpBetween(PROXY, OUTSIDE, [40_000, 53], dnsQuery(asked)),
      udpBetween(OUTSIDE, PROXY, [53, 40_000], dnsResponse({ ...asked, answers: [answer.a(NAMED.ip)] })),
    ]),
    ...tcpExchange(PROXY, NAMED, { sport: 50_000, dport: 443, startSecs: 1 }),
    ...tcpExchange(PROXY, UNNAMED, { sport: 50_001, dport: 443, startSecs: 2 }),
    ...inTurn(9, [tcpBetween(PROXY, NAMED, { sport: 50_002, dport: 443, flags: 'S', seq: 1 })]),
  ]);
}
