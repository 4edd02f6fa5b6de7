/** What the agent asks of the thread that audits, and what comes back: plain data. */
import type { DockerConfig } from '../../config.ts';
import type { Audit } from '../audit.ts';
import type { CheckBug } from './isolated-checks.ts';

export interface AuditRequest {
  readonly docker: DockerConfig;
  /** Ids of the checks to be run. */
  readonly checks: readonly string[];
  /** A file that `audit --save` wrote. */
  readonly baseline?: string | undefined;
}

export type HostAudit = Pick<Audit, 'engineVersion' | 'containers' | 'networks' | 'results' | 'scores'>;

export interface AuditAnswer {
  readonly audit: HostAudit;
  readonly bugs: readonly CheckBug[];
}

/** `problem`: why there is none, in words; the engine does not answer, as a rule. */
export type AuditReply = AuditAnswer | { readonly problem: string };
