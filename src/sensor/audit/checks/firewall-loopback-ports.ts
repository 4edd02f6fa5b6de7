/** Whether ports that are published on loopback are kept from the link, as engine 28 and later promises. */
import { defineCheck } from '../check.ts';
import { isAtLeast } from '../lib/engine-version.ts';
import { fateOf, textsOf } from '../lib/firewall/fate.ts';
import { outside } from '../lib/firewall/networks.ts';
import { port, prefixOf } from '../lib/firewall/packets.ts';
import { NO_RULES, ruledFamilies } from '../lib/firewall/scope.ts';
import { LOOK_AT_THEM, shown, WRITE_AGAIN } from '../lib/firewall/words.ts';
import { isOnLoopback, portText } from '../lib/published-ports.ts';
import { containerObject, listed } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'firewall-loopback-ports',
  title: 'Ports that are published on loopback are kept from the link',
  group: 'exposure',
  severity: 'medium',
  argument:
    'Since 28 the engine drops what comes for 127.0.0.0/8 by any interface but lo, because its DNAT would else take it to the container. A reload of firewalld took that away in 28.2 to 28.3.2 (CVE-2025-54388), and so does whoever empties the raw table: medium, because the neighbour has to be on the same link.',
  needs: ['engine', 'networks', 'containers', 'firewall'],
  wants: ['settings', 'host'],
  engines: '>=28.0',
  run: ({ engine, networks, containers, firewall }, { settings, host }) => {
    const nothing = (explanation: string) => [
      { outcome: 'not-applicable' as const, objects: [], explanation },
    ];
    const holders = containers.filter((container) => loopbackPorts(container).length > 0);
    if (holders.length === 0) return nothing('No port is published on loopback.');
    const isNew = isAtLeast(engine.version, '28.0.0');
    if (isNew === false) {
      return nothing(
        `Engine ${engine.version} makes no such rules: published-address-bypass tells what that opens.`,
      );
    }
    if (!ruledFamilies(engine, settings, firewall).has('ipv4')) return nothing(NO_RULES);
    const ways = outside(networks, host.ok ? host.value : undefined);
    return holders.map((container) => {
      const objects = [containerObject(container)];
      const answers = loopbackPorts(container).map((published) => ({
        published,
        fates: ways.map((from) =>
          fateOf(firewall, ['prerouting'], {
            ...{ family: 'ipv4', from, protocols: [published.protocol] },
            ...{ destination: prefixOf(published.hostIp)!, destinationPorts: port(published.hostPort) },
          }),
        ),
      }));
      const open = answers.filter(({ fates }) => fates.some(({ state }) => state === 'open'));
      if (open.length > 0 && isNew === true) {
        const ports = open.map(({ published }) => portText(published));
        return {
          outcome: 'fail' as const,
          objects,
          explanation: `${container.label} publishes ${listed(ports)}, and the rule that keeps it from the link is gone: a neighbour who sends to 127.0.0.1 by this host's MAC address gets in.`,
          evidence: {
            ports,
            missing: open.map(
              ({ published: { hostIp, hostPort, protocol } }) =>
                `-t raw -A PREROUTING -d ${hostIp}/32 ! -i lo -p ${protocol} -m ${protocol} --dport ${hostPort} -j DROP`,
            ),
          },
          remedy: {
            ...WRITE_AGAIN,
            what: `${WRITE_AGAIN.what} With firewalld run engine 28.3.3 or later (CVE-2025-54388).`,
          },
        };
      }
      const doubts = answers.flatMap(({ fates }) => fates.flatMap((fate) => fate.doubts));
      if (doubts.length > 0 || open.length > 0) {
        return {
          outcome: 'unknown' as const,
          objects,
          explanation:
            open.length > 0
              ? `Nothing keeps the ports of ${container.label} on loopback from the link, and whether engine ${engine.version} would is not known from its version.`
              : `Whether the ports of ${container.label} on loopback are kept from the link is not known: it hangs on ${doubts[0]}.`,
          evidence: { rules: shown(doubts) },
          remedy: { what: LOOK_AT_THEM },
        };
      }
      const by = answers.flatMap(({ fates }) => fates.flatMap((fate) => fate.by));
      return {
        outcome: 'pass' as const,
        objects,
        explanation: 'What comes for them by another interface than lo is dropped.',
        evidence: { rules: shown(textsOf(by)) },
      };
    });
  },
});

/** IPv4 alone: the kernel routes no packet for ::1 that comes in from a link. */
function loopbackPorts({ published = [] }: Parameters<typeof containerObject>[0]) {
  return published.filter((each) => isOnLoopback(each) && !each.hostIp.includes(':'));
}
