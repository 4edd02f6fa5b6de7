/**
 * The ways out of internal networks that no other check tells of. Its verdicts are those of the assurance report
 * (src/sensor/audit/assurance), so that the score of a network and its report cannot say different things; ways that another
 * check counts are left to that check, so that one mistake is counted once.
 */
import type { NetworkAssurance } from '../../../model/audit.ts';
import { assurancesOf } from '../assurance/assurance.ts';
import { ASSURANCE_FACTS } from '../assurance/way.ts';
import { ways } from '../assurance/ways.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { known } from '../facts.ts';
import { networkObject } from '../lib/verdicts.ts';

const OWN = ways.filter(({ toldBy }) => toldBy === undefined);

export default defineCheck({
  id: 'internal-ways-out',
  title: 'Nothing leaves an internal network by ways that `internal` is not about',
  group: 'segmentation',
  severity: 'medium',
  argument:
    'Medium where members reach a service of the host that keeps data or carries on what it is told (a resolver, a proxy), or have a default route past the bridge: who is in a member then needs nothing more. High where the network stands on the LAN, where the Docker API listens, and where flows left and were answered though no way is known. Low for other services of the host, informational for a way that two programs would have to pass on.',
  needs: ['networks', 'containers'],
  wants: ASSURANCE_FACTS.filter((name) => name !== 'networks' && name !== 'containers'),
  run: ({ networks, containers }, wanted) => {
    const internal = networks.filter((network) => network.internal);
    if (internal.length === 0) {
      return [{ outcome: 'not-applicable', objects: [], explanation: 'No network is internal.' }];
    }
    const facts = { ...wanted, networks: known(networks), containers: known(containers) };
    const assurances = assurancesOf(facts, OWN);
    const objectOf = (name: string) => networkObject(internal.find((network) => network.name === name)!);
    const verdicts = assurances.flatMap((assurance) => verdictsOf(assurance, objectOf(assurance.network)));
    const quiet = assurances.filter(({ ways: open, notKnown }) => open.length === 0 && notKnown.length === 0);
    if (quiet.length === 0) return verdicts;
    const names = quiet.map(({ network }) => network);
    return [
      ...verdicts,
      {
        outcome: 'pass',
        objects: names.map(objectOf),
        explanation: 'Have none of the ways out that this check looks for.',
        evidence: { networks: names },
      },
    ];
  },
});

function verdictsOf(
  { ways: open, notKnown }: NetworkAssurance,
  network: Verdict['objects'][number],
): Verdict[] {
  return [
    ...open.map((way) => ({
      outcome: 'fail' as const,
      severity: way.severity,
      objects: [network, ...way.objects.filter(({ kind }) => kind !== 'network')],
      topic: way.way,
      explanation: way.explanation,
      evidence: { way: way.way, mark: way.mark, ...way.evidence },
      ...(way.remedy === undefined ? {} : { remedy: way.remedy }),
    })),
    ...notKnown.map(({ way, reason, remedy }) => ({
      outcome: 'unknown' as const,
      objects: [network],
      explanation: `Of the way ${way}: ${reason}.`,
      remedy: { what: remedy },
    })),
  ];
}
