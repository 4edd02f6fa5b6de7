/** What `run` needs of the station, wherever that lives. */
import type { RecordSender, SensorState } from '../../channel/ports.ts';
import type { EvidenceRequest } from '../../model/evidence.ts';
import type { Memory } from '../../sensor/agent.ts';

export interface StationSide {
  readonly sender: RecordSender;
  /** What the runs before this one left behind. */
  readonly memory: Memory;
  /** From now on the heartbeat and the API tell how the sensor is. */
  watch(state: () => SensorState): void;
  /** Who answers when somebody wants packets of the last moments; until then nobody does. */
  onCollect(answer: (request: EvidenceRequest) => void): void;
  stop(): Promise<void>;
}
