/** What `run` needs of the station, wherever that lives. */
import type { RecordSender } from '../channel/ports.ts';
import type { Memory } from '../sensor/agent.ts';

export interface StationSide {
  readonly sender: RecordSender;
  /** What the runs before this one left behind. */
  readonly memory: Memory;
  /** From now on the heartbeat tells what is wrong with the sensor too. */
  watch(problems: () => readonly string[]): void;
  stop(): Promise<void>;
}
