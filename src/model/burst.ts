import type { FlowRecord } from './flow.ts';
import type { Micros } from './time.ts';

/**
 * A time in which a flow spoke, between silences of half a second (Zhang & Paxson 2000, "Detecting Stepping Stones":
 * an ON period); of one that lasts longer, each second of it. Told when it is over, only of flows in which what enters a
 * dual-homed container may leave it again: those inside its internal networks, and those that it opened elsewhere.
 */
export interface FlowBurst {
  /** Packet time of its first data; of a later stretch, whole seconds after that of the first. */
  readonly time: Micros;
  /** Packet time of its last data. */
  readonly end: Micros;
  readonly flow: FlowRecord;
  /** The container that is on an internal network and on another one besides. */
  readonly containerId: string;
  /** That container is the flow's originator. */
  readonly isContainerOrig: boolean;
  /** Seen on an internal network. */
  readonly isInternal: boolean;
  /** The originator's data came first. */
  readonly isOrigFirst: boolean;
  /** Nothing of the flow's data came before, and its opening was seen. */
  readonly isOpening: boolean;
  /** Seconds of the ON period that were told before. */
  readonly stretch: number;
  /** Payload in this time, sent again or not. */
  readonly origBytes: number;
  /** The same in the other direction. */
  readonly respBytes: number;
}
