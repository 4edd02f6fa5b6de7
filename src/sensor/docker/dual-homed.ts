/**
 * The containers that are on an internal network and on another one besides: the only ones through which an internal
 * network has a way out. Read anew when the inventory has changed. It must not say that it changed where nothing did,
 * because each flow is then asked about again.
 */
import { type IpWords, parseIp } from '../../model/ip.ts';
import type { DualHomed } from '../bursts/intake.ts';
import type { InventoryState } from './inventory-state.ts';

interface Foot {
  readonly ip: IpWords;
  readonly containerId: string;
}

/** By network, then by the last word of the address. */
type Feet = ReadonlyMap<string, ReadonlyMap<number, readonly Foot[]>>;

export class DockerDualHomed implements DualHomed {
  readonly #state: InventoryState;
  #stateVersion = -1;
  #version = 0;
  #known = '';
  #feet: Feet = new Map();

  constructor(state: InventoryState) {
    this.#state = state;
  }

  get version(): number {
    this.#refresh();
    return this.#version;
  }

  get isAny(): boolean {
    this.#refresh();
    return this.#feet.size > 0;
  }

  holderOf(networkId: string, ip: IpWords): string | undefined {
    return this.#feet
      .get(networkId)
      ?.get(ip[3])
      ?.find((foot) => isSame(foot.ip, ip))?.containerId;
  }

  #refresh(): void {
    if (this.#stateVersion === this.#state.version) return;
    this.#stateVersion = this.#state.version;
    const places = this.#places();
    const known = places.map((place) => place.join(' ')).join('\n');
    if (known === this.#known) return;
    this.#known = known;
    this.#version++;
    this.#feet = feetOf(places);
  }

  /** Network, address and container. */
  #places(): (readonly [networkId: string, ip: string, containerId: string])[] {
    const isInternal = new Map(this.#state.networks().map(({ id, internal }) => [id, internal]));
    return this.#state.containers().flatMap(({ workload: { containerId }, endpoints }) => {
      const kinds = new Set(endpoints.map(({ networkId }) => isInternal.get(networkId)));
      if (!kinds.has(true) || !kinds.has(false)) return [];
      return endpoints.flatMap(({ networkId, ips }) =>
        ips.map((ip) => [networkId, ip, containerId] as const),
      );
    });
  }
}

function feetOf(places: readonly (readonly [string, string, string])[]): Feet {
  const feet = new Map<string, Map<number, Foot[]>>();
  for (const [networkId, text, containerId] of places) {
    const ip = parseIp(text);
    if (ip === undefined) continue;
    const network = feet.get(networkId) ?? new Map<number, Foot[]>();
    feet.set(networkId, network);
    network.set(ip[3], [...(network.get(ip[3]) ?? []), { ip, containerId }]);
  }
  return feet;
}

function isSame(a: IpWords, b: IpWords): boolean {
  return a[3] === b[3] && a[2] === b[2] && a[1] === b[1] && a[0] === b[0];
}
