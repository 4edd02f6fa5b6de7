/** Everybody who stands in a finding, with the findings: whom to talk to, stop, or save. */
import type { Actor, CaseEnd, CaseFinding, Listed } from './case.ts';
import { listed } from './ends.ts';
import { rankOf } from './finding-book.ts';

const SHOWN = 40;
const MAX_IPS = 6;

type Gathered = Omit<Actor, 'ips' | 'networks' | 'did' | 'metIn'> & {
  readonly ips: Set<string>;
  readonly networks: Set<string>;
  readonly did: string[];
  readonly metIn: string[];
};

/** Whom findings are about first, the worst of them first. */
export function actorsOf(findings: readonly CaseFinding[]): Listed<Actor> {
  const actors = new Map<string, Gathered>();
  const gather = (end: CaseEnd, { severity, network }: CaseFinding): Gathered => {
    const key = end.container ?? end.label;
    const known: Gathered = actors.get(key) ?? begun(end, severity);
    actors.set(key, known);
    if (known.ips.size < MAX_IPS) known.ips.add(end.ip);
    if (network !== undefined) known.networks.add(network);
    return known;
  };
  for (const finding of findings) {
    gather(finding.subject, finding).did.push(finding.ref);
    for (const peer of finding.peers.items) {
      const { metIn } = gather(peer, finding);
      if (!metIn.includes(finding.ref)) metIn.push(finding.ref);
    }
  }
  const sorted = [...actors.values()]
    .map(({ ips, networks, ...rest }): Actor => ({ ...rest, ips: [...ips], networks: [...networks] }))
    .sort(
      (a, b) =>
        Number(b.did.length > 0) - Number(a.did.length > 0) || rankOf(b.severity) - rankOf(a.severity),
    );
  return listed(sorted, SHOWN);
}

/** Findings come the worst first, so the first is the worst. */
function begun(end: CaseEnd, severity: Actor['severity']): Gathered {
  const { label, container, image, surety, how, place } = end;
  return {
    label,
    ips: new Set(),
    ...(container === undefined ? {} : { container }),
    ...(image === undefined ? {} : { image }),
    networks: new Set(),
    ...{ surety, how },
    ...(place === undefined ? {} : { place }),
    severity,
    did: [],
    metIn: [],
  };
}
