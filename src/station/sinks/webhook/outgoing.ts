/** One request on its way: which records it tells, so that what has arrived is not sent again. */
import type { Delivery } from '../../entry.ts';

export interface Outgoing {
  readonly body: string;
  readonly contentType: string;
  readonly deliveries: readonly Delivery[];
}

/**
 * Cuts a batch into requests, in its order; a pure function of each record. Throws a SinkError with remedy `split` for a
 * record that has no form.
 */
export type Composer = (batch: readonly Delivery[]) => Iterable<Outgoing>;

export const JSON_TYPE = 'application/json';
