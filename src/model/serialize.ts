/**
 * The public JSON form of a record: what `--json` prints, what the store keeps and what sinks are given. One
 * line, `kind` first, keys always in the same order, times as ISO 8601 with microseconds, networks and workloads
 * condensed to what names them. Control and bidirectional characters are `\u` escapes, so that a line can be
 * printed on a terminal as it is. Absent means unknown; nothing is ever written as `null` for that.
 */
import type { AuditRunRecord } from './audit-run.ts';
import type { BlockedRecord } from './blocked.ts';
import type { DecisionRecord } from './decision.ts';
import type { DnsRecord } from './dns.ts';
import type { Endpoint } from './endpoint.ts';
import type { EvidenceRecord } from './evidence.ts';
import type { Finding } from './finding.ts';
import type { FlowRecord, TrafficRecord } from './flow.ts';
import type { LeaseRecord } from './lease.ts';
import type { ListenerRecord } from './listener.ts';
import type { NatFact } from './nat.ts';
import { type Network, SHORT_ID_LENGTH, type Workload } from './network.ts';
import { printableJson } from './printable-json.ts';
import type {
  AgentRecord,
  AnomalyRecord,
  CoverageRecord,
  InventoryChange,
  LossRecord,
  NoRouteRecord,
  RecordKind,
  SummaryRecord,
} from './record.ts';
import { serializeFlow } from './serialize-flow.ts';
import type { SpoofRecord } from './spoof.ts';
import { formatMicros, type Micros } from './time.ts';

export { printableJson, SHORT_ID_LENGTH };

/** Costs microseconds: call it once a record, never once a packet. */
export function serializeRecord(record: AgentRecord): string {
  return record.kind === 'flow' ? serializeFlow(record) : serializeByCopy(record);
}

/** The general way; what `serializeFlow` writes is the same. */
export function serializeByCopy(record: AgentRecord): string {
  return printableJson(publicRecord(record));
}

/** Reads back what `serializeRecord` wrote; only for text that it did write, there is no validation. */
export function parseRecord(json: string): PublicRecord {
  return JSON.parse(json) as PublicRecord;
}

/** The time by which a record is ordered, filtered and expired; absent for the closing summary. */
export function recordTime(record: AgentRecord): Micros | undefined {
  switch (record.kind) {
    case 'finding':
      return record.lastSeen;
    case 'flow':
    case 'traffic':
      return record.end;
    case 'dns':
    case 'loss':
    case 'anomaly':
    case 'inventory':
    case 'coverage':
    case 'no-route':
    case 'blocked':
    case 'listener':
    case 'lease':
    case 'spoof':
    case 'decision':
    case 'evidence':
    case 'audit-run':
      return record.time;
    case 'summary':
      return record.last;
  }
}

export type PublicNetwork = ReturnType<typeof publicNetwork>;
export type PublicWorkload = ReturnType<typeof publicWorkload>;
export type PublicEndpoint = ReturnType<typeof publicEndpoint>;
export type PublicFlow = ReturnType<typeof publicFlow>;
export type PublicTraffic = ReturnType<typeof publicTraffic>;
export type PublicDns = ReturnType<typeof publicDns>;
export type PublicFinding = ReturnType<typeof publicFinding>;
export type PublicLoss = ReturnType<typeof publicLoss>;
export type PublicAnomaly = ReturnType<typeof publicAnomaly>;
export type PublicInventoryChange = ReturnType<typeof publicInventoryChange>;
export type PublicCoverage = ReturnType<typeof publicCoverage>;
export type PublicNoRoute = ReturnType<typeof publicNoRoute>;
export type PublicListener = ReturnType<typeof publicListener>;
export type PublicBlocked = ReturnType<typeof publicBlocked>;
export type PublicLease = ReturnType<typeof publicLease>;
export type PublicSpoof = ReturnType<typeof publicSpoof>;
export type PublicDecision = ReturnType<typeof publicDecision>;
export type PublicEvidence = ReturnType<typeof publicEvidence>;
export type PublicAuditRun = ReturnType<typeof publicAuditRun>;
export type PublicSummary = ReturnType<typeof publicSummary>;

