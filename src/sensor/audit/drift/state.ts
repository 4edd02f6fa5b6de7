/**
 * How the host is configured, out of what the engine says: replicas of a service as one, in one order, without what
 * changes by itself (ids, addresses given out, ports and subnets that the engine chose). Two states of a host that nobody
 * touched are equal, whatever was started anew between them.
 *
 * A port that was published without an address is there for both families, `0.0.0.0` and `::`, as the engine opens it.
 */
import type { HostState, NetworkState, PortState, ServiceState } from '../../../model/host-state.ts';
import type { ContainerFacts } from '../../docker/container-facts.ts';
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import { holdsEngineSocket } from '../lib/engine-sockets.ts';
import { askedSubnets } from './subnets.ts';

/** There on every host, and the same on every host. */
const FIXED_DRIVERS: ReadonlySet<string> = new Set(['host', 'null']);
/** Written by the engine, and not by who made the network. */
const ENGINES_OPTIONS: ReadonlySet<string> = new Set([
  'com.docker.network.driver.overlay.vxlanid_list',
  // Since 28.0; `hasIpv6` says it.
  'com.docker.network.enable_ipv4',
  'com.docker.network.enable_ipv6',
]);
/** More of these defeats the network than of those behind them. */
const MODES: readonly RegExp[] = [/^host$/, /^container:/];

/** `pools`: default-address-pools, where they are configured. */
export function stateOf(
  networks: readonly NetworkFacts[],
  containers: readonly ContainerFacts[],
  pools: readonly string[] = [],
): HostState {
  const byId = new Map([
    ...networks.map(nameById),
    ...containers.map(({ id, label }) => [id, label] as const),
  ]);
  const services = new Map<string, ContainerFacts[]>();
  for (const container of containers)
    services.set(container.label, [...(services.get(container.label) ?? []), container]);
  return {
    networks: networks
      .filter(({ driver }) => !FIXED_DRIVERS.has(driver))
      .map((network) => networkState(network, pools))
      .sort(byName),
    services: [...services].map(([name, replicas]) => serviceState(name, replicas, byId)).sort(byName),
  };
}

function nameById({ id, name }: NetworkFacts): readonly [id: string, name: string] {
  return [id, name];
}

function networkState(network: NetworkFacts, pools: readonly string[]): NetworkState {
  const options = Object.entries(network.options).filter(([option]) => !ENGINES_OPTIONS.has(option));
  return {
    ...{ name: network.name, driver: network.driver, isInternal: network.internal },
    ...{ isAttachable: network.isAttachable, hasIpv6: network.hasIpv6 },
    subnets: askedSubnets(network, pools).sort(),
    options: inOrder(options),
  };
}

/** What any replica may, the service may; what only some give back, it has not given back. */
function serviceState(
  name: string,
  replicas: readonly ContainerFacts[],
  byId: ReadonlyMap<string, string>,
): ServiceState {
  const all = <T>(of: (replica: ContainerFacts) => readonly T[]) => replicas.flatMap(of);
  const named = (mode: string): string => {
    const owner = /^container:(.+)$/.exec(mode)?.[1];
    return owner === undefined ? (byId.get(mode) ?? mode) : `container:${byId.get(owner) ?? 'another'}`;
  };
  const pidModes = all(({ pidMode }) => (pidMode === undefined ? [] : [named(pidMode)]));
  return {
    name,
    networks: distinct(all(({ networks }) => networks)),
    networkMode: gravestMode(all(({ networkMode }) => [named(networkMode)]))!,
    ports: distinctPorts(all(portsOf)),
    isPrivileged: replicas.some(({ isPrivileged }) => isPrivileged),
    capAdd: distinct(all(({ capAdd }) => capAdd)),
    capDrop: distinct(
      replicas[0]!.capDrop.filter((one) => replicas.every(({ capDrop }) => capDrop.includes(one))),
    ),
    ...(pidModes.length === 0 ? {} : { pidMode: gravestMode(pidModes)! }),
    sysctls: inOrder(all(({ sysctls }) => Object.entries(sysctls))),
    sockets: distinct(all(({ mounts }) => mounts.filter(holdsEngineSocket).map(({ source }) => source))),
  };
}

/** What was asked for; of `--publish-all`, where only the engine's answer is there, without the port that it chose. */
function portsOf({ asked, published = [] }: ContainerFacts): PortState[] {
  if (asked === undefined) return [...published];
  const isAsked = (port: PortState) =>
    asked.some((each) => each.containerPort === port.containerPort && each.protocol === port.protocol);
  return [
    ...asked.flatMap(({ hostIp, ...port }) =>
      (hostIp === undefined ? ['0.0.0.0', '::'] : [hostIp]).map((ip) => ({ ...port, hostIp: ip })),
    ),
    ...published.filter((port) => !isAsked(port)).map((port) => ({ ...port, hostPort: 0 })),
  ];
}

function distinctPorts(ports: readonly PortState[]): PortState[] {
  const distinctly = new Map<string, PortState>();
  for (const { hostIp, hostPort, containerPort, protocol } of ports) {
    const port = { hostIp, hostPort, containerPort, protocol };
    distinctly.set(JSON.stringify(port), port);
  }
  return [...distinctly.values()].sort(
    (a, b) =>
      a.containerPort - b.containerPort ||
      byText(a.protocol, b.protocol) ||
      a.hostPort - b.hostPort ||
      byText(a.hostIp, b.hostIp),
  );
}

function gravestMode(modes: readonly string[]): string | undefined {
  const rank = (mode: string): number => {
    const i = MODES.findIndex((pattern) => pattern.test(mode));
    return i < 0 ? MODES.length : i;
  };
  return distinct(modes).sort((a, b) => rank(a) - rank(b))[0];
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].sort();
}

function inOrder(entries: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries([...entries].sort((a, b) => byText(a.join('='), b.join('='))));
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return byText(a.name, b.name);
}

/** The same on every machine, whatever its language. */
function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
