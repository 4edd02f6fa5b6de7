/** What an audit of Compose files says beyond what an audit of a host does: what it is over, and what it left out. */
import type { Remark } from '../../../compose/problem.ts';

export interface ComposedAudit {
  readonly project: string;
  /** In the order in which they are merged. */
  readonly files: readonly string[];
  /** Names of services whose profiles are not active, or that are scaled to nothing: nothing was asked of them. */
  readonly notStarted: readonly string[];
  /** Ids of checks that only an engine or its host can answer. */
  readonly notAsked: readonly string[];
  /** What of the files was left out, or taken for something. */
  readonly remarks: readonly Remark[];
}
