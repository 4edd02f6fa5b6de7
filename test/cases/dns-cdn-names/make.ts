import { answer, dnsQuery, dnsResponse } from '../../support/packet-builder.ts';
import { API, capture, PROXY, type Timed, udpBetween } from '../world.ts';

export function make(): Uint8Array {
  const timed: Timed[] = [];
  for (let i = 0; i < 200; i++) {
    const zone = i % 40;
    const fields = { id: i, name: `d${zone}f3a9c1e7b2.edge-${zone}.cdn${zone % 20}.example${zone}.com` };
    const reply = dnsResponse({ ...fields, answers: [answer.a(`198.51.100.${zone}`)] });
    const resolver = { ...API, ip: '172.31.0.3' };
    timed.push([i * 0.1, udpBetween(PROXY, resolver, [40_000 + i, 53], dnsQuery(fields))]);
    timed.push([i * 0.1 + 0.01, udpBetween(resolver, PROXY, [53, 40_000 + i], reply)]);
  }
  return capture(timed);
}
