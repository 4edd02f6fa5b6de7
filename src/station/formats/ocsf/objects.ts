/** The objects of OCSF that findings, flows and look-ups share. */
import { namedTag } from '../../../model/attack.ts';
import { workloadLabel } from '../../../model/network.ts';
import type {
  PublicEndpoint,
  PublicFinding,
  PublicRecord,
  PublicWorkload,
} from '../../../model/serialize.ts';
import { imageReference, millisOf, uidOf, unlessEmpty } from '../facts.ts';
import { type Emitter, PRODUCT, VENDOR } from '../format.ts';

export const OCSF_VERSION = '1.5.0';

/** Enterprise; the version that src/model/attack.ts is checked against. */
const ATTACK_VERSION = '17';

export interface OcsfClass {
  readonly classUid: number;
  readonly className: string;
  readonly categoryUid: number;
  readonly categoryName: string;
}

export interface OcsfActivity {
  readonly id: number;
  readonly name: string;
}

/** What every event begins with. Times are milliseconds; the exact one is `metadata.original_time`. */
export function ocsfHead(
  record: PublicRecord,
  time: string,
  { classUid, className, categoryUid, categoryName }: OcsfClass,
  activity: OcsfActivity,
  { host, version }: Emitter,
) {
  return {
    category_uid: categoryUid,
    category_name: categoryName,
    class_uid: classUid,
    class_name: className,
    activity_id: activity.id,
    activity_name: activity.name,
    type_uid: classUid * 100 + activity.id,
    type_name: `${className}: ${activity.name}`,
    time: millisOf(time),
    metadata: {
      version: OCSF_VERSION,
      uid: uidOf(record),
      profiles: ['host', 'container'],
      product: { name: PRODUCT, vendor_name: VENDOR, version },
      log_name: `bridgewatch.${record.kind}`,
      original_time: time,
    },
    device: { hostname: host, type_id: 0, type: 'Unknown' },
  };
}

const HOSTNAME = /^[\w-]{1,63}(?:\.[\w-]{1,63})*\.?$/;
const MAX_HOSTNAME_LENGTH = 255;

/** A name from the wire may be anything; what is no hostname stays among the names in `unmapped`. */
function hostnameOrNothing(name: string | undefined): string | undefined {
  return name !== undefined && name.length <= MAX_HOSTNAME_LENGTH && HOSTNAME.test(name) ? name : undefined;
}

export interface EndpointContext {
  readonly zone?: string | undefined;
  readonly serverName?: string | undefined;
  readonly serviceName?: string | undefined;
}

export function ocsfEndpoint(
  endpoint: PublicEndpoint,
  { zone, serverName, serviceName }: EndpointContext = {},
) {
  const { ip, port, mac, names, workload, geo } = endpoint;
  return {
    ip,
    port,
    mac,
    name: workload && workloadLabel(workload),
    hostname: hostnameOrNothing(serverName) ?? hostnameOrNothing(names[0]),
    svc_name: serviceName,
    zone,
    container: workload && ocsfContainer(workload),
    location: geo?.country === undefined ? undefined : { country: geo.country },
    autonomous_system: geo && autonomousSystem(geo),
  };
}

function autonomousSystem({ asn, asOrganization }: NonNullable<PublicEndpoint['geo']>) {
  return asn === undefined && asOrganization === undefined
    ? undefined
    : { number: asn, name: asOrganization };
}

/** What OCSF has no field for. */
export function beyondEndpoint({ ip: _, port: __, mac: ___, geo: ____, ...rest }: PublicEndpoint) {
  return rest;
}

export function ocsfContainer(workload: PublicWorkload) {
  const { name, tag } = imageReference(workload.image);
  return {
    uid: workload.containerId,
    name: workload.name,
    // The engine's id of the image is not known here; the reference names it on this host.
    image: { uid: workload.image, name, tag },
    runtime: 'docker',
    labels: unlessEmpty(dockerLabels(workload)),
  };
}

/** As Docker has them: `com.docker.compose.project=shop`. */
export function dockerLabels(workload: PublicWorkload): string[] {
  const { composeProject, composeService, composeNumber, swarmService } = workload;
  return Object.entries({
    'com.docker.compose.project': composeProject,
    'com.docker.compose.service': composeService,
    'com.docker.compose.container-number': composeNumber,
    'com.docker.swarm.service.name': swarmService,
  }).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value}`));
}

export function ocsfIpVersion(ip: string) {
  return ip.includes(':')
    ? { protocol_ver_id: 6, protocol_ver: 'IPv6' }
    : { protocol_ver_id: 4, protocol_ver: 'IPv4' };
}

export function ocsfAttacks(attack: PublicFinding['attack']) {
  return unlessEmpty(
    attack.map(({ technique, tactic }) => {
      const named = namedTag(technique, tactic);
      return {
        version: ATTACK_VERSION,
        tactic: { uid: named.tacticId, name: named.tacticName },
        technique: { uid: named.techniqueId, name: named.techniqueName },
        sub_technique: named.subtechnique && { uid: named.subtechnique.id, name: named.subtechnique.name },
      };
    }),
  );
}
