/** How checks of the firewall speak: rules as evidence, and how to mend them. */
import type { AuditRemedy } from '../../../../model/audit.ts';
import { type Family, isDockerChain } from '../../../host/firewall/ruleset.ts';
import type { Ending } from './walk.ts';

/** More than a person compares by eye. */
const MAX_TEXTS = 12;

export function shown(texts: readonly string[]): readonly string[] {
  const distinct = [...new Set(texts)];
  const rest = distinct.length - MAX_TEXTS;
  return rest > 0 ? [...distinct.slice(0, MAX_TEXTS), `and ${rest} more`] : distinct;
}

export const FAMILY_WORDS: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };

export const WRITE_AGAIN: AuditRemedy = {
  what: 'Have the engine write its rules anew: start it again. Then find who takes them away: a reload of firewalld (before engine 28.0 and 25.0.13 they stayed away), `iptables -F`, a restored file of rules.',
  commands: ['systemctl restart docker'],
};

export const LOOK_AT_THEM =
  'Look at the rules named: they ask something that the audit does not model. Behind the rules of the engine they would not matter.';

/** Lines that take away what let packets through, where that is no rule of the engine's. */
export function deletions(endings: readonly Ending[], family: Family): string[] {
  const tool = family === 'ipv4' ? 'iptables' : 'ip6tables';
  const lines = endings
    .filter(({ rule, chain }) => rule?.text.startsWith('-A ') === true && !isDockerChain(chain))
    .map(({ text }) => `${tool} ${text.replace(/^-A/, '-D')}`);
  return [...new Set(lines)];
}

/** A rule of the engine's that lets published ports in: for one container's address, on one port. */
export function isPublishing({ chain, rule }: Ending): boolean {
  return (
    (chain === 'DOCKER' || chain.startsWith('filter-forward-in__')) &&
    rule?.destination !== undefined &&
    rule.destinationPorts !== undefined
  );
}

/** A drop that somebody wrote for whoever comes: the engine's own aside, and those for single addresses (fail2ban). */
export function isOperatorsDrop({ chain, rule, packets }: Ending): boolean {
  const isEngines = isDockerChain(chain) || /^(?:filter-forward-|filter-FORWARD|raw-PREROUTING)/.test(chain);
  return rule !== undefined && !isEngines && packets.source === undefined;
}
