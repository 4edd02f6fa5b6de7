/** One difference between two states of a host: what was kept, or asked for, and what is. */
import type { EvidenceValue, Severity } from './finding.ts';
import type { NetworkState, ServiceState } from './host-state.ts';

export interface DriftChange {
  readonly kind: 'network' | 'service';
  /** As people name it: `shop_data`, `shop/db`. */
  readonly name: string;
  /** What differs; `presence` where all of it came or went. */
  readonly field: 'presence' | Exclude<keyof NetworkState | keyof ServiceState, 'name'>;
  /** Lists are whole, so that both can be compared; absent where there was none of it. */
  readonly before?: EvidenceValue;
  /** Absent where none of it is left. */
  readonly after?: EvidenceValue;
  /** What is now, without a word about what was: whoever tells it says against what it was held. */
  readonly sentence: string;
  /** How grave it is if nobody meant it; `informational` for what only takes rights or ways away. */
  readonly severity: Severity;
}
