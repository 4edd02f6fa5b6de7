/**
 * Flows of a host over days: 200 containers on 30 networks, 40,000 addresses outside of which few are asked often (a
 * Zipf-like law), short flows most of all. The same number gives the same flow in each run.
 */
import { createHash } from 'node:crypto';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { ConnState, FlowRecord } from '../../../src/model/flow.ts';
import type { Network, Workload } from '../../../src/model/network.ts';

const NETWORKS = 30;
const CONTAINERS = 200;
const OUTSIDE = 40_000;
/** Addresses that one container ever speaks to, most of them seldom. */
const OWN_OUTSIDE = 2000;
const SERVICES = [
  ['db', 'postgres:17', 5432, 'postgresql'],
  ['web', 'registry.example.com/shop/web:2026.11.3', 8080, 'http'],
  ['cache', 'redis:8-alpine', 6379, 'redis'],
  ['api', 'registry.example.com/shop/api:2026.11.3', 8000, 'http'],
  ['worker', 'registry.example.com/shop/worker:2026.11.3', 9000, 'http'],
] as const;
const PROJECTS = ['shop', 'data', 'edge', 'mail', 'wiki', 'git', 'metrics', 'auth', 'media', 'backup'];

const networks: readonly Network[] = Array.from({ length: NETWORKS }, (_, i) => {
  const project = PROJECTS[i % PROJECTS.length]!;
  const role = ['data', 'front', 'back'][Math.floor(i / PROJECTS.length)]!;
  return {
    id: hex(`network ${i}`),
    name: `${project}_${role}`,
    driver: 'bridge',
    scope: 'local',
    internal: role === 'back',
    bridge: `br-${hex(`network ${i}`).slice(0, 12)}`,
    subnets: [`10.77.${i}.0/24`],
    gateways: [`10.77.${i}.1`],
    options: {},
    labels: {},
    composeProject: project,
  };
});

const containers: readonly Omit<Endpoint, 'port'>[] = Array.from({ length: CONTAINERS }, (_, i) => {
  const [service, image] = SERVICES[Math.floor(i / NETWORKS) % SERVICES.length]!;
  const { name, composeProject } = networks[i % NETWORKS]!;
  const number = Math.floor(i / NETWORKS) + 1;
  const workload: Workload = {
    containerId: hex(`container ${i}`),
    name: `${name}-${service}-${number}`,
    image,
    composeProject: composeProject!,
    composeService: service,
    composeNumber: number,
    labels: {},
    networkMode: name,
    networks: [name],
  };
  return {
    ip: `10.77.${i % NETWORKS}.${number + 1}`,
    mac: `02:42:0a:4d:${(i % NETWORKS).toString(16).padStart(2, '0')}:${(number + 1).toString(16).padStart(2, '0')}`,
    scope: 'container',
    workload,
    names: [],
    geo: undefined,
    attribution: { method: 'mac+ip', confidence: 'certain' },
  };
});

const outside: readonly Omit<Endpoint, 'port'>[] = Array.from({ length: OUTSIDE }, (_, i) => ({
  ip: i < 250 ? `198.51.100.${i + 1}` : `2001:db8:${(i >> 8).toString(16)}::${((i & 255) + 1).toString(16)}`,
  mac: '02:42:0a:4d:00:01',
  scope: 'internet',
  workload: undefined,
  names: i % 5 === 4 ? [] : [nameOf(i)],
  geo: { country: ['DE', 'US', 'FR', 'NL'][i % 4]!, asn: 64_496 + (i % 15), asOrganization: 'Example Ltd' },
  attribution: { method: 'range', confidence: 'certain' },
}));

function nameOf(host: number): string {
  return `host${host}.cdn${host % 300}.example.com`;
}

function hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** A number that looks random and is the same in each run. */
function mixed(n: number): number {
  let x = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** In [0, below), the small ones far more often. */
function seldomLarge(random: number, below: number): number {
  return Math.floor(below ** (random / 2 ** 32)) - 1;
}

/** `end`: microseconds. */
export function historyFlow(n: number, end: number): FlowRecord {
  const random = mixed(n);
  const second = mixed(random ^ 0x5bd1e995);
  const third = mixed(second ^ n);
  const container = random % CONTAINERS;
  const network = networks[container % NETWORKS]!;
  const isEastWest = n % 5 < 2;
  const peer = (container + NETWORKS * (1 + (second % 5))) % CONTAINERS;
  const [, , port, service] = SERVICES[Math.floor(peer / NETWORKS) % SERVICES.length]!;
  const host = (seldomLarge(second, OWN_OUTSIDE) + container * 197) % OUTSIDE;
  const isTls = third % 10 < 8;
  const isRefused = third % 40 === 0;
  const lasts = seldomLarge(third, 300_000_000);
  const state: ConnState = isRefused ? 'S0' : third % 17 === 0 ? 'RSTO' : 'SF';
  const orig = { ...containers[container]!, port: 32_768 + ((random >>> 8) % 28_000) };
  const resp = isEastWest
    ? { ...containers[peer]!, port }
    : { ...outside[host]!, port: isTls ? 443 : third % 10 === 8 ? 53 : 80 };
  const known = isRefused ? undefined : isEastWest ? service : isTls ? 'tls' : undefined;
  const origPackets = 3 + seldomLarge(second, 400);
  const respPackets = isRefused ? 0 : 3 + seldomLarge(third, 4000);
  return {
    kind: 'flow',
    uid: `${end.toString(36)}${n.toString(36)}`,
    communityId: `1:${mixed(n).toString(36).padStart(9, 'A').repeat(3)}=`,
    start: end - lasts,
    end,
    network,
    interface: network.bridge!,
    orig,
    resp,
    protocol: 'tcp',
    service: known,
    portHint: known === undefined ? 'https' : undefined,
    serverName: known === 'tls' && host % 5 !== 4 ? nameOf(host) : undefined,
    serverNameFrom: known === 'tls' && host % 5 !== 4 ? 'tls-sni' : undefined,
    nat: isEastWest
      ? undefined
      : {
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
        },
    origBytes: origPackets * 90,
    respBytes: respPackets * 700,
    origPackets,
    respPackets,
    connState: state,
    history: isRefused ? 'S' : 'ShADadFf',
    direction: isEastWest ? 'east-west' : 'egress',
    coverage: 'whole',
    icmp: undefined,
    probe: undefined,
    reason: isRefused ? 'idle' : 'closed',
  };
}
