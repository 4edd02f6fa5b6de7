/**
 * What single commands print with `--json` beside the agent's records; docs/records.md and docs/output.schema.json
 * are made from these comments and types.
 */
import type { ConfigIssue } from '../config/error.ts';
import type { Diagnosis } from '../model/diagnosis.ts';
import type { Direction } from '../model/flow.ts';

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

/** `map --edges --json`, and `map --watch` where it cannot draw: one line for each pair that talked of late. */
export interface EdgeRecord {
  readonly kind: 'edge';
  /** End of the window, wall clock; the same for all edges of one look. */
  readonly time: string;
  /** How much time the edge sums up. */
  readonly windowSecs: number;
  /** Name of the Docker network, else of the interface. */
  readonly network: string;
  /** Who opened the flows: a container's label, else the scope's word with the name or the address. */
  readonly orig: string;
  /** The other end, written alike. */
  readonly resp: string;
  /** The responder's port; absent for protocols without ports. */
  readonly respPort?: number;
  /** `tcp`, `udp`, `icmp`, `icmp6`, or `ip-<number>`. */
  readonly protocol: string;
  /** Seen from the containers. */
  readonly direction: Direction;
  /** IP bytes in both directions, averaged over the window; of a flow that began before it, its average so far. */
  readonly bytesPerSecond: number;
  /** Flows summed up. */
  readonly flows: number;
  /** Begin of the oldest of them. */
  readonly since: string;
  /** The latest packet that is recorded of them. */
  readonly last: string;
}
