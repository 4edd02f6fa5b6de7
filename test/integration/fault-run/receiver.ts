/**
 * A receiver of the webhook as docs/sinks.md asks for one: takes nothing whose signature does not fit, and keeps of one
 * `Idempotency-Key` what came first. Some findings it refuses for good.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { PublicFinding } from '../../../src/model/serialize.ts';
import { keyOf } from './keys.ts';
import { REFUSED_ID } from './workload.ts';

export interface Receiver {
  readonly port: number;
  /** Each that was taken, as often as it came. */
  readonly came: string[];
  /** Of those the first of each `Idempotency-Key`. */
  readonly kept: string[];
  readonly forged: () => number;
  close(): Promise<void>;
}

export const REFUSAL = 'no such subject is known here';

export async function startReceiver(secret: string): Promise<Receiver> {
  const came: string[] = [];
  const kept: string[] = [];
  const keys = new Set<string>();
  let forged = 0;
  const server = createServer((incoming, reply) => {
    const chunks: Buffer[] = [];
    incoming.on('error', () => {});
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      const key = incoming.headers['idempotency-key'];
      if (
        !isGenuine(String(incoming.headers['x-bridgewatch-signature']), body, secret) ||
        key === undefined
      ) {
        forged += 1;
        reply.writeHead(401).end();
        return;
      }
      const finding = JSON.parse(body.toString('utf8')) as PublicFinding;
      if (finding.id.startsWith(REFUSED_ID)) {
        reply.writeHead(422, { 'content-type': 'text/plain' }).end(REFUSAL);
        return;
      }
      came.push(keyOf(finding));
      if (!keys.has(String(key))) kept.push(keyOf(finding));
      keys.add(String(key));
      reply.writeHead(202).end('taken');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    came,
    kept,
    forged: () => forged,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function isGenuine(header: string, body: Buffer, secret: string): boolean {
  const [, time, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? [];
  if (time === undefined || Math.abs(Date.now() / 1000 - Number(time)) > 300) return false;
  const expected = createHmac('sha256', secret).update(`${time}.`).update(body).digest();
  return timingSafeEqual(expected, Buffer.from(v1!, 'hex'));
}
