/** The other end of a translation as an endpoint with a name. */
import type { Endpoint } from '../../model/endpoint.ts';
import { workloadLabel } from '../../model/network.ts';
import type { Micros } from '../../model/time.ts';
import type { AddressNames } from '../flow-facts.ts';

/** Who else may be behind an address of the host: containers without a network of their own. */
export type HostCandidates = () => readonly string[];

/** In the host's own network namespace, whose connections these are, a loopback address is the host. */
export function isLoopback(ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1';
}

/** Named on its own network: its address alone, since no frame of it was seen here. */
export function endBehind(
  names: AddressNames,
  { ip, port }: { readonly ip: string; readonly port: number | undefined },
  time: Micros,
  method: 'conntrack' | 'docker-proxy',
  onHost: HostCandidates,
): Endpoint {
  if (isLoopback(ip)) return loopbackEnd(ip, port, onHost());
  const who = names.resolve(ip, undefined, undefined, time);
  const { confidence, reason, candidates } = who.attribution;
  const how = method === 'conntrack' ? [] : ['through docker-proxy'];
  const reasons = confidence === 'certain' ? [] : [...(reason === undefined ? [] : [reason]), ...how];
  return {
    ip,
    port,
    scope: who.scope,
    workload: who.workload,
    names: who.names,
    attribution: {
      // Where the address itself names nobody, that is the answer; how it was found does not make it better.
      method: confidence === 'none' ? 'none' : 'conntrack',
      confidence,
      ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
      ...(candidates === undefined ? {} : { candidates }),
    },
  };
}

function loopbackEnd(ip: string, port: number | undefined, candidates: readonly string[]): Endpoint {
  const alone = candidates.length === 0;
  const reason = 'the host itself or a container on the host network';
  return {
    ip,
    port,
    scope: 'host',
    names: [],
    attribution: {
      method: 'conntrack',
      confidence: alone ? 'certain' : 'likely',
      ...(alone ? {} : { reason, candidates }),
    },
  };
}

/** For a list of candidates: `shop/api 172.18.0.3:40000`, `internet 198.51.100.7:50000`. */
export function candidateLabel({ ip, port, scope, workload }: Endpoint): string {
  const who = workload === undefined ? scope : workloadLabel(workload);
  const host = ip.includes(':') && port !== undefined ? `[${ip}]` : ip;
  return port === undefined ? `${who} ${host}` : `${who} ${host}:${port}`;
}
