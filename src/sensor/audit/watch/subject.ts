/** Whom a finding of the audit is about, as the findings of the analyzers name it. */
import type { AuditObject } from '../../../model/audit.ts';
import type { Endpoint } from '../../../model/endpoint.ts';
import type { Workload } from '../../../model/network.ts';
import type { ContainerState } from '../../docker/inventory-event.ts';

/** Of the engine, the networks and the host itself. Which of its addresses is meant does not matter. */
const THIS_HOST: Endpoint = {
  ip: '127.0.0.1',
  scope: 'host',
  names: [],
  attribution: {
    method: 'host-address',
    confidence: 'certain',
    reason: 'the machine on which the engine runs',
  },
};

/** A container that the inventory does not know (yet, or any more) has its name only. */
export function auditSubject(
  { kind, name, id = '' }: AuditObject,
  container: (id: string) => ContainerState | undefined,
): Endpoint {
  if (kind !== 'container') return THIS_HOST;
  const known = container(id);
  const workload = known?.workload ?? unknownWorkload(id, name);
  const own = known?.endpoints.flatMap(({ ips, mac }) => ips.map((ip) => ({ ip, mac })))[0];
  if (own === undefined) {
    const reason = 'named by the engine; it has no address of its own';
    const attribution = { method: 'none', confidence: 'none', reason } as const;
    return { ip: '0.0.0.0', scope: 'container', workload, names: [], attribution };
  }
  return {
    ip: own.ip,
    ...(own.mac === undefined ? {} : { mac: own.mac }),
    scope: 'container',
    workload,
    names: [],
    attribution: { method: 'ip@time', confidence: 'certain', reason: 'one of the addresses that it holds' },
  };
}

function unknownWorkload(containerId: string, name: string): Workload {
  return { containerId, name, image: 'unknown', labels: {}, networkMode: 'unknown', networks: [] };
}
