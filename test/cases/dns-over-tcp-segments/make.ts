import { answer, dnsQuery, dnsResponse } from '../../support/packet-builder.ts';
import { API, capture, DB, dnsStream, inTurn, tcpBetween } from '../world.ts';

export function make(): Uint8Array {
  const ports = { sport: 40_000, dport: 53 };
  const backPorts = { sport: 53, dport: 40_000 };
  const asked = dnsStream(
    dnsQuery({ id: 1, name: 'one.example.com' }),
    dnsQuery({ id: 2, name: 'two.example.com' }),
  );
  const answered = dnsStream(
    dnsResponse({ id: 1, name: 'one.example.com', answers: [answer.a('198.51.100.1')] }),
    dnsResponse({ id: 2, name: 'two.example.com', answers: [answer.a('198.51.100.2')] }),
  );
  const cuts = [0, 1, 20, 36, asked.length];
  const segments = cuts.slice(1).map((end, i) => {
    const from = cuts[i]!;
    const fields = { ...ports, flags: 'PA', seq: 101 + from, ack: 501 };
    return tcpBetween(DB, API, fields, asked.subarray(from, end));
  });
  return capture(
    inTurn(0, [
      tcpBetween(DB, API, { ...ports, flags: 'S', seq: 100 }),
      tcpBetween(API, DB, { ...backPorts, flags: 'SA', seq: 500, ack: 101 }),
      tcpBetween(DB, API, { ...ports, flags: 'A', seq: 101, ack: 501 }),
      ...segments,
      tcpBetween(API, DB, { ...backPorts, flags: 'PA', seq: 501, ack: 101 + asked.length }, answered),
    ]),
  );
}
