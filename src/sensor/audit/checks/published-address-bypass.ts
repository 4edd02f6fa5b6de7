/**
 * Published to one address, and reachable past it. Two doors, each in its own family. The link's: packets for 127.0.0.0/8
 * from a neighbour met the engine's DNAT (moby#45610); IPv6 has none, for the kernel takes no packet for ::1 from a link.
 * The container's: its own address answers on the published port, whatever address that was bound to. Since 28 drops in
 * raw PREROUTING shut both, unless somebody says otherwise. Whether they are loaded is what the firewall checks tell.
 */
import type { ContainerFacts } from '../../docker/container-facts.ts';
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import type { PublishedPort } from '../../docker/engine-json.ts';
import type { EngineSettings } from '../../host/engine-settings.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { FACT_WORDS } from '../facts.ts';
import { isAtLeast } from '../lib/engine-version.ts';
import { isOnAnyAddress, isOnLoopback, portText } from '../lib/published-ports.ts';
import { daemonJson, judgeContainers, listed } from '../lib/verdicts.ts';

type Family = 'ipv4' | 'ipv6';

const TRUSTED = 'com.docker.network.bridge.trusted_host_interfaces';

export default defineCheck({
  id: 'published-address-bypass',
  title: 'A port that is published on one address is reachable there only',
  group: 'exposure',
  severity: 'medium',
  argument:
    'Whoever bound a port to 127.0.0.1 meant to keep it from the network: medium, because the neighbour has to be on the same link, or to have a route to the bridge, and to know the address. Bound to another address of the host: low, since it was meant to be reached by somebody.',
  needs: ['engine', 'containers', 'networks'],
  wants: ['settings'],
  engines: '<28.0, or with direct routing open',
  run: ({ engine, containers, networks }, { settings }) => {
    const chosen = containers.filter(({ published = [] }) => published.some((port) => !isOnAnyAddress(port)));
    const none = 'No port is published on one address only.';
    const isNew = isAtLeast(engine.version, '28.0.0');
    if (chosen.length > 0 && isNew === undefined) {
      return [
        {
          outcome: 'unknown',
          objects: [],
          explanation: `Whether engine ${engine.version} drops what comes past the address is not known: its version cannot be read.`,
          remedy: { what: 'Run a release of the engine, 28.0 or later.' },
        },
      ];
    }
    const set = settings.ok ? settings.value : {};
    const right =
      isNew === true
        ? `Engine ${engine.version} drops what comes past the address.`
        : 'No packet comes past the address, for only docker-proxy listens there.';
    const verdicts = judgeContainers(chosen, { right, none }, (container) =>
      isNew === true
        ? openedIn(container, networks, set, engine.version)
        : openIn(container, networks, set, engine.version),
    );
    if (settings.ok || isNew !== true) return verdicts;
    return verdicts.map(
      (verdict): Verdict =>
        verdict.outcome !== 'pass'
          ? verdict
          : {
              ...verdict,
              outcome: 'unknown',
              explanation: `Not known: ${FACT_WORDS.settings}: ${settings.reason}.`,
              remedy: { what: settings.remedy },
            },
    );
  },
});

type Settings = Partial<EngineSettings>;
type Wrong = Omit<Verdict, 'outcome' | 'objects'>;

/** Before 28. */
function openIn(
  container: ContainerFacts,
  networks: readonly NetworkFacts[],
  settings: Settings,
  version: string,
): Wrong | undefined {
  const byLink = (port: PublishedPort) =>
    isOnLoopback(port) && familyOf(port) === 'ipv4' && settings.iptables !== false;
  const ports = chosenPorts(container).filter((port) => byLink(port) || hasOwnAddress(container, port));
  if (ports.length === 0) return undefined;
  const isByLink = ports.some(byLink);
  const doors = [
    ...(isByLink ? ['at 127.0.0.1'] : []),
    ...(ports.some((port) => hasOwnAddress(container, port)) ? ["at the container's own address"] : []),
  ];
  return {
    severity: severityOf(ports),
    explanation: `${container.label} publishes ${listed(ports.map(portText))}, and under engine ${version} a neighbour on the same link reaches it all the same, ${doors.join(' or ')}.`,
    evidence: { engine: version, ports: ports.map(portText) },
    remedy: {
      what: 'Run engine 28.0 or later, which drops it. Until then drop it in the raw table, before Docker sees it.',
      commands: [
        ...(isByLink ? ['iptables -t raw -I PREROUTING ! -i lo -d 127.0.0.0/8 -j DROP'] : []),
        ...dropCommands(container, networks, new Set(ports.map(familyOf))),
      ],
    },
  };
}