export type PublicRecord =
  | PublicFlow
  | PublicTraffic
  | PublicDns
  | PublicFinding
  | PublicLoss
  | PublicAnomaly
  | PublicInventoryChange
  | PublicCoverage
  | PublicNoRoute
  | PublicBlocked
  | PublicListener
  | PublicLease
  | PublicSpoof
  | PublicDecision
  | PublicEvidence
  | PublicAuditRun
  | PublicSummary;

/** The public form of one kind. */
export type PublicOf<K extends RecordKind> = Extract<PublicRecord, { readonly kind: K }>;

function publicRecord(record: AgentRecord): PublicRecord {
  switch (record.kind) {
    case 'flow':
      return publicFlow(record);
    case 'traffic':
      return publicTraffic(record);
    case 'dns':
      return publicDns(record);
    case 'finding':
      return publicFinding(record);
    case 'loss':
      return publicLoss(record);
    case 'anomaly':
      return publicAnomaly(record);
    case 'inventory':
      return publicInventoryChange(record);
    case 'coverage':
      return publicCoverage(record);
    case 'no-route':
      return publicNoRoute(record);
    case 'blocked':
      return publicBlocked(record);
    case 'listener':
      return publicListener(record);
    case 'lease':
      return publicLease(record);
    case 'spoof':
      return publicSpoof(record);
    case 'decision':
      return publicDecision(record);
    case 'evidence':
      return publicEvidence(record);
    case 'audit-run':
      return publicAuditRun(record);
    case 'summary':
      return publicSummary(record);
  }
}

function optionalTime(time: Micros | undefined): string | undefined {
  return time === undefined ? undefined : formatMicros(time);
}

function publicNetwork(network: Network) {
  return { id: network.id.slice(0, SHORT_ID_LENGTH), name: network.name, internal: network.internal };
}

function publicWorkload(workload: Workload) {
  return {
    containerId: workload.containerId.slice(0, SHORT_ID_LENGTH),
    name: workload.name,
    image: workload.image,
    composeProject: workload.composeProject,
    composeService: workload.composeService,
    composeNumber: workload.composeNumber,
    swarmService: workload.swarmService,
  };
}

function publicEndpoint(endpoint: Endpoint) {
  const { attribution } = endpoint;
  return {
    ip: endpoint.ip,
    port: endpoint.port,
    mac: endpoint.mac,
    scope: endpoint.scope,
    workload: endpoint.workload && publicWorkload(endpoint.workload),
    names: endpoint.names,
    geo: endpoint.geo && {
      country: endpoint.geo.country,
      asn: endpoint.geo.asn,
      asOrganization: endpoint.geo.asOrganization,
    },
    attribution: {
      method: attribution.method,
      confidence: attribution.confidence,
      reason: attribution.reason,
      candidates: attribution.candidates,
    },
  };
}

function publicFlow(record: FlowRecord) {
  return {
    kind: record.kind,
    uid: record.uid,
    communityId: record.communityId,
    start: formatMicros(record.start),
    end: formatMicros(record.end),
    network: record.network && publicNetwork(record.network),
    interface: record.interface,
    orig: publicEndpoint(record.orig),
    resp: publicEndpoint(record.resp),
    protocol: record.protocol,
    service: record.service,
    portHint: record.portHint,
    serverName: record.serverName,
    serverNameFrom: record.serverNameFrom,
    nat: record.nat && publicNat(record.nat),
    origBytes: record.origBytes,
    respBytes: record.respBytes,
    origPackets: record.origPackets,
    respPackets: record.respPackets,
    connState: record.connState,
    history: record.history,
    direction: record.direction,
    coverage: record.coverage,
    icmp: record.icmp && { type: record.icmp.type, code: record.icmp.code },
    probe: record.probe,
    reason: record.reason,
  };
}

