/**
 * Taps on the host's uplinks, filtered to VXLAN, while the engine has overlay networks: what of these crosses the wire in
 * clear. The uplink is the interface with the Swarm's address, unless the configuration names others. Their frames
 * are no flows: the overlay's own tap sees those.
 */
import type { LiveOptions, PacketSource } from '../../../capture/source.ts';
import type { Network } from '../../model/network.ts';
import type { LossRecord } from '../../model/record.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { type AttachedTap, TapLife, type TapTarget } from './tap-life.ts';

export interface UplinkTapsOptions {
  /** Rejects with a CaptureError when the interface cannot be tapped. */
  readonly open: (options: LiveOptions) => Promise<PacketSource>;
  readonly live: Pick<LiveOptions, 'snaplenBytes' | 'bufferBytes' | 'readTimeoutMs'>;
  /** Of the configuration; empty: the one with the Swarm's address. */
  readonly interfaces: readonly string[];
  /** The address by which the Swarm reaches this host; undefined while that is not known. */
  readonly swarmAddress: () => Promise<string | undefined>;
  /** The interface of this host that has the address. */
  readonly interfaceOf: (address: string) => string | undefined;
  readonly attach: (source: PacketSource) => AttachedTap;
  readonly emit: (record: LossRecord) => void;
  readonly log: Logger;
}

/** RFC 7348 8.4: fragments beyond the first have no port, and carry no header of a frame. */
const FILTER = 'udp dst port 4789';
/** For the Swarm's own, whose name is not known before its address is. */
const OF_THE_SWARM = '';

export class UplinkTaps {
  readonly #options: UplinkTapsOptions;
  readonly #lives = new Map<string, TapLife>();
  #isStopped = false;

  constructor(options: UplinkTapsOptions) {
    this.#options = options;
  }

  /** Call it whenever networks come or go. */
  networksChanged(networks: readonly Network[]): void {
    if (this.#isStopped) return;
    const isNeeded = networks.some(({ driver }) => driver === 'overlay');
    if (isNeeded === this.#lives.size > 0) return;
    if (!isNeeded) {
      void this.#end();
      return;
    }
    const { interfaces } = this.#options;
    for (const name of interfaces.length === 0 ? [OF_THE_SWARM] : interfaces) {
      const life = this.#lifeOf(name);
      this.#lives.set(name, life);
      life.begin();
    }
  }

  /** Uplinks that should be watched and are not, one line each. */
  problems(): string[] {
    return [...this.#lives.values()].flatMap(({ problem }) =>
      problem === undefined ? [] : [`overlay networks in clear are not seen: ${problem}`],
    );
  }

  readStatistics(): void {
    for (const life of this.#lives.values()) life.readStatistics();
  }

  /** Settles when the last frames have been handed over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#end();
  }

  async #end(): Promise<void> {
    const lives = [...this.#lives.values()];
    this.#lives.clear();
    await Promise.all(lives.map((life) => life.end(undefined)));
  }

  #lifeOf(name: string): TapLife {
    const { open, attach, emit, log } = this.#options;
    let found = name;
    return new TapLife({
      subject: { network: `the uplink ${name}`.trimEnd() },
      interfaceName: () => (found === '' ? undefined : found),
      lossName: `uplink ${name}`.trimEnd(),
      bufferSetting: 'capture.buffer_bytes',
      target: async () => {
        const target = await this.#targetOf(name);
        if ('live' in target) found = target.live.interface;
        return target;
      },
      open,
      attach,
      // Coverage is told of networks; what is missing here is in `problems` and in the log.
      emit: (record) => {
        if (record.kind === 'loss') emit(record);
      },
      log,
    });
  }

  async #targetOf(name: string): Promise<TapTarget> {
    const interfaceName = name === OF_THE_SWARM ? await this.#ofTheSwarm() : name;
    if (typeof interfaceName !== 'string') return interfaceName;
    return { live: { ...this.#options.live, interface: interfaceName, filter: FILTER, promiscuous: false } };
  }

  async #ofTheSwarm(): Promise<string | { readonly reason: string; readonly isProblem?: boolean }> {
    const address = await this.#options.swarmAddress();
    if (address === undefined) return { reason: 'the engine does not tell the address of its Swarm' };
    const name = this.#options.interfaceOf(address);
    return (
      name ?? {
        reason: `no interface here has the address of the Swarm, ${address}; name the uplink in overlays.interfaces`,
        isProblem: true,
      }
    );
  }
}