/** From 28 on: only where somebody took the drops away. */
function openedIn(
  container: ContainerFacts,
  networks: readonly NetworkFacts[],
  settings: Settings,
  version: string,
): Wrong | undefined {
  const members = networks.filter(({ name }) => container.networks.includes(name));
  const open = chosenPorts(container).flatMap((port) => {
    const because = hasOwnAddress(container, port) ? openedBy(familyOf(port), members, settings) : undefined;
    return because === undefined ? [] : [{ port, because }];
  });
  const because = open[0]?.because;
  if (because === undefined) return undefined;
  const ports = open.map(({ port }) => port);
  return {
    severity: severityOf(ports),
    explanation: `${container.label} publishes ${listed(ports.map(portText))}, and ${because.why}: whoever has a route to the container's own address reaches the port there.`,
    evidence: { engine: version, ports: ports.map(portText), because: because.why },
    remedy: because.remedy,
  };
}

function openedBy(family: Family, networks: readonly NetworkFacts[], settings: Settings) {
  const option = family === 'ipv4' ? 'iptables' : 'ip6tables';
  if (settings[option] === false) {
    return {
      why: `${option} is turned off, so the engine drops nothing`,
      remedy: { what: 'Let the engine write its rules.', daemonJson: daemonJson({ [option]: true }) },
    };
  }
  if (settings.allowDirectRouting === true) {
    return {
      why: 'allow-direct-routing is set',
      remedy: {
        what: 'Leave direct routing shut, as it is by default.',
        daemonJson: daemonJson({ 'allow-direct-routing': false }),
      },
    };
  }
  const mode = `com.docker.network.bridge.gateway_mode_${family}`;
  const direct = networks.filter(({ options }) =>
    ['nat-unprotected', 'routed'].includes(options[mode] ?? 'nat'),
  );
  if (direct.length > 0) {
    return {
      why: `${listed(direct.map(({ name }) => name))} has no NAT in its way (gateway mode)`,
      remedy: { what: 'Leave the gateway mode of the network at `nat`, its default.' },
    };
  }
  const trusting = networks.find(({ options }) => (options[TRUSTED] ?? '') !== '');
  if (trusting === undefined) return undefined;
  return {
    why: `${trusting.name} lets in what comes by ${trusting.options[TRUSTED]} (trusted_host_interfaces)`,
    remedy: { what: `Make the network without \`${TRUSTED}\`.` },
  };
}

function chosenPorts({ published = [] }: ContainerFacts): readonly PublishedPort[] {
  return published.filter((port) => !isOnAnyAddress(port));
}

function familyOf({ hostIp }: Pick<PublishedPort, 'hostIp'>): Family {
  return hostIp.includes(':') ? 'ipv6' : 'ipv4';
}

/** Without one in the family of the port, docker-proxy carries it from there, and listens on the chosen address only. */
function hasOwnAddress({ endpoints }: ContainerFacts, port: PublishedPort): boolean {
  return endpoints.some(({ ips }) => ips.some((ip) => familyOf({ hostIp: ip }) === familyOf(port)));
}

function severityOf(ports: readonly PublishedPort[]): 'medium' | 'low' {
  return ports.some(isOnLoopback) ? 'medium' : 'low';
}

/** By the bridge that the container is on: what comes in by another interface, straight for its address. */
function dropCommands(
  { endpoints }: ContainerFacts,
  networks: readonly NetworkFacts[],
  families: ReadonlySet<Family>,
): string[] {
  return endpoints.flatMap(({ networkId, ips }) => {
    const bridge = networks.find(({ id }) => id === networkId)?.bridge;
    if (bridge === undefined) return [];
    return ips.flatMap((ip) => {
      const family = familyOf({ hostIp: ip });
      const tool = family === 'ipv4' ? 'iptables' : 'ip6tables';
      return families.has(family) ? [`${tool} -t raw -I PREROUTING ! -i ${bridge} -d ${ip} -j DROP`] : [];
    });
  });
}
