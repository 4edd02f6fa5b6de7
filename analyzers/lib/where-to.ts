/**
 * What kind of place the responder of a flow is, seen from the container that opened it, for detectors whose judgement
 * depends on it. What a published port of the host leads to counts as what it leads to, where that is known.
 */
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { Workload } from '../../src/model/network.ts';

/** `neighbour`: a container on a network that both are on. `elsewhere`: a container on none of them. */
export type Place = 'neighbour' | 'published' | 'elsewhere' | 'host' | 'lan' | 'internet' | 'unknown';

export interface WhereTo {
  readonly place: Place;
  /** Who answers in the end. */
  readonly server: Endpoint;
}

export function whereTo({ orig, resp, nat }: FlowRecord): WhereTo {
  const server = nat?.server ?? resp;
  if (resp.scope === 'gateway' || resp.scope === 'host') {
    // A published port, or a container on the host's own network: there by its owner's will.
    return { place: server.workload === undefined ? 'host' : 'published', server };
  }
  if (resp.scope === 'container') {
    return { place: shareNetwork(orig.workload, resp.workload) ? 'neighbour' : 'elsewhere', server };
  }
  if (resp.scope === 'lan' || resp.scope === 'internet') return { place: resp.scope, server };
  return { place: 'unknown', server };
}

/** True as well when it is not known: nobody is accused of crossing what may not be there. */
function shareNetwork(one: Workload | undefined, other: Workload | undefined): boolean {
  if (one === undefined || other === undefined) return true;
  return one.networks.some((name) => other.networks.includes(name));
}

/** Compose's project or Swarm's stack; undefined for a container of its own. */
export function projectOf(workload: Workload | undefined): string | undefined {
  return workload?.composeProject ?? workload?.labels['com.docker.stack.namespace'];
}
