import type { Lane } from '../../../model/lane.ts';

/** Where lines go. Rejects with a SinkError. */
export interface LineTarget {
  /** For messages. */
  readonly name: string;
  check(): Promise<string>;
  prepare(): Promise<void>;
  /** All of them are of one lane. Those of a durable lane that are there already are not written again. */
  append(lines: readonly string[], lane: Lane): Promise<void>;
  close(): Promise<void>;
}
