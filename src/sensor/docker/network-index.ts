/** The networks of the inventory with their subnets parsed: which one an address, a gateway or an id belongs to. */
import { type Cidr, cidrContains, type IpWords, parseCidr } from '../../model/ip.ts';
import type { Network } from '../../model/network.ts';
import type { InventoryState } from './inventory-state.ts';

export interface ParsedNetwork {
  readonly network: Network;
  readonly subnets: readonly Cidr[];
  readonly removed: boolean;
}

export class NetworkIndex {
  #all: readonly ParsedNetwork[] = [];
  readonly #byId = new Map<string, ParsedNetwork>();
  readonly #parsed = new WeakMap<Network, readonly Cidr[]>();

  /** Those that exist first, then those removed recently. */
  get all(): readonly ParsedNetwork[] {
    return this.#all;
  }

  /** After the inventory has changed. */
  rebuild(state: InventoryState): void {
    const parsed =
      (removed: boolean) =>
      (network: Network): ParsedNetwork => ({ network, subnets: this.#subnetsOf(network), removed });
    this.#all = [...state.networks().map(parsed(false)), ...state.removedNetworks().map(parsed(true))];
    this.#byId.clear();
    for (const entry of this.#all) {
      if (!this.#byId.has(entry.network.id)) this.#byId.set(entry.network.id, entry);
    }
  }

  byId(id: string): ParsedNetwork | undefined {
    return this.#byId.get(id);
  }

  byGateway(ip: string): ParsedNetwork | undefined {
    return this.#all.find(({ network, removed }) => !removed && network.gateways.includes(ip));
  }

  /** The one that exists and whose subnets hold any of these; undefined when there is none, or several. */
  onlyOneWith(addresses: readonly (IpWords | undefined)[]): Network | undefined {
    const matches = this.#all.filter(
      (entry) => !entry.removed && addresses.some((words) => words !== undefined && holds(entry, words)),
    );
    return matches.length === 1 ? matches[0]!.network : undefined;
  }

  /** The same object is the same network: the state makes a new one when anything changes. */
  #subnetsOf(network: Network): readonly Cidr[] {
    let subnets = this.#parsed.get(network);
    if (subnets === undefined) {
      subnets = network.subnets.map((subnet) => parseCidr(subnet)).filter((cidr) => cidr !== undefined);
      this.#parsed.set(network, subnets);
    }
    return subnets;
  }
}

export function holds({ subnets }: ParsedNetwork, words: IpWords): boolean {
  return subnets.some((cidr) => cidrContains(cidr, words));
}
