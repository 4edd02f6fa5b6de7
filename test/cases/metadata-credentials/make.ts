import { dnsQuery } from '../../support/packet-builder.ts';
import { capture, inTurn, outside, PROXY, tcpBetween, tcpExchange, text, udpBetween } from '../world.ts';

const METADATA = outside('169.254.169.254');
const request = text('GET /latest/meta-data/iam/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n');
const reply = text(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n${'x'.repeat(1200)}`);

export function make(): Uint8Array {
  return capture([
    ...inTurn(0, [tcpBetween(PROXY, METADATA, { sport: 50_000, dport: 80, flags: 'S', seq: 1 })]),
    ...tcpExchange(PROXY, METADATA, { sport: 50_001, dport: 80, startSecs: 1 }, [request, reply]),
    ...inTurn(2, [udpBetween(PROXY, METADATA, [40_000, 53], dnsQuery({ id: 1, name: 'www.example.com' }))]),
  ]);
}
