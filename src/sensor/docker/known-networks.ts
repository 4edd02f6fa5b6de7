/**
 * The networks that exist and those removed recently, so that late packets are not taken for foreign ones. Gateways are
 * gathered from whoever knows them. Bounded: removed ones by age and number.
 */
import { cidrContains, parseCidr, parseIp } from '../../model/ip.ts';
import type { Network } from '../../model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import type { InventoryEvent } from './inventory-event.ts';

export interface KnownNetworksOptions {
  /** Removed ones are kept for this long. */
  readonly retentionSecs: number;
  /**
   * All addresses of this host. Engines leave the gateway out of a network's description when they chose it
   * themselves (20.10 does); the host's address inside the subnet is that gateway.
   */
  readonly localAddresses: (() => Iterable<string>) | undefined;
  /** Told of each change. */
  readonly emit: (event: InventoryEvent) => void;
}

const MAX_REMOVED = 1000;

export class KnownNetworks {
  readonly #options: KnownNetworksOptions;
  readonly #networks = new Map<string, Network>();
  readonly #removed: { readonly network: Network; readonly at: Micros }[] = [];

  constructor(options: KnownNetworksOptions) {
    this.#options = options;
  }

  all(): Network[] {
    return [...this.#networks.values()];
  }

  get(id: string): Network | undefined {
    return this.#networks.get(id);
  }

  removed(): Network[] {
    return this.#removed.map(({ network }) => network);
  }

  seen(description: Network, time: Micros): void {
    const known = this.#networks.get(description.id);
    const gateways = new Set([
      ...description.gateways,
      ...(known?.gateways ?? []),
      ...this.#localGateways(description),
    ]);
    const network: Network = { ...description, gateways: [...gateways] };
    if (known !== undefined && JSON.stringify(known) === JSON.stringify(network)) return;
    this.#networks.set(network.id, network);
    this.#options.emit({ type: known === undefined ? 'network-added' : 'network-changed', time, network });
  }

  /** An endpoint tells of gateways that the network's own description left out. */
  learnGateways(id: string, gateways: readonly string[], time: Micros): void {
    const network = this.#networks.get(id);
    const unknown = gateways.filter((gateway) => !network?.gateways.includes(gateway));
    if (network === undefined || unknown.length === 0) return;
    this.seen({ ...network, gateways: [...network.gateways, ...unknown] }, time);
  }

  remove(network: Network, time: Micros): void {
    this.#networks.delete(network.id);
    const tooOld = time - this.#options.retentionSecs * MICROS_PER_SECOND;
    const removed = this.#removed;
    while (removed.length > 0 && (removed[0]!.at < tooOld || removed.length >= MAX_REMOVED)) removed.shift();
    removed.push({ network, at: time });
    this.#options.emit({ type: 'network-removed', time, network });
  }

  #localGateways(network: Network): string[] {
    if (network.bridge === undefined || this.#options.localAddresses === undefined) return [];
    const cidrs = network.subnets.map((subnet) => parseCidr(subnet)!);
    const inside: string[] = [];
    for (const local of this.#options.localAddresses()) {
      const words = parseIp(local);
      if (words !== undefined && cidrs.some((cidr) => cidrContains(cidr, words))) inside.push(local);
    }
    return inside;
  }
}
