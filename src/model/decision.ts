import type { Micros } from './time.ts';

/**
 * Somebody decided about findings, or what was decided came to its end. All of them together are the audit trail: who
 * let which finding be quiet, why, and for how long.
 */
export interface DecisionRecord {
  readonly kind: 'decision';
  /** Wall clock. */
  readonly time: Micros;
  /** Of what was decided: a mute has the same from `mute` to `unmute` or `expire`, as has an acknowledgement. */
  readonly id: string;
  /**
   * `acknowledge`: somebody is on it. `mute`: it is not to be told. `unacknowledge` and `unmute` take that back. `expire`:
   * it came to its end by itself: its time was over, or what was acknowledged closed or grew graver.
   */
  readonly action: 'acknowledge' | 'unacknowledge' | 'mute' | 'unmute' | 'expire';
  /** What came to its end, or began. */
  readonly object: 'acknowledgement' | 'mute';
  /** Id of the finding that it was said of; absent where it is about all that a filter describes. */
  readonly finding?: string | undefined;
  /** Its analyzer; a mute of a finding is one of all with this analyzer and key. Absent where a filter says which. */
  readonly analyzer?: string | undefined;
  /** Its key; absent where a filter says which. */
  readonly key?: string | undefined;
  /** The filter, where it is about all that one describes; absent where it is about a finding. */
  readonly where?: string | undefined;
  /** Why, or what was noted; absent when nothing was said. Of `expire`: how it ended. */
  readonly reason?: string | undefined;
  /** Of a mute: it ends then; absent: it does not end by itself. */
  readonly until?: Micros | undefined;
  /** Who, as they said; nobody proved it. `bridgewatch` for what ended by itself. */
  readonly by: string;
  /** Name of the finding's Docker network; absent where there is none. */
  readonly network?: string | undefined;
}
