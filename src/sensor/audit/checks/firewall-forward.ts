/** What is left of FORWARD when nobody has decided, and whether the engine's chains are there and asked. */
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import { type Family, isDockers, type Ruleset } from '../../host/firewall/ruleset.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { FORWARDED, fateOf, textsOf } from '../lib/firewall/fate.ts';
import { type Bridged, bridgesOf, FAMILIES, into, outside } from '../lib/firewall/networks.ts';
import type { Interface } from '../lib/firewall/packets.ts';
import { isNftables, NO_RULES, ruledFamilies } from '../lib/firewall/scope.ts';
import { FAMILY_WORDS, LOOK_AT_THEM, shown, WRITE_AGAIN } from '../lib/firewall/words.ts';
import { HOST, listed, networkObject } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'firewall-forward',
  title: 'What nobody allows is not forwarded',
  group: 'engine',
  severity: 'medium',
  argument:
    "A policy of FORWARD that accepts makes the host a router for whoever is on its links: up to engine 27 to every port of every container, published or not, for neighbours who set a route: medium. From 28 on the engine's own rules drop that before the policy is asked, and what is left is traffic between the host's other links: low. The engine sets the policy only where it turned forwarding on itself. Where its chains are gone, or FORWARD does not lead to them, none of its promises is kept: high.",
  needs: ['engine', 'networks', 'firewall'],
  wants: ['settings', 'host'],
  run: ({ engine, networks, firewall }, { settings, host }) => {
    const ruled = ruledFamilies(engine, settings, firewall);
    const places = bridgesOf(networks).filter(({ family }) => ruled.has(family));
    if (places.length === 0) {
      const explanation = bridgesOf(networks).length === 0 ? 'There is no bridge network.' : NO_RULES;
      return [{ outcome: 'not-applicable', objects: [], explanation }];
    }
    const ways = outside(networks, host.ok ? host.value : undefined);
    return FAMILIES.flatMap((family): Verdict[] => {
      const here = places.filter((place) => place.family === family);
      if (here.length === 0) return [];
      const rulesets = firewall.filter((ruleset) => ruleset.family === family);
      return (
        lostChains(rulesets, family, here) ?? [
          leftOver(rulesets, family, here, ways, isNftables(engine, firewall)),
        ]
      );
    });
  },
});

/** Undefined where FORWARD leads to the engine's chains, and where no ruleset was read that could tell. */
function lostChains(
  rulesets: readonly Ruleset[],
  family: Family,
  places: readonly Bridged<NetworkFacts>[],
): Verdict[] | undefined {
  if (rulesets.length === 0) return undefined;
  const holding = rulesets.filter(isDockers);
  const isAsked = holding.some(
    ({ backend, tables }) =>
      backend === 'nftables' ||
      tables.some(
        ({ name, chains }) =>
          name === 'filter' &&
          chains.some(
            (chain) =>
              chain.name === 'FORWARD' &&
              chain.rules.some(
                ({ target }) => target === 'DOCKER-FORWARD' || target === 'DOCKER-ISOLATION-STAGE-1',
              ),
          ),
      ),
  );
  if (isAsked) return undefined;
  const what =
    holding.length === 0
      ? `The engine's chains for ${FAMILY_WORDS[family]} are gone`
      : `FORWARD does not lead to the engine's chains for ${FAMILY_WORDS[family]}`;
  return [
    {
      outcome: 'fail',
      severity: 'high',
      objects: networkObjects(places),
      explanation: `${what}: nothing of what it promises about ${listed(places.map(({ network }) => network.name))} is kept by its rules.`,
      evidence: { read: rulesets.map(({ backend }) => backend), forward: shown(forwardRules(rulesets)) },
      remedy: WRITE_AGAIN,
    },
  ];
}

function leftOver(
  rulesets: readonly Ruleset[],
  family: Family,
  places: readonly Bridged<NetworkFacts>[],
  ways: readonly Interface[],
  isNft: boolean,
): Verdict {
  const word = FAMILY_WORDS[family];
  const elsewhere = new Set(places.map(({ bridge }) => bridge));
  const passed = ways.map((from) => fateOf(rulesets, FORWARDED, { family, from, to: elsewhere }));
  const isPolicy = ({ rule }: { readonly rule?: unknown }) => rule === undefined;
  const reached = places.filter((place) =>
    ways.some((way) =>
      into(place, way).some((packets) => {
        const fate = fateOf(rulesets, FORWARDED, { ...packets, protocols: ['tcp'] });
        return fate.state === 'open' && fate.through.some(isPolicy);
      }),
    ),
  );
  const evidence = { rules: shown(textsOf(passed.flatMap(({ through }) => through))), family: word };
  const remedy = {
    what: isNft
      ? 'Drop what nobody allows in a chain of your own with the hook forward, and accept there what has the mark of the engine or of your routes.'
      : 'Drop what nobody allows. Where this host is meant to route between its links, accept just that in DOCKER-USER first.',
    ...(isNft ? {} : { commands: [`${family === 'ipv4' ? 'iptables' : 'ip6tables'} -P FORWARD DROP`] }),
  };
  if (reached.length > 0) {
    const names = listed(reached.map(({ network }) => network.name));
    const explanation = `What no rule decides is forwarded over ${word}: whoever sets a route by this host reaches every port of containers on ${names}, published or not.`;
    return { outcome: 'fail', objects: networkObjects(reached), explanation, evidence, remedy };
  }
  if (passed.some(({ state, through }) => state === 'open' && through.every(isPolicy))) {
    const explanation = `What no rule decides is forwarded over ${word}: the host routes between its other links for whoever asks; containers are not reached by that.`;
    return { outcome: 'fail', severity: 'low', objects: [HOST], explanation, evidence, remedy };
  }
  const doubts = passed.flatMap((fate) => (fate.state === 'unknown' ? fate.doubts : []));
  if (doubts.length > 0) {
    return {
      outcome: 'unknown',
      objects: [HOST],
      explanation: `Whether what nobody allows is forwarded over ${word} is not known: it hangs on ${doubts[0]}.`,
      evidence: { rules: shown(doubts), family: word },
      remedy: { what: LOOK_AT_THEM },
    };
  }
  return {
    outcome: 'pass',
    objects: [HOST],
    explanation: `What nobody allows is dropped over ${word}.`,
    evidence: { ...evidence, rules: shown(textsOf(passed.flatMap(({ by }) => by))) },
  };
}

function networkObjects(places: readonly Bridged<NetworkFacts>[]) {
  return places.map(({ network }) => networkObject(network));
}

function forwardRules(rulesets: readonly Ruleset[]): string[] {
  return rulesets.flatMap(({ tables }) =>
    tables.flatMap(({ name, chains }) =>
      chains
        .filter((chain) => name === 'filter' && chain.name === 'FORWARD')
        .flatMap(({ policy, rules }) => [`-P FORWARD ${policy}`, ...rules.map(({ text }) => text)]),
    ),
  );
}
