/** Many services, or those of several projects, on one network: nothing holds an intruder in the one that falls. */
import { defineCheck } from '../check.ts';
import { compose, composeNetworkName, judgeNetworks, listed } from '../lib/verdicts.ts';

/** A front, a worker, a store, a cache, a queue: beyond that a network is no tier any more. */
const MANY_SERVICES = 6;

export default defineCheck({
  id: 'flat-network',
  title: 'Networks hold few services, of one project',
  group: 'segmentation',
  severity: 'low',
  argument: `On one network each service reaches all ports of each other. ${MANY_SERVICES} services and more on one are low: a matter of taste that costs when one of them falls. Three projects and more on one network are medium, because then the weakest of them opens the others; two are common (a reverse proxy before its application) and no failure.`,
  needs: ['networks', 'containers'],
  run: ({ networks, containers }) =>
    judgeNetworks(
      networks.filter(
        ({ name, isIngress }) => !isIngress && containers.some((each) => each.networks.includes(name)),
      ),
      { right: 'Hold few services, of few projects.', none: 'No container is on any network.' },
      (network) => {
        const members = containers.filter(({ networks: names }) => names.includes(network.name));
        const services = [...new Set(members.map(({ label }) => label))];
        const projects = [...new Set(members.map(({ composeProject, name }) => composeProject ?? name))];
        const isMixed = !network.isDefaultBridge && projects.length >= 3;
        if (services.length < MANY_SERVICES && !isMixed) return undefined;
        const name = composeNetworkName(network);
        return {
          severity: isMixed ? 'medium' : 'low',
          explanation: `${network.name} holds ${services.length} services${projects.length > 1 ? ` of ${projects.length} projects` : ''} (${listed(services)}): each reaches all ports of each other.`,
          evidence: { services, projects },
          remedy: {
            what: 'Make a network for each pair or tier that talks, and join each service to those it needs; `bridgewatch map --edges` shows who talks with whom.',
            compose: `${compose('services', members.find(({ composeService }) => composeService !== undefined)?.composeService ?? 'SERVICE', [`networks: [front, data]  # instead of ${name}`])}\nnetworks:\n  front: {}\n  data:\n    internal: true`,
          },
        };
      },
    ),
});
