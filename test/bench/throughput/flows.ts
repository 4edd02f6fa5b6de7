/**
 * Flow records as a busy host makes them: 120 containers on 8 networks, 20,000 addresses outside, one flow in two with
 * what costs most (names, geography, a translated address, a service). Addresses, ports, times and identifiers differ from
 * record to record; workloads and networks are shared objects, as the inventory shares them.
 */
import { createHash } from 'node:crypto';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import type { Network, Workload } from '../../../src/model/network.ts';

const NETWORKS = 8;
const CONTAINERS = 120;
const OUTSIDE = 20_000;
const SERVICES = [
  ['db', 'postgres:17', 5432, 'postgresql'],
  ['web', 'registry.example.com/shop/web:2026.11.3', 8080, 'http'],
  ['cache', 'redis:8-alpine', 6379, 'redis'],
] as const;
/** Of the kinds that one flow in two has. */
const TLS_PORT = 443;

const networks: readonly Network[] = Array.from({ length: NETWORKS }, (_, i) => ({
  id: hex(`network ${i}`),
  name: `shop${i}_data`,
  driver: 'bridge',
  scope: 'local',
  internal: i % 2 === 0,
  bridge: `br-${hex(`network ${i}`).slice(0, 12)}`,
  subnets: [`10.77.${i}.0/24`],
  gateways: [`10.77.${i}.1`],
  options: {},
  labels: {},
  composeProject: `shop${i}`,
}));

const containers: readonly { readonly ip: string; readonly mac: string; readonly workload: Workload }[] =
  Array.from({ length: CONTAINERS }, (_, i) => {
    const [service, image] = SERVICES[i % SERVICES.length]!;
    const { name, composeProject } = networks[i % NETWORKS]!;
    const number = Math.floor(i / NETWORKS) + 1;
    const workload: Workload = {
      containerId: hex(`container ${i}`),
      name: `${composeProject}-${service}-${number}`,
      image,
      composeProject: composeProject!,
      composeService: service,
      composeNumber: number,
      labels: {
        'com.docker.compose.project': composeProject!,
        'com.docker.compose.service': service,
        'com.docker.compose.container-number': String(number),
        'com.docker.compose.oneoff': 'False',
        'com.docker.compose.project.working_dir': `/srv/${composeProject}`,
      },
      networkMode: name,
      networks: [name],
    };
    return {
      ip: `10.77.${i % NETWORKS}.${number + 1}`,
      mac: `02:42:0a:4d:0${i % NETWORKS}:${(number + 1).toString(16).padStart(2, '0')}`,
      workload,
    };
  });

function hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A number that looks random and is the same in each run. */
function mixed(n: number): number {
  let x = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

function inside(container: number, port: number): Endpoint {
  const { ip, mac, workload } = containers[container]!;
  return {
    ip,
    port,
    mac,
    scope: 'container',
    workload,
    names: [],
    geo: undefined,
    attribution: { method: 'mac+ip', confidence: 'certain' },
  };
}

function outside(n: number, port: number, isNamed: boolean): Endpoint {
  const host = n % OUTSIDE;
  return {
    ip: host % 3 === 0 ? `2001:db8::${host.toString(16)}` : `198.51.100.${host % 256}`,
    port,
    mac: '02:42:0a:4d:00:01',
    scope: 'internet',
    workload: undefined,
    names: isNamed ? [`host${host}.cdn.example.com`] : [],
    geo: isNamed
      ? { country: 'DE', asn: 64_500 + (host % 10), asOrganization: 'Example Networks Ltd' }
      : undefined,
    attribution: { method: 'range', confidence: 'certain' },
  };
}

/** `start`: microseconds; the flow ends half a second later. */
export function benchFlow(n: number, start: number): FlowRecord {
  const random = mixed(n);
  const container = random % CONTAINERS;
  const network = networks[container % NETWORKS]!;
  const isRich = n % 2 === 0;
  const isEastWest = n % 4 === 1;
  const peer = (container + NETWORKS) % CONTAINERS;
  const [, , port, service] = SERVICES[peer % SERVICES.length]!;
  const orig = inside(container, 32_768 + ((random >>> 8) % 28_000));
  const end = start + 500_000;
  return {
    kind: 'flow',
    uid: start.toString(36).padStart(10, '0') + n.toString(36),
    communityId: `1:${createCommunityId(n)}=`,
    start,
    end,
    network,
    interface: network.bridge!,
    orig,
    resp: isEastWest ? inside(peer, port) : outside(random, TLS_PORT, isRich),
    protocol: 'tcp',
    service: isEastWest ? service : isRich ? 'tls' : undefined,
    portHint: isRich || isEastWest ? undefined : 'https',
    serverName: isRich ? `host${random % OUTSIDE}.cdn.example.com` : undefined,
    serverNameFrom: isRich ? 'tls-sni' : undefined,
    nat: isRich
      ? {
          kind: 'masquerade',
          method: 'conntrack',
          confidence: 'certain',
          reason: undefined,
          client: undefined,
          server: undefined,
          candidates: undefined,
          published: undefined,
          translatedSource: { ip: '198.51.100.1', port: orig.port },
          originalCommunityId: undefined,
        }
      : undefined,
    origBytes: 400 + (random % 5000),
    respBytes: 900 + (random % 100_000),
    origPackets: 5 + (random % 10),
    respPackets: 5 + (random % 70),
    connState: 'SF',
    history: 'ShADadFf',
    direction: isEastWest ? 'east-west' : 'egress',
    coverage: 'whole',
    icmp: undefined,
    probe: undefined,
    reason: 'closed',
  };
}

/** 27 letters that differ; what a hash costs is the flow table's, not this path's. */
function createCommunityId(n: number): string {
  return mixed(n).toString(36).padStart(9, 'A').repeat(3);
}
