/** Whether containers of one network reach those of another, as the rules are loaded now. */

import type { Cidr } from '../../../model/ip.ts';
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { isBehindNat, missingRules } from '../lib/firewall/expected.ts';
import { type Fate, FORWARDED, fateOf, textsOf } from '../lib/firewall/fate.ts';
import { type Bridged, between, bridgesOf } from '../lib/firewall/networks.ts';
import { NO_RULES, ruledFamilies } from '../lib/firewall/scope.ts';
import type { Ending } from '../lib/firewall/walk.ts';
import {
  deletions,
  FAMILY_WORDS,
  isPublishing,
  LOOK_AT_THEM,
  shown,
  WRITE_AGAIN,
} from '../lib/firewall/words.ts';
import { listed, networkObject } from '../lib/verdicts.ts';

type Place = Bridged<NetworkFacts>;

interface Pair {
  readonly from: Place;
  readonly to: Place;
  readonly fate: Fate;
}

export default defineCheck({
  id: 'firewall-isolation',
  title: 'The loaded rules keep networks apart',
  group: 'segmentation',
  severity: 'high',
  argument:
    'Whoever makes two networks makes a wall, and the engine builds it of rules only: where these are gone, or a rule before them lets packets through, every container of one network reaches every port of the other. High. Where only some addresses or ports are let through by a rule that somebody wrote, it is an exception worth knowing: low.',
  needs: ['engine', 'networks', 'firewall'],
  wants: ['settings'],
  run: ({ engine, networks, firewall }, { settings }) => {
    const ruled = ruledFamilies(engine, settings, firewall);
    // Internal ones are looked at by firewall-internal, those without NAT by gateway-mode.
    const places = bridgesOf(networks.filter(({ internal }) => !internal));
    const pairs = places.flatMap((from) =>
      places
        .filter((to) => to.family === from.family && to.network.id !== from.network.id && isBehindNat(to))
        .map((to) => ({ from, to })),
    );
    if (pairs.length === 0) {
      return [
        { outcome: 'not-applicable', objects: [], explanation: 'There are no two networks to keep apart.' },
      ];
    }
    const asked = pairs.filter(({ from }) => ruled.has(from.family));
    if (asked.length === 0) return [{ outcome: 'not-applicable', objects: [], explanation: NO_RULES }];
    const judged = asked.flatMap(({ from, to }): Pair[] =>
      between(from, to).map((packets) => ({ from, to, fate: fateOf(firewall, FORWARDED, packets) })),
    );
    const open = judged.filter(({ fate }) => fate.state === 'open' && !fate.through.every(isPublishing));
    const isNarrow = ({ from, to, fate }: Pair) => fate.through.every((ending) => isPart(ending, from, to));
    const unsure = judged.filter(({ fate }) => fate.state === 'unknown');
    const wrong = new Set([...open, ...unsure].flatMap(({ from, to }) => [from.network.id, to.network.id]));
    const right = judged.filter(({ from, to }) => !wrong.has(from.network.id) && !wrong.has(to.network.id));
    return [
      ...opened(
        open.filter((pair) => !isNarrow(pair)),
        (places) => places.flatMap((place) => missingRules(firewall, place)),
      ),
      ...excepted(open.filter(isNarrow)),
      ...unknown(unsure),
      ...kept(right),
    ];
  },
});

/** Addresses, ports or protocols narrower than the two networks. */
function isPart({ packets }: Ending, from: Place, to: Place): boolean {
  const { source, destination, protocols, sourcePorts, destinationPorts } = packets;
  const isWhole = (prefix: Cidr | undefined, { subnets }: Place) =>
    subnets.some(({ prefixBits }) => prefixBits === prefix?.prefixBits);
  return (
    [protocols, sourcePorts, destinationPorts].some((asked) => asked !== undefined) ||
    !isWhole(source, from) ||
    !isWhole(destination, to)
  );
}

function opened(pairs: readonly Pair[], missingOf: (places: readonly Place[]) => string[]): Verdict[] {
  if (pairs.length === 0) return [];
  const missing = [...new Set(missingOf(pairs.flatMap(({ from, to }) => [from, to])))];
  const through = pairs.flatMap(({ fate }) => fate.through);
  const rules = textsOf(through);
  const why =
    missing.length > 0
      ? 'rules of the engine that keep them apart are gone'
      : rules.length > 0
        ? `${rules[0]} lets it through before the engine's rules are asked`
        : 'no rule says otherwise';
  const commands = missing.length > 0 ? [] : deletions(through, pairs[0]!.from.family);
  return [
    {
      outcome: 'fail',
      objects: objectsOf(pairs),
      explanation: `Containers on ${told(pairs)}: ${why}.`,
      evidence: { pairs: shown(arrows(pairs)), rules: shown(rules), missing: shown(missing) },
      remedy:
        missing.length > 0 || commands.length === 0
          ? WRITE_AGAIN
          : {
              what: 'Take the rule away, or say in it which containers it is for (in DOCKER-USER, with addresses and port).',
              commands,
            },
    },
  ];
}

function excepted(pairs: readonly Pair[]): Verdict[] {
  if (pairs.length === 0) return [];
  const through = pairs.flatMap(({ fate }) => fate.through);
  return [
    {
      outcome: 'fail',
      severity: 'low',
      objects: objectsOf(pairs),
      explanation: `Some containers on ${told(pairs)}, because a rule makes an exception: ${textsOf(through)[0]}.`,
      evidence: { pairs: shown(arrows(pairs)), rules: shown(textsOf(through)) },
      remedy: {
        what: 'Put both containers on one network of their own instead, and take the rule away; or mute this, if the exception is meant.',
        commands: deletions(through, pairs[0]!.from.family),
      },
    },
  ];
}

function unknown(pairs: readonly Pair[]): Verdict[] {
  if (pairs.length === 0) return [];
  const doubts = pairs.flatMap(({ fate }) => fate.doubts);
  return [
    {
      outcome: 'unknown',
      objects: objectsOf(pairs),
      explanation: `Whether containers on ${told(pairs)} is not known: it hangs on ${doubts[0]}.`,
      evidence: { pairs: shown(arrows(pairs)), rules: shown(doubts) },
      remedy: { what: LOOK_AT_THEM },
    },
  ];
}

function kept(pairs: readonly Pair[]): Verdict[] {
  if (pairs.length === 0) return [];
  return [
    {
      outcome: 'pass',
      objects: objectsOf(pairs),
      explanation:
        'From one to another nothing gets through, but to published ports where the engine lets that in.',
      evidence: { rules: shown(textsOf(pairs.flatMap(({ fate }) => fate.by))) },
    },
  ];
}

function objectsOf(pairs: readonly Pair[]) {
  const networks = pairs.flatMap(({ from, to }) => [from.network, to.network]);
  return [...new Map(networks.map((network) => [network.id, networkObject(network)])).values()];
}

function told(pairs: readonly Pair[]): string {
  const names = (side: 'from' | 'to') => [...new Set(pairs.map((pair) => pair[side].network.name))].sort();
  const [from, to] = [names('from'), names('to')];
  const whom = from.join() === to.join() ? 'each other' : `those on ${listed(to)}`;
  const families = [...new Set(pairs.map((pair) => FAMILY_WORDS[pair.from.family]))].join(' and ');
  return `${listed(from)} reach ${whom} over ${families}`;
}

function arrows(pairs: readonly Pair[]): string[] {
  return [...new Set(pairs.map(({ from, to }) => `${from.network.name} -> ${to.network.name}`))];
}
