/**
 * What the wings say to each other when they are two processes. The station believes the sensor, which holds the
 * privileges: its messages are V8's own serialization, the fastest there is for records that share objects. The sensor
 * believes nothing: what comes back is JSON, few kinds of it, each checked.
 */
import { deserialize, serialize } from 'node:v8';
import { z } from 'zod';
import type { EvidencePiece, EvidenceRequest } from '../model/evidence.ts';
import { SEVERITIES } from '../model/finding.ts';
import type { LearnedRecord } from '../model/learned.ts';
import type { LeaseHistory } from '../model/lease.ts';
import { MAX_PAST_FINDINGS, type PastFinding } from '../model/past-finding.ts';
import type { AgentRecord } from '../model/record.ts';
import type { SentRecord } from '../model/sent-record.ts';
import type { SensorState } from './ports.ts';

/** The number of a durable record in its lane, from 1, and the record. */
export type Numbered = readonly [seq: number, record: AgentRecord];

export type ToStation =
  | {
      readonly type: 'hello';
      /** Names this run of the sensor: numbers of another run are another sequence. */
      readonly run: string;
      /** The station's part of the configuration, as it stands in a file. */
      readonly config: unknown;
      readonly json: boolean;
    }
  | {
      readonly type: 'durable';
      /** Counts these messages; to be acknowledged. */
      readonly n: number;
      readonly findings: readonly Numbered[];
      readonly events: readonly Numbered[];
      readonly learned: readonly LearnedRecord[];
    }
  | { readonly type: 'bulk'; readonly records: readonly SentRecord[] }
  /** Packets put aside; a station that is gone takes them with it, and the sensor says so. */
  | { readonly type: 'evidence'; readonly piece: EvidencePiece }
  /** Told every two seconds: silence is a sign too. */
  | { readonly type: 'state'; readonly state: SensorState }
  /** The sensor ends in good order: nothing comes after this. */
  | { readonly type: 'bye' };

export type ToSensor =
  | {
      readonly type: 'welcome';
      readonly leases: LeaseHistory;
      readonly learned: readonly LearnedRecord[];
      readonly findings: readonly PastFinding[];
    }
  /** Every message up to `n` is on the disk. */
  | { readonly type: 'ack'; readonly n: number }
  /** Somebody wants the packets of the last moments; answered by evidence. */
  | { readonly type: 'collect'; readonly request: EvidenceRequest }
  /** Told every few seconds, whatever else there is to tell. */
  | { readonly type: 'alive' }
  /** The station cannot start; `lines` are for a person. */
  | { readonly type: 'failed'; readonly lines: readonly string[]; readonly exitCode: number };

/** A frame of bulk is far below; a hello or a welcome carries what was learned, which its maps bound. */
export const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

export function encodeToStation(message: ToStation): Buffer {
  return serialize(message);
}

export function decodeToStation(bytes: Buffer): ToStation {
  return deserialize(bytes) as ToStation;
}

export function encodeToSensor(message: ToSensor): Buffer {
  return Buffer.from(JSON.stringify(message));
}

const text = z.string().max(100_000);
const workload = z.looseObject({
  containerId: text,
  name: text,
  image: text,
  labels: z.record(text, text),
  networkMode: text,
  networks: z.array(text),
});
const lease = z.looseObject({
  kind: z.literal('lease'),
  time: z.number(),
  id: text,
  networkId: text,
  network: text,
  ips: z.array(text),
  workload,
  from: z.number(),
  to: z.number().optional(),
});
const learned = z.looseObject({
  kind: z.literal('learned'),
  time: z.number(),
  analyzer: text,
  map: text,
  key: text,
});
const pastFinding = z.object({
  id: text,
  analyzer: text,
  key: text,
  firstSeen: z.int(),
  lastSeen: z.int(),
  count: z.int().positive(),
  severity: z.enum(SEVERITIES),
  wasOpen: z.boolean(),
});
const evidenceRequest = z.object({
  request: z.string().max(100),
  targets: z.array(z.string().max(300)).min(1).max(32),
  lastSecs: z.number().positive().max(86_400),
});
const toSensor = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('welcome'),
    leases: z.object({ leases: z.array(lease), knownUntil: z.number().optional() }),
    learned: z.array(learned),
    findings: z.array(pastFinding).max(MAX_PAST_FINDINGS),
  }),
  z.object({ type: z.literal('ack'), n: z.number() }),
  z.object({ type: z.literal('collect'), request: evidenceRequest }),
  z.object({ type: z.literal('alive') }),
  z.object({ type: z.literal('failed'), lines: z.array(text), exitCode: z.number().int() }),
]);

/** Undefined for what no station of ours says. */
export function decodeToSensor(bytes: Buffer): ToSensor | undefined {
  try {
    const { data } = toSensor.safeParse(JSON.parse(bytes.toString()));
    return data as ToSensor | undefined;
  } catch {
    return undefined;
  }
}
