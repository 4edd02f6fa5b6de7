/**
 * Published ports as the firewall sees them: what comes from outside for an address of the host (INPUT would judge it),
 * and what the engine's DNAT makes of it before any filter is asked (FORWARD judges it).
 */
import type { ContainerFacts } from '../../../docker/container-facts.ts';
import type { NetworkFacts } from '../../../docker/engine-facts.ts';
import type { PublishedPort } from '../../../docker/engine-json.ts';
import type { Family } from '../../../host/firewall/ruleset.ts';
import { isOnAnyAddress, isOnLoopback } from '../published-ports.ts';
import { bridgesOf } from './networks.ts';
import { type Interface, isWithin, type Packets, port, prefixOf } from './packets.ts';

export interface PublishedWay {
  readonly port: PublishedPort;
  readonly family: Family;
  /** As it comes in. */
  readonly arriving: readonly Packets[];
  /** As it is forwarded; empty where docker-proxy takes it, because no rule of this family rewrites it. */
  readonly forwarded: readonly Packets[];
}

export interface Outside {
  readonly networks: readonly NetworkFacts[];
  readonly ways: readonly Interface[];
  readonly ruled: ReadonlySet<Family>;
}

/** Of ports that others than the host itself are meant to reach. */
export function publishedWays(container: ContainerFacts, { networks, ways, ruled }: Outside): PublishedWay[] {
  const bridges = bridgesOf(networks.filter(({ internal }) => !internal));
  const places = container.endpoints.flatMap(({ networkId, ips }) =>
    ips.flatMap((ip) => {
      const address = prefixOf(ip);
      const on = bridges.find(
        ({ network, subnets }) =>
          network.id === networkId && subnets.some((subnet) => isWithin(address, subnet)),
      );
      return on === undefined || address === undefined ? [] : [{ on, address }];
    }),
  );
  return (container.published ?? [])
    .filter((published) => !isOnLoopback(published))
    .map((published) => {
      const { hostIp, hostPort, containerPort, protocol } = published;
      const family: Family = hostIp.includes(':') ? 'ipv6' : 'ipv4';
      const chosen = isOnAnyAddress(published) ? undefined : prefixOf(hostIp);
      const toHost = chosen === undefined ? {} : { destination: chosen };
      const place = ruled.has(family) ? places.find(({ on }) => on.family === family) : undefined;
      const protocols = [protocol];
      return {
        ...{ port: published, family },
        arriving: ways.map((from) => ({
          ...{ family, from, protocols, destinationPorts: port(hostPort), ...toHost },
        })),
        forwarded:
          place === undefined
            ? []
            : ways.map((from) => ({
                ...{ family, from, to: place.on.bridge, destination: place.address, protocols },
                ...{ destinationPorts: port(containerPort), sentTo: { port: hostPort, ...toHost } },
              })),
      };
    });
}
