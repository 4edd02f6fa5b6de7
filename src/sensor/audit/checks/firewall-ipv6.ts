/** Published on both families, filtered on one: what rules hold back over IPv4 comes in over IPv6. */
import type { ContainerFacts } from '../../docker/container-facts.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { type Fate, fateOf, textsOf } from '../lib/firewall/fate.ts';
import { outside } from '../lib/firewall/networks.ts';
import { type PublishedWay, publishedWays } from '../lib/firewall/published.ts';
import { ruledFamilies } from '../lib/firewall/scope.ts';
import { isOperatorsDrop, LOOK_AT_THEM, shown } from '../lib/firewall/words.ts';
import { loopbackPorts, portText } from '../lib/published-ports.ts';
import { containerObject, serviceRemedy } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'firewall-ipv6',
  title: 'What is held back over IPv4 is held back over IPv6',
  group: 'exposure',
  severity: 'medium',
  argument:
    'A port that is published without an address is open on [::] too, and each family has rules of its own: who restricts it in DOCKER-USER of iptables has done half. Where the container has no IPv6 address, or the engine makes no rules for IPv6, docker-proxy takes the connection on the host, and INPUT of ip6tables alone is asked. Medium: somebody restricted the port, and whoever has IPv6 to this host comes in.',
  needs: ['engine', 'networks', 'containers', 'firewall'],
  wants: ['settings', 'host'],
  run: ({ engine, networks, containers, firewall }, { settings, host }) => {
    const around = {
      networks,
      ways: outside(networks, host.ok ? host.value : undefined),
      ruled: ruledFamilies(engine, settings, firewall),
    };
    const hasProxy = !settings.ok || settings.value.userlandProxy !== false;
    const pairs = containers.flatMap((container) => {
      const ways = publishedWays(container, around);
      return ways.flatMap((v6) => {
        const v4 = ways.find((way) => way.family === 'ipv4' && isSamePort(way, v6));
        const isServed = v6.forwarded.length > 0 || hasProxy;
        return v6.family === 'ipv6' && v4 !== undefined && isServed ? [{ container, v4, v6 }] : [];
      });
    });
    if (pairs.length === 0) {
      return [
        { outcome: 'not-applicable', objects: [], explanation: 'No port is published on both families.' },
      ];
    }
    return pairs.map(({ container, v4, v6 }) => ({
      objects: [containerObject(container)],
      ...verdictOf(container, v6, fatesOf(v4, firewall), fatesOf(v6, firewall)),
    }));
  },
});

function verdictOf(
  container: ContainerFacts,
  { port, forwarded }: PublishedWay,
  v4: readonly Fate[],
  v6: readonly Fate[],
): Omit<Verdict, 'objects'> {
  const name = portText(port);
  const [held, heldToo] = [operatorDrops(v4), operatorDrops(v6)];
  if (held.sure.length + held.unsure.length === 0 || heldToo.sure.length > 0) {
    return { outcome: 'pass', explanation: 'Both families are restricted alike, or not at all.' };
  }
  const open = v6.filter(({ state }) => state === 'open');
  const doubts = [...held.unsure, ...v6.flatMap((fate) => fate.doubts)];
  if (open.length > 0 && held.sure.length > 0) {
    const how =
      forwarded.length > 0
        ? 'ip6tables has no rule for it'
        : 'over IPv6 docker-proxy takes it on the host, where no rule of FORWARD is asked';
    return {
      outcome: 'fail',
      explanation: `${container.label} publishes ${name}: rules hold it back over IPv4, and ${how}.`,
      evidence: {
        port: name,
        ipv4: shown(held.sure),
        ipv6: shown(textsOf(open.flatMap(({ through }) => through))),
      },
      remedy: serviceRemedy(
        container,
        'Publish it on IPv4 alone, or write the same rules for IPv6: in DOCKER-USER of ip6tables where the container has an IPv6 address, else in INPUT.',
        loopbackPorts([port]).map((line) => line.replace('127.0.0.1', '0.0.0.0')),
      ),
    };
  }
  if (v6.every(({ state }) => state === 'held')) {
    return { outcome: 'pass', explanation: 'Nothing gets in over IPv6.' };
  }
  return {
    outcome: 'unknown',
    explanation: `Whether ${name} of ${container.label} is held back over IPv6 as it is over IPv4 is not known: it hangs on ${doubts[0]}.`,
    evidence: { rules: shown(doubts) },
    remedy: { what: LOOK_AT_THEM },
  };
}

function fatesOf({ forwarded, arriving }: PublishedWay, firewall: Parameters<typeof fateOf>[0]): Fate[] {
  return forwarded.length > 0
    ? forwarded.map((packets) => fateOf(firewall, ['forward', 'postrouting'], packets))
    : arriving.map((packets) => fateOf(firewall, ['input'], packets));
}

/** What somebody wrote to hold it back, or part of it; `unsure`: rules that may. */
function operatorDrops(fates: readonly Fate[]) {
  const drops = fates.flatMap(({ by }) => by.filter(isOperatorsDrop));
  return {
    sure: textsOf(drops.filter(({ doubts }) => doubts.length === 0)),
    unsure: textsOf(drops.filter(({ doubts }) => doubts.length > 0)),
  };
}

function isSamePort(a: PublishedWay, b: PublishedWay): boolean {
  return a.port.hostPort === b.port.hostPort && a.port.protocol === b.port.protocol;
}
