/**
 * Findings as marks: what the embedded resolver passes on crosses no bridge, and whether a member with two networks passes on
 * what it is told only a detector can weigh. A sign names its finding, so that its evidence can be asked for.
 */
import { clockText } from '../../../model/readable.ts';
import { formatMicros } from '../../../model/time.ts';
import type { FindingSign } from '../../../model/traffic-history.ts';
import { listed } from '../lib/verdicts.ts';
import type { Marked } from './marks.ts';
import type { AssuranceFacts } from './way.ts';

/** Whose findings are read; each is certain of what it tells, or gives no sign below its usual severity. */
export const SIGN_ANALYZERS = ['dns-internal-leak', 'internal-egress', 'internal-relay'] as const;

/** `172.30.0.1:53/udp`, or with its name: `gateway (172.30.0.1:53/udp)`. */
const PORT_AT_END = /:(\d+)\/(tcp|udp)\)?$/;

/** Outside names that `service` got answered; `path`: by whose hand (docs/analyzers/dns-internal-leak.md). */
export function leakSigns(facts: AssuranceFacts, service: string, path: 'engine' | 'host'): FindingSign[] {
  return signs(facts, 'dns-internal-leak').filter(
    (sign) => sign.service === service && sign.evidence['path'] === path,
  );
}

/** What `service` passed on from this network to another, or to it. */
export function relaySigns(facts: AssuranceFacts, network: string, service: string): FindingSign[] {
  return signs(facts, 'internal-relay').filter(
    (sign) => sign.service === service && sign.network === network,
  );
}

/** Members of this network that somebody outside answered, straight through the bridge. */
export function egressSigns(facts: AssuranceFacts, network: string): FindingSign[] {
  return signs(facts, 'internal-egress').filter(
    (sign) => sign.message === 'succeeded' && sign.network === network,
  );
}

/** `198.51.100.7:443/tcp`: who answered, as a finding samples them. */
export function answeredPlaces({ evidence }: FindingSign): readonly string[] {
  const places = evidence['answeredDestinations'];
  return Array.isArray(places) ? places.map(String) : [];
}

/** Members of this network that a service of the host answered, on one of these ports (`53/udp`). */
export function hostSigns(facts: AssuranceFacts, network: string, ports: ReadonlySet<string>): FindingSign[] {
  return signs(facts, 'internal-egress').filter(
    (sign) =>
      sign.message === 'reached-host' &&
      sign.network === network &&
      answeredPlaces(sign).some((place) => {
        const [, port, protocol] = PORT_AT_END.exec(place) ?? [];
        return ports.has(`${port}/${protocol}`);
      }),
  );
}

/** Undefined where there are none. */
export function markedBy(found: readonly FindingSign[]): Marked | undefined {
  if (found.length === 0) return undefined;
  const last = formatMicros(Math.max(...found.map((sign) => sign.last)));
  const named = listed(found.map(({ id, analyzer, service }) => `${id} (${analyzer}, ${service})`));
  return {
    mark: 'used',
    said: ` ${found.length === 1 ? 'Finding' : 'Findings'} ${named} ${found.length === 1 ? 'tells' : 'tell'} of its use, the last time at ${clockText(last)}.`,
    evidence: { findings: found.slice(0, 8).map(({ id }) => id), lastFinding: last },
  };
}

function signs({ traffic }: AssuranceFacts, analyzer: (typeof SIGN_ANALYZERS)[number]): FindingSign[] {
  return traffic.ok ? traffic.value.signs.filter((sign) => sign.analyzer === analyzer) : [];
}
