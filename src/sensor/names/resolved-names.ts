/**
 * What each container resolved: the names that its own answered DNS questions gave to an address, at the time of a
 * flow. A name counts only for who asked, and who asked must be beyond doubt: nobody can name an address for another.
 * Packet time only. Bounded: when full, whoever holds the most gives up what was longest out of use.
 */
import type { DnsRecord } from '../../model/dns.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import { LruMap } from '../analysis/bounded-map.ts';
import type { NamesConfig } from '../config.ts';
import { answeredAddresses } from './answered-addresses.ts';
import { hostname } from './hostname.ts';

/** Names of one address for one asker. Virtual hosts and content networks share addresses, but a program uses few. */
const MAX_NAMES = 8;
/** All askers that are no known container: addresses can be invented, so they share one allowance. */
const ADDRESSES = '';
const NONE: readonly string[] = [];

/** A name held for flows that begin in [from, until]. */
interface Known {
  readonly name: string;
  readonly from: Micros;
  until: Micros;
}

/** Names of one address, the latest resolved first. */
type Address = Known[];

export class ResolvedNames {
  readonly #config: NamesConfig;
  /** By container id: by address. Under ADDRESSES: by asker's and asked address. */
  readonly #askers = new Map<string, LruMap<Address>>();
  #size = 0;
  /** Addresses given up while their names still counted. */
  evicted = 0;

  constructor(config: NamesConfig) {
    this.#config = config;
  }

  /** Addresses with names, of all askers. */
  get size(): number {
    return this.#size;
  }

  /** A question with its answer, as DnsIntake pairs them; every other record is passed over. */
  learn(record: DnsRecord): void {
    const { client, rtt } = record;
    // Without a question that was seen, an answer is what anybody may send.
    if (rtt === undefined || record.rcode !== 'NOERROR' || record.qclass !== 'IN') return;
    if (record.answers.length === 0 || !isBeyondDoubt(client)) return;
    const name = hostname(record.query);
    if (name === undefined) return;
    const time = record.time + rtt;
    for (const { ip, ttlSecs } of answeredAddresses(record)) this.#note(client, ip, name, time, ttlSecs);
  }

  /** Names of `ip` for who resolved them, the latest first. `time`: when the flow to it began. */
  namesOf(ip: string, askerId: string | undefined, askerIp: string, time: Micros): readonly string[] {
    const known = this.#askers.get(askerId ?? ADDRESSES)?.get(addressKey(ip, askerId, askerIp));
    if (known === undefined) return NONE;
    const names: string[] = [];
    for (const { name, from, until } of known) {
      if (time >= from && time <= until && !names.includes(name)) names.push(name);
    }
    return names;
  }

  /**
   * What counted goes on counting by the new clock, for as long as it would have. Flows keep the begin that was recorded,
   * so what counted until now stays too; what had lapsed must not count again. Visits all: some milliseconds when full.
   */
  clockSet({ from, to }: ClockStep): void {
    for (const addresses of this.#askers.values()) {
      for (const [, known] of addresses.entries()) {
        const counting = known.filter((entry) => entry.from <= from && entry.until >= from);
        known.unshift(...counting.map(({ name, until }) => ({ name, from: to, until: until + to - from })));
        for (const entry of counting) entry.until = from;
        const kept = known.filter(
          (entry) => entry.until < to || entry.from === to || counting.includes(entry),
        );
        known.splice(0, known.length, ...kept.slice(0, MAX_NAMES));
      }
    }
  }

  #note(client: Endpoint, ip: string, name: string, time: Micros, ttlSecs: number): void {
    const askerId = client.workload?.containerId;
    const key = addressKey(ip, askerId, client.ip);
    const known = this.#addressesOf(askerId ?? ADDRESSES).ensure(key, () => {
      this.#size++;
      return [];
    });
    const until = time + this.#lifetimeSecs(ttlSecs) * MICROS_PER_SECOND;
    const at = known.findIndex((entry) => entry.name === name && time >= entry.from && time <= entry.until);
    const [entry = { name, from: time, until }] = at < 0 ? [] : known.splice(at, 1);
    entry.until = Math.max(entry.until, until);
    known.unshift(entry);
    if (known.length > MAX_NAMES) known.pop();
    if (this.#size > this.#config.max_addresses) this.#giveUpOne(time);
  }

  /**
   * Not the TTL itself. Floor: programs keep what they resolved far longer (connection pools, JVMs, proxies that resolve
   * when they start), and a connection after the TTL is still to the name. Ceiling: an address that changes hands must
   * not keep its old name (RFC 8767 5 caps at days; a day is plenty here).
   */
  #lifetimeSecs(ttlSecs: number): number {
    const { min_lifetime_secs: least, max_lifetime_secs: most } = this.#config;
    return Math.max(least, Math.min(ttlSecs, most));
  }

  #addressesOf(asker: string): LruMap<Address> {
    let addresses = this.#askers.get(asker);
    if (addresses === undefined) {
      // The bound is on all askers together and kept by #giveUpOne; one more, because that comes after the adding.
      addresses = new LruMap(this.#config.max_addresses + 1, () => {});
      this.#askers.set(asker, addresses);
    }
    return addresses;
  }

  /** The largest pays, so that a container which resolves without end forgets its own names and nobody else's. */
  #giveUpOne(time: Micros): void {
    let largest: [asker: string, addresses: LruMap<Address>] | undefined;
    for (const entry of this.#askers) if (entry[1].size > (largest?.[1].size ?? 0)) largest = entry;
    if (largest === undefined) return;
    const [asker, addresses] = largest;
    const gone = addresses.takeOldest();
    if (addresses.size === 0) this.#askers.delete(asker);
    this.#size--;
    if (gone?.some(({ until }) => until >= time) === true) this.evicted++;
  }
}

function addressKey(ip: string, askerId: string | undefined, askerIp: string): string {
  return askerId === undefined ? `${askerIp} ${ip}` : ip;
}

/**
 * Whether the question is this client's own. Any neighbour on a bridge can send frames with another's address; then the
 * MAC is not the one that the inventory gives with it, and what was asked so says nothing about the owner of the address.
 */
function isBeyondDoubt({ workload, mac, attribution }: Endpoint): boolean {
  if (attribution.confidence === 'ambiguous') return false;
  return workload === undefined || mac === undefined || attribution.method !== 'ip@time';
}
