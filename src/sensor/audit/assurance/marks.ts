/**
 * How far a way is known to have been gone: by flows, whose ends have names, and by counters of the kernel, which have none.
 * What is not seen proves nothing: then a way is possible, and no more is said.
 */
import type { WayMark } from '../../../model/audit.ts';
import type { EvidenceValue } from '../../../model/finding.ts';
import { clockText, counted } from '../../../model/readable.ts';
import { formatMicros, type Micros } from '../../../model/time.ts';
import type { Talk } from '../../../model/traffic-history.ts';
import { dropsOf } from '../../host/firewall/docker-drops.ts';
import { hostText } from '../lib/published-ports.ts';
import { listed } from '../lib/verdicts.ts';
import { type Inside, isSealed, type Member } from './inside.ts';
import type { AssuranceFacts } from './way.ts';

export interface Marked {
  readonly mark: WayMark;
  /** A sentence that says who and how often, with a space before it; empty where nothing is known. */
  readonly said: string;
  readonly evidence: Readonly<Record<string, EvidenceValue>>;
}

export const UNMARKED: Marked = { mark: 'possible', said: '', evidence: {} };

/** `used` where something was answered. */
export function markOf(talks: readonly Talk[]): Marked {
  if (talks.length === 0) return UNMARKED;
  const sum = (of: (talk: Talk) => number) => talks.reduce((total, talk) => total + of(talk), 0);
  const [flows, answered] = [sum((talk) => talk.flows), sum((talk) => talk.answered)];
  const who = listed(talks.map(origText));
  const last = formatMicros(Math.max(...talks.map((talk) => talk.last)));
  return {
    mark: answered > 0 ? 'used' : 'attempted',
    said: ` Flows tell of ${counted(flows, 'connection')} by ${who}, ${answered} of them answered, the last at ${clockText(last)}.`,
    evidence: { flows, answered, flowBytes: sum((talk) => talk.bytes), lastFlow: last },
  };
}

/** Flows of members, seen on the network itself, to what is neither this host nor on the network. */
export function talksToOutside({ talks = [] }: Inside): Talk[] {
  return talks.filter(({ direction, orig }) => direction === 'egress' && orig.scope === 'container');
}

export function talksOf(service: string, talks: readonly Talk[]): Talk[] {
  return talks.filter(({ orig }) => orig.service === service);
}

export function origText({ orig }: Talk): string {
  return orig.service ?? orig.ip ?? orig.scope;
}

/** `10.0.0.1:53/udp`. */
export function placeText({ resp, respPort, protocol }: Talk): string {
  return `${resp.ip === undefined ? resp.scope : hostText(resp.ip)}:${respPort}/${protocol}`;
}

export interface HeldBack {
  readonly packets: number;
  /** Chains whose rules dropped them. */
  readonly chains: readonly string[];
}

/** What the firewall dropped of this network's packets for the outside, since its rules were made. */
export function heldBack({ network }: Inside, { firewall }: AssuranceFacts): HeldBack {
  if (!firewall.ok || network.bridge === undefined) return { packets: 0, chains: [] };
  const drops = firewall.value
    .flatMap((ruleset) => dropsOf(ruleset, new Set([network.bridge!])))
    .filter(
      ({ reason, from, counters }) =>
        reason === 'internal' && from === network.bridge && counters.packets > 0,
    );
  return {
    packets: drops.reduce((sum, { counters }) => sum + counters.packets, 0),
    chains: [...new Set(drops.map(({ chain }) => chain))],
  };
}

/** Sends of a member that is sealed in which found no route: no packet tells of them (engine 25 and later). */
export function withoutRoute({ namespaces }: Inside, member: Member): number {
  const reading = isSealed(member) ? namespaces.get(member.owner.id) : undefined;
  return reading === undefined ? 0 : (reading.noRoutes.ipv4 ?? 0) + (reading.noRoutes.ipv6 ?? 0);
}

/** What was tried straight through the bridge, in words; undefined where nothing was, or nobody can tell. */
export function bridgeAttempts(inside: Inside, facts: AssuranceFacts): string | undefined {
  const { packets, chains } = heldBack(inside, facts);
  const seen = talksToOutside(inside);
  const parts = [
    ...(packets > 0 ? [`${counted(packets, 'packet')} for the outside dropped by ${listed(chains)}`] : []),
    ...(seen.length > 0 ? [`flows of ${listed(seen.map(origText))} to ${listed(seen.map(placeText))}`] : []),
  ];
  return parts.length === 0 ? undefined : parts.join('; ');
}

/** In a sentence, for the report: an empty mark means something only beside what was looked at. */
export function basisText({ traffic, firewall, namespaces }: AssuranceFacts, network: string): string {
  const counters = [
    ...(firewall.ok ? ["the firewall's counters"] : []),
    ...(namespaces.ok && namespaces.value.some(({ ok }) => ok)
      ? ["counters of the members' namespaces"]
      : []),
  ];
  if (!traffic.ok) {
    const rest = counters.length === 0 ? 'nothing' : `${listed(counters)} alone`;
    return `Marks rest on ${rest}: no flows are known, because ${traffic.reason}.`;
  }
  const { from, until, isPartial, uncovered } = traffic.value;
  const gaps = [
    ...(uncovered.includes(network) ? ['this network was not watched all that time'] : []),
    ...(isPartial ? ['not all flows could be summed'] : []),
  ];
  return `Marks rest on ${listed([`flows from ${timeText(from)} to ${timeText(until)}`, 'findings', ...counters])}${gaps.length === 0 ? '' : `; ${gaps.join(', and ')}`}.`;
}

function timeText(time: Micros): string {
  return clockText(formatMicros(time));
}
