/** OCSF Detection Finding (2004): created, updated, closed. */
import type { PublicFinding } from '../../../model/serialize.ts';
import { microsBetween, millisOf, SEVERITY_NUMBERS, unlessEmpty } from '../facts.ts';
import type { Emitter } from '../format.ts';
import { beyondEndpoint, dockerLabels, ocsfAttacks, ocsfEndpoint, ocsfHead } from './objects.ts';

const CLASS = { classUid: 2004, className: 'Detection Finding', categoryUid: 2, categoryName: 'Findings' };

const ACTIVITIES = {
  open: { id: 1, name: 'Create' },
  update: { id: 2, name: 'Update' },
  closed: { id: 3, name: 'Close' },
  // OCSF has no word for it: what was closed is changed back.
  reopened: { id: 2, name: 'Update' },
} as const;

const SEVERITY_NAMES = {
  informational: 'Informational',
  low: 'Low',
  medium: 'Medium',
  high: 'High',
  critical: 'Critical',
} as const;

/** OCSF ends at `High`; that it is certain stands in `unmapped`. */
const CONFIDENCES = {
  low: { confidence_id: 1, confidence: 'Low' },
  medium: { confidence_id: 2, confidence: 'Medium' },
  high: { confidence_id: 3, confidence: 'High' },
  certain: { confidence_id: 3, confidence: 'High' },
} as const;

export function ocsfFinding(record: PublicFinding, time: string, emitter: Emitter): object {
  const {
    kind: _,
    id,
    analyzer,
    message,
    title,
    severity,
    confidence,
    status,
    firstSeen,
    lastSeen,
    ...told
  } = record;
  const { subject, peers, attack, explanation, evidence, flowUids, communityIds, count, key, ...rest } = told;
  const durationMicros = microsBetween(firstSeen, lastSeen);
  const firstMillis = millisOf(firstSeen);
  const lastMillis = millisOf(lastSeen);
  return {
    ...ocsfHead(record, time, CLASS, ACTIVITIES[status], emitter),
    severity_id: SEVERITY_NUMBERS[severity],
    severity: SEVERITY_NAMES[severity],
    ...CONFIDENCES[confidence],
    ...findingStatus(record),
    is_alert: status !== 'closed' && record.exception === undefined && record.muted === undefined,
    message: explanation,
    count,
    start_time: firstMillis,
    end_time: lastMillis,
    duration: durationMicros === undefined ? undefined : Math.round(durationMicros / 1000),
    finding_info: {
      uid: id,
      uid_alt: key,
      title,
      desc: explanation,
      types: [message],
      analytic: { uid: analyzer, name: title, type_id: 1, type: 'Rule' },
      attacks: ocsfAttacks(attack),
      first_seen_time: firstMillis,
      last_seen_time: lastMillis,
      related_events: unlessEmpty(flowUids.map((uid) => ({ uid }))),
    },
    evidences: evidences(record),
    resources: subject.workload && [resource(subject.workload)],
    unmapped: {
      ...rest,
      confidence,
      communityIds,
      subject: beyondEndpoint(subject),
      peers: unlessEmpty(peers.map(beyondEndpoint)),
    },
  };
}

/** Nobody has looked at it yet, or somebody is on it, or does not want to be told of it. Quiet is not resolved. */
function findingStatus({ status, exception, muted, acknowledged }: PublicFinding) {
  const unwanted = exception ?? muted;
  if (unwanted !== undefined) return { status_id: 3, status: 'Suppressed', status_detail: unwanted.reason };
  if (status === 'closed') return { status_id: 99, status: 'quiet' };
  if (acknowledged === undefined) return { status_id: 1, status: 'New' };
  return { status_id: 2, status: 'In Progress', status_detail: acknowledged.note };
}

/** One for each peer; what was measured stands with the first. */
function evidences({ subject, peers, evidence, communityIds, network }: PublicFinding) {
  const source = ocsfEndpoint(subject, { zone: network });
  const first = {
    src_endpoint: source,
    dst_endpoint: peers[0] && ocsfEndpoint(peers[0]),
    connection_info:
      communityIds[0] === undefined
        ? undefined
        : { direction_id: 0, direction: 'Unknown', community_uid: communityIds[0] },
    data: evidence,
  };
  return [
    first,
    ...peers.slice(1).map((peer) => ({ src_endpoint: source, dst_endpoint: ocsfEndpoint(peer) })),
  ];
}

function resource(workload: NonNullable<PublicFinding['subject']['workload']>) {
  return {
    uid: workload.containerId,
    name: workload.name,
    type: 'Container',
    labels: unlessEmpty(dockerLabels(workload)),
  };
}
