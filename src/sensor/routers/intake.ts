/**
 * Who says that it is a way out, or gives out addresses and resolvers: router advertisements, redirects, servers'
 * messages of DHCP and DHCPv6 become records. Each claim is told when it is first seen, then once a minute with the
 * number of times; a claim that says something else is another one. Bounded, and what is left out is counted.
 */
import type { Endpoint } from '../../model/endpoint.ts';
import { formatCidr, formatIp, type IpWords, isIpv4Words, parseCidr } from '../../model/ip.ts';
import type { RouterClaim } from '../../model/neighbor.ts';
import type { Network } from '../../model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import { isDhcpFromServer, readDhcpServer } from '../decode/dhcp-server.ts';
import { isDhcpv6FromServer, readDhcpv6Server } from '../decode/dhcpv6-server.ts';
import { NDP } from '../decode/ndp.ts';
import { formatMac, LAYER, type PacketView } from '../decode/packet-view.ts';
import { isRouterIcmp, readRouterIcmp } from '../decode/router-icmp.ts';
import { type AddressWords, RouterMessage, type RouterProtocol } from '../decode/router-message.ts';
import type { AddressNames } from '../flow-facts.ts';
import type { Tap } from '../taps/tap.ts';

export interface RouterIntakeOptions {
  readonly names: AddressNames;
  /** The network of an interface that is no network's own: by the addresses, as for flows. */
  readonly networkAmong: (tap: Tap, a: IpWords, b: IpWords) => Network | undefined;
  /** The same by the sender's MAC: routers speak from link-local addresses. */
  readonly networkOfMac?: ((tap: Tap, mac: string) => Network | undefined) | undefined;
  readonly onClaim: (claim: RouterClaim) => void;
}

interface Told {
  at: Micros;
  /** Since then. */
  count: number;
}

const INTERVAL_MICROS = 60 * MICROS_PER_SECOND;
/** About 300 bytes each. */
const MAX_CLAIMS = 1024;
/** About 10 us each, told or not: a text is made of each to compare it. */
const MAX_A_SECOND = 500;

export class RouterIntake {
  readonly #options: RouterIntakeOptions;
  readonly #message = new RouterMessage();
  readonly #told = new Map<string, Told>();
  #left = MAX_A_SECOND;
  #second: Micros = Number.NEGATIVE_INFINITY;
  /** Messages that were not told for want of room or time. */
  lost = 0;

  constructor(options: RouterIntakeOptions) {
    this.#options = options;
  }

  /** Each packet of ICMP, ICMPv6 and UDP; all but these messages cost some comparisons. */
  onPacket(data: DataView, view: PacketView, tap: Tap, time: Micros): void {
    const protocol = this.#read(data, view);
    if (protocol === undefined) return;
    if (!this.#mayLook(time)) {
      this.lost++;
      return;
    }
    const claim = this.#claimOf(protocol, view, tap, time);
    const key = keyOf(claim, tap);
    const told = this.#told.get(key);
    if (told !== undefined && time - told.at < INTERVAL_MICROS) {
      told.count++;
      return;
    }
    if (told === undefined && !this.#makeRoom(time)) {
      this.lost++;
      return;
    }
    this.#told.set(key, { at: time, count: 0 });
    this.#options.onClaim({ ...claim, count: 1 + (told?.count ?? 0) });
  }

  clockSet(): void {
    this.#told.clear();
    this.#second = Number.NEGATIVE_INFINITY;
  }

