/** A container as the inventory keeps it, and as others are told of it. */
import type { NetworkEndpoint, Workload } from '../../model/network.ts';
import type { Micros } from '../../model/time.ts';
import type { Holder, Interval } from './address-book.ts';
import type { EngineContainer, EngineEndpoint } from './engine-json.ts';
import type { ContainerState } from './inventory-event.ts';

export interface Entry extends Holder {
  facts: EngineContainer;
  /** Named on networks even where it has no address (`host`, `none`). */
  readonly joined: Map<string, string>;
  readonly open: Map<string, Interval>;
  /** Deaths from before this are of an earlier life; names too. */
  aliveSince: Micros;
  namedAt: Micros;
}

export function newEntry(facts: EngineContainer): Entry {
  const joined = new Map(facts.endpoints.map((endpoint) => [endpoint.networkId, endpoint.networkName]));
  return {
    id: facts.id,
    facts,
    joined,
    open: new Map(),
    aliveSince: facts.startedAt ?? 0,
    namedAt: 0,
    workload: toWorkload(facts, joined),
  };
}

/** Beside its name and networks, what those who enter containers must know. */
export function runtimeOf(entry: Entry): string {
  return `${entry.facts.pid} ${entry.facts.sandboxKey} ${JSON.stringify(entry.facts.published ?? [])}`;
}

/** Nothing but its id is known. */
export function nameless(id: string): EngineContainer {
  return { id, name: id.slice(0, 12), image: 'unknown', labels: {}, endpoints: [] };
}

/** By the id that the engine gave it, where both know one. */
export function sameEndpoint(interval: Interval, endpoint: EngineEndpoint): boolean {
  return (
    (interval.endpointId === undefined ||
      endpoint.endpointId === undefined ||
      interval.endpointId === endpoint.endpointId) &&
    interval.mac === endpoint.mac &&
    interval.ips.join() === endpoint.ips.join()
  );
}

export function toNetworkEndpoint(interval: Interval): NetworkEndpoint {
  return {
    networkId: interval.networkId,
    containerId: interval.holder.id,
    ips: interval.ips,
    ...(interval.mac === undefined ? {} : { mac: interval.mac }),
    from: interval.from,
    ...(interval.to === Number.POSITIVE_INFINITY ? {} : { to: interval.to }),
  };
}

export function toContainerState(entry: Entry): ContainerState {
  const { pid, sandboxKey, published, exposed } = entry.facts;
  return {
    workload: entry.workload,
    ...(pid === undefined ? {} : { pid }),
    ...(sandboxKey === undefined ? {} : { sandboxKey }),
    ...(published === undefined ? {} : { published }),
    ...(exposed === undefined ? {} : { exposed }),
    endpoints: [...entry.open.values()].map(toNetworkEndpoint),
  };
}

export function toWorkload(facts: EngineContainer, joined: ReadonlyMap<string, string>): Workload {
  const { labels } = facts;
  const composeProject = labels['com.docker.compose.project'];
  const composeService = labels['com.docker.compose.service'];
  const composeNumber = Number(labels['com.docker.compose.container-number']);
  const swarmService = labels['com.docker.swarm.service.name'];
  return {
    containerId: facts.id,
    name: facts.name,
    image: facts.image,
    ...(facts.imageDigest === undefined ? {} : { imageDigest: facts.imageDigest }),
    ...(composeProject === undefined ? {} : { composeProject }),
    ...(composeService === undefined ? {} : { composeService }),
    ...(Number.isInteger(composeNumber) && composeNumber > 0 ? { composeNumber } : {}),
    ...(swarmService === undefined ? {} : { swarmService }),
    labels,
    networkMode: facts.networkMode ?? [...joined.values()][0] ?? 'unknown',
    networks: [...joined.values()],
    ...(facts.resolvers === undefined ? {} : { resolvers: resolversOn(joined, facts.resolvers) }),
    ...(facts.startedAt === undefined ? {} : { startedAt: facts.startedAt }),
  };
}

/** The networks that every engine has from the start; on any other, the embedded resolver answers. */
const WITHOUT_RESOLVER: ReadonlySet<string> = new Set(['bridge', 'host', 'none']);
const EMBEDDED_RESOLVER = '127.0.0.11';

/** What the container asks, and what that passes on to. */
function resolversOn(joined: ReadonlyMap<string, string>, given: readonly string[]): readonly string[] {
  const isEmbedded = [...joined.values()].some((name) => !WITHOUT_RESOLVER.has(name));
  return isEmbedded ? [...new Set([EMBEDDED_RESOLVER, ...given])] : given;
}
