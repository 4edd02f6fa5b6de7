import { answer, dnsQuery, dnsResponse } from '../../support/packet-builder.ts';
import {
  capture,
  DB6,
  inTurn,
  OUTSIDE,
  OUTSIDE6,
  outside,
  PROXY,
  tcpBetween,
  tcpExchange,
  udpBetween,
} from '../world.ts';

const CONTROLLER = outside('198.51.100.9');
const name = 'c2.bad.example';

export function make(): Uint8Array {
  const answers = [answer.a(CONTROLLER.ip, 60)];
  return capture([
    ...inTurn(0, [
      udpBetween(PROXY, outside('198.51.100.53'), [40_001, 53], dnsQuery({ id: 1, name })),
      udpBetween(outside('198.51.100.53'), PROXY, [53, 40_001], dnsResponse({ id: 1, name, answers })),
    ]),
    ...tcpExchange(PROXY, CONTROLLER, { sport: 50_000, dport: 4444, startSecs: 1 }),
    ...tcpExchange(PROXY, OUTSIDE, { sport: 50_001, dport: 4444, startSecs: 2 }),
    ...inTurn(3, [tcpBetween(DB6, OUTSIDE6, { sport: 50_002, dport: 443, flags: 'S', seq: 1 })]),
  ]);
}
