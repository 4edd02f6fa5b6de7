/**
 * For which families the engine makes rules at all: only of those can rules be missing. That it makes none is what the
 * check engine-firewall tells.
 */
import type { EngineFacts } from '../../../docker/engine-facts.ts';
import type { EngineSettings } from '../../../host/engine-settings.ts';
import { type Family, isDockers, NFTABLES_TABLE, type Ruleset } from '../../../host/firewall/ruleset.ts';
import type { Known } from '../../facts.ts';
import { isAtLeast } from '../engine-version.ts';

export const NO_RULES =
  'The engine makes no rules for these networks (engine-firewall): none can be missing.';

export function ruledFamilies(
  { version }: EngineFacts,
  settings: Known<EngineSettings>,
  rulesets: readonly Ruleset[],
): ReadonlySet<Family> {
  const { iptables, ip6tables } = settings.ok ? settings.value : {};
  const isThere = (family: Family) => rulesets.some((each) => each.family === family && isDockers(each));
  // Before 27 only where it was asked for; whether it was, the rules tell where the settings cannot be read.
  const ipv6 = ip6tables ?? (isAtLeast(version, '27.0.0') !== false || (!settings.ok && isThere('ipv6')));
  return new Set<Family>([
    ...(iptables === false ? [] : ['ipv4' as const]),
    ...(ipv6 ? ['ipv6' as const] : []),
  ]);
}

/** The engine speaks to nftables itself, and not through iptables. */
export function isNftables({ firewallBackend = '' }: EngineFacts, rulesets: readonly Ruleset[]): boolean {
  return (
    firewallBackend.startsWith('nftables') ||
    rulesets.some(({ tables }) => tables.some(({ name }) => name === NFTABLES_TABLE))
  );
}
