/**
 * Services of the host that listen where members reach them: on the network's gateway or on any address, and, for members
 * with a route to the bridge, on the host's other addresses. `internal` is about what is forwarded; what ends on this host
 * passes it by, and a proxy or a resolver there carries on whatever it is told.
 */

import type { Severity } from '../../../../model/finding.ts';
import { parseCidr } from '../../../../model/ip.ts';
import { sensitivePort } from '../../../../model/sensitive-ports.ts';
import { shellWord } from '../../../../model/shell.ts';
import type { Talk } from '../../../../model/traffic-history.ts';
import type { HostListener } from '../../../host/host-network.ts';
import { isLoopback } from '../../../host/resolv-conf.ts';
import { commandingCapabilities } from '../../lib/capabilities.ts';
import { isAtLeast } from '../../lib/engine-version.ts';
import { type Fate, fateOf } from '../../lib/firewall/fate.ts';
import { port as portRange } from '../../lib/firewall/packets.ts';
import { compose, composeNetworkName, listed, networkObject } from '../../lib/verdicts.ts';
import type { Inside } from '../inside.ts';
import { type Marked, markOf } from '../marks.ts';
import { hostSigns, leakSigns, markedBy } from '../signs.ts';
import { type AssuranceFacts, defineWay, type OpenWay } from '../way.ts';

/** Services that carry on to elsewhere what they are given. */
const CARRIERS: ReadonlyMap<number, string> = new Map([
  [53, 'DNS'],
  [853, 'DNS over TLS'],
  [1080, 'SOCKS'],
  [3128, 'a web proxy'],
  [8118, 'a web proxy'],
  [9050, 'Tor'],
]);
/** Clients of the host that hold a port to be answered on: DHCP, of both families. */
const CLIENT_PORTS: ReadonlySet<number> = new Set([68, 546]);

interface Reached {
  readonly listener: HostListener;
  /** What the firewall makes of it; undefined where that was not read. */
  readonly fate: Fate | undefined;
}

export default defineWay({
  id: 'host-service',
  title: 'to a service of the host that listens on its gateway, or on any address',
  needs: ['listeners', 'containers'],
  isAbout: ({ driver }) => driver === 'bridge',
  look: (inside, { listeners }, wanted) => {
    const { gateways } = inside;
    if (gateways.length === 0) {
      return { shut: { reason: 'the host has no address on it, by its options' } };
    }
    const reached = listeners
      .filter((listener) => isWithinReach(listener, gateways, inside, wanted))
      .map((listener) => ({ listener, fate: fate(listener, gateways, inside, wanted) }));
    const open = reached.filter((each) => each.fate?.state !== 'held');
    return {
      open: SEVERITY_ORDER.flatMap((severity) => {
        const these = open.filter(({ listener }) => severityOf(listener) === severity);
        return these.length === 0 ? [] : [openWay(inside, severity, these, wanted)];
      }),
      shut: {
        reason:
          reached.length === 0
            ? `nobody listens on ${listed(gateways)}, or on any address`
            : `the firewall drops what members send to ${listed(reached.map(({ listener }) => serviceText(listener)))}`,
      },
    };
  },
});

const SEVERITY_ORDER: readonly Severity[] = ['high', 'medium', 'low'];

function openWay(
  inside: Inside,
  severity: Severity,
  reached: readonly Reached[],
  facts: AssuranceFacts,
): OpenWay {
  const { network } = inside;
  const keys = new Set(reached.map(({ listener }) => `${listener.port}/${listener.protocol}`));
  const talks = (inside.talks ?? []).filter(
    ({ direction, orig, respPort, protocol }) =>
      direction === 'host' && orig.scope === 'container' && keys.has(`${respPort}/${protocol}`),
  );
  const { mark, said, evidence } = marked(inside, keys, talks, facts);
  const services = [...new Set(reached.map(({ listener }) => serviceText(listener)))];
  const doubts = [...new Set(reached.flatMap((each) => each.fate?.doubts ?? []))];
  const isUnread = reached.some((each) => each.fate === undefined);
  const carries = reached.some(({ listener }) => CARRIERS.has(listener.port));
  const held =
    doubts.length > 0
      ? ` Whether the firewall lets them hangs on ${listed(doubts, 2)}.`
      : isUnread
        ? ' The rules of the firewall were not read: it may hold them.'
        : '';
  return {
    mark,
    severity,
    objects: [networkObject(network)],
    explanation: `Members of ${network.name} reach ${listed(services, 8)} of this host${carries ? ', and what listens there may carry on what it is told' : ''}.${held}${said}`,
    evidence: {
      listeners: [
        ...new Set(reached.map(({ listener }) => `${listener.ip} ${listener.port}/${listener.protocol}`)),
      ],
      gateways: inside.gateways,
      ...evidence,
    },
    remedy: {
      what: 'Bind what members need not reach to another address, or drop what they open to this host; on engine 28 and later the network can do without an address of the host.',
      ...(network.bridge === undefined
        ? {}
        : {
            commands: ['iptables', ...(network.hasIpv6 ? ['ip6tables'] : [])].map(
              (tool) =>
                `${tool} -I INPUT -i ${shellWord(network.bridge!)} -m conntrack --ctstate NEW -j DROP`,
            ),
          }),
      compose: compose('networks', composeNetworkName(network), [
        'internal: true',
        'driver_opts:',
        '  com.docker.network.bridge.gateway_mode_ipv4: isolated  # engine 28 and later',
      ]),
    },
  };
}

