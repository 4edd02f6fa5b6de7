/**
 * Gives an address its name at the time of its packets: container, gateway, host, LAN, internet, multicast, or
 * unknown with a reason. It never guesses: where two containers fit, both are candidates and none is named.
 * Order: what the inventory knows, what the host knows, what the IANA registries say.
 */
import type { Attribution as AttributionFact, Endpoint } from '../../model/endpoint.ts';
import {
  type Cidr,
  cidrContains,
  formatIp,
  type IpWords,
  isIpv4Words,
  parseCidr,
  parseIp,
} from '../../model/ip.ts';
import { type Network, type Workload, workloadLabel } from '../../model/network.ts';
import { formatMicros, type Micros } from '../../model/time.ts';
import type { Holder, Interval } from './address-book.ts';
import type { Arrival } from './arrivals.ts';
import { bordersOf, type Claims, claimsAt, isMadeFromAddress } from './claims.ts';
import type { InventoryState } from './inventory-state.ts';
import { specialRange } from './special-ranges.ts';

/** The attributed part of an Endpoint. Shared between callers: never change it. */
export type Attributed = Pick<Endpoint, 'scope' | 'workload' | 'names' | 'attribution'>;

/** What attribution asks about this machine. */
export interface HostAddresses {
  has(ip: string): boolean;
  /** Also of this interface itself; tells link-local addresses apart, which may repeat on each interface. */
  onInterface(name: string, ip: string): boolean;
  /** The bridge of this host whose own subnet holds the address, when it is none of these. */
  behindBridge?(ip: string, except: (name: string) => boolean): string | undefined;
}

export interface AttributionOptions {
  readonly host?: HostAddresses;
  /** Entries of the cache, about 200 bytes each; when full it starts again empty. */
  readonly maxCached?: number;
}

const NO_HOST: HostAddresses = { has: () => false, onInterface: () => false };

interface Cached {
  readonly mac: string | undefined;
  /** The answer holds for packets in [from, to). */
  readonly from: Micros;
  readonly to: Micros;
  readonly result: Attributed;
  readonly tally: Tally;
  readonly next: Cached | undefined;
}

/** Of one method and confidence. */
interface Tally {
  count: number;
}

/** How often an answer was given in this way, and how sure it was. */
export type AttributionCounts = Readonly<Record<string, number>>;

interface Parsed {
  readonly network: Network;
  readonly subnets: readonly Cidr[];
  readonly removed: boolean;
}

export class Attribution {
  readonly #state: InventoryState;
  readonly #maxCached: number;
  #host: HostAddresses;
  /** By network id, then address, then MAC and time as a list. No key is built for a look-up. */
  readonly #cache = new Map<string, Map<string, Cached>>();
  #cached = 0;
  #version = -1;
  #networks: Parsed[] = [];
  readonly #byId = new Map<string, Parsed>();
  readonly #parsed = new WeakMap<Network, readonly Cidr[]>();
  /** By `method/confidence`. Answers, not flows: each record asks anew. */
  readonly #tallies = new Map<string, Tally>();
  /** How often the cache was full and started again. */
  overflows = 0;

  constructor(state: InventoryState, options: AttributionOptions = {}) {
    this.#state = state;
    this.#host = options.host ?? NO_HOST;
    this.#maxCached = options.maxCached ?? 65_536;
  }

