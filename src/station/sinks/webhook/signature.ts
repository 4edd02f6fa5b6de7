/**
 * Signs a request so that its receiver knows who sent it and when: HMAC-SHA256 over `TIME.BODY`, the time inside what is
 * signed, so that a request that was overheard cannot be sent again later. docs/sinks.md shows how to check it.
 */
import { createHmac } from 'node:crypto';
import type { Secret } from '../../secret.ts';

export const SIGNATURE_HEADER = 'x-bridgewatch-signature';

export function signature(secret: Secret, timeSecs: number, body: Buffer): string {
  const digest = createHmac('sha256', secret.reveal()).update(`${timeSecs}.`).update(body).digest('hex');
  return `t=${timeSecs},v1=${digest}`;
}