/** A connection that goes on is no flow yet, for up to a minute. */
function marked(
  { network, members }: Inside,
  keys: ReadonlySet<string>,
  talks: readonly Talk[],
  facts: AssuranceFacts,
): Marked {
  const byFlows = markOf(talks);
  if (byFlows.mark === 'used') return byFlows;
  const asked = ['53/udp', '53/tcp'].some((key) => keys.has(key));
  const leaks = asked ? members.flatMap(({ owner }) => leakSigns(facts, owner.label, 'host')) : [];
  return markedBy([...new Set([...hostSigns(facts, network.name, keys), ...leaks])]) ?? byFlows;
}

function isWithinReach(
  listener: HostListener,
  gateways: readonly string[],
  inside: Inside,
  facts: AssuranceFacts,
): boolean {
  const { ip, port, protocol } = listener;
  if (isLoopback(ip) || ip.startsWith('fe80:') || (protocol === 'udp' && CLIENT_PORTS.has(port)))
    return false;
  if (isPublished(listener, inside, facts)) return false;
  if (ip === '::') return true;
  if (ip === '0.0.0.0') return gateways.some((gateway) => !isIpv6(gateway));
  return gateways.includes(ip) || hasRouteToBridge(inside, facts);
}

/**
 * A published port is a container's: what comes for it is rewritten to the container's address, and the rules of
 * `internal` drop it there. Without rules for IPv6 docker-proxy answers, as a service of the host.
 */
function isPublished(
  { ip, port, protocol }: HostListener,
  { containers }: Inside,
  facts: AssuranceFacts,
): boolean {
  const { engine, settings } = facts;
  const isOurs = containers.some(({ published = [] }) =>
    published.some((each) => each.hostPort === port && each.protocol === protocol),
  );
  if (!isOurs || !isIpv6(ip)) return isOurs;
  if (settings.ok && settings.value.ip6tables !== undefined) return settings.value.ip6tables;
  return engine.ok && isAtLeast(engine.value.version, '27.0.0') !== false;
}

/** What is not on the link takes a route: the engine's own before 25, or one that a member makes. */
function hasRouteToBridge({ members, namespaces }: Inside, { engine }: AssuranceFacts): boolean {
  const isGiven = engine.ok && isAtLeast(engine.value.version, '25.0.0') === false;
  return members.some(({ container, owner, outside }) => {
    if (container.isPrivileged || commandingCapabilities(container).length > 0) return true;
    if (outside.length > 0) return false;
    const reading = namespaces.get(owner.id);
    return reading === undefined ? isGiven : reading.defaultRoutes.length > 0;
  });
}

/** To the first address of the host that it answers on; one that is let through is a way. */
function fate(
  { ip, port, protocol }: HostListener,
  gateways: readonly string[],
  { network }: Inside,
  { firewall }: AssuranceFacts,
): Fate | undefined {
  if (!firewall.ok || network.bridge === undefined) return undefined;
  const targets =
    ip === '0.0.0.0' || ip === '::' ? gateways.filter((each) => ip === '::' || !isIpv6(each)) : [ip];
  const fates = targets.flatMap((target) => {
    const family = isIpv6(target) ? ('ipv6' as const) : ('ipv4' as const);
    const destination = parseCidr(`${target}/${isIpv6(target) ? 128 : 32}`);
    const source = network.subnets.map(parseCidr).find((cidr) => cidr?.family === (isIpv6(target) ? 6 : 4));
    return destination === undefined
      ? []
      : [
          fateOf(firewall.value, ['prerouting', 'input'], {
            family,
            from: network.bridge!,
            destination,
            ...(source === undefined ? {} : { source }),
            protocols: [protocol],
            destinationPorts: portRange(port),
          }),
        ];
  });
  return (
    fates.find(({ state }) => state === 'open') ?? fates.find(({ state }) => state === 'unknown') ?? fates[0]
  );
}

function severityOf({ protocol, port }: HostListener): Severity {
  const kind = sensitivePort(protocol, port)?.kind;
  if (kind === 'docker') return 'high';
  return CARRIERS.has(port) || (kind !== undefined && kind !== 'login') ? 'medium' : 'low';
}

function serviceText({ protocol, port }: HostListener): string {
  const name = sensitivePort(protocol, port)?.name ?? CARRIERS.get(port);
  return `${port}/${protocol}${name === undefined ? '' : ` (${name})`}`;
}

function isIpv6(ip: string): boolean {
  return ip.includes(':');
}