  setHost(host: HostAddresses): void {
    this.#host = host;
    this.#version = -1;
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
    if (this.#version !== this.#state.version) this.#reset();
    let byIp = this.#cache.get(networkId ?? '');
    if (byIp === undefined) {
      byIp = new Map();
      this.#cache.set(networkId ?? '', byIp);
    }
    const first = byIp.get(ip);
    for (let entry = first; entry !== undefined; entry = entry.next) {
      if (entry.mac !== mac || time < entry.from || time >= entry.to) continue;
      if (until >= entry.to) return this.#counted(this.#withHeirs(entry.result, ip, networkId, time, until));
      entry.tally.count++;
      return entry.result;
    }
    if (this.#cached >= this.#maxCached) {
      this.overflows++;
      this.#reset();
      return this.resolve(ip, mac, networkId, time, until);
    }
    const result = this.#decide(ip, mac, networkId, time);
    const [from, to] = this.#validity(ip, mac, networkId, time);
    const tally = this.#tallyOf(result);
    byIp.set(ip, { mac, from, to, result, tally, next: first });
    this.#cached++;
    if (until >= to) return this.#counted(this.#withHeirs(result, ip, networkId, time, until));
    tally.count++;
    return result;
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
    if (this.#version !== this.#state.version) this.#reset();
    const both = [parseIp(ip), parseIp(otherIp)];
    const matches = this.#networks.filter(
      ({ subnets, removed }) =>
        !removed &&
        subnets.some((cidr) => both.some((words) => words !== undefined && cidrContains(cidr, words))),
    );
    return matches.length === 1 ? matches[0]!.network : undefined;
  }

  #reset(): void {
    this.#cache.clear();
    this.#cached = 0;
    this.#version = this.#state.version;
    const parsed =
      (removed: boolean) =>
      (network: Network): Parsed => ({
        network,
        subnets: this.#subnetsOf(network),
        removed,
      });
    this.#networks = [
      ...this.#state.networks().map(parsed(false)),
      ...this.#state.removedNetworks().map(parsed(true)),
    ];
    this.#byId.clear();
    for (const entry of this.#networks)
      if (!this.#byId.has(entry.network.id)) this.#byId.set(entry.network.id, entry);
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
    // The inventory's text, also for an IPv4 address written in its mapped form.
    const text = formatIp(...words);
    const here = networkId === undefined ? undefined : this.#byId.get(networkId);
    return (
      this.#asGateway(text, mac, here, time) ??
      this.#asHolder(text, mac, networkId, time) ??
      this.#asLinkLocal(text, words, mac, here, time) ??
      this.#asHost(text, words, here) ??
      this.#asMulticast(words, here) ??
      this.#asSubnet(words, mac, here, time) ??
      this.#asForeign(text, words) ??
      byRange(words)
    );
  }

  #asGateway(
    ip: string,
    mac: string | undefined,
    here: Parsed | undefined,
    time: Micros,
  ): Attributed | undefined {
    const network = (here ?? this.#ownerOfGateway(ip))?.network;
    if (network === undefined) return undefined;
    const ours =
      network.gateways.includes(ip) ||
      (network.bridge !== undefined && this.#host.onInterface(network.bridge, ip));
    if (!ours) return undefined;
    if (network.bridge === undefined) {
      // macvlan and ipvlan: their gateway is a router of the LAN, not this machine.
      return found('lan', 'network', 'certain', `router of the ${network.driver} network ${network.name}`);
    }
    if (!this.#state.knowsContainers) {
      const reason = 'the first address of the subnet, which Docker gives to the gateway';
      return found('gateway', 'gateway', 'likely', reason);
    }
    const senders =
      mac === undefined ? [] : this.#claims(this.#onNetwork(mac, network.id), [], time).intervals;
    if (senders.length === 0) return found('gateway', 'gateway', 'certain');
    const names = labels(senders);
    return {
      scope: 'gateway',
      names: [],
      attribution: {
        method: 'gateway',
        confidence: 'ambiguous',
        reason: `the gateway's address, but the frame carries the MAC of ${names.join(', ')}: spoofed`,
        candidates: names,
      },
    };
  }

  #ownerOfGateway(ip: string): Parsed | undefined {
    return this.#networks.find(({ network, removed }) => !removed && network.gateways.includes(ip));
  }

  #asHolder(
    ip: string,
    mac: string | undefined,
    networkId: string | undefined,
    time: Micros,
  ): Attributed | undefined {
    const all = this.#state.book.byIp(ip);
    const local = networkId === undefined ? all : all.filter((interval) => interval.networkId === networkId);
    if (local.length === 0 && networkId !== undefined && all.length > 0) {
      const claims = this.#claims(all, [], time);
      const sender =
        mac === undefined ? [] : this.#claims(this.#onNetwork(mac, networkId), [], time).intervals;
      const others = sender.filter(({ holder }) =>
        claims.intervals.some((own) => own.holder.id !== holder.id),
      );
      if (others.length > 0 && claims.intervals.length > 0) return spoofed(claims.intervals, others);
      return this.#choose(claims, undefined, time, 'its address belongs to another network');
    }
    if (local.length === 0) return undefined;
    const arrivals = this.#state.arrivals.at(networkId, time);
    return this.#choose(this.#claims(local, arrivals, time), mac, time, undefined);
  }

