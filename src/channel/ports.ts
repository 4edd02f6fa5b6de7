/**
 * The one way between the wings, as either of them sees it: records go from the sensor to the station. Whether a pipe to
 * another process lies between (`station-link.ts`, `sensor-link.ts`) or a function call, the wings cannot tell.
 */
import type { EvidencePiece } from '../model/evidence.ts';
import type { LearnedRecord } from '../model/learned.ts';
import type { MetricFamily } from '../model/metric.ts';
import type { AgentRecord } from '../model/record.ts';
import type { SentRecord } from '../model/sent-record.ts';

/** The sensor's end. `send` is synchronous, never blocks and never throws: the pipeline must not wait for a disk. */
export interface RecordSender {
  send(record: AgentRecord): void;
  /** What an analyzer has learned, to be given back at the next start. As quiet as `send`. */
  remember(learned: LearnedRecord): void;
  /** Packets put aside. As quiet as `send`; what is more than `evidenceRoomBytes` waits in memory. */
  sendEvidence(piece: EvidencePiece): void;
  /** How much the channel takes now without keeping it waiting: whoever collects goes by it, the ring keeps the rest. */
  readonly evidenceRoomBytes: number;
  /** Who takes it: another number is another station, which has nothing of what was sent before. */
  readonly evidenceListener: number;
}

/** The station's end. */
export interface RecordReceiver {
  receive(record: SentRecord): void;
  remember(learned: LearnedRecord): void;
  receiveEvidence(piece: EvidencePiece): void;
}

/** How the sensor is, told every two seconds. */
export interface SensorState {
  /** What a person should know, one line each; empty when all is well. */
  readonly problems: readonly string[];
  readonly metrics: readonly MetricFamily[];
}

/** What a station in the same process writes at once. */
const LOCAL_ROOM_BYTES = 1024 * 1024;

/** Joins the wings inside one process. */
export function localChannel(receiver: RecordReceiver): RecordSender {
  return {
    send: (record) => receiver.receive(record),
    remember: (learned) => receiver.remember(learned),
    sendEvidence: (piece) => receiver.receiveEvidence(piece),
    evidenceRoomBytes: LOCAL_ROOM_BYTES,
    evidenceListener: 0,
  };
}
