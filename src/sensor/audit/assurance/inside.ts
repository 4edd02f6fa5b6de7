/**
 * One internal network as its ways out see it: its members with all whose network namespace they share, what else these
 * are on, and what flows tell of it.
 */
import { formatIp, parseCidr } from '../../../model/ip.ts';
import type { Talk } from '../../../model/traffic-history.ts';
import type { ContainerFacts } from '../../docker/container-facts.ts';
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import type { NamespaceReading } from '../../host/member-namespaces.ts';
import { hasGateway } from '../lib/gateway-modes.ts';
import type { AssuranceFacts } from './way.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const;

export interface Member {
  readonly container: ContainerFacts;
  /** Whose network namespace it is in: itself, or whom it joined (`container:`, `service:`). */
  readonly owner: ContainerFacts;
  /** Names of the namespace's other networks that are not internal; empty for a member that is sealed in. */
  readonly outside: readonly string[];
  /** Names of its other networks that are internal too. */
  readonly beside: readonly string[];
}

export interface Inside {
  readonly network: NetworkFacts;
  readonly members: readonly Member[];
  /** This host's own addresses on it; empty where it has none by the network's options. */
  readonly gateways: readonly string[];
  /** Flows seen on this network; undefined where none are known. */
  readonly talks: readonly Talk[] | undefined;
  /** All that run, members and others. */
  readonly containers: readonly ContainerFacts[];
  readonly networks: readonly NetworkFacts[];
  /** By container: routes and counters of its namespace, where they could be read. */
  readonly namespaces: ReadonlyMap<string, NamespaceReading & { readonly ok: true }>;
}

/** Each internal network of the engine. */
export function insidesOf(facts: AssuranceFacts): Inside[] {
  const networks = facts.networks.ok ? facts.networks.value : [];
  const containers = facts.containers.ok ? facts.containers.value : [];
  const internal = new Set(networks.filter((network) => network.internal).map(({ name }) => name));
  const placed = containers.flatMap((container) => {
    const owner = ownerOf(container, containers);
    return owner === undefined ? [] : [{ container, owner }];
  });
  const readings = facts.namespaces.ok ? facts.namespaces.value : [];
  const namespaces = new Map(readings.flatMap((each) => (each.ok ? [[each.containerId, each]] : [])));
  return networks
    .filter((network) => network.internal)
    .map((network) => ({
      network,
      members: placed
        .filter(({ owner }) => owner.networks.includes(network.name))
        .map(({ container, owner }) => {
          const others = owner.networks.filter((name) => name !== network.name);
          return {
            container,
            owner,
            outside: others.filter((name) => !internal.has(name)),
            beside: others.filter((name) => internal.has(name)),
          };
        }),
      gateways: gatewaysOf(network, containers),
      talks: facts.traffic.ok
        ? facts.traffic.value.talks.filter((talk) => talk.network === network.name)
        : undefined,
      ...{ containers, networks, namespaces },
    }));
}

/**
 * The engine tells the gateway only where somebody chose it or it chose the pool too (measured, 20.10); where it does not,
 * what members were given, and else the first address of the subnet, which is what it takes then.
 */
function gatewaysOf(network: NetworkFacts, containers: readonly ContainerFacts[]): string[] {
  const given = containers.flatMap(({ endpoints }) =>
    endpoints.filter(({ networkId }) => networkId === network.id).flatMap(({ gateways }) => gateways),
  );
  return FAMILIES.flatMap((family) => {
    if (!hasGateway(network, family)) return [];
    const ofFamily = (ip: string) => ip.includes(':') === (family === 'ipv6');
    const told = [...new Set([...network.gateways, ...given])].filter(ofFamily);
    return told.length > 0
      ? told
      : network.subnets.filter(ofFamily).flatMap((subnet) => firstOf(subnet) ?? []);
  });
}

function firstOf(subnet: string): string | undefined {
  const cidr = parseCidr(subnet);
  if (cidr === undefined) return undefined;
  const [w0, w1, w2, w3] = cidr.base;
  return formatIp(w0, w1, w2, w3 + 1);
}

/** Who joins another's namespace names it by id, or by the name it had then; the other may have joined a third. */
function ownerOf(container: ContainerFacts, all: readonly ContainerFacts[]): ContainerFacts | undefined {
  let owner: ContainerFacts | undefined = container;
  for (let i = 0; i < all.length && owner !== undefined; i++) {
    const joined: string | undefined = /^container:(.+)$/.exec(owner.networkMode)?.[1];
    if (joined === undefined) return owner;
    owner = all.find(({ id, name }) => id === joined || name === joined);
  }
  return undefined;
}

/** Who has no other way than this network's: what it does outside, it does through here. */
export function isSealed({ outside }: Member): boolean {
  return outside.length === 0;
}
