/** Rules of the host for its own ports (INPUT: UFW, firewalld, by hand) that published ports never meet. */
import { defineCheck, type Verdict } from '../check.ts';
import { fateOf, textsOf } from '../lib/firewall/fate.ts';
import { outside } from '../lib/firewall/networks.ts';
import { type PublishedWay, publishedWays } from '../lib/firewall/published.ts';
import { ruledFamilies } from '../lib/firewall/scope.ts';
import type { Ending } from '../lib/firewall/walk.ts';
import { isOperatorsDrop, LOOK_AT_THEM, shown } from '../lib/firewall/words.ts';
import { loopbackPorts, portText } from '../lib/published-ports.ts';
import { containerObject, listed, serviceRemedy } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'firewall-bypassed',
  title: "The host's own rules hold for published ports too",
  group: 'exposure',
  severity: 'medium',
  argument:
    'The engine rewrites the address of what comes for a published port before any filter is asked, so it is forwarded and never meets INPUT, where `ufw deny` and zones of firewalld stand. Where INPUT refuses by default, the operator believes the port shut without having said so: medium. Where a rule of INPUT names that very port, somebody has decided, and is not obeyed: high.',
  needs: ['engine', 'networks', 'containers', 'firewall'],
  wants: ['settings', 'host'],
  run: ({ engine, networks, containers, firewall }, { settings, host }) => {
    const around = {
      networks,
      ways: outside(networks, host.ok ? host.value : undefined),
      ruled: ruledFamilies(engine, settings, firewall),
    };
    const published = containers
      .map((container) => ({
        container,
        ways: publishedWays(container, around).filter(({ forwarded }) => forwarded.length > 0),
      }))
      .filter(({ ways }) => ways.length > 0);
    if (published.length === 0) {
      return [{ outcome: 'not-applicable', objects: [], explanation: 'No port is published past INPUT.' }];
    }
    return published.map(({ container, ways }): Verdict => {
      const objects = [containerObject(container)];
      const judged = ways.map((way) => ({ way, ...judge(way, firewall) }));
      const wrong = judged.filter(({ state }) => state === 'bypassed');
      if (wrong.length > 0) {
        const ports = wrong.map(({ way }) => portText(way.port));
        const refusing = textsOf(wrong.flatMap((each) => each.refusing));
        const isNamed = wrong.some((each) =>
          each.refusing.some(({ rule }) => rule?.destinationPorts !== undefined),
        );
        return {
          outcome: 'fail',
          severity: isNamed ? 'high' : 'medium',
          objects,
          explanation: `${container.label} publishes ${listed(ports)}, and what INPUT says of that is never asked: ${refusing[0]}.`,
          evidence: {
            ports,
            refusing: shown(refusing),
            accepting: shown(textsOf(wrong.flatMap((each) => each.accepting))),
          },
          remedy: {
            ...serviceRemedy(
              container,
              "Publish it on an address that is meant to be reached, or say in DOCKER-USER who may come: there the container's own port counts, and the published one only as --ctorigdstport.",
              loopbackPorts(wrong.map(({ way }) => way.port)),
            ),
            commands: [...new Set(wrong.map(({ way }) => dropCommand(way)))],
          },
        };
      }
      const doubts = judged.flatMap((each) => each.doubts);
      if (doubts.length > 0) {
        return {
          outcome: 'unknown',
          objects,
          explanation: `Whether rules of INPUT that refuse ports of ${container.label} have their like in FORWARD is not known: it hangs on ${doubts[0]}.`,
          evidence: { rules: shown(doubts) },
          remedy: { what: LOOK_AT_THEM },
        };
      }
      return {
        outcome: 'pass',
        objects,
        explanation: 'INPUT does not refuse what is published, or FORWARD refuses it too.',
        evidence: { ports: ways.map((way) => portText(way.port)) },
      };
    });
  },
});

interface Judgement {
  readonly state: 'bypassed' | 'fine';
  readonly refusing: readonly Ending[];
  readonly accepting: readonly Ending[];
  readonly doubts: readonly string[];
}

function judge({ arriving, forwarded }: PublishedWay, firewall: Parameters<typeof fateOf>[0]): Judgement {
  const inputs = arriving.map((packets) => fateOf(firewall, ['input'], packets));
  const refusing = inputs.flatMap(({ by }) => by.filter(({ doubts }) => doubts.length === 0));
  const forwards = forwarded.map((packets) => fateOf(firewall, ['forward', 'postrouting'], packets));
  const isFiltered = forwards.some(({ by }) =>
    by.some((ending) => ending.doubts.length === 0 && isOperatorsDrop(ending)),
  );
  const fine = { state: 'fine', refusing: [], accepting: [], doubts: [] } as const;
  if (refusing.length === 0 || isFiltered) return fine;
  const open = forwards.filter(({ state }) => state === 'open');
  if (open.length > 0) {
    return { state: 'bypassed', refusing, accepting: open.flatMap(({ through }) => through), doubts: [] };
  }
  return { ...fine, doubts: forwards.flatMap((fate) => (fate.state === 'unknown' ? fate.doubts : [])) };
}

/** For whoever is not meant to come: by the port that was asked for, since DNAT has rewritten the other. */
function dropCommand({ port, family, arriving }: PublishedWay): string {
  const from = arriving[0]!.from;
  const name = typeof from === 'string' ? from : 'eth0';
  const tool = family === 'ipv4' ? 'iptables' : 'ip6tables';
  return `${tool} -I DOCKER-USER -i ${name} -p ${port.protocol} -m conntrack --ctorigdstport ${port.hostPort} --ctdir ORIGINAL -j DROP`;
}
