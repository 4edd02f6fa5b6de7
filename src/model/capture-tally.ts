import type { Micros } from './time.ts';

/** From where packets come; of a container's namespace only the questions to Docker's resolver. */
export type CaptureVantage = 'bridge' | 'container' | 'uplink' | 'file';

/** What was read from one place in an interval, and what was lost before it could be. */
export interface CaptureTally {
  readonly vantage: CaptureVantage;
  /** Name of the Docker network; absent where it is about all containers, about an uplink, or about a file. */
  readonly network?: string;
  readonly first: Micros;
  /** End of the interval. */
  readonly last: Micros;
  /** Packets that were read. */
  readonly packets: number;
  /** Packets for which the kernel's ring had no room. */
  readonly kernelDrops: number;
  /** Packets that the interface itself dropped. */
  readonly interfaceDrops: number;
}
