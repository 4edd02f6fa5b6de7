/**
 * What single commands print with `--json` beside the agent's records; docs/records.md and docs/output.schema.json
 * are made from these comments and types.
 */
import type { ConfigIssue } from '../config/error.ts';
import type { Diagnosis } from '../model/diagnosis.ts';

/** `version --json`. */
export interface VersionRecord {
  readonly kind: 'version';
  /** Of the package. */
  readonly bridgewatch: string;
  /** Of the runtime. */
  readonly node: string;
  /** What the library says of itself; absent when live capture through libpcap is not possible. */
  readonly libpcap?: string;
  /** Why libpcap cannot be used; absent when it can. */
  readonly problem?: string;
}

/** `doctor --json`: one line for each thing looked at. */
export interface DiagnosisRecord extends Diagnosis {
  readonly kind: 'diagnosis';
}

/** `check-config --json` when all is well. */
export interface ConfigRecord {
  readonly kind: 'config';
  /** The file as it was named, or `environment and defaults`. */
  readonly file: string;
  /** Always. */
  readonly ok: true;
}

/** `check-config --json`: one line for each thing that is wrong. */
export interface ConfigIssueRecord extends ConfigIssue {
  readonly kind: 'config-issue';
}
