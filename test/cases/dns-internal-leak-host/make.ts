import { answer, dnsQuery, dnsResponse } from '../../support/packet-builder.ts';
import { API, capture, DB, GATEWAY, inTurn, udpBetween } from '../world.ts';

const asked = { id: 1, name: 'www.example.com' };
const own = { id: 2, name: 'api.example.org' };

export function make(): Uint8Array {
  return capture([
    ...inTurn(0, [
      udpBetween(DB, GATEWAY, [40_000, 53], dnsQuery(asked)),
      udpBetween(GATEWAY, DB, [53, 40_000], dnsResponse({ ...asked, answers: [answer.a('198.51.100.7')] })),
    ]),
    // An alias: an outside name with the address of a neighbour.
    ...inTurn(1, [
      udpBetween(DB, GATEWAY, [40_001, 53], dnsQuery(own)),
      udpBetween(GATEWAY, DB, [53, 40_001], dnsResponse({ ...own, answers: [answer.a(API.ip)] })),
    ]),
    // It has an ordinary network as well.
    ...inTurn(2, [
      udpBetween(API, GATEWAY, [40_002, 53], dnsQuery(asked)),
      udpBetween(GATEWAY, API, [53, 40_002], dnsResponse({ ...asked, answers: [answer.a('198.51.100.7')] })),
    ]),
  ]);
}
