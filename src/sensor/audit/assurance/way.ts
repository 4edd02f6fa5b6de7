/**
 * The contract of a way out: a pure function over one internal network and the facts. One file = one way = one test. It
 * names what it cannot do without; where that is not known it is not run, and `assurance.ts` answers for it with the
 * reason. It does no I/O, reads no clock, and says of a way that is shut what shuts it.
 */
import type { ShutWay, WayOut } from '../../../model/audit.ts';
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import type { AuditFacts, Facts, Ignorance } from '../facts.ts';
import type { Inside } from './inside.ts';

/** All that ways read. */
export const ASSURANCE_FACTS = [
  'engine',
  'settings',
  'networks',
  'containers',
  'host',
  'listeners',
  'switches',
  'firewall',
  'nameServers',
  'namespaces',
  'traffic',
] as const;
export type AssuranceFact = (typeof ASSURANCE_FACTS)[number];
export type AssuranceFacts = Pick<AuditFacts, AssuranceFact>;

export type OpenWay = Omit<WayOut, 'way'>;

export interface WayAnswer {
  readonly open?: readonly OpenWay[];
  /** What shuts it, where nothing is open and nothing unknown. */
  readonly shut: Omit<ShutWay, 'way'>;
  /** What of it cannot be told. */
  readonly notKnown?: readonly Ignorance[];
}

export interface WayDefinition<Need extends AssuranceFact = AssuranceFact> {
  /** = file name = test name. */
  readonly id: string;
  /** How something leaves by it, in a few words. */
  readonly title: string;
  /** The check that fails for it; absent where none but internal-ways-out does. */
  readonly toldBy?: string;
  readonly needs: readonly Need[];
  /** Whether a network of this kind can have it at all; absent: any can. */
  readonly isAbout?: (network: NetworkFacts) => boolean;
  /** `found`: ways listed before this one that stand open on this network. Undefined where there was nothing to ask. */
  look(
    inside: Inside,
    facts: Pick<Facts, Need>,
    wanted: AssuranceFacts,
    found: readonly WayOut[],
  ): WayAnswer | undefined;
}

export function defineWay<const Need extends AssuranceFact = never>(
  definition: WayDefinition<Need>,
): WayDefinition {
  return definition as unknown as WayDefinition;
}
