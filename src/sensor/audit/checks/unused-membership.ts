/**
 * On a network where it talks with nobody, while it talks on others: a way in and out that it does not need. The network
 * that gives it its way out is left alone, for that it is one does not show before it is used.
 */
import { shellWord } from '../../../model/shell.ts';
import type { Talk } from '../../../model/traffic-history.ts';
import type { ContainerFacts } from '../../docker/container-facts.ts';
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { doubtOf, inThatTime } from '../lib/silence.ts';
import {
  composeNetworkName,
  containerObject,
  listed,
  networkObject,
  serviceRemedy,
} from '../lib/verdicts.ts';
import { UNNAMED } from '../lib/visitors.ts';

export default defineCheck({
  id: 'unused-membership',
  title: 'Containers talk on every network that they are on',
  group: 'segmentation',
  severity: 'low',
  argument:
    'Each network more is one more set of neighbours that an intruder reaches from there: low, for it takes one first. Silence counts after seven days of watching in which the container was on the network; what is needed once a month or in an emergency is quiet for longer.',
  needs: ['networks', 'containers', 'traffic'],
  run: ({ networks, containers, traffic }) => {
    const talking = placesOf(traffic.talks);
    const ways = waysOut(traffic.talks, networks);
    const several = containers.filter((container) => container.networks.length > 1);
    if (several.length === 0) {
      return [
        { outcome: 'not-applicable', objects: [], explanation: 'No container is on more than one network.' },
      ];
    }
    return several.flatMap((container): Verdict[] => {
      const talksOn = (name: string) => talking.has(placeOf(name, container.label));
      const wayOut = ways.get(container.label) ?? likelyWayOut(container, networks);
      const quiet = networks.filter(
        ({ name, isIngress }) =>
          container.networks.includes(name) && !isIngress && name !== wayOut && !talksOn(name),
      );
      if (quiet.length === 0 || !container.networks.some(talksOn)) {
        const explanation = 'Talk on every network that they are on, or on none yet.';
        return [{ outcome: 'pass', objects: [containerObject(container)], explanation }];
      }
      return quiet.map((network): Verdict => {
        const about = {
          objects: [containerObject(container), networkObject(network)],
          networks: [network.name],
        };
        const membership = traffic.memberships.find(
          (each) => each.network === network.name && each.service === container.label,
        );
        const seenSecs = membership?.watchedSecs ?? 0;
        const doubt = doubtOf(traffic, { networks: [network.name], seenSecs });
        if (doubt !== undefined) return { ...doubt, ...about, outcome: 'unknown' };
        if (talking.has(placeOf(network.name, undefined))) {
          return {
            ...about,
            outcome: 'unknown',
            explanation: `Somebody talked on ${network.name}, and it is not known who: it may have been ${container.label}.`,
            remedy: {
              what: 'See the flows: `bridgewatch flows` with `scope:unknown` and this network, and why they have no name.',
            },
          };
        }
        const others = container.networks.filter(talksOn);
        const kept = networks.filter(
          ({ name }) => container.networks.includes(name) && name !== network.name,
        );
        return {
          ...about,
          outcome: 'fail',
          topic: network.name,
          explanation: `${container.label} is on ${network.name} and talked with nobody there ${inThatTime(traffic)}, while it talked on ${listed(others)}.`,
          evidence: { network: network.name, talksOn: others, watchedSecs: seenSecs },
          remedy: serviceRemedy(
            container,
            'Take it off the network, unless it is for something rare: then leave it, and know it.',
            [
              `networks: [${kept.map(composeNetworkName).join(', ')}]  # without ${composeNetworkName(network)}`,
            ],
            `without --network ${shellWord(network.name)}, or run docker network disconnect ${shellWord(network.name)} ${shellWord(container.name)}`,
          ),
        };
      });
    });
  },
});

function placeOf(network: string, service: string | undefined): string {
  return JSON.stringify([network, service ?? null]);
}

/** Who talked where; a service that is not known stands for whoever may have. Multicast alone is no talk with anybody. */
function placesOf(talks: readonly Talk[]): ReadonlySet<string> {
  const places = new Set<string>();
  for (const { network, orig, resp, nat } of talks) {
    if (resp.scope === 'multicast') continue;
    for (const end of [orig, resp]) {
      // Hidden behind a translation stands no member, but somebody who came through the host.
      if (end === orig && nat !== undefined && end.service === undefined) continue;
      if (end.service !== undefined) places.add(placeOf(network, end.service));
      else if (UNNAMED.has(end.scope)) places.add(placeOf(network, undefined));
    }
  }
  return places;
}

/** By service: of its networks that are not internal, the one by which it was seen to go out. */
function waysOut(talks: readonly Talk[], networks: readonly NetworkFacts[]): ReadonlyMap<string, string> {
  const internal = new Set(networks.filter((network) => network.internal).map(({ name }) => name));
  const ways = new Map<string, string>();
  for (const { direction, network, orig } of talks)
    if (direction === 'egress' && orig.service !== undefined && !internal.has(network))
      ways.set(orig.service, network);
  return ways;
}

/**
 * What the engine takes for the way out where none was seen: of the networks that are not internal the first by name
 * (libnetwork, sandbox.go). A `gw_priority` that says otherwise is not read.
 */
function likelyWayOut({ networks: names }: ContainerFacts, networks: readonly NetworkFacts[]) {
  return networks
    .filter(({ name, internal, isIngress }) => names.includes(name) && !internal && !isIngress)
    .map(({ name }) => name)
    .sort()[0];
}