function publicNat(nat: NatFact) {
  return {
    kind: nat.kind,
    method: nat.method,
    confidence: nat.confidence,
    reason: nat.reason,
    client: nat.client && publicEndpoint(nat.client),
    server: nat.server && publicEndpoint(nat.server),
    candidates: nat.candidates,
    published: nat.published && { ip: nat.published.ip, port: nat.published.port },
    translatedSource: nat.translatedSource && {
      ip: nat.translatedSource.ip,
      port: nat.translatedSource.port,
    },
    originalCommunityId: nat.originalCommunityId,
  };
}

function publicTraffic(record: TrafficRecord) {
  return {
    kind: record.kind,
    start: formatMicros(record.start),
    end: formatMicros(record.end),
    network: record.network,
    orig: record.orig,
    resp: record.resp,
    protocol: record.protocol,
    respPort: record.respPort,
    direction: record.direction,
    origBytes: record.origBytes,
    respBytes: record.respBytes,
    origPackets: record.origPackets,
    respPackets: record.respPackets,
    flowsStarted: record.flowsStarted,
  };
}

function publicDns(record: DnsRecord) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    network: record.network && publicNetwork(record.network),
    interface: record.interface,
    client: publicEndpoint(record.client),
    server: publicEndpoint(record.server),
    networks: record.networks?.map(({ name, internal }) => ({ name, internal })),
    vantage: record.vantage,
    upstream: record.upstream && {
      server: publicEndpoint(record.upstream.server),
      network: record.upstream.network,
      interface: record.upstream.interface,
      rtt: record.upstream.rtt,
    },
    protocol: record.protocol,
    transport: record.transport,
    opcode: record.opcode,
    id: record.id,
    query: record.query,
    qtype: record.qtype,
    qclass: record.qclass,
    rcode: record.rcode,
    answers: record.answers.map((answer) => ({
      name: answer.name,
      type: answer.type,
      ttl: answer.ttl,
      bytes: answer.bytes,
      data: answer.data,
    })),
    rtt: record.rtt,
    flags: record.flags,
    edns: record.edns && {
      udpSizeBytes: record.edns.udpSizeBytes,
      version: record.edns.version,
      dnssecOk: record.edns.dnssecOk,
      options: record.edns.options.map(({ code, bytes }) => ({ code, bytes })),
    },
    trailingBytes: record.trailingBytes,
    anomalies: record.anomalies,
  };
}

function publicFinding(record: Finding) {
  return {
    kind: record.kind,
    id: record.id,
    analyzer: record.analyzer,
    message: record.message,
    title: record.title,
    severity: record.severity,
    exception: record.exception,
    acknowledged: record.acknowledged && {
      at: formatMicros(record.acknowledged.at),
      by: record.acknowledged.by,
      note: record.acknowledged.note,
    },
    muted: record.muted && {
      id: record.muted.id,
      reason: record.muted.reason,
      until: optionalTime(record.muted.until),
      begins: record.muted.begins,
    },
    foldedInto: record.foldedInto,
    confidence: record.confidence,
    status: record.status,
    reason: record.reason,
    firstSeen: formatMicros(record.firstSeen),
    lastSeen: formatMicros(record.lastSeen),
    count: record.count,
    network: record.network,
    subject: publicEndpoint(record.subject),
    peers: record.peers.map(publicEndpoint),
    explanation: record.explanation,
    evidence: record.evidence,
    attack: record.attack.map(({ technique, tactic }) => ({ technique, tactic })),
    flowUids: record.flowUids,
    communityIds: record.communityIds,
    key: record.key,
  };
}

function publicLoss(record: LossRecord) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    source: record.source,
    where: record.where,
    count: record.count,
    first: formatMicros(record.first),
    last: formatMicros(record.last),
  };
}

function publicAnomaly(record: AnomalyRecord) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    code: record.code,
    interface: record.interface,
    count: record.count,
  };
}

function publicInventoryChange(record: InventoryChange) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    change: record.change,
    object: record.object,
    id: record.id,
    name: record.name,
    detail: record.detail,
  };
}

function publicCoverage(record: CoverageRecord) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    network: record.network,
    container: record.container,
    workload: record.workload && publicWorkload(record.workload),
    interface: record.interface,
    state: record.state,
    reason: record.reason,
  };
}