  #claims(intervals: readonly Interval[], arrivals: readonly Arrival[], time: Micros): Claims {
    const gap = this.#state.gapAt(time);
    return claimsAt(intervals, arrivals, time, gap?.to === Number.POSITIVE_INFINITY);
  }

  /** Settles between those who may have held the address, with the MAC where it was seen. */
  #choose(
    { intervals, arrivals, isSure }: Claims,
    mac: string | undefined,
    time: Micros,
    caveat: string | undefined,
  ): Attributed | undefined {
    if (intervals.length === 0) return undefined;
    const matching = mac === undefined ? [] : intervals.filter((interval) => interval.mac === mac);
    const left = matching.length > 0 ? matching : intervals;
    const isOwnMac = matching.length > 0 && !matching.some(({ ips }) => isMadeFromAddress(mac!, ips));
    // The same container before and after a restart: the later one.
    const holder = left.at(-1)!;
    const isForeign = mac !== undefined && matching.length === 0 && holder.mac !== undefined;
    // Who surely holds an address leaves it to nobody, unless the frame carries a MAC that is not his.
    const newcomers = isOwnMac || (isSure && !isForeign) ? [] : arrivals;
    const names = labels([...left, ...newcomers]);
    if (names.length > 1) {
      return ambiguous(
        `${names.length} containers held this address around then, and nothing tells them apart`,
        names,
      );
    }
    if (isForeign) {
      const senders = this.#claims(this.#onNetwork(mac, holder.networkId), [], time).intervals;
      if (senders.length > 0) return spoofed(left, senders);
    }
    const gap = this.#state.gapAt(time);
    if (gap !== undefined && !isSure && !isOwnMac) {
      const why = `the last known holder; the Docker engine has not answered since ${formatMicros(gap.from)}`;
      return ambiguous(`${why}, and another may have been given the address`, names);
    }
    const isExact = time >= holder.from && time < holder.to;
    const caveats = [
      caveat,
      isForeign ? `its MAC is ${holder.mac}, the frame carries ${mac}` : undefined,
      isExact
        ? undefined
        : `seen ${time < holder.from ? 'just before the address was given out' : 'just after the address was given back'}`,
      isExact && !isSure && holder.uncertain ? 'nobody saw when it was given out or back' : undefined,
      this.#staleness(holder, time),
    ];
    return this.#named(holder.holder, matching.length > 0 ? 'mac+ip' : 'ip@time', caveats);
  }

  #named(
    { workload }: Holder,
    method: 'mac+ip' | 'mac' | 'ip@time',
    caveats: readonly (string | undefined)[],
  ): Attributed {
    const sharers = this.#state.sharersOf(workload.containerId).map(workloadLabel);
    const reasons = caveats.filter((caveat) => caveat !== undefined);
    if (sharers.length > 0) reasons.push(`shares its network namespace with ${sharers.join(', ')}`);
    const candidates = sharers.length > 0 ? [workloadLabel(workload), ...sharers] : undefined;
    const attribution: AttributionFact = {
      method,
      confidence: reasons.length === 0 ? 'certain' : 'likely',
      ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
      ...(candidates === undefined ? {} : { candidates }),
    };
    return { scope: 'container', workload, names: [], attribution };
  }

  /** Addresses that say nothing by themselves: link-local ones and the unspecified one; the MAC tells whose. */
  #asLinkLocal(
    ip: string,
    words: IpWords,
    mac: string | undefined,
    here: Parsed | undefined,
    time: Micros,
  ): Attributed | undefined {
    const linkLocal = cidrContains(LINK_LOCAL_V6, words) || cidrContains(LINK_LOCAL_V4, words);
    if (!linkLocal && ip !== '0.0.0.0' && ip !== '::') return undefined;
    const built = mac === undefined && linkLocal ? macOfEui64(words) : undefined;
    const effective = mac ?? built;
    if (effective === undefined || here === undefined) return undefined;
    const networkId = here.network.id;
    const arrivals = this.#state.arrivals.at(networkId, time);
    const { intervals, ...claims } = this.#claims(this.#onNetwork(effective, networkId), arrivals, time);
    const isOwn = !intervals.some(({ ips }) => isMadeFromAddress(effective, ips));
    const newcomers = claims.isSure || isOwn ? [] : claims.arrivals;
    const holder = intervals.at(-1);
    if (holder === undefined) return undefined;
    const names = labels([...intervals, ...newcomers]);
    if (names.length > 1) return ambiguous(`${names.length} containers had this MAC around then`, names);
    return this.#named(holder.holder, 'mac', [
      built === undefined ? undefined : 'by the MAC inside the address (EUI-64); no frame was seen from it',
      time >= holder.from && time < holder.to
        ? undefined
        : 'seen just outside the time in which it had the MAC',
      this.#staleness(holder, time),
    ]);
  }

  #asHost(ip: string, words: IpWords, here: Parsed | undefined): Attributed | undefined {
    // Link-local addresses repeat on each interface: only those of this bridge count, and they were asked already.
    if (cidrContains(LINK_LOCAL_V6, words)) return undefined;
    const gatewayElsewhere = this.#networks.find(
      ({ network, removed }) =>
        network !== here?.network &&
        !removed &&
        network.bridge !== undefined &&
        network.gateways.includes(ip),
    );
    if (gatewayElsewhere === undefined && (isLoopback(words) || !this.#host.has(ip))) return undefined;
    const candidates = this.#state.onHostNetwork().map(workloadLabel);
    const reasons = [
      ...(gatewayElsewhere === undefined ? [] : [`gateway of the network ${gatewayElsewhere.network.name}`]),
      ...(candidates.length === 0 ? [] : ['the host itself or a container on the host network']),
    ];
    return {
      scope: 'host',
      names: [],
      attribution: {
        method: 'host-address',
        confidence: 'certain',
        ...(reasons.length === 0 ? {} : { reason: reasons.join('; ') }),
        ...(candidates.length === 0 ? {} : { candidates }),
      },
    };
  }

  /** The broadcast address of a subnet: IPv4 only, and none in /31 and /32 (RFC 3021). */
  #asMulticast(words: IpWords, here: Parsed | undefined): Attributed | undefined {
    if (!isIpv4Words(words[0], words[1], words[2])) return undefined;
    for (const { network, subnets } of here === undefined ? this.#networks : [here]) {
      for (const cidr of subnets) {
        if (cidr.family !== 4 || cidr.prefixBits > 126) continue;
        const last = (cidr.base[3] | (2 ** (128 - cidr.prefixBits) - 1)) >>> 0;
        if (words[3] === last)
          return found('multicast', 'network', 'certain', `broadcast address of ${network.name}`);
      }
    }
    return undefined;
  }

  /** Inside the subnets of a network, but nobody's. */
  #asSubnet(
    words: IpWords,
    mac: string | undefined,
    here: Parsed | undefined,
    time: Micros,
  ): Attributed | undefined {
    const holds = ({ subnets }: Parsed): boolean => subnets.some((cidr) => cidrContains(cidr, words));
    const owner = here !== undefined && holds(here) ? here : this.#networks.find(holds);
    if (owner === undefined) return undefined;
    const { name } = owner.network;
    if (!this.#state.knowsContainers) {
      return found(
        'container',
        'network',
        'likely',
        `an address of ${name}; no inventory of its containers was given`,
      );
    }
    const newcomer = this.#asNewcomer(owner.network, mac, time);
    if (newcomer !== undefined) return newcomer;
    const gap = this.#state.gapAt(time);
    if (gap !== undefined) {
      return unknown(
        `no container is known to have held this address of ${name}, but the Docker engine has not answered since ${formatMicros(gap.from)}`,
      );
    }
    if (owner.network.bridge === undefined && isOnLan(owner.network)) {
      return found(
        'lan',
        'network',
        'likely',
        `on the LAN that ${name} is part of, and no container's of this host`,
      );
    }
    const removed = owner.removed ? ' (removed meanwhile)' : '';
    return unknown(`no container held this address of ${name}${removed} then`);
  }

  /** Nobody is known to have held the address; somebody came to the network then whose address is not known. */
  #asNewcomer(network: Network, mac: string | undefined, time: Micros): Attributed | undefined {
    const arrivals = this.#state.arrivals.at(network.id, time);
    const [first] = arrivals;
    if (first === undefined) return undefined;
    // A MAC that is made from an address tells nothing of who has the address now.
    const owners = mac === undefined ? [] : this.#onNetwork(mac, network.id);
    const senders = owners.filter(({ ips }) => !isMadeFromAddress(mac!, ips));
    const names = labels([...arrivals, ...this.#claims(senders, [], time).intervals]);
    const why = `came to ${network.name} then, and left before the engine could be asked for the address`;
    if (names.length > 1) return ambiguous(`${names.join(', ')} ${why}`, names);
    return this.#named(first.holder, 'ip@time', [`nobody else is known to have held it, and it ${why}`]);
  }

  /** Another engine's network, or a bridge made by hand: on this host, and unknown to this engine. */
  #asForeign(ip: string, words: IpWords): Attributed | undefined {
    if (specialRange(words).scope !== 'lan') return undefined;
    const ours = (name: string): boolean => this.#networks.some(({ network }) => network.bridge === name);
    const bridge = this.#host.behindBridge?.(ip, ours);
    if (bridge === undefined) return undefined;
    return unknown(`behind ${bridge}, a bridge of this host that is no network of this engine`);
  }

  #onNetwork(mac: string, networkId: string): Interval[] {
    return this.#state.book.byMac(mac).filter((interval) => interval.networkId === networkId);
  }

  #staleness(holder: Interval, time: Micros): string | undefined {
    const gap = this.#state.gapAt(time);
    if (gap === undefined || holder.to <= time) return undefined;
    // It was found unchanged afterwards: then it held all along.
    if (gap.to !== Number.POSITIVE_INFINITY && holder.from <= gap.from) return undefined;
    return `the last known holder; the Docker engine has not answered since ${formatMicros(gap.from)}`;
  }
}

