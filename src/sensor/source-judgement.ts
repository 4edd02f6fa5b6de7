/**
 * Whether a source's MAC and address contradict what the inventory knows of that bridge at that time, and how.
 * In doubt it does not.
 */
import { cidrContains, type IpWords, isIpv4Words, parseCidr, parseIp } from '../model/ip.ts';
import type { Network } from '../model/network.ts';
import type { SpoofRecord } from '../model/spoof.ts';
import { MICROS_PER_SECOND, type Micros } from '../model/time.ts';
import type { Interval } from './docker/address-book.ts';
import type { InventoryState } from './docker/inventory-state.ts';

export interface HostMacs {
  /** Whether an interface of this host has it; undefined when that cannot be told, as long as `bridge` is not seen. */
  ownsMac(mac: string, bridge: string): boolean | undefined;
  onInterface(name: string, ip: string): boolean;
}

export interface Judgement extends Pick<SpoofRecord, 'mismatch' | 'sender' | 'senderIp' | 'holder'> {
  /** The MAC that belongs to the address. */
  readonly holderMac?: string | undefined;
}

/** Around the beginning and the end of an interval: gratuitous ARP before, a last answer after. */
const EDGE_MICROS = 2 * MICROS_PER_SECOND;

/**
 * Who holds an address or a MAC for so long is not about to change it: that happens around starts. A swap of addresses
 * between running containers takes several calls to the engine, each longer than it takes to tell of the one before.
 */
const STEADY_MICROS = 5 * MICROS_PER_SECOND;

const SILENT_RANGES = [
  // Unspecified and "this network" (DHCP), loopback, link-local, multicast and above; the same of IPv6.
  ...['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'],
  ...['::/127', 'fe80::/10', 'ff00::/8'],
].map((text) => parseCidr(text)!);
const LINK_LOCAL_V6 = parseCidr('fe80::/10')!;

/** Cheap, and says no only where judgement would not: the pair agrees, or neither half is anybody's here. */
export function mayDisagree(state: InventoryState, network: Network, ip: string, mac: string): boolean {
  const isHere = (interval: Interval): boolean => interval.networkId === network.id;
  const senders = state.book.byMac(mac).filter(isHere);
  if (senders.length > 0) {
    return !senders.some(({ ips, to }) => to === Number.POSITIVE_INFINITY && ips.includes(ip));
  }
  return state.book.byIp(ip).some(isHere);
}

/** Undefined when nothing contradicts. */
export function judgeSource(
  state: InventoryState,
  host: HostMacs,
  network: Network,
  ip: string,
  mac: string,
  time: Micros,
): Judgement | undefined {
  const words = parseIp(ip);
  if (words === undefined || isSilent(host, network, ip, words)) return undefined;
  const isWhole =
    state.knowsContainers &&
    state.network(network.id) !== undefined &&
    state.gapAt(time) === undefined &&
    state.arrivals.at(network.id, time).length === 0;
  // Of ipvlan endpoints all have the parent's MAC.
  if (!isWhole || network.driver === 'ipvlan') return undefined;
  const isHere = (interval: Interval): boolean => interval.networkId === network.id;
  const senders = state.book.byMac(mac).filter(isHere);
  const holders = state.book.byIp(ip).filter(isHere);
  if ([...senders, ...holders].some((interval) => isChanging(interval, time))) return undefined;
  const sender = senders.find((interval) => holds(interval, time));
  const holder = holders.find((interval) => holds(interval, time));
  if (sender === undefined) return byUnknownMac(host, network, holder, mac);
  return byContainer(state, host, network, sender, holder, { ip, words, time });
}

/**
 * Whether no event that is still on its way could excuse it: a container takes the address of the gateway, or of another
 * container, and all who have or had address or MAC on this network are as they were for a while.
 */
