/**
 * A list of everything against what was known: what is not in it is gone, what stayed the same keeps its interval, and
 * what an earlier run of the agent left open goes on where the list shows it unchanged.
 */
import type { LeaseHistory, LeaseRecord } from '../../model/lease.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import { beginInterval, type End, type LinkFacts, toldEnd } from './address-book.ts';
import type { EngineContainer, EngineEndpoint, EngineNetwork } from './engine-json.ts';
import { sameEndpoint } from './entry.ts';
import type { Holdings } from './holdings.ts';
import type { KnownNetworks } from './known-networks.ts';

/** A container joins its networks up to 0.4 s before it starts (measured on 20.10); more on a busy machine. */
export const JOIN_TO_START_MICROS = 2 * MICROS_PER_SECOND;

export interface Relisting {
  readonly holdings: Holdings;
  readonly networks: KnownNetworks;
  readonly listed: {
    readonly networks: readonly EngineNetwork[];
    readonly containers: readonly EngineContainer[];
  };
  readonly time: Micros;
  /** Until when the state was known to be right, before this list. */
  readonly lostAt: Micros;
  /** Nothing was known before, not even by an earlier run. */
  readonly isFirst: boolean;
  /** Leases of an earlier run, for the first list of this one. */
  readonly recalled: LeaseHistory['leases'];
  readonly removeNetwork: (id: string) => void;
}

type Endpoints = ReadonlyMap<string, EngineEndpoint>;

export function relist(relisting: Relisting): void {
  const { holdings, networks, listed, time, lostAt, recalled } = relisting;
  const endpoints = endpointsOf(listed);
  const alive = new Set(listed.containers.filter(({ running }) => running !== false).map(({ id }) => id));
  for (const { containerId } of endpoints.values()) alive.add(containerId);
  // When it ended during a gap nobody knows: it is certain up to the gap, and possible until now.
  const unseen: End = { at: lostAt, sureTo: lostAt, latest: time, isUncertain: true };

  closeGone(holdings, endpoints, alive, unseen, time);
  settleArrivals(holdings, endpoints, time);
  const ids = new Set(listed.networks.map(({ network }) => network.id));
  for (const { id } of networks.all()) if (!ids.has(id)) relisting.removeNetwork(id);
  for (const { network } of listed.networks) {
    const learned = [...endpoints.values()].filter(({ networkId }) => networkId === network.id);
    const gateways = new Set([...network.gateways, ...learned.flatMap((endpoint) => endpoint.gateways)]);
    networks.seen({ ...network, gateways: [...gateways] }, time);
  }
  for (const facts of listed.containers) if (alive.has(facts.id)) holdings.seen(facts, time);
  for (const lease of recalled) recall(holdings, lease, endpoints, unseen, time);
  openListed(relisting, endpoints);
}

function endpointsOf({ containers, networks }: Relisting['listed']): Endpoints {
  const endpoints = new Map<string, EngineEndpoint>();
  for (const endpoint of [...containers, ...networks].flatMap((entry) => entry.endpoints)) {
    const key = `${endpoint.containerId} ${endpoint.networkId}`;
    // The network's own description comes last and is the newer one; only the container's knows gateways.
    endpoints.set(key, { ...endpoint, gateways: endpoints.get(key)?.gateways ?? endpoint.gateways });
  }
  return endpoints;
}

function closeGone(
  holdings: Holdings,
  endpoints: Endpoints,
  alive: ReadonlySet<string>,
  unseen: End,
  time: Micros,
): void {
  for (const entry of [...holdings.containers.values()]) {
    for (const interval of [...entry.open.values()]) {
      const now = endpoints.get(`${entry.id} ${interval.networkId}`);
      if (now === undefined || !sameEndpoint(interval, now)) {
        holdings.close(entry, interval.networkId, unseen);
      } else {
        interval.toldAt = time;
      }
    }
    if (!alive.has(entry.id)) holdings.remove(entry, unseen);
  }
}

function settleArrivals({ arrivals }: Holdings, endpoints: Endpoints, time: Micros): void {
  for (const { networkId, containerId } of endpoints.values()) {
    const pending = arrivals.pending(networkId, containerId);
    if (pending?.to === Number.POSITIVE_INFINITY) arrivals.settle(pending);
  }
  arrivals.gone(undefined, time);
}

function openListed({ holdings, time, lostAt, isFirst }: Relisting, endpoints: Endpoints): void {
  for (const endpoint of endpoints.values()) {
    const startedAt = holdings.containers.get(endpoint.containerId)?.facts.startedAt;
    // Held since the start, as far as we know; but one that changed behind our back after that, since now.
    const sinceStart = startedAt !== undefined && (startedAt > lostAt || isFirst);
    const from = Math.min(sinceStart ? startedAt : time, time);
    holdings.connect(endpoint, time, {
      from,
      sureFrom: time,
      earliest: Math.min(from - JOIN_TO_START_MICROS, isFirst ? from : lostAt),
      isUncertain: !sinceStart && !isFirst,
      isListed: true,
    });
  }
}

/** Takes up a lease of an earlier run: it goes on where the list shows it unchanged, else it ended unseen. */
function recall(
  holdings: Holdings,
  lease: LeaseRecord,
  endpoints: Endpoints,
  unseen: End,
  time: Micros,
): void {
  const { containerId } = lease.workload;
  const now = endpoints.get(`${containerId} ${lease.networkId}`);
  const entry = holdings.containers.get(containerId);
  const startedAt = entry?.facts.startedAt;
  const goesOn =
    lease.to === undefined &&
    entry !== undefined &&
    now !== undefined &&
    now.mac === lease.mac &&
    now.ips.join() === lease.ips.join() &&
    // A restart in between gives another endpoint, and somebody else may have had the address meanwhile.
    startedAt !== undefined &&
    startedAt <= unseen.at &&
    !entry.open.has(lease.networkId);
  const interval = beginInterval(
    {
      id: lease.id,
      networkId: lease.networkId,
      networkName: lease.network,
      holder: entry ?? { id: containerId, workload: lease.workload },
      ips: lease.ips,
      mac: lease.mac,
      endpointId: goesOn ? now.endpointId : undefined,
      from: lease.from,
    },
    {
      link: linkOf(lease),
      ...(lease.uncertain === true ? { uncertain: true, sureFrom: Number.POSITIVE_INFINITY } : {}),
    },
  );
  holdings.book.open(interval);
  if (goesOn) {
    interval.toldAt = time;
    if (lease.uncertain === true) interval.sureFrom = time;
    entry.open.set(lease.networkId, interval);
    holdings.emitEndpoint('endpoint-added', entry, interval, time);
  } else {
    holdings.book.close(interval, lease.to === undefined ? unseen : toldEnd(lease.to));
    if (lease.to !== undefined) return;
  }
  holdings.tellLease(interval, time);
}

function linkOf({ veth, ifIndex, netns }: LeaseRecord): LinkFacts {
  return {
    ...(veth === undefined ? {} : { veth }),
    ...(ifIndex === undefined ? {} : { ifIndex }),
    ...(netns === undefined ? {} : { netns }),
  };
}