/** One name a container, however many intervals it has; replicas of one service go by their container names. */
function labels(claims: readonly { readonly holder: Holder }[]): string[] {
  return distinctNames(claims.map(({ holder }) => holder.workload));
}

function distinctNames(workloads: readonly Workload[]): string[] {
  const distinct = [...new Map(workloads.map((workload) => [workload.containerId, workload])).values()];
  const isUnique = (names: readonly string[]): boolean => new Set(names).size === names.length;
  const names = distinct.map(workloadLabel);
  if (isUnique(names)) return names;
  const own = distinct.map(({ name }) => name);
  // A service that was made anew has the name of the one before.
  return isUnique(own)
    ? own
    : distinct.map(({ name, containerId }) => `${name} (${containerId.slice(0, 12)})`);
}

function spoofed(owners: readonly Interval[], senders: readonly Interval[]): Attributed {
  const [whose, from] = [labels(owners), labels(senders)];
  return ambiguous(
    `the address belongs to ${whose.join(', ')}, but the frame carries the MAC of ${from.join(', ')}: spoofed or relayed`,
    [...new Set([...whose, ...from])],
  );
}

const LINK_LOCAL_V6 = parseCidr('fe80::/10')!;
const LINK_LOCAL_V4 = parseCidr('169.254.0.0/16')!;

