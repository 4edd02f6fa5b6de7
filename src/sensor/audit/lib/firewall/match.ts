/**
 * What of a set of packets a rule is about: all, none, a part, or nobody knows, because the rule asks something that is
 * not modelled here. Pure. It never takes a condition that it does not know for one that holds.
 */
import type { Cidr } from '../../../../model/ip.ts';
import type { Family, Match, Rule } from '../../../host/firewall/ruleset.ts';
import {
  areWithin,
  type Interface,
  isWithin,
  overlap,
  type Packets,
  type Part,
  type PortRange,
  portsInBoth,
  prefixOf,
} from './packets.ts';

export type Fit =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  /** `rest`: what is not of the part; the whole set where that cannot be expressed. */
  | { readonly kind: 'part'; readonly part: Packets; readonly rest: Packets }
  /** At most `part`. */
  | { readonly kind: 'unknown'; readonly part: Packets };

/** Of one condition. `not`: all of them but this part. */
type Answer = 'all' | 'none' | 'unknown' | { readonly only: Part } | { readonly not: Part };

export function fitOf(rule: Rule, packets: Packets): Fit {
  let isUnknown = false;
  const only: Part[] = [];
  const not: Part[] = [];
  for (const ask of QUESTIONS) {
    const answer = ask(rule, packets);
    if (answer === 'none') return NONE;
    if (answer === 'unknown') isUnknown = true;
    else if (answer !== 'all') {
      if ('only' in answer) only.push(answer.only);
      else not.push(answer.not);
    }
  }
  const taken: Part = Object.assign({}, ...only);
  const without = packets.without ?? [];
  const part = { ...packets, ...taken, without: [...without, ...not] };
  if (isUnknown) return { kind: 'unknown', part };
  if (only.length + not.length === 0) return ALL;
  return { kind: 'part', part, rest: restOf(packets, taken, only.length, not) };
}

/** More than is left where the part is known by what it is not as well as by what it is. */
function restOf(packets: Packets, taken: Part, positive: number, not: readonly Part[]): Packets {
  if (not.length === 0) return { ...packets, without: [...(packets.without ?? []), taken] };
  return positive === 0 && not.length === 1 ? { ...packets, ...not[0] } : packets;
}

const ALL = { kind: 'all' } as const;
const NONE = { kind: 'none' } as const;

/** The cheapest first: most rules are about other interfaces. */
const QUESTIONS: readonly ((rule: Rule, packets: Packets) => Answer)[] = [
  ({ inInterface }, { from }) => interfaceAnswer(inInterface, from),
  ({ outInterface }, { to }) =>
    outInterface !== undefined && to === undefined ? 'none' : interfaceAnswer(outInterface, to),
  ({ connState }, { sentTo }) => stateAnswer(connState, sentTo !== undefined),
  ({ source }, packets) =>
    prefixAnswer(source, packets.family, packets.source, (prefix) => ({ source: prefix })),
  ({ destination }, packets) =>
    prefixAnswer(destination, packets.family, packets.destination, (prefix) => ({ destination: prefix })),
  ({ protocol }, packets) => protocolAnswer(protocol, packets.protocols),
  ({ sourcePorts }, packets) =>
    portAnswer(sourcePorts, packets.sourcePorts, (ranges) => ({ sourcePorts: ranges })),
  ({ destinationPorts }, packets) =>
    portAnswer(destinationPorts, packets.destinationPorts, (ranges) => ({ destinationPorts: ranges })),
  ({ others }, packets) => allOf(others.map((text) => otherAnswer(text, packets))),
];

function interfaceAnswer(match: Match | undefined, name: Interface | undefined): Answer {
  if (match === undefined) return 'all';
  const answers = match.value.split(',').map((wanted) => isNamed(wanted, name));
  const is = answers.includes(true) ? true : answers.includes(undefined) ? undefined : false;
  if (is === undefined) return 'unknown';
  return is !== match.isNegated ? 'all' : 'none';
}

/** `br-+` and `br-*` are all whose names begin so. Undefined where it cannot be known. */
function isNamed(wanted: string, name: Interface | undefined): boolean | undefined {
  if (name === undefined || wanted.startsWith('@')) return undefined;
  const stem = /[+*]$/.test(wanted) ? wanted.slice(0, -1) : undefined;
  if (typeof name === 'string') return stem === undefined ? name === wanted : name.startsWith(stem);
  if (stem === '') return true;
  return stem === undefined && name.has(wanted) ? false : undefined;
}

