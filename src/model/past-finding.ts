import type { Severity } from './finding.ts';
import type { Micros } from './time.ts';

/** What the next run of the sensor must know of a finding to go on with it, should it see it again. */
export interface PastFinding {
  readonly id: string;
  readonly analyzer: string;
  readonly key: string;
  readonly firstSeen: Micros;
  /** Latest sign that was told. */
  readonly lastSeen: Micros;
  readonly count: number;
  /** Without exception. */
  readonly severity: Severity;
  /** Nobody saw its end: the agent that watched it ended first. */
  readonly wasOpen: boolean;
}

/** Of those told last; each costs about 0.3 KiB. */
export const MAX_PAST_FINDINGS = 10_000;
