/** Records of each kind, sparse and full, for what is written of them. */
import type { AgentRecord } from '../../../../src/model/record.ts';
import {
  auditRun,
  coverage,
  dns,
  endpoint,
  finding,
  flow,
  inventory,
  loss,
  outside,
  traffic,
} from '../../support/records.ts';

const { respPort: _, ...portless } = traffic(2);

export const SAMPLES: readonly AgentRecord[] = [
  finding(1),
  finding(2, { peers: [outside(), outside({ port: 80 })], status: 'closed', severity: 'low' }),
  finding(3, { peers: [], attack: [], flowUids: [], communityIds: [], evidence: {} }),
  finding(4, { subject: endpoint({ workload: undefined, port: undefined }), status: 'reopened' }),
  traffic(1),
  portless,
  loss(1),
  coverage(1, { interface: 'br-1', reason: 'tapped' }),
  coverage(2),
  auditRun(1),
  auditRun(2, { engineVersion: undefined, scores: [{ score: 100, failed: 0, unknown: 0 }] }),
];

export const RECORD_KINDS_NOT_SENT: readonly AgentRecord[] = [flow(1), dns(1), inventory(1)];
