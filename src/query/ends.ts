/** Who stands at the ends of a record, whatever its kind: what `ip:`, `container:` and a word alone look at. */
import { workloadLabel } from '../model/network.ts';
import type { PublicEndpoint, PublicRecord } from '../model/serialize.ts';

/** What is known of one end; leases and spoofs know less than a flow does. */
export type End = Partial<PublicEndpoint>;

export function endsOf(record: PublicRecord): readonly End[] {
  switch (record.kind) {
    case 'flow': {
      const client = record.nat?.client;
      return client === undefined ? [record.orig, record.resp] : [record.orig, record.resp, client];
    }
    case 'dns': {
      const { client, server, upstream } = record;
      return upstream === undefined ? [client, server] : [client, server, upstream.server];
    }
    case 'finding':
      return [record.subject, ...record.peers];
    case 'no-route':
    case 'listener':
      return [record.subject];
    case 'lease':
      return record.ips.map((ip) => ({ ip, mac: record.mac, workload: record.workload }));
    case 'spoof':
      return [{ ip: record.ip, mac: record.mac }, { workload: record.sender }, { workload: record.holder }];
    case 'coverage':
      return record.workload === undefined ? [] : [{ workload: record.workload }];
    case 'traffic':
    case 'loss':
    case 'anomaly':
    case 'inventory':
    case 'blocked':
    case 'decision':
    case 'evidence':
    case 'audit-run':
    case 'summary':
      return [];
  }
}

/** Marks an id among names; no container's name begins with it. */
export const ID_MARK = '#';

/** Its label (`shop/db`), its name and its service. */
export function workloadNames({ workload }: End): readonly (string | undefined)[] {
  if (workload === undefined) return [];
  return [workloadLabel(workload), workload.name, workload.composeService, workload.swarmService];
}

/** The same, and its id. */
export function containerNames(end: End): readonly (string | undefined)[] {
  const { workload } = end;
  return workload === undefined ? [] : [...workloadNames(end), `${ID_MARK}${workload.containerId}`];
}