/** Their subnets are those of a LAN, where other machines live too. */
function isOnLan({ driver, internal }: Network): boolean {
  return !internal && (driver === 'macvlan' || driver === 'ipvlan');
}

function isLoopback(words: IpWords): boolean {
  if (isIpv4Words(words[0], words[1], words[2])) return words[3] >>> 24 === 127;
  return words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 1;
}

/** RFC 4291 appendix A: the MAC's halves around ff:fe, with the universal/local bit turned over. */
function macOfEui64(words: IpWords): string | undefined {
  if ((words[2] & 0xff) !== 0xff || words[3] >>> 24 !== 0xfe) return undefined;
  const bytes = [
    (words[2] >>> 24) ^ 0x02,
    (words[2] >>> 16) & 0xff,
    (words[2] >>> 8) & 0xff,
    (words[3] >>> 16) & 0xff,
    (words[3] >>> 8) & 0xff,
    words[3] & 0xff,
  ];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function byRange(words: IpWords): Attributed {
  const { scope, reason } = specialRange(words);
  if (scope === 'unknown') return unknown(reason ?? 'no registry knows this address');
  return found(scope, 'range', 'certain', reason);
}

function found(
  scope: Attributed['scope'],
  method: AttributionFact['method'],
  confidence: 'certain' | 'likely',
  reason?: string,
): Attributed {
  return {
    scope,
    names: [],
    attribution: { method, confidence, ...(reason === undefined ? {} : { reason }) },
  };
}

function ambiguous(reason: string, candidates: readonly string[]): Attributed {
  return {
    scope: 'container',
    names: [],
    attribution: { method: 'ip@time', confidence: 'ambiguous', reason, candidates },
  };
}

function unknown(reason: string): Attributed {
  return { scope: 'unknown', names: [], attribution: { method: 'none', confidence: 'none', reason } };
}