/** These are packets that open a connection. `DNAT` is a state too (xt_conntrack). */
function stateAnswer(match: Match | undefined, isTranslated: boolean): Answer {
  if (match === undefined) return 'all';
  const states = match.value.toUpperCase().split(',');
  const holds = states.includes('NEW') || (isTranslated && states.includes('DNAT'));
  return holds !== match.isNegated ? 'all' : 'none';
}

function prefixAnswer(
  match: Match | undefined,
  family: Family,
  have: Cidr | undefined,
  as: (prefix: Cidr) => Part,
): Answer {
  if (match === undefined) return 'all';
  const texts = match.value.split(',');
  // In a table of the family inet, which packets of both meet. By the text: ::ffff:0:0/96 is a prefix of IPv6.
  const isIpv6 = texts.some((text) => text.includes(':'));
  if (!match.value.startsWith('@') && isIpv6 !== (family === 'ipv6')) return 'none';
  const prefixes = texts.map(prefixOf);
  if (prefixes.some((prefix) => prefix === undefined)) return 'unknown';
  const common = (prefixes as Cidr[]).map((prefix) => (have === undefined ? prefix : overlap(have, prefix)));
  const met = common.filter((prefix) => prefix !== undefined);
  if (met.length === 0) return match.isNegated ? 'all' : 'none';
  const isAll = met.some((prefix) => (have === undefined ? isAny(prefix) : isWithin(have, prefix)));
  if (isAll) return match.isNegated ? 'none' : 'all';
  if (met.length > 1) return 'unknown';
  return match.isNegated ? { not: as(met[0]!) } : { only: as(met[0]!) };
}

function isAny({ prefixBits, family }: Cidr): boolean {
  return prefixBits === (family === 4 ? 96 : 0);
}

const PROTOCOLS: Readonly<Record<string, string>> = {
  '1': 'icmp',
  '6': 'tcp',
  '17': 'udp',
  '58': 'ipv6-icmp',
  '132': 'sctp',
  icmpv6: 'ipv6-icmp',
};

function protocolAnswer(match: Match | undefined, have: readonly string[] | undefined): Answer {
  if (match === undefined) return 'all';
  const wanted = match.value
    .split(',')
    .map((name) => (Object.hasOwn(PROTOCOLS, name) ? PROTOCOLS[name]! : name));
  if (wanted.includes('all')) return match.isNegated ? 'none' : 'all';
  if (have === undefined)
    return match.isNegated ? { not: { protocols: wanted } } : { only: { protocols: wanted } };
  const met = have.filter((name) => wanted.includes(name) !== match.isNegated);
  if (met.length === 0) return 'none';
  return met.length === have.length ? 'all' : { only: { protocols: met } };
}

function portAnswer(
  match: Match | undefined,
  have: readonly PortRange[] | undefined,
  as: (ranges: readonly PortRange[]) => Part,
): Answer {
  if (match === undefined) return 'all';
  const wanted = rangesOf(match.value);
  if (wanted === undefined) return 'unknown';
  const met = have === undefined ? wanted : portsInBoth(have, wanted);
  if (met.length === 0) return match.isNegated ? 'all' : 'none';
  if (have !== undefined && areWithin(have, wanted)) return match.isNegated ? 'none' : 'all';
  return match.isNegated ? { not: as(met) } : { only: as(met) };
}

/** `80`, `25,465`, `1000:2000` of iptables, `1000-2000` of nft. */
export function rangesOf(text: string): readonly PortRange[] | undefined {
  const ranges = text.split(',').map((one) => {
    const [, from, to = from] = /^(\d+)(?:[:-](\d+))?$/.exec(one) ?? [];
    return from === undefined ? undefined : { from: Number(from), to: Number(to) };
  });
  return ranges.some((range) => range === undefined) ? undefined : (ranges as PortRange[]);
}

function allOf(answers: readonly Answer[]): Answer {
  if (answers.includes('none')) return 'none';
  return answers.find((answer) => answer !== 'all') ?? 'all';
}

/** Modules whose options are answered below; of others the name alone makes a condition unknown. */
const MODULES: ReadonlySet<string> = new Set(['-m addrtype', '-m mark', '-m icmp', '-m icmp6']);

