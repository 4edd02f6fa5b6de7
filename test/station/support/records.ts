/** Small whole records for tests; each takes what the test is about. */
import type { AuditRunRecord } from '../../../src/model/audit-run.ts';
import type { DnsRecord } from '../../../src/model/dns.ts';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { Finding } from '../../../src/model/finding.ts';
import type { FlowRecord, TrafficRecord } from '../../../src/model/flow.ts';
import type { Network, Workload } from '../../../src/model/network.ts';
import type { CoverageRecord, InventoryChange, LossRecord } from '../../../src/model/record.ts';

/** 2026-11-23T14:00:00Z */
export const T0 = 1_795_442_400_000_000;

export const network: Network = {
  id: '5d0c3a1f9b7e5d0c3a1f9b7e5d0c3a1f9b7e5d0c3a1f9b7e5d0c3a1f9b7e5d0c',
  name: 'shop_data',
  driver: 'bridge',
  scope: 'local',
  internal: true,
  bridge: 'br-5d0c3a1f9b7e',
  subnets: ['172.30.1.0/24'],
  gateways: ['172.30.1.1'],
  options: {},
  labels: {},
  composeProject: 'shop',
};

export const database: Workload = {
  containerId: '3f2ab4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7081',
  name: 'shop-db-1',
  image: 'postgres:17',
  composeProject: 'shop',
  composeService: 'db',
  labels: { 'com.docker.compose.project': 'shop' },
  networkMode: 'shop_data',
  networks: ['shop_data'],
};

export function endpoint(over: Partial<Endpoint> = {}): Endpoint {
  return {
    ip: '172.30.1.5',
    port: 40_000,
    mac: '02:42:ac:1e:01:05',
    scope: 'container',
    workload: database,
    names: [],
    attribution: { method: 'mac+ip', confidence: 'certain' },
    ...over,
  };
}

export function outside(over: Partial<Endpoint> = {}): Endpoint {
  const { workload: _, mac: __, ...rest } = endpoint();
  return {
    ...rest,
    ip: '198.51.100.7',
    port: 443,
    scope: 'internet',
    attribution: { method: 'range', confidence: 'certain' },
    ...over,
  };
}

export function finding(number: number, over: Partial<Finding> = {}): Finding {
  return {
    kind: 'finding',
    id: `f-${number}`,
    analyzer: 'internal-egress',
    message: 'attempted-blocked',
    title: 'Egress from an internal network',
    severity: 'high',
    confidence: 'certain',
    attack: [{ technique: 'T1048', tactic: 'exfiltration' }],
    firstSeen: T0 + number * 1000,
    lastSeen: T0 + number * 1000,
    count: 1,
    network: 'shop_data',
    subject: endpoint(),
    peers: [outside()],
    flowUids: ['c1'],
    communityIds: ['1:abc='],
    evidence: { attempts: 3, ports: [443, 8443] },
    explanation: 'shop/db tried to reach 198.51.100.7:443 from the internal network shop_data',
    status: 'open',
    reason: 'first report',
    key: `internal-egress:${number}`,
    ...over,
  };
}

export function flow(number: number, over: Partial<FlowRecord> = {}): FlowRecord {
  return {
    kind: 'flow',
    uid: `u${number}`,
    communityId: '1:abc=',
    start: T0 + number * 1000,
    end: T0 + number * 1000 + 500,
    network,
    interface: 'br-5d0c3a1f9b7e',
    orig: endpoint(),
    resp: outside(),
    protocol: 'tcp',
    service: 'https',
    origBytes: 1200,
    respBytes: 5400,
    origPackets: 10,
    respPackets: 12,
    connState: 'SF',
    history: 'ShADadFf',
    direction: 'egress',
    coverage: 'whole',
    reason: 'closed',
    ...over,
  };
}

export function dns(number: number, over: Partial<DnsRecord> = {}): DnsRecord {
  return {
    kind: 'dns',
    time: T0 + number * 1000,
    network,
    interface: 'br-5d0c3a1f9b7e',
    client: endpoint(),
    server: outside({ ip: '198.51.100.53', port: 53 }),
    vantage: 'bridge',
    protocol: 'dns',
    transport: 'udp',
    opcode: 'QUERY',
    id: number % 65_536,
    query: `host${number}.example.com`,
    qtype: 'A',
    qclass: 'IN',
    rcode: 'NOERROR',
    answers: [{ name: `host${number}.example.com`, type: 'A', ttl: 60, bytes: 4, data: '198.51.100.9' }],
    rtt: 1200,
    flags: ['RD', 'RA'],
    anomalies: [],
    ...over,
  };
}

export function traffic(number: number, over: Partial<TrafficRecord> = {}): TrafficRecord {
  return {
    kind: 'traffic',
    start: T0 + number * 10_000_000,
    end: T0 + (number + 1) * 10_000_000,
    network: 'shop_data',
    orig: 'shop/db',
    resp: 'internet',
    protocol: 'tcp',
    respPort: 443,
    direction: 'egress',
    origBytes: 100,
    respBytes: 200,
    origPackets: 3,
    respPackets: 4,
    flowsStarted: 1,
    ...over,
  };
}

export function loss(number: number, over: Partial<LossRecord> = {}): LossRecord {
  const time = T0 + number * 1000;
  return {
    kind: 'loss',
    time,
    source: 'kernel-ring',
    where: 'br-1',
    count: 5,
    first: time,
    last: time,
    ...over,
  };
}

export function coverage(number: number, over: Partial<CoverageRecord> = {}): CoverageRecord {
  return {
    kind: 'coverage',
    time: T0 + number * 1000,
    network: 'shop_data',
    state: 'covered',
    reason: 'tap opened',
    ...over,
  };
}

export function inventory(number: number, over: Partial<InventoryChange> = {}): InventoryChange {
  return {
    kind: 'inventory',
    time: T0 + number * 1000,
    change: 'added',
    object: 'network',
    id: network.id,
    name: network.name,
    detail: { internal: true, subnets: ['172.30.1.0/24'] },
    ...over,
  };
}

/** Three failures, and two checks that could not answer. */
export function auditRun(at: number, over: Partial<AuditRunRecord> = {}): AuditRunRecord {
  return {
    kind: 'audit-run',
    time: T0 + at,
    trigger: 'change',
    tookSecs: 0.412,
    engineVersion: '28.5.0',
    containers: 12,
    networks: 4,
    checks: 31,
    leftOut: ['published-unused'],
    outcomes: { fail: 3, unknown: 2, pass: 20, 'not-applicable': 6 },
    failures: { informational: 0, low: 0, medium: 2, high: 1, critical: 0 },
    findings: 3,
    scores: [
      { score: 80, failed: 1, unknown: 2 },
      { network: 'shop_data', score: 90, failed: 1, unknown: 0 },
    ],
    unknown: [
      {
        checks: ['bridge-nf-call', 'address-overlap'],
        reason: 'Not known: interfaces and routes of the host: /proc/net cannot be read.',
      },
    ],
    ...over,
  };
}
