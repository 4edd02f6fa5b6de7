import type { Network } from './network.ts';
import type { Micros } from './time.ts';

/**
 * The host's firewall held back packets of containers, or to them: the counter of one rule rose between two readings.
 * What a drop looked like no counter tells; where a tap saw the packet before it was dropped, its flow does.
 */
export interface BlockedRecord {
  readonly kind: 'blocked';
  /** Of the second reading. */
  readonly time: Micros;
  /** Each has rules of its own. */
  readonly family: 'ipv4' | 'ipv6';
  /** Whose rules: `iptables-nft` and `iptables-legacy` are the two variants of iptables. */
  readonly backend: 'iptables-nft' | 'iptables-legacy' | 'nftables';
  /** `filter`, `raw`, `docker-bridges`, ... */
  readonly table: string;
  /** The chain that the rule stands in, or whose policy it is. */
  readonly chain: string;
  /** The rule as its tool prints it, without counters, cut at 300 characters; `-P FORWARD DROP` for a policy. */
  readonly rule: string;
  /** `reject` tells the sender. */
  readonly verdict: 'drop' | 'reject';
  /**
   * What the rule is for. `isolation`: between two networks. `internal`: into or out of an internal network. `icc`: between
   * containers of a network that forbids it. `unpublished`: to a port that is not published. `direct`: to a container's
   * address past its bridge. `loopback`: from elsewhere to a port published on loopback. `overlay`: in clear into an
   * encrypted overlay. `policy`: nothing allowed it. `operator`: a rule that is not the engine's.
   */
  readonly reason:
    | 'isolation'
    | 'internal'
    | 'icc'
    | 'unpublished'
    | 'direct'
    | 'loopback'
    | 'overlay'
    | 'policy'
    | 'operator';
  /** The network that they came from; absent where the rule does not tell. */
  readonly from?: Network | undefined;
  /** The network that they were for; absent where the rule does not tell. */
  readonly to?: Network | undefined;
  /** Since the reading before. */
  readonly packets: number;
  /** IP bytes of these. */
  readonly bytes: number;
  /** Interval between the two readings, seconds. */
  readonly intervalSecs: number;
}

/** How much of a rule's text a record keeps. */
export const MAX_RULE_CHARS = 300;