  #read(data: DataView, view: PacketView): RouterProtocol | undefined {
    const message = this.#message;
    if (isRouterIcmp(view)) {
      if (!readRouterIcmp(data, view, message)) return undefined;
      return view.icmpType === NDP.ROUTER_ADVERTISEMENT ? 'router-advertisement' : 'redirect';
    }
    if (isDhcpFromServer(view)) return readDhcpServer(data, view, message) ? 'dhcp' : undefined;
    if (isDhcpv6FromServer(view)) return readDhcpv6Server(data, view, message) ? 'dhcpv6' : undefined;
    return undefined;
  }

  #mayLook(time: Micros): boolean {
    if (time - this.#second >= MICROS_PER_SECOND) {
      this.#second = time;
      this.#left = MAX_A_SECOND;
    }
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }

  /** Claims that were told longest ago go; those of the last minute stay, whatever comes. */
  #makeRoom(time: Micros): boolean {
    if (this.#told.size < MAX_CLAIMS) return true;
    for (const [key, { at }] of this.#told) {
      if (time - at >= INTERVAL_MICROS) this.#told.delete(key);
    }
    return this.#told.size < MAX_CLAIMS;
  }

  #claimOf(protocol: RouterProtocol, view: PacketView, tap: Tap, time: Micros): Omit<RouterClaim, 'count'> {
    const { routers, resolvers, prefixes, lifetimeSecs } = this.#message;
    const from = wordsAt(view.words, 0);
    const said = [prefixes, routers].find(({ count }) => count > 0);
    const other = said === undefined ? wordsAt(view.words, 4) : wordsAt(said.words, 0);
    // Inside a tunnel the addresses are another network's.
    const mac = (view.layers & LAYER.SRC_MAC) === 0 ? undefined : formatMac(view.srcMacHi, view.srcMacLo);
    const network =
      view.depth > 0
        ? undefined
        : (this.#options.networkAmong(tap, from, other) ??
          (mac === undefined ? undefined : this.#options.networkOfMac?.(tap, mac)));
    return {
      time,
      ...(network === undefined ? {} : { network }),
      interface: tap.interface,
      protocol,
      sender: this.#sender(mac, from, network, time),
      routers: addressTexts(routers),
      resolvers: addressTexts(resolvers),
      prefixes: prefixTexts(prefixes),
      ...(lifetimeSecs < 0 ? {} : { lifetimeSecs }),
    };
  }

  /** The address can be chosen freely, the MAC is who it was: asked for as one that says nothing by itself. */
  #sender(mac: string | undefined, from: IpWords, network: Network | undefined, time: Micros): Endpoint {
    const ip = formatIp(...from);
    const { names } = this.#options;
    const nobody = isIpv4Words(from[0], from[1], from[2]) ? '0.0.0.0' : '::';
    const byMac = mac === undefined ? undefined : names.resolve(nobody, mac, network?.id, time);
    const isKnown = byMac?.workload !== undefined || byMac?.scope === 'gateway';
    return { ip, mac, ...(isKnown ? byMac : names.resolve(ip, mac, network?.id, time)) };
  }
}

/** Without what changes from one message to the next. */
function keyOf(claim: Omit<RouterClaim, 'count'>, tap: Tap): string {
  const { protocol, sender, routers, resolvers, prefixes, lifetimeSecs } = claim;
  // A DHCPv6 server gives each client another address; a lifetime may count down.
  const given = protocol === 'dhcpv6' ? '' : prefixes.join();
  const isDefault = lifetimeSecs === undefined ? '' : lifetimeSecs > 0;
  return [tap.index, protocol, sender.mac, sender.ip, routers, resolvers, given, isDefault].join(' ');
}

function wordsAt(words: ArrayLike<number>, at: number): IpWords {
  return [words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!];
}

function addressTexts({ words, count }: AddressWords): string[] {
  return Array.from({ length: count }, (_, i) => formatIp(...wordsAt(words, i * 4)));
}

/** Without bits beyond the prefix, whatever the sender wrote there. */
function prefixTexts({ words, bits, count }: AddressWords): string[] {
  return Array.from({ length: count }, (_, i) => {
    const base = wordsAt(words, i * 4);
    const isV4 = isIpv4Words(base[0], base[1], base[2]);
    return parseCidr(`${formatIp(...base)}/${isV4 ? bits[i]! - 96 : bits[i]!}`);
  }).flatMap((cidr) => (cidr === undefined ? [] : [formatCidr(cidr)]));
}
