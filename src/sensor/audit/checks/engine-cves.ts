/** Published vulnerabilities of this engine's networking, by its version, and whether what they need is here. */
import type { Severity } from '../../../model/finding.ts';
import type { EngineFacts, NetworkFacts } from '../../docker/engine-facts.ts';
import { defineCheck } from '../check.ts';
import { CVES_AS_OF, type CveSubject, cvesOf, type EngineCve } from '../lib/engine-cves.ts';
import { isDistributions } from '../lib/engine-version.ts';
import { ENGINE, listed } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'engine-cves',
  title: 'The engine has no published vulnerability in its networking',
  group: 'engine',
  severity: 'medium',
  argument:
    "By each advisory, as far as what it needs is here: a hole in encrypted overlays is informational where there are none, and it stays told, since the next deploy may bring one. Versions of distributions (`+dfsg`) may be mended without a new number, so theirs are at most low and name the tracker to look at. A newer engine than the table's day is not thereby safe.",
  needs: ['engine', 'networks'],
  run: ({ engine, networks }) => {
    if (/podman/i.test(engine.product)) {
      const explanation = `${engine.product} is no Docker Engine: the table of vulnerabilities is not about it.`;
      return [{ outcome: 'not-applicable', objects: [], explanation }];
    }
    const found = cvesOf(engine.version);
    if (found === undefined) {
      return [
        {
          outcome: 'unknown',
          objects: [ENGINE],
          explanation: `The version ${engine.version} is no release, so which vulnerabilities it has is not known.`,
          remedy: { what: 'Run a release of the engine.' },
        },
      ];
    }
    if (found.length === 0) {
      const explanation = `Engine ${engine.version} has none of those published up to ${CVES_AS_OF}.`;
      return [{ outcome: 'pass', objects: [ENGINE], explanation, evidence: { version: engine.version } }];
    }
    return found.map((cve) => {
      const isHere = concerns(cve.needs, engine, networks);
      const isPatched = isDistributions(engine.version);
      return {
        outcome: 'fail',
        severity: severityOf(cve, isHere, isPatched),
        objects: [ENGINE],
        topic: cve.id,
        explanation: `Engine ${engine.version} has ${cve.id}: ${cve.what}.${isHere === true ? '' : isHere === false ? ` No ${cve.needs} here now.` : ` Whether ${cve.needs} is here the engine does not tell.`}`,
        evidence: {
          version: engine.version,
          cve: cve.id,
          advisory: cve.advisory,
          published: cve.published,
          needs: cve.needs,
        },
        remedy: {
          what: isPatched
            ? `Look whether your distribution has mended ${engine.version}: https://security-tracker.debian.org/tracker/${cve.id}; else run ${mended(cve)}.`
            : `Run engine ${mended(cve)}, or later.`,
        },
      };
    });
  },
});

function severityOf(cve: EngineCve, isHere: boolean | undefined, isPatched: boolean): Severity {
  if (isHere === false) return 'informational';
  return isPatched || isHere === undefined ? 'low' : cve.severity;
}

function mended({ affected }: EngineCve): string {
  return listed(affected.map(({ below }) => below)).replace(' and ', ' or ');
}

/** Undefined where the engine does not tell. */
function concerns(
  subject: CveSubject,
  engine: EngineFacts,
  networks: readonly NetworkFacts[],
): boolean | undefined {
  switch (subject) {
    case 'firewalld':
      return engine.firewallBackend === undefined ? undefined : engine.firewallBackend.includes('firewalld');
    case 'internal networks':
      return networks.some(({ internal }) => internal);
    case 'encrypted overlays':
      return networks.some(({ driver, options }) => driver === 'overlay' && 'encrypted' in options);
    case 'macvlan or ipvlan':
      return networks.some(({ driver }) => driver === 'macvlan' || driver === 'ipvlan');
    case 'IPv6':
      return networks.some(({ hasIpv6 }) => hasIpv6);
  }
}