function publicNoRoute(record: NoRouteRecord) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    subject: publicEndpoint(record.subject),
    networks: record.networks.map(({ name, internal }) => ({ name, internal })),
    family: record.family,
    count: record.count,
    intervalSecs: record.intervalSecs,
  };
}

function publicListener(record: ListenerRecord) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    change: record.change,
    subject: publicEndpoint(record.subject),
    networks: record.networks.map(({ name, internal }) => ({ name, internal })),
    protocol: record.protocol,
    address: record.address,
    loopback: record.loopback,
    after: optionalTime(record.after),
    first: formatMicros(record.first),
    exposed: record.exposed,
    published: record.published,
    process: record.process,
    program: record.program,
  };
}

function publicBlocked(record: BlockedRecord) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    family: record.family,
    backend: record.backend,
    table: record.table,
    chain: record.chain,
    rule: record.rule,
    verdict: record.verdict,
    reason: record.reason,
    from: record.from && publicNetwork(record.from),
    to: record.to && publicNetwork(record.to),
    packets: record.packets,
    bytes: record.bytes,
    intervalSecs: record.intervalSecs,
  };
}

function publicLease(record: LeaseRecord) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    id: record.id,
    networkId: record.networkId.slice(0, SHORT_ID_LENGTH),
    network: record.network,
    ips: record.ips,
    mac: record.mac,
    veth: record.veth,
    ifIndex: record.ifIndex,
    netns: record.netns,
    workload: publicWorkload(record.workload),
    from: formatMicros(record.from),
    to: optionalTime(record.to),
    uncertain: record.uncertain,
  };
}

function publicSpoof(record: SpoofRecord) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    network: record.network,
    interface: record.interface,
    ip: record.ip,
    mac: record.mac,
    mismatch: record.mismatch,
    layer: record.layer,
    target: record.target,
    rivalMac: record.rivalMac,
    sender: record.sender && publicWorkload(record.sender),
    senderIp: record.senderIp,
    holder: record.holder && publicWorkload(record.holder),
    count: record.count,
    first: formatMicros(record.first),
  };
}

function publicDecision(record: DecisionRecord) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    id: record.id,
    action: record.action,
    object: record.object,
    finding: record.finding,
    analyzer: record.analyzer,
    key: record.key,
    where: record.where,
    reason: record.reason,
    until: optionalTime(record.until),
    by: record.by,
    network: record.network,
  };
}

function publicEvidence(record: EvidenceRecord) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    id: record.id,
    change: record.change,
    cause: record.cause,
    finding: record.finding,
    analyzer: record.analyzer,
    severity: record.severity,
    by: record.by,
    targets: record.targets,
    filter: record.filter,
    networks: record.networks,
    trigger: optionalTime(record.trigger),
    first: optionalTime(record.first),
    last: optionalTime(record.last),
    packets: record.packets,
    bytes: record.bytes,
    file: record.file,
    sha256: record.sha256,
    end: record.end,
    missing: record.missing,
    reason: record.reason,
  };
}

function publicAuditRun(record: AuditRunRecord) {
  return {
    kind: record.kind,
    time: formatMicros(record.time),
    trigger: record.trigger,
    tookSecs: record.tookSecs,
    engineVersion: record.engineVersion,
    containers: record.containers,
    networks: record.networks,
    checks: record.checks,
    leftOut: record.leftOut,
    outcomes: record.outcomes,
    failures: record.failures,
    findings: record.findings,
    scores: record.scores,
    unknown: record.unknown,
  };
}

function publicSummary(record: SummaryRecord) {
  return {
    kind: record.kind,
    packets: record.packets,
    bytes: record.bytes,
    first: optionalTime(record.first),
    last: optionalTime(record.last),
    flows: record.flows,
    dnsQuestions: record.dnsQuestions,
    findings: record.findings,
    anomalies: record.anomalies,
    notUnderstood: record.notUnderstood,
    losses: record.losses,
    files: record.files,
    duplicates: record.duplicates,
  };
}
