/**
 * The host's packet filter as its tools print it, taken apart: tables, chains, rules with their counters. One model for
 * both variants of iptables and for nftables. What a parser does not know it keeps as text; nothing is left out in
 * silence, because an audit reads this too.
 */
import type { BlockedRecord } from '../../../model/blocked.ts';

export type Family = BlockedRecord['family'];
export type Backend = BlockedRecord['backend'];

export interface Ruleset {
  readonly family: Family;
  readonly backend: Backend;
  readonly tables: readonly Table[];
}

export interface Table {
  readonly name: string;
  readonly chains: readonly Chain[];
}

export interface Chain {
  readonly name: string;
  /** Of the kernel's own chains; absent for chains that are jumped to. */
  readonly policy?: string;
  /** What fell through to the policy; absent where the tool does not tell (nft). */
  readonly counters?: Counters;
  /** Where nft hangs it into the kernel: `forward`; absent for chains that are jumped to, and of iptables, whose names say it. */
  readonly hook?: string;
  /** Of an nft chain with a hook: `filter`, `nat`, `route`. */
  readonly type?: string;
  readonly rules: readonly Rule[];
}

export interface Counters {
  /** Exact below 2^53. */
  readonly packets: number;
  readonly bytes: number;
}

/** A value that a packet is compared with. */
export interface Match {
  /** As printed: `br-+`, `172.18.0.0/16`, `tcp`, `25,465`. */
  readonly value: string;
  /** `!` or `!=`. */
  readonly isNegated: boolean;
}

export interface Rule {
  /** The rule without its counters: what it is known by, wherever in its chain it stands. */
  readonly text: string;
  /** Absent where the rule counts nothing (nft). */
  readonly counters?: Counters;
  readonly inInterface?: Match;
  readonly outInterface?: Match;
  readonly source?: Match;
  readonly destination?: Match;
  readonly protocol?: Match;
  readonly sourcePorts?: Match;
  readonly destinationPorts?: Match;
  /** Of connection tracking: `RELATED,ESTABLISHED`. */
  readonly connState?: Match;
  readonly comment?: string;
  readonly verdict: Verdict;
  /** A jump that does not come back to this chain: `-g`, `goto`. */
  readonly isGoto?: true;
  /** As printed: `DROP`, `REJECT`, `MASQUERADE`, or the chain that is jumped to; absent for a rule that only counts. */
  readonly target?: string;
  /** Behind the target: `--to-destination 172.18.0.2:80`. */
  readonly targetOptions: readonly string[];
  /** Conditions that are not taken apart, as printed. */
  readonly others: readonly string[];
}

/** What is taken apart of a rule's conditions. */
export type MatchField =
  | 'inInterface'
  | 'outInterface'
  | 'source'
  | 'destination'
  | 'protocol'
  | 'sourcePorts'
  | 'destinationPorts'
  | 'connState';

/** What becomes of a packet that matches. `other`: a target that is neither of these nor a chain (NAT, LOG, MARK). */
export type Verdict = 'accept' | 'drop' | 'reject' | 'return' | 'jump' | 'other' | 'none';

/** A tool's text could not be taken for a whole ruleset. */
export class RulesetError extends Error {
  readonly code = 'FIREWALL_UNREADABLE';
  override readonly name = 'RulesetError';
}

/** Whether the engine keeps rules of its own there. */
export function isDockers({ tables }: Ruleset): boolean {
  return tables.some(
    ({ name, chains }) =>
      name === NFTABLES_TABLE || chains.some((chain) => chain.name === 'DOCKER' || isDockerChain(chain.name)),
  );
}

/** The engine's table where it uses nftables itself (29 and later), in families `ip` and `ip6`. */
export const NFTABLES_TABLE = 'docker-bridges';

/** `DOCKER` and `DOCKER-...`, the operator's own aside. */
export function isDockerChain(name: string): boolean {
  return name === 'DOCKER' || (name.startsWith('DOCKER-') && name !== OPERATOR_CHAIN);
}

/** The one chain of iptables that the engine makes for the operator's rules. */
export const OPERATOR_CHAIN = 'DOCKER-USER';
