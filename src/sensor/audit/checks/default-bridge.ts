/** Containers on docker0, where everybody who names no network lands. Told once: they are each other's danger. */
import { defineCheck, type Verdict } from '../check.ts';
import { containerObject, listed, serviceRemedy } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'default-bridge',
  title: 'No container is on the default bridge',
  group: 'segmentation',
  severity: 'low',
  argument:
    'Strangers meet there: whoever gives no --network is a neighbour of all others who did not, and no name tells them apart, since the default bridge has no resolver. Low for one alone; medium as soon as there are two, who reach all ports of each other.',
  needs: ['containers', 'networks'],
  cis: ['5.30'],
  run: ({ containers, networks }) => {
    const bridge = networks.find(({ isDefaultBridge }) => isDefaultBridge);
    if (bridge === undefined) {
      return [{ outcome: 'not-applicable', objects: [], explanation: 'The engine has no default bridge.' }];
    }
    if (containers.length === 0) {
      return [{ outcome: 'not-applicable', objects: [], explanation: 'No container runs.' }];
    }
    const there = containers.filter(({ networks: names }) => names.includes(bridge.name));
    const others = containers.filter((container) => !there.includes(container));
    const verdicts: Verdict[] = [];
    if (there.length > 0) {
      const labels = there.map(({ label }) => label);
      const isAlone = there.length === 1;
      verdicts.push({
        outcome: 'fail',
        severity: isAlone ? 'low' : 'medium',
        objects: there.map(containerObject),
        explanation: isAlone
          ? `${labels[0]} is on the default bridge, alone so far: the next container without a network joins it.`
          : `${listed(labels)} are on the default bridge: they reach all ports of each other.`,
        evidence: { network: bridge.name, containers: labels },
        remedy: serviceRemedy(
          there[0]!,
          'Give each a network of its own, with those whom it talks to.',
          ['networks: [back]', '# and no `network_mode: bridge`'],
          'with --network NAME, after docker network create NAME',
        ),
      });
    }
    if (others.length > 0) {
      const explanation = 'Are on networks of their own.';
      verdicts.push({ outcome: 'pass', objects: others.map(containerObject), explanation });
    }
    return verdicts;
  },
});