/** Conditions that the ruleset keeps as text, of both tools. */
function otherAnswer(text: string, packets: Packets): Answer {
  if (MODULES.has(text) || /^\{"(?:log|mangle|notrack)":/.test(text)) return 'all';
  const isNegated = text.startsWith('! ');
  const [option, value = ''] = (isNegated ? text.slice(2) : text).split(' ');
  const as = (holds: boolean): Answer => (holds !== isNegated ? 'all' : 'none');
  switch (option) {
    case '--dst-type':
      return value === 'LOCAL' ? as(packets.to === undefined) : 'unknown';
    case '--src-type':
      return value === 'LOCAL' ? as(false) : 'unknown';
    case '--syn':
      return packets.protocols?.join() === 'tcp' ? as(true) : 'unknown';
    case '--tcp-flags':
      return text === '--tcp-flags FIN,SYN,RST,ACK SYN' && packets.protocols?.join() === 'tcp'
        ? 'all'
        : 'unknown';
    case '--mark':
      return markAnswer(value, isNegated, packets);
    case '--ctdir':
      return as(value === 'ORIGINAL');
    case '--ctorigdstport':
      return originalPort(value, isNegated, packets);
    case '--ctorigdst':
      return originalAddress(value, isNegated, packets);
    default:
      return nftAnswer(text, packets);
  }
}

/** `0x40000/0xff0000`: under the mask it is that. */
function markAnswer(text: string, isNegated: boolean, { mark = 0 }: Packets): Answer {
  const [value = Number.NaN, mask = 0xffff_ffff] = text.split('/').map(Number);
  if (mark === 'unknown' || Number.isNaN(value) || Number.isNaN(mask)) return 'unknown';
  return ((mark & mask) >>> 0 === value >>> 0) !== isNegated ? 'all' : 'none';
}

/** What the packets' mark is behind a rule that sets it (xt_MARK, `--set-xmark VALUE/MASK` as iptables-save prints it). */
export function markedBy({ target, targetOptions }: Rule, { mark = 0 }: Packets): number | 'unknown' {
  const [option, text = ''] = targetOptions;
  const [value = Number.NaN, mask = Number.NaN] = text.split('/').map(Number);
  const isKnown = target === 'MARK' && option === '--set-xmark' && targetOptions.length === 2;
  if (!isKnown || mark === 'unknown' || Number.isNaN(value) || Number.isNaN(mask)) return 'unknown';
  return ((mark & ~mask) ^ value) >>> 0;
}

/** Of nft: comparisons as they stand in a rule's text, and expressions of libnftables-json(5). */
function nftAnswer(text: string, { family, protocols, to, sentTo }: Packets): Answer {
  const [, key, not, value = ''] =
    /^(nfproto|protocol|ip protocol|ip6 nexthdr) (!= )?(\S+)$/.exec(text) ?? [];
  if (key === 'nfproto') return (value === family) === (not === undefined) ? 'all' : 'none';
  if (key === 'protocol') {
    const isIt = family === 'ipv4' ? value === 'ip' : value === 'ip6';
    return isIt === (not === undefined) ? 'all' : 'none';
  }
  if (key !== undefined) {
    if (key.startsWith('ip6') !== (family === 'ipv6')) return 'none';
    return protocolAnswer({ value, isNegated: not !== undefined }, protocols);
  }
  if (/^\{"match":.*"fib":.*"type".*"right":"local"\}\}$/.test(text) && text.includes('"op":"=="')) {
    return to === undefined ? 'all' : 'none';
  }
  if (/^\{"match":.*"ct":\{"key":"status"\}.*"right":"dnat"\}\}$/.test(text) && !text.includes('"op":"!="')) {
    return sentTo === undefined ? 'none' : 'all';
  }
  return 'unknown';
}

function originalPort(value: string, isNegated: boolean, { sentTo, destinationPorts }: Packets): Answer {
  const have = sentTo === undefined ? destinationPorts : [{ from: sentTo.port, to: sentTo.port }];
  const answer = portAnswer({ value, isNegated }, have, (ranges) => ({ destinationPorts: ranges }));
  return sentTo !== undefined && typeof answer === 'object' ? 'unknown' : answer;
}

function originalAddress(
  value: string,
  isNegated: boolean,
  { family, sentTo, destination }: Packets,
): Answer {
  const have = sentTo === undefined ? destination : sentTo.destination;
  const answer = prefixAnswer({ value, isNegated }, family, have, (prefix) => ({ destination: prefix }));
  return sentTo !== undefined && typeof answer === 'object' ? 'unknown' : answer;
}
