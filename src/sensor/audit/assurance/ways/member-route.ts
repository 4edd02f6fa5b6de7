/**
 * A default route in a member that is sealed in. Engines before 25 give one that ends at the network's own bridge, before
 * the firewall; one that leads through a neighbour was made by somebody (NET_ADMIN, or a neighbour that calls itself a router for
 * IPv6), as was any on a newer engine.
 */

import { formatCidr } from '../../../../model/ip.ts';
import { counted } from '../../../../model/readable.ts';
import { shellWord } from '../../../../model/shell.ts';
import { NFTABLES_TABLE } from '../../../host/firewall/ruleset.ts';
import type { HostRoute } from '../../../host/routes.ts';
import { isAtLeast } from '../../lib/engine-version.ts';
import { containerObject, listed } from '../../lib/verdicts.ts';
import { type Inside, isSealed, type Member } from '../inside.ts';
import { markOf, talksOf, talksToOutside, withoutRoute } from '../marks.ts';
import { type AssuranceFacts, defineWay, type OpenWay } from '../way.ts';

export default defineWay({
  id: 'member-route',
  title: 'by a default route (IPv4 or IPv6) that a member has and the engine did not give it',
  needs: ['containers', 'namespaces'],
  look: (inside, { namespaces }, wanted) => {
    const sealed = inside.members.filter((member) => member.container === member.owner && isSealed(member));
    const unread = namespaces.filter(
      (each) => !each.ok && sealed.some(({ container }) => container.id === each.containerId),
    );
    const reasons = unread.flatMap((each) => (each.ok ? [] : [each.reason]));
    return {
      open: sealed.flatMap((member) => openWays(inside, member, wanted)),
      shut: shutBy(inside, sealed),
      ...(unread.length === 0
        ? {}
        : {
            notKnown: [
              {
                reason: `routes of ${listed(sealed.filter(({ container }) => unread.some((each) => each.containerId === container.id)).map(({ container }) => container.label))} cannot be read: ${listed([...new Set(reasons)], 2)}`,
                remedy: "Run the audit as root and in the host's PID namespace (of a container: --pid host).",
              },
            ],
          }),
    };
  },
});

function shutBy(inside: Inside, sealed: readonly Member[]) {
  const tried = sealed.filter((member) => withoutRoute(inside, member) > 0);
  const sends = tried.reduce((sum, member) => sum + withoutRoute(inside, member), 0);
  const hasRoute = sealed.some((member) => routesOf(inside, member).length > 0);
  return {
    reason: hasRoute
      ? "the only default routes are the engine's own, to the bridge and its firewall"
      : 'no member that is sealed in has a default route',
    ...(sends === 0
      ? {}
      : {
          attempts: `${counted(sends, 'send')} without a route by ${listed(tried.map(({ container }) => container.label))}`,
        }),
  };
}

function routesOf({ namespaces }: Inside, { container }: Member): readonly HostRoute[] {
  return namespaces.get(container.id)?.defaultRoutes ?? [];
}

function openWays(inside: Inside, member: Member, facts: AssuranceFacts): OpenWay[] {
  const { engine } = facts;
  const { container } = member;
  // Since 25 (moby cbc2a71c27) containers on internal networks only have none; an unknown version accuses nobody.
  const givesNone = engine.ok && isAtLeast(engine.value.version, '25.0.0') === true;
  return routesOf(inside, member).flatMap((route) => {
    const isOwn = route.gateway !== undefined && gatewaysOf(inside, member).includes(route.gateway);
    if (isOwn && !givesNone) return [];
    const isHeld = isOwn || isFilteredOnBridge(route, facts);
    const { mark, said, evidence } = markOf(talksOf(container.label, talksToOutside(inside)));
    const through = neighbourAt(inside, route) ?? route.gateway ?? 'whoever answers on the link';
    const made = isOwn ? ', which an engine of this version gives to nobody here' : '';
    const where = isOwn
      ? 'the firewall alone holds what goes by it'
      : isHeld
        ? `what it sends outside goes there, and is dropped on the bridge only while ${switchOf(route)} is 1`
        : 'what it sends outside goes there, past the firewall';
    return [
      {
        // Nobody but somebody inside makes it.
        mark: mark === 'possible' ? 'attempted' : mark,
        severity: isHeld ? 'low' : 'medium',
        objects: [containerObject(container)],
        explanation: `${container.label} has a default route through ${through} (${formatCidr(route.cidr)})${made}: ${where}.${said}`,
        evidence: { route: formatCidr(route.cidr), through, ...evidence },
        remedy: {
          what: 'Find who made it: a process with NET_ADMIN in the container, or a neighbour that says it is a router. Then start the container anew; it comes back without.',
          commands: [
            `nsenter -t $(docker inspect -f '{{.State.Pid}}' ${shellWord(container.name)}) -n ip route`,
            `docker restart ${shellWord(container.name)}`,
          ],
        },
      },
    ];
  });
}

/** The drops of `internal` meet frames between two members only where the kernel asks iptables about bridged frames. */
function isFilteredOnBridge(route: HostRoute, { switches, firewall }: AssuranceFacts): boolean {
  const isNftables =
    firewall.ok && firewall.value.some(({ tables }) => tables.some(({ name }) => name === NFTABLES_TABLE));
  return !isNftables && switches.ok && switches.value[`bridge.${switchOf(route)}`] === 1;
}

function switchOf({ cidr }: HostRoute) {
  return cidr.family === 4 ? ('bridge-nf-call-iptables' as const) : ('bridge-nf-call-ip6tables' as const);
}

function neighbourAt({ members }: Inside, { gateway }: HostRoute): string | undefined {
  return members.find(({ owner }) =>
    owner.endpoints.some(({ ips }) => gateway !== undefined && ips.includes(gateway)),
  )?.owner.label;
}

/** Of all networks that it is on: which of them the engine takes for the default is not the point. */
function gatewaysOf({ networks, gateways }: Inside, { container }: Member): string[] {
  return [
    ...gateways,
    ...networks
      .filter(({ name }) => container.networks.includes(name))
      .flatMap((network) => network.gateways),
    ...container.endpoints.flatMap((endpoint) => endpoint.gateways),
  ];
}
