/**
 * Gives an address its name at the time of its packets: container, gateway, host, LAN, internet, multicast, or
 * unknown with a reason. It never guesses: where two containers fit, both are candidates and none is named.
 * Order: what the inventory knows, what the host knows, what the IANA registries say.
 */
import { formatIp, parseIp } from '../../model/ip.ts';
import type { Network } from '../../model/network.ts';
import type { Micros } from '../../model/time.ts';
import type { Interval } from './address-book.ts';
import { AnswerCache, type CachedAnswer, type Tally } from './answer-cache.ts';
import { type Attributed, ambiguous, distinctNames, unknown } from './answers.ts';
import type { Arrival } from './arrivals.ts';
import { asHolder, asLinkLocal } from './by-holder.ts';
import { asForeign, asGateway, asHost, asMulticast, asSubnet, byRange } from './by-network.ts';
import { bordersOf } from './claims.ts';
import type { InventoryState } from './inventory-state.ts';
import { NetworkIndex } from './network-index.ts';
import type { HostAddresses, Question, World } from './question.ts';

export type { HostAddresses } from './question.ts';

export interface AttributionOptions {
  readonly host?: HostAddresses;
  /** Entries of the cache, about 200 bytes each; when full it starts again empty. */
  readonly maxCached?: number;
}

const NO_HOST: HostAddresses = { has: () => false, onInterface: () => false };

/** How often an answer was given in this way, and how sure it was. */
export type AttributionCounts = Readonly<Record<string, number>>;

export class Attribution {
  readonly #state: InventoryState;
  readonly #networks = new NetworkIndex();
  readonly #cache: AnswerCache;
  #world: World;
  #version = -1;
  /** By `method/confidence`. Answers, not flows: each record asks anew. */
  readonly #tallies = new Map<string, Tally>();

  constructor(state: InventoryState, options: AttributionOptions = {}) {
    this.#state = state;
    this.#cache = new AnswerCache(options.maxCached ?? 65_536);
    this.#world = { state, networks: this.#networks, host: options.host ?? NO_HOST };
  }

  setHost(host: HostAddresses): void {
    this.#world = { ...this.#world, host };
    this.#version = -1;
  }

  /** How often the cache was full and started again. */
  get overflows(): number {
    return this.#cache.overflows;
  }

  /**
   * `ip` in RFC 5952 text and `mac` in lower case, as seen on the bridge of `networkId` at `time`. Without a network
   * (a file without interfaces) the address alone decides. Costs about 0.1 us when asked before and 10 us when not (300 containers on 30 networks).
   * `until`: of what lasted longer than a packet; an address that went to another meanwhile is ambiguous.
   */
  resolve(
    ip: string,
    mac: string | undefined,
    networkId: string | undefined,
    time: Micros,
    until: Micros = time,
  ): Attributed {
    this.#refresh();
    const cached = this.#cache.find(ip, mac, networkId ?? '', time) ?? this.#answer(ip, mac, networkId, time);
    if (until >= cached.to) {
      return this.#counted(this.#withHeirs(cached.result, ip, networkId, time, until));
    }
    cached.tally.count++;
    return cached.result;
  }

  /** `{ 'mac+ip/certain': 812, ... }`, since the start. */
  counts(): AttributionCounts {
    return Object.fromEntries([...this.#tallies].map(([key, { count }]) => [key, count]));
  }

  #tallyOf({ attribution: { method, confidence } }: Attributed): Tally {
    const key = `${method}/${confidence}`;
    let tally = this.#tallies.get(key);
    if (tally === undefined) {
      tally = { count: 0 };
      this.#tallies.set(key, tally);
    }
    return tally;
  }

  #counted(result: Attributed): Attributed {
    this.#tallyOf(result).count++;
    return result;
  }

  /**
   * The network a flow of a capture file belongs to, when its interface is none of ours: the one whose subnets hold
   * one of the two addresses. Undefined when there is none, or several.
   */
  networkOf(ip: string, otherIp: string): Network | undefined {
    this.#refresh();
    return this.#networks.onlyOneWith([parseIp(ip), parseIp(otherIp)]);
  }

  #refresh(): void {
    if (this.#version === this.#state.version) return;
    this.#version = this.#state.version;
    this.#cache.clear();
    this.#networks.rebuild(this.#state);
  }

  #answer(ip: string, mac: string | undefined, networkId: string | undefined, time: Micros): CachedAnswer {
    const result = this.#decide(ip, mac, networkId, time);
    const [from, to] = this.#validity(ip, mac, networkId, time);
    const answer = { mac, from, to, result, tally: this.#tallyOf(result) };
    this.#cache.add(ip, networkId ?? '', answer);
    return answer;
  }

  /** Answers change only where an interval or a gap begins or ends. */
  #validity(
    ip: string,
    mac: string | undefined,
    networkId: string | undefined,
    time: Micros,
  ): [from: Micros, to: Micros] {
    let from = Number.NEGATIVE_INFINITY;
    let to = Number.POSITIVE_INFINITY;
    const border = (at: Micros): void => {
      if (at <= time && at > from) from = at;
      if (at > time && at < to) to = at;
    };
    for (const interval of this.#state.book.byIp(ip)) for (const at of bordersOf(interval)) border(at);
    if (mac !== undefined) {
      for (const interval of this.#state.book.byMac(mac)) for (const at of bordersOf(interval)) border(at);
    }
    for (const at of this.#state.arrivals.borders(networkId)) border(at);
    for (const gap of this.#state.gaps) {
      border(gap.from);
      border(gap.to);
      if (gap.absentUntil !== undefined) border(gap.absentUntil);
    }
    return [from, to];
  }

  /** Others who came to hold the address after `time`; the frames between did not tell whose they were. */
  #withHeirs(
    first: Attributed,
    ip: string,
    networkId: string | undefined,
    time: Micros,
    until: Micros,
  ): Attributed {
    const own = first.workload?.containerId;
    const comes = (heir: Interval | Arrival): boolean =>
      heir.from > time &&
      heir.from <= until &&
      heir.holder.id !== own &&
      (networkId === undefined || heir.networkId === networkId);
    const holders = this.#state.book.byIp(ip);
    const stays = holders.some(({ holder, sureTo }) => holder.id === own && until < sureTo);
    const unknownOnes =
      first.scope === 'container' && !stays ? this.#state.arrivals.at(networkId, until) : [];
    const heirs = [...holders, ...unknownOnes].filter(comes);
    if (heirs.length === 0) return first;
    const before = first.workload === undefined ? [] : [first.workload];
    const names = distinctNames([...before, ...heirs.map(({ holder }) => holder.workload)]);
    const candidates = [...new Set([...(first.attribution.candidates ?? []), ...names])];
    return ambiguous(
      `the address went to ${names.slice(before.length).join(', ')} while this lasted`,
      candidates,
    );
  }

  #decide(ip: string, mac: string | undefined, networkId: string | undefined, time: Micros): Attributed {
    const words = parseIp(ip);
    if (words === undefined) return unknown(`${JSON.stringify(ip)} is no IP address`);
    const question: Question = {
      ip: formatIp(...words),
      words,
      mac,
      networkId,
      here: networkId === undefined ? undefined : this.#networks.byId(networkId),
      time,
    };
    const world = this.#world;
    return (
      asGateway(world, question) ??
      asHolder(world, question) ??
      asLinkLocal(world, question) ??
      asHost(world, question) ??
      asMulticast(world, question) ??
      asSubnet(world, question) ??
      asForeign(world, question) ??
      byRange(question)
    );
  }
}
