/**
 * What an answer to a question for addresses says, seen from the container that asked: which address is outside, which is
 * inside, and whose it is. The network on which the question was seen counts as inside, whatever range it was given.
 */
import type { DnsAnswer, DnsRecord } from '../../../src/model/dns.ts';
import { cidrContains } from '../../../src/model/ip.ts';
import type { Network } from '../../../src/model/network.ts';
import { type AddressJudge, type AddressKind, innerText, type JudgedAddress } from '../address-kind.ts';
import { subnetsOf } from '../leaving.ts';

export const INSIDE_KINDS = [
  'own-network',
  'gateway',
  'metadata',
  'loopback',
  'unspecified',
  'link-local',
  'private',
  'shared',
] as const;
export type InsideKind = (typeof INSIDE_KINDS)[number];

export interface InsideAddress {
  readonly answer: DnsAnswer;
  readonly judged: JudgedAddress;
  readonly kind: InsideKind;
}

export interface SortedAnswer {
  /** The first, but before all others one that leads to a metadata service. */
  readonly inside: InsideAddress | undefined;
  /** The first. */
  readonly outside: DnsAnswer | undefined;
}

/** Among the records of the type that was asked for; neither when addresses were not asked for. */
export function sortAnswer({ answers, qtype, network }: DnsRecord, judge: AddressJudge): SortedAnswer {
  let inside: InsideAddress | undefined;
  let outside: DnsAnswer | undefined;
  if (qtype !== 'A' && qtype !== 'AAAA') return { inside, outside };
  for (const answer of answers) {
    if (answer.type !== qtype) continue;
    const judged = judge.judge(answer.data);
    if (judged === undefined) continue;
    const kind = kindOn(judged, network);
    if (kind === 'outside') outside ??= answer;
    else if (kind !== 'other' && (inside === undefined || kind === 'metadata'))
      inside = { answer, judged, kind };
  }
  return { inside, outside };
}

/** A mapped address is written as IPv4 everywhere; here its form is what matters. */
export function asAnswered(answer: DnsAnswer): string {
  return isMapped(answer) ? `::ffff:${answer.data}` : answer.data;
}

/** IPv4 in an IPv6 record. */
export function isMapped({ type, data }: DnsAnswer): boolean {
  return type === 'AAAA' && !data.includes(':');
}

function kindOn(
  judged: JudgedAddress,
  network: Network | undefined,
): InsideKind | Extract<AddressKind, 'outside' | 'other'> {
  if (network === undefined || judged.kind === 'metadata') return judged.kind;
  if (!subnetsOf(network).some((subnet) => cidrContains(subnet, judged.words))) return judged.kind;
  return network.gateways.includes(innerText(judged)) ? 'gateway' : 'own-network';
}
