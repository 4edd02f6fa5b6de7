/** The parts of ECS documents that describe ends, containers and networks. */
import type { PublicEndpoint, PublicWorkload } from '../../../model/serialize.ts';
import { imageReference, ipOrNothing } from '../facts.ts';

/** `source` or `destination`. */
export function ecsEnd({ ip, port, mac, names, geo }: PublicEndpoint) {
  return {
    address: ip,
    ip: ipOrNothing(ip),
    port,
    mac: mac === undefined ? undefined : ecsMac(mac),
    domain: names[0],
    geo: geo?.country === undefined ? undefined : { country_iso_code: geo.country },
    as: geo && autonomousSystem(geo),
  };
}

function autonomousSystem({ asn, asOrganization }: NonNullable<PublicEndpoint['geo']>) {
  if (asn === undefined && asOrganization === undefined) return undefined;
  return { number: asn, organization: asOrganization === undefined ? undefined : { name: asOrganization } };
}

/** What ECS has no field for, of both ends alike; the container too, for ECS has one container and no two. */
export function beyondEnd({ ip: _, port: __, mac: ___, geo: ____, ...rest }: PublicEndpoint) {
  return rest;
}

/** RFC 7042: upper case, hyphens. */
export function ecsMac(mac: string): string {
  return mac.toUpperCase().replaceAll(':', '-');
}

/** `container`, `service` and `orchestrator`, of the end that the event is about. */
export function ecsWorkload(workload: PublicWorkload | undefined) {
  if (workload === undefined) return {};
  const { name, tag, digest } = imageReference(workload.image);
  const service = workload.composeService ?? workload.swarmService;
  return {
    container: {
      id: workload.containerId,
      name: workload.name,
      runtime: 'docker',
      image: {
        name,
        tag: tag === undefined ? undefined : [tag],
        hash: digest === undefined ? undefined : { all: [digest] },
      },
      labels: composeLabels(workload),
    },
    service: service === undefined ? undefined : { name: service },
    orchestrator: orchestrator(workload),
  };
}

/** By the names of the labels themselves, dots as underscores: as Beats write them. */
function composeLabels({ composeProject, composeService, composeNumber, swarmService }: PublicWorkload) {
  if (composeProject === undefined && swarmService === undefined) return undefined;
  return {
    com_docker_compose_project: composeProject,
    com_docker_compose_service: composeService,
    'com_docker_compose_container-number': composeNumber === undefined ? undefined : String(composeNumber),
    com_docker_swarm_service_name: swarmService,
  };
}

function orchestrator({ composeProject, swarmService }: PublicWorkload) {
  if (swarmService !== undefined) return { type: 'swarm', namespace: composeProject };
  return composeProject === undefined ? undefined : { type: 'compose', namespace: composeProject };
}

/** `network.transport` where ECS has a word for it, always `network.iana_number` where there is a number. */
export function ecsTransport(protocol: string): string | undefined {
  if (protocol === 'icmp6') return 'ipv6-icmp';
  return protocol.startsWith('ip-') ? undefined : protocol;
}

export function ecsIpVersion(ip: string): 'ipv4' | 'ipv6' {
  return ip.includes(':') ? 'ipv6' : 'ipv4';
}

/** Everything one may search for, once. */
export function ecsRelated(ends: readonly PublicEndpoint[], hosts: readonly (string | undefined)[] = []) {
  const ips = new Set<string>();
  const names = new Set<string>();
  for (const end of ends) {
    const ip = ipOrNothing(end.ip);
    if (ip !== undefined) ips.add(ip);
    if (end.workload !== undefined) names.add(end.workload.name);
    for (const name of end.names) names.add(name);
  }
  for (const host of hosts) if (host !== undefined) names.add(host);
  return { ip: [...ips], hosts: names.size === 0 ? undefined : [...names] };
}