export function isBeyondDoubt(
  { mismatch }: Judgement,
  state: InventoryState,
  network: Network,
  ip: string,
  mac: string,
  time: Micros,
): boolean {
  if (mismatch !== 'gateway-address' && mismatch !== 'ip-of-another') return false;
  return [...state.book.byMac(mac), ...state.book.byIp(ip)]
    .filter(({ networkId }) => networkId === network.id)
    .every((interval) => isSteady(interval, time));
}

function isSteady({ sureFrom, to, latest }: Interval, time: Micros): boolean {
  return time - (to === Number.POSITIVE_INFINITY ? sureFrom : latest) >= STEADY_MICROS;
}

/** Link-local addresses are made by everybody for himself, but those of the bridge are the host's. */
function isSilent(host: HostMacs, { bridge }: Network, ip: string, words: IpWords): boolean {
  if (bridge !== undefined && cidrContains(LINK_LOCAL_V6, words)) return !host.onInterface(bridge, ip);
  return SILENT_RANGES.some((range) => cidrContains(range, words));
}

/** A frame from no container of this bridge. The host forwards with the bridge's own MAC. */
function byUnknownMac(
  host: HostMacs,
  network: Network,
  holder: Interval | undefined,
  mac: string,
): Judgement | undefined {
  const { driver, bridge } = network;
  if (driver !== 'bridge' || bridge === undefined) return undefined;
  if (holder?.mac === undefined || holder.mac === mac) return undefined;
  if (host.ownsMac(mac, bridge) !== false) return undefined;
  return { mismatch: 'unknown-mac', holder: holder.holder.workload, holderMac: holder.mac };
}

function byContainer(
  state: InventoryState,
  host: HostMacs,
  network: Network,
  sender: Interval,
  holder: Interval | undefined,
  { ip, words, time }: { readonly ip: string; readonly words: IpWords; readonly time: Micros },
): Judgement | undefined {
  // Its own, here or on another of its networks: an answer takes the default route, whichever address it is from.
  if (state.book.byIp(ip).some((interval) => interval.holder.id === sender.holder.id)) return undefined;
  const isV6 = ip.includes(':');
  const senderIp = sender.ips.find((own) => own.includes(':') === isV6) ?? sender.ips[0];
  const who = { sender: sender.holder.workload, senderIp };
  const { bridge } = network;
  if (network.gateways.includes(ip) || (bridge !== undefined && host.onInterface(bridge, ip))) {
    return { mismatch: 'gateway-address', ...who };
  }
  if (holder !== undefined) {
    return { mismatch: 'ip-of-another', ...who, holder: holder.holder.workload, holderMac: holder.mac };
  }
  const isInside = network.subnets.some((subnet) => cidrContains(parseCidr(subnet)!, words));
  if (isInside) {
    // SLAAC makes addresses of the MAC (RFC 4862); the engine knows nothing of them.
    const isOwnEui64 = sender.mac !== undefined && isEui64Of(words, sender.mac);
    return isOwnEui64 ? undefined : { mismatch: 'address-of-nobody', ...who };
  }
  const elsewhere = state.book.byIp(ip).find((interval) => holds(interval, time));
  return {
    mismatch: 'foreign-address',
    ...who,
    ...(elsewhere === undefined ? {} : { holder: elsewhere.holder.workload }),
  };
}

function holds({ from, to }: Interval, time: Micros): boolean {
  return time >= from && time < to;
}

function isChanging({ from, to }: Interval, time: Micros): boolean {
  return Math.abs(time - from) < EDGE_MICROS || Math.abs(time - to) < EDGE_MICROS;
}

/** RFC 4291, appendix A. */
function isEui64Of(words: IpWords, mac: string): boolean {
  if (isIpv4Words(words[0], words[1], words[2])) return false;
  const [a, b, c, d, e, f] = mac.split(':').map((byte) => Number.parseInt(byte, 16));
  const high = (((a! ^ 0x02) << 24) | (b! << 16) | (c! << 8) | 0xff) >>> 0;
  const low = ((0xfe << 24) | (d! << 16) | (e! << 8) | f!) >>> 0;
  return words[2] === high && words[3] === low;
}
