/**
 * Which measurement, tags and fields a record becomes; schema.ts says what each is. Tags are what one groups by and
 * their number is bounded; addresses, client ports, names and sentences are fields. Every point of a measurement has the
 * same tags: a missing value is `none`.
 */
import { endpointLabel } from '../../../model/endpoint.ts';
import { workloadLabel } from '../../../model/network.ts';
import type { RecordKind } from '../../../model/record.ts';
import type {
  PublicAuditRun,
  PublicCoverage,
  PublicEndpoint,
  PublicFinding,
  PublicLoss,
  PublicRecord,
  PublicTraffic,
} from '../../../model/serialize.ts';
import type { FieldValue } from './line-protocol.ts';
import type { PointOf } from './schema.ts';

export interface PointShape {
  readonly measurement: string;
  readonly tags: Readonly<Record<string, string | undefined>>;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

export const INFLUXDB_KINDS: ReadonlySet<RecordKind> = new Set([
  'finding',
  'traffic',
  'loss',
  'coverage',
  'audit-run',
]);

/** None for kinds that this sink does not accept; several where a record tells of several places. */
export function pointShapes(record: PublicRecord, host: string): readonly PointShape[] {
  switch (record.kind) {
    case 'finding':
      return [findingPoint(record, host)];
    case 'traffic':
      return [trafficPoint(record, host)];
    case 'loss':
      return [lossPoint(record, host)];
    case 'coverage':
      return [coveragePoint(record, host)];
    case 'audit-run':
      return auditPoints(record, host);
    default:
      return [];
  }
}

/** For a server that knows no text. Every record has at least one such field. */
export function numbersOf(fields: PointShape['fields']): PointShape['fields'] {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => typeof value !== 'string'));
}

function findingPoint(finding: PublicFinding, host: string): PointOf<'bridgewatch_finding'> {
  const { subject, peers } = finding;
  const peer = peers[0];
  return {
    measurement: 'bridgewatch_finding',
    tags: {
      analyzer: finding.analyzer,
      host,
      network: finding.network,
      service: subject.workload && workloadLabel(subject.workload),
      severity: finding.severity,
      status: finding.status,
    },
    fields: {
      // Grafana reads an event's annotation from `title`, `text` and `tags`.
      title: finding.title,
      text: finding.explanation,
      tags: [finding.severity, finding.analyzer, ...finding.attack.map(({ technique }) => technique)].join(
        ',',
      ),
      id: finding.id,
      message: finding.message,
      explanation: finding.explanation,
      reason: finding.reason,
      confidence: finding.confidence,
      count: integer(finding.count),
      first_seen: finding.firstSeen,
      last_seen: finding.lastSeen,
      subject: labelOf(subject),
      subject_ip: subject.ip,
      subject_scope: subject.scope,
      subject_container: subject.workload?.name,
      subject_container_id: subject.workload?.containerId,
      subject_image: subject.workload?.image,
      peer: peer && labelOf(peer),
      peer_ip: peer?.ip,
      peer_port: integer(peer?.port),
      peer_scope: peer?.scope,
      peers: peers.length > 1 ? peers.map(labelOf).join(', ') : undefined,
      attack: finding.attack.map(({ technique }) => technique).join(',') || undefined,
      evidence: JSON.stringify(finding.evidence),
      flow_uids: finding.flowUids.join(',') || undefined,
      community_ids: finding.communityIds.join(',') || undefined,
      key: finding.key,
    },
  };
}

function trafficPoint(traffic: PublicTraffic, host: string): PointOf<'bridgewatch_traffic'> {
  return {
    measurement: 'bridgewatch_traffic',
    tags: {
      direction: traffic.direction,
      host,
      network: traffic.network,
      orig: traffic.orig,
      protocol: traffic.protocol,
      resp: traffic.resp,
      resp_port: traffic.respPort === undefined ? undefined : String(traffic.respPort),
    },
    fields: {
      orig_bytes: integer(traffic.origBytes),
      resp_bytes: integer(traffic.respBytes),
      orig_packets: integer(traffic.origPackets),
      resp_packets: integer(traffic.respPackets),
      flows_started: integer(traffic.flowsStarted),
      // Exact also where the tag says `other`.
      port: integer(traffic.respPort),
    },
  };
}

function lossPoint(loss: PublicLoss, host: string): PointOf<'bridgewatch_loss'> {
  return {
    measurement: 'bridgewatch_loss',
    tags: { host, source: loss.source, where: loss.where },
    fields: { count: integer(loss.count), first: loss.first, last: loss.last },
  };
}

function coveragePoint(coverage: PublicCoverage, host: string): PointOf<'bridgewatch_coverage'> {
  return {
    measurement: 'bridgewatch_coverage',
    tags: { host, network: coverage.network, container: coverage.container, state: coverage.state },
    fields: {
      covered: coverage.state === 'covered',
      interface: coverage.interface,
      reason: coverage.reason,
    },
  };
}

/** The host's carries what is counted of all; each network's only its own. */
function auditPoints(audit: PublicAuditRun, host: string): PointOf<'bridgewatch_audit'>[] {
  const { failures } = audit;
  return audit.scores.map(({ network, score, failed, unknown }) => {
    const whole = network === undefined;
    const count = (severity: string) => (whole ? integer(failures[severity] ?? 0) : undefined);
    return {
      measurement: 'bridgewatch_audit',
      tags: { host, network, trigger: audit.trigger },
      fields: {
        score: integer(score),
        failed: integer(failed),
        unknown: integer(unknown),
        critical: count('critical'),
        high: count('high'),
        medium: count('medium'),
        low: count('low'),
        informational: count('informational'),
        findings: whole ? integer(audit.findings) : undefined,
        containers: whole ? integer(audit.containers) : undefined,
        engine: whole ? audit.engineVersion : undefined,
      },
    };
  });
}

function labelOf(endpoint: PublicEndpoint): string {
  return endpointLabel(endpoint);
}

/** A count that is not a whole number is a bug upstream; the field is left out, the point stands. */
function integer(value: number | undefined | null): bigint | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : undefined;
}
