/** Whether other hosts reach containers at their own addresses, past what is published. */
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { isAtLeast } from '../lib/engine-version.ts';
import { isBehindNat } from '../lib/firewall/expected.ts';
import { FORWARDED, fateOf, textsOf } from '../lib/firewall/fate.ts';
import { type Bridged, bridgesOf, into, outside } from '../lib/firewall/networks.ts';
import type { Interface } from '../lib/firewall/packets.ts';
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
import { networkObject } from '../lib/verdicts.ts';

/** What a neighbour would ask for; ICMP is let through by many firewalls and opens nothing. */
const PROTOCOLS = ['tcp', 'udp'] as const;

/** Whom a network lets in so: published-address-bypass tells it. */
const TRUSTED = 'com.docker.network.bridge.trusted_host_interfaces';

export default defineCheck({
  id: 'firewall-direct-routing',
  title: "No rule lets other hosts in at containers' own addresses",
  group: 'exposure',
  severity: 'high',
  argument:
    "A neighbour who sets a route by this host can send to a container's own address. Where a rule accepts that for every port, what was never published is open: high. A rule for some addresses or ports opens just these: low. Since engine 28 not even published ports answer there, by drops in the raw table; where these are gone a port that was bound to one address of the host is open at the container's: medium.",
  needs: ['engine', 'networks', 'firewall'],
  wants: ['settings', 'host'],
  run: ({ engine, networks, firewall }, { settings, host }) => {
    const ruled = ruledFamilies(engine, settings, firewall);
    // Internal networks are looked at by firewall-internal, those without NAT by gateway-mode.
    const places = bridgesOf(networks.filter(({ internal }) => !internal)).filter(isBehindNat);
    const asked = places.filter(({ family }) => ruled.has(family));
    if (asked.length === 0) {
      const explanation = places.length === 0 ? 'No network has NAT before it.' : NO_RULES;
      return [{ outcome: 'not-applicable', objects: [], explanation }];
    }
    const ways = outside(networks, host.ok ? host.value : undefined);
    const hasRaw =
      isAtLeast(engine.version, '28.0.0') === true &&
      settings.ok &&
      settings.value.allowDirectRouting !== true;
    return asked.map((place) => verdictOf(place, reachOf(place, ways, firewall), hasRaw));
  },
});

interface Reach {
  readonly through: readonly Ending[];
  readonly doubts: readonly string[];
  readonly by: readonly Ending[];
}

function reachOf(place: Bridged, ways: readonly Interface[], firewall: Parameters<typeof fateOf>[0]): Reach {
  const fates = ways.flatMap((way) =>
    into(place, way).map((packets) => fateOf(firewall, FORWARDED, { ...packets, protocols: PROTOCOLS })),
  );
  return {
    through: fates.filter(({ state }) => state === 'open').flatMap((fate) => fate.through),
    doubts: fates.filter(({ state }) => state === 'unknown').flatMap((fate) => fate.doubts),
    by: fates.flatMap((fate) => fate.by),
  };
}

function verdictOf(
  { network, family }: Bridged<NetworkFacts>,
  { through, doubts, by }: Reach,
  hasRaw: boolean,
): Verdict {
  const objects = [networkObject(network)];
  // What the policy lets through is what firewall-forward tells.
  const written = through.filter(
    (ending) => ending.rule !== undefined && ending.chain !== 'PREROUTING' && !isPublishing(ending),
  );
  const word = FAMILY_WORDS[family];
  if (written.length > 0) {
    const isNarrow = written.every(
      ({ packets }) => packets.source !== undefined || packets.destinationPorts !== undefined,
    );
    const evidence = { rules: shown(textsOf(written)), family: word };
    const commands = deletions(written, family);
    return {
      outcome: 'fail',
      severity: isNarrow ? 'low' : 'high',
      objects,
      explanation: `${textsOf(written)[0]} lets other hosts in at the own addresses of containers on ${network.name} over ${word}, ${isNarrow ? 'from some addresses or on some ports, whether they are published or not' : 'on every port'}.`,
      evidence,
      remedy: {
        what: 'Take the rule away: published ports need none. To let only some in, drop the others in DOCKER-USER, and leave what is left to the engine (RETURN instead of ACCEPT).',
        ...(commands.length === 0 ? {} : { commands }),
      },
    };
  }
  const published = through.filter(isPublishing);
  if (hasRaw && published.length > 0 && (network.options[TRUSTED] ?? '') === '') {
    return {
      outcome: 'fail',
      severity: 'medium',
      objects,
      explanation: `The drops in the raw table that keep other hosts from the own addresses of containers on ${network.name} are gone, or a rule comes before them (${word}): published ports answer there, whatever address they are bound to.`,
      evidence: { rules: shown(textsOf(through)), family: word },
      remedy: WRITE_AGAIN,
    };
  }
  if (doubts.length > 0) {
    return {
      outcome: 'unknown',
      objects,
      explanation: `Whether other hosts get in at the own addresses of containers on ${network.name} is not known (${word}): it hangs on ${doubts[0]}.`,
      evidence: { rules: shown(doubts), family: word },
      remedy: { what: LOOK_AT_THEM },
    };
  }
  return {
    outcome: 'pass',
    objects,
    explanation: `No rule lets other hosts in at the own addresses of its containers beyond what is published (${word}).`,
    evidence: { rules: shown(textsOf(by)), family: word },
  };
}
