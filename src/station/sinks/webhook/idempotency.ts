/**
 * Names a request the same each time it is sent, so that a receiver can drop what it has had: an answer may be lost
 * after the request was taken (draft-ietf-httpapi-idempotency-key-header).
 */
import { createHash } from 'node:crypto';
import { parseRecord } from '../../../model/serialize.ts';
import type { Delivery } from '../../entry.ts';
import { uidOf } from '../../formats/facts.ts';

/** Of one record: for a finding `ID:STATUS:SEVERITY:COUNT:TIME`, and of an update a hash of why. Of several: a hash of theirs. */
export function idempotencyKey(deliveries: readonly Delivery[]): string {
  const keys = deliveries.map(recordKey);
  if (keys.length === 1) return keys[0]!;
  return createHash('sha256').update(keys.join('\n')).digest('hex');
}

/** Time and tie are unique among the records of a lane, and a batch is of one lane. They are stored with them. */
export function deliveryKey({ time, tie }: Pick<Delivery, 'time' | 'tie'>): string {
  return `${time}-${tie}`;
}

function recordKey(delivery: Delivery): string {
  const uid = delivery.kind === 'finding' ? uidOf(parseRecord(delivery.text)) : undefined;
  return uid ?? `${delivery.kind}:${deliveryKey(delivery)}`;
}
