/** What `capture` and `extcap` share: the engine as it is, and a recording of what is asked for. */
import { hostname, machine, release, type as systemType } from 'node:os';
import { openLiveTap } from '../../../capture/open.ts';
import type { Config } from '../../config/schema.ts';
import { clientOptions } from '../../sensor/config.ts';
import { Inventory } from '../../sensor/docker/inventory.ts';
import { NETNS_DIRS } from '../../sensor/host/docker-netns.ts';
import type { RecordingOutput } from '../../sensor/recording/output.ts';
import { Recording, type RecordingLimits } from '../../sensor/recording/recording.ts';
import { type Target, targetOf } from '../../sensor/recording/target.ts';
import { tapPlace } from '../../sensor/taps/tap-place.ts';
import { version } from '../../version.ts';
import { complain } from '../lib/output.ts';

export interface RecordingWish {
  readonly words: readonly string[];
  /** pcap-filter(7). */
  readonly filter?: string;
  readonly snaplenBytes?: number;
  readonly limits?: RecordingLimits;
  /** Called once there is something to record. */
  readonly output: (targets: readonly Target[]) => RecordingOutput;
}

export interface StartedRecording {
  readonly recording: Recording;
  /** Lets go of the engine. */
  stop(): Promise<void>;
}

/** Rejects where the engine is away, a word means nothing, or nothing can be seen; then nothing was written. */
export async function startRecording(config: Config, wish: RecordingWish): Promise<StartedRecording> {
  const inventory = await followedInventory(config);
  try {
    const world = () => ({ networks: inventory.networks(), containers: inventory.containers() });
    const targets = wish.words.map((word) => targetOf(word, world()));
    const { capture } = config;
    const recording = new Recording({
      targets,
      world,
      placeOf: (network) => tapPlace(network, { dockerNetns: NETNS_DIRS }),
      open: async (live) => {
        const { source, notice } = await openLiveTap(live, capture.backend);
        if (notice !== undefined) complain(notice);
        return source;
      },
      live: {
        snaplenBytes: wish.snaplenBytes ?? capture.snaplen_bytes,
        bufferBytes: capture.buffer_bytes,
        promiscuous: capture.promiscuous,
        readTimeoutMs: capture.read_timeout_ms,
      },
      ...(wish.filter === undefined ? {} : { filter: wish.filter }),
      output: () => wish.output(targets),
      ...(wish.limits === undefined ? {} : { limits: wish.limits }),
      section: {
        application: `Bridgewatch ${version()}`,
        os: `${systemType()} ${release()}`,
        hardware: machine(),
        comments: [`host ${hostname()}; recorded: ${targets.map(({ name }) => name).join(', ')}`],
      },
      onNotice: (line) => complain(line),
    });
    await recording.start();
    inventory.onChange(() => recording.worldChanged());
    return { recording, stop: () => inventory.stop() };
  } catch (error) {
    await inventory.stop();
    throw error;
  }
}

/** The engine as it is, followed until it is stopped; rejects when it does not answer. */
export async function followedInventory(config: Config): Promise<Inventory> {
  const inventory = new Inventory(clientOptions(config.docker));
  try {
    await new Promise<void>((resolve, reject) => {
      const forget = inventory.onChange(() => {
        const { status } = inventory;
        if (status.state === 'stale') reject(status.error);
      });
      void inventory.ready.then(() => {
        forget();
        resolve();
      });
      inventory.start();
    });
    return inventory;
  } catch (error) {
    await inventory.stop();
    throw error;
  }
}
