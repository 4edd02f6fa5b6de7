/**
 * Questions and answers on the loopback interface of the namespace it runs in, as between a container's programs and
 * Docker's resolver: node --import tsx resolver-load.ts QUESTIONS_A_SECOND SECONDS. Prints how many messages there were.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** Common sizes: a name of 40 characters, and three addresses for it. */
const QUESTION = Buffer.alloc(60);
const ANSWER = Buffer.alloc(110);
const RESOLVER = '127.0.0.11';
const EVERY_MS = 2;
const LAST_ANSWERS_MS = 200;

const [rate, seconds] = process.argv.slice(2).map(Number) as [number, number];
const resolver = createSocket('udp4');
const client = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 });
let answered = 0;
resolver.on('message', (_, { port, address }) => {
  answered++;
  resolver.send(ANSWER, port, address);
});
resolver.bind(0, RESOLVER);
client.bind(0, '127.0.0.1');
await Promise.all([once(resolver, 'listening'), once(client, 'listening')]);

const { port } = resolver.address();
const start = performance.now();
let asked = 0;
const timer = setInterval(() => {
  const due = Math.min(rate * seconds, ((performance.now() - start) / 1000) * rate);
  for (; asked < due; asked++) client.send(QUESTION, port, RESOLVER);
  if (asked < rate * seconds) return;
  clearInterval(timer);
  setTimeout(() => {
    console.log(asked + answered);
    client.close();
    resolver.close();
  }, LAST_ANSWERS_MS);
}, EVERY_MS);
