/**
 * The other end of an edge, named so that it stays the same over days: a service for a container, one host, a /24 or /48
 * of the LAN, and outside the zone of the name. A name that changes each day is no end of an edge.
 */
import { getDomain } from 'tldts';
import type { ZoneOfName } from '../../../src/model/dns-zone.ts';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { type Workload, workloadLabel } from '../../../src/model/network.ts';
import type { Surroundings } from '../../../src/sensor/analysis/analyzer.ts';
import { isOpenedByContainer, isOpenedToInternet } from '../opened-by.ts';
import { outsideName, prefixText } from '../outside-place.ts';
import { ownerKey } from '../owner.ts';
import { whereTo } from '../where-to.ts';

export interface Target {
  readonly place: 'container' | 'host' | 'lan' | 'outside';
  /** `service shop/db`, `host`, `lan 10.1.2.0/24`, `zone example.com`, `AS64500`, `net 198.51.100.0/24`. */
  readonly key: string;
  /** For people. */
  readonly label: string;
  readonly port: string;
  readonly server: Endpoint;
  /** Of a container. */
  readonly workload?: Workload;
  /** The platform under whose name everybody may have a zone: `amazonaws.com` of `shop.s3.amazonaws.com`. */
  readonly platform?: string;
}

interface Names {
  readonly surroundings: Surroundings;
  zoneOf(query: string): ZoneOfName | undefined;
}

/** Programs take these for a while and leave them: ip_local_port_range begins here. */
const FIRST_EPHEMERAL = 32_768;

/** Undefined where a container did not open it, or nobody can say where it went. */
export function targetOf(flow: FlowRecord, names: Names): Target | undefined {
  const { orig, resp, network } = flow;
  if (orig.workload === undefined || !isOpenedByContainer(flow)) return undefined;
  const { place, server } = whereTo(flow);
  if (place === 'internet') return isOpenedToInternet(flow) ? outsideOf(flow, names) : undefined;
  if (place === 'unknown') return undefined;
  const port = portOf(flow);
  if (place === 'lan') {
    const prefix = prefixText(resp.ip);
    return { place, key: `lan ${prefix}`, label: `LAN ${prefix}`, port, server };
  }
  const isHosts = place === 'host' || place === 'published';
  const publisher = isHosts ? names.surroundings.publisherOf(flow.protocol, resp.ip, resp.port) : undefined;
  const workload = publisher ?? server.workload;
  if (workload !== undefined) {
    const key = ownerKey({ ...server, workload }, network);
    return { place: 'container', key, label: workloadLabel(workload), port, server, workload };
  }
  return place === 'host' ? { place, key: 'host', label: 'this host', port, server } : undefined;
}

function outsideOf(flow: FlowRecord, names: Names): Target {
  const { resp } = flow;
  const port = webPortOf(flow);
  const name = outsideName(flow);
  const end = { place: 'outside', port, server: resp } as const;
  if (name !== undefined) {
    const zone = names.zoneOf(name);
    if (zone?.kind !== 'registered') return { ...end, key: `zone ${name}`, label: name };
    const platform = getDomain(zone.zone) ?? undefined;
    const isCustomers = platform !== undefined && platform !== zone.zone;
    const known = { ...end, key: `zone ${zone.zone}`, label: zone.zone };
    return isCustomers ? { ...known, platform } : known;
  }
  const { asn, asOrganization } = resp.geo ?? {};
  if (asn !== undefined) {
    const whose = asOrganization === undefined ? '' : ` (${asOrganization})`;
    return { ...end, key: `AS${asn}`, label: `AS${asn}${whose}` };
  }
  const prefix = prefixText(resp.ip);
  return { ...end, key: `net ${prefix}`, label: prefix };
}

function portOf({ protocol, resp }: FlowRecord): string {
  const { port } = resp;
  return `${port !== undefined && port >= FIRST_EPHEMERAL ? 'high' : (port ?? 0)}/${protocol}`;
}

/** A browser changes between HTTP, HTTPS and QUIC as it likes. */
function webPortOf(flow: FlowRecord): string {
  return flow.resp.port === 80 || flow.resp.port === 443 ? 'web' : portOf(flow);
}
