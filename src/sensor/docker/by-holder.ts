/** By who held the address, or the MAC: settles between them, and names nobody where two fit. */
import type { Attribution as AttributionFact } from '../../model/endpoint.ts';
import { cidrContains, type IpWords, parseCidr } from '../../model/ip.ts';
import { type Network, workloadLabel } from '../../model/network.ts';
import type { Micros } from '../../model/time.ts';
import type { Holder, Interval } from './address-book.ts';
import { type Attributed, ambiguous, found, labels, spoofed } from './answers.ts';
import { type Claims, isMadeFromAddress } from './claims.ts';
import { gapText } from './gaps.ts';
import { claimsOf, onNetwork, type Question, sendersOf, type World } from './question.ts';

/** Whoever held the address then, on this network or on another. */
export function asHolder(world: World, { ip, mac, networkId, time }: Question): Attributed | undefined {
  const all = world.state.book.byIp(ip);
  const local = networkId === undefined ? all : all.filter((interval) => interval.networkId === networkId);
  if (local.length === 0 && networkId !== undefined && all.length > 0) {
    const claims = claimsOf(world, all, [], time);
    const sender = sendersOf(world, mac, networkId, time);
    const others = sender.filter(({ holder }) => claims.intervals.some((own) => own.holder.id !== holder.id));
    if (others.length > 0 && claims.intervals.length > 0) return spoofed(claims.intervals, others);
    return choose(world, claims, undefined, time, 'its address belongs to another network');
  }
  if (local.length === 0) return undefined;
  const arrivals = world.state.arrivals.at(networkId, time);
  return choose(world, claimsOf(world, local, arrivals, time), mac, time, undefined);
}

/** Settles between those who may have held the address, with the MAC where it was seen. */
function choose(
  world: World,
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
    const senders = sendersOf(world, mac, holder.networkId, time);
    if (senders.length > 0) return spoofed(left, senders);
  }
  const gap = world.state.gapAt(time);
  if (gap !== undefined && !isSure && !isOwnMac) {
    const why = `the last known holder; ${gapText(gap, time)}`;
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
    staleness(world, holder, time),
  ];
  return named(world, holder.holder, matching.length > 0 ? 'mac+ip' : 'ip@time', caveats);
}

/** Addresses that say nothing by themselves: link-local ones and the unspecified one; the MAC tells whose. */
export function asLinkLocal(world: World, { ip, words, mac, here, time }: Question): Attributed | undefined {
  const linkLocal = cidrContains(LINK_LOCAL_V6, words) || cidrContains(LINK_LOCAL_V4, words);
  if (!linkLocal && ip !== '0.0.0.0' && ip !== '::') return undefined;
  const built = mac === undefined && linkLocal ? macOfEui64(words) : undefined;
  const effective = mac ?? built;
  if (effective === undefined || here === undefined) return undefined;
  const { bridge } = here.network;
  if (bridge !== undefined && world.host.ownsMac?.(effective, bridge) === true) {
    // A bridge without an IPv6 address reports its multicast groups from `::` (RFC 3590).
    return found('gateway', 'mac', 'certain', `this host's own MAC on ${bridge}`);
  }
  const networkId = here.network.id;
  const arrivals = world.state.arrivals.at(networkId, time);
  const { intervals, ...claims } = claimsOf(world, onNetwork(world, effective, networkId), arrivals, time);
  const isOwn = !intervals.some(({ ips }) => isMadeFromAddress(effective, ips));
  const newcomers = claims.isSure || isOwn ? [] : claims.arrivals;
  const holder = intervals.at(-1);
  if (holder === undefined) return undefined;
  const names = labels([...intervals, ...newcomers]);
  if (names.length > 1) return ambiguous(`${names.length} containers had this MAC around then`, names);
  return named(world, holder.holder, 'mac', [
    built === undefined ? undefined : 'by the MAC inside the address (EUI-64); no frame was seen from it',
    time >= holder.from && time < holder.to
      ? undefined
      : 'seen just outside the time in which it had the MAC',
    staleness(world, holder, time),
  ]);
}

/** Nobody is known to have held the address; somebody came to the network then whose address is not known. */
export function asNewcomer(
  world: World,
  network: Network,
  mac: string | undefined,
  time: Micros,
): Attributed | undefined {
  const arrivals = world.state.arrivals.at(network.id, time);
  const [first] = arrivals;
  if (first === undefined) return undefined;
  // A MAC that is made from an address tells nothing of who has the address now.
  const owners = mac === undefined ? [] : onNetwork(world, mac, network.id);
  const senders = owners.filter(({ ips }) => !isMadeFromAddress(mac!, ips));
  const names = labels([...arrivals, ...claimsOf(world, senders, [], time).intervals]);
  const why = `came to ${network.name} then, and left before the engine could be asked for the address`;
  if (names.length > 1) return ambiguous(`${names.join(', ')} ${why}`, names);
  return named(world, first.holder, 'ip@time', [`nobody else is known to have held it, and it ${why}`]);
}

function named(
  world: World,
  { workload }: Holder,
  method: 'mac+ip' | 'mac' | 'ip@time',
  caveats: readonly (string | undefined)[],
): Attributed {
  const sharers = world.state.sharersOf(workload.containerId).map(workloadLabel);
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

function staleness(world: World, holder: Interval, time: Micros): string | undefined {
  const gap = world.state.gapAt(time);
  if (gap === undefined || holder.to <= time) return undefined;
  // It was found unchanged afterwards: then it held all along.
  if (gap.to !== Number.POSITIVE_INFINITY && holder.from <= gap.from) return undefined;
  return `the last known holder; ${gapText(gap, time)}`;
}

export const LINK_LOCAL_V6 = parseCidr('fe80::/10')!;
const LINK_LOCAL_V4 = parseCidr('169.254.0.0/16')!;

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
