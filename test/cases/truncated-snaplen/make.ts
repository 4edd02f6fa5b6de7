import { dnsQuery } from '../../support/packet-builder.ts';
import { API, cutCapture, DB, tcpExchange, text, udpBetween } from '../world.ts';

export function make(): Uint8Array {
  const payloads = [text('x'.repeat(1000)), text('y'.repeat(500))] as const;
  const query = dnsQuery({ name: 'a-name-that-does-not-fit-into-sixty-bytes.example.com' });
  const timed = tcpExchange(DB, API, { sport: 40_000, dport: 8080 }, payloads);
  return cutCapture([...timed, [1, udpBetween(DB, API, [40_001, 53], query)]], 60);
}
