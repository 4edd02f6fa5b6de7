/**
 * The one way between the wings, as either of them sees it: records go from the sensor to the station. Whether a pipe to
 * another process lies between (`station-link.ts`, `sensor-link.ts`) or a function call, the wings cannot tell.
 */
import type { LearnedRecord } from '../model/learned.ts';
import type { AgentRecord } from '../model/record.ts';

/** The sensor's end. `send` is synchronous, never blocks and never throws: the pipeline must not wait for a disk. */
export interface RecordSender {
  send(record: AgentRecord): void;
  /** What an analyzer has learned, to be given back at the next start. As quiet as `send`. */
  remember(learned: LearnedRecord): void;
}

/** The station's end. */
export interface RecordReceiver {
  receive(record: AgentRecord): void;
  remember(learned: LearnedRecord): void;
}

/** Joins the wings inside one process. */
export function localChannel(receiver: RecordReceiver): RecordSender {
  return {
    send: (record) => receiver.receive(record),
    remember: (learned) => receiver.remember(learned),
  };
}
