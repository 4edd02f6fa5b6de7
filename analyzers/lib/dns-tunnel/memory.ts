/** Who asked for which zone: what dns-tunnel remembers of clients and of pairs of client and zone, bounded. */
import type { DnsRecord } from '../../../src/model/dns.ts';
import type { Micros } from '../../../src/model/time.ts';
import type { BoundedMap } from '../../../src/sensor/analysis/analyzer.ts';
import { clientKey } from '../asker.ts';
import { DnsClient } from './client.ts';
import { ClientZone } from './client-zone.ts';
import { SampleBudget } from './distinct-history.ts';
import type { Context } from './evidence.ts';
import type { Options } from './options.ts';

const CLIENTS_OF_ZONE = 8;
/** One in so many pairs may have more than 64 names a day; measured 4 KB each. */
const PAIRS_PER_SAMPLE = 16;
/** Questions of a pair after which it is young again among those that may have to go. */
const TOUCH_EVERY = 16;

/** Time of packets, for all parts of the analyzer. */
export interface Clock {
  now: Micros;
}

export class Memory {
  readonly #clock: Clock;
  readonly #clients: BoundedMap<DnsClient>;
  readonly #pairs: BoundedMap<ClientZone>;
  /** Of each zone, the first few who asked for it. */
  readonly #askers: BoundedMap<ClientZone[]>;
  readonly #budget: SampleBudget;
  #clientsSeen = 0;

  constructor(
    ctx: Context,
    { max_zones, max_clients }: Options,
    clock: Clock,
    onForget: (pair: ClientZone) => void,
  ) {
    this.#clock = clock;
    this.#budget = new SampleBudget(Math.ceil(max_zones / PAIRS_PER_SAMPLE));
    // Without its client nobody would find a pair again.
    this.#clients = ctx.boundedMap({
      name: 'clients',
      maxKeys: max_clients,
      onEvict: (client) => {
        for (const pair of [...client.zones.values()]) {
          this.#pairs.delete(keyOf(client, pair));
          this.#forget(pair, onForget);
        }
      },
    });
    this.#askers = ctx.boundedMap({ name: 'askers', maxKeys: max_zones });
    this.#pairs = ctx.boundedMap({
      name: 'zones',
      maxKeys: max_zones,
      worth: (pair) => pair.worth(clock.now),
      onEvict: (pair) => this.#forget(pair, onForget),
    });
  }

  knownClient({ client, network }: Pick<DnsRecord, 'client' | 'network'>): DnsClient | undefined {
    return this.#clients.get(clientKey(client, network));
  }

  client(record: Pick<DnsRecord, 'client' | 'network'>): DnsClient {
    const known = this.knownClient(record);
    if (known !== undefined) return known;
    const key = clientKey(record.client, record.network);
    return this.#clients.ensure(key, () => new DnsClient(String(++this.#clientsSeen), key));
  }

  pair(client: DnsClient, zone: Pick<ClientZone, 'kind' | 'zone'>, record: DnsRecord): ClientZone {
    const known = client.zones.get(zone.zone);
    if (known === undefined) return this.#add(client, zone, record);
    if (known.queries % TOUCH_EVERY === 0) this.#pairs.get(keyOf(client, zone));
    return known;
  }

  /** Other clients of the zone whose names are as long, within half. */
  alikeTo(pair: ClientZone): number {
    const others = this.#askers.get(pair.zone);
    if (others === undefined || others.length < 2) return 0;
    const { now } = this.#clock;
    const length = pair.meanLength(now);
    let alike = 0;
    for (const other of others) {
      if (other.client === pair.client) continue;
      const otherLength = other.meanLength(now);
      if (otherLength > length / 1.5 && otherLength < length * 1.5) alike += 1;
    }
    return alike;
  }

  *pairs(): Iterable<ClientZone> {
    for (const [, pair] of this.#pairs.entries()) yield pair;
  }

  *clients(): Iterable<DnsClient> {
    for (const [, client] of this.#clients.entries()) yield client;
  }

  #add(client: DnsClient, zone: Pick<ClientZone, 'kind' | 'zone'>, record: DnsRecord): ClientZone {
    const key = keyOf(client, zone);
    const pair = this.#pairs.ensure(key, () => new ClientZone(client, zone, record, this.#budget));
    client.zones.set(pair.zone, pair);
    const others = this.#askers.get(pair.zone);
    if (others === undefined) this.#askers.ensure(pair.zone, () => [pair]);
    else if (others.length < CLIENTS_OF_ZONE) others.push(pair);
    return pair;
  }

  #forget(pair: ClientZone, onForget: (pair: ClientZone) => void): void {
    pair.client.forget(pair);
    this.#leave(pair);
    pair.release();
    onForget(pair);
  }

  #leave(pair: ClientZone): void {
    const others = this.#askers.get(pair.zone);
    const at = others?.indexOf(pair) ?? -1;
    if (at < 0) return;
    if (others!.length === 1) this.#askers.delete(pair.zone);
    else others!.splice(at, 1);
  }
}

function keyOf(client: DnsClient, { zone }: Pick<ClientZone, 'zone'>): string {
  return `${client.serial} ${zone}`;
}
