/**
 * Questions to Docker's resolver from the network namespace it runs in, as a program there would ask them all at once:
 * node --import tsx dns-burst.ts DOMAIN COUNT WITHIN_MS asks for q0.DOMAIN, q1.DOMAIN and so on, and waits for no answer.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { dnsQuery } from '../support/packet-builder.ts';

const RESOLVER = '127.0.0.11';
const EVERY_MS = 2;

const [domain, ...numbers] = process.argv.slice(2) as [string, ...string[]];
const [count, withinMs] = numbers.map(Number) as [number, number];
const messages = Array.from({ length: count }, (_, id) => dnsQuery({ name: `q${id}.${domain}`, id }));
const client = createSocket('udp4');
client.bind(0, '127.0.0.1');
await once(client, 'listening');

const start = performance.now();
let asked = 0;
let sent = 0;
const timer = setInterval(() => {
  const due = Math.min(count, Math.ceil(((performance.now() - start) / withinMs) * count));
  for (; asked < due; asked++) client.send(messages[asked]!, 53, RESOLVER, onSent);
  if (asked === count) clearInterval(timer);
}, EVERY_MS);

/** What is still on its way to the kernel would go with the socket. */
function onSent(error: Error | null): void {
  if (error !== null) throw error;
  sent++;
  if (sent === count) client.close();
}
