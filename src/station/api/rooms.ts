/** Every room of the API, one line each, and what each declares; see routes.ts and operation.ts. */
import { auditOperations, auditRoom } from './audit-room.ts';
import { decisionOperations, decisionRoom } from './decision-room.ts';
import { evidenceOperations, evidenceRoom } from './evidence-room.ts';
import { feedRoom, streamOperation } from './feed.ts';
import { healthOperations, healthRoom } from './health-room.ts';
import { metricsOperations, metricsRoom } from './metrics-room.ts';
import { openApiOperations, openApiRoom } from './openapi-room.ts';
import type { Operation } from './operation.ts';
import { recordOperations, recordRoom } from './record-room.ts';
import type { Room } from './routes.ts';
import { statusOperations, statusRoom } from './status-room.ts';
import { whoOperations, whoRoom } from './who-room.ts';

// The metrics come first: they count the requests to all.
export const ROOMS: readonly Room[] = [
  metricsRoom,
  recordRoom,
  decisionRoom,
  evidenceRoom,
  auditRoom,
  whoRoom,
  feedRoom,
  statusRoom,
  healthRoom,
  openApiRoom,
];

/** What docs/openapi.json is made of, in its order. */
export const OPERATIONS: readonly Operation[] = [
  ...recordOperations,
  ...decisionOperations,
  ...evidenceOperations,
  ...auditOperations,
  ...whoOperations,
  streamOperation,
  ...statusOperations,
  ...healthOperations,
  ...metricsOperations,
  ...openApiOperations,
];
