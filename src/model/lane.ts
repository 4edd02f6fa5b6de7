import type { RecordKind } from './record.ts';

/**
 * How a record is kept. `finding` and `event` are durable: in the database before any sink sees them, each in a
 * sequence of its own, so that no number of events stands in the way of a finding. `bulk` is many and small; it may
 * be shed, counted, when something is slow. `none` is not kept.
 */
export type Lane = 'finding' | 'event' | 'bulk' | 'none';

export type DurableLane = 'finding' | 'event';

export function laneOf(kind: RecordKind): Lane {
  switch (kind) {
    case 'finding':
      return 'finding';
    case 'loss':
    case 'anomaly':
    case 'inventory':
    case 'coverage':
    case 'no-route':
    case 'blocked':
    case 'listener':
    case 'lease':
    case 'spoof':
    case 'decision':
    case 'evidence':
    case 'audit-run':
      return 'event';
    case 'flow':
    case 'traffic':
    case 'dns':
      return 'bulk';
    case 'summary':
      return 'none';
  }
}
