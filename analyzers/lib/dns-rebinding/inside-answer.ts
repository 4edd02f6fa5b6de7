/**
 * What an answer to a question for addresses says, seen from the container that asked: which address is outside, which is
 * inside, and whose it is. The network on which the question was seen counts as inside, whatever range it was given; for
 * a question seen in the container's own namespace, all its networks.
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
export function sortAnswer(record: DnsRecord, judge: AddressJudge): SortedAnswer {
  const { answers, qtype, network, networks } = record;
  let inside: InsideAddress | undefined;
  let outside: DnsAnswer | undefined;
  if (qtype !== 'A' && qtype !== 'AAAA') return { inside, outside };
  const own: readonly OwnNetwork[] = network === undefined ? (networks ?? []) : [network];
  for (const answer of answers) {
    if (answer.type !== qtype) continue;
    const judged = judge.judge(answer.data);
    if (judged === undefined) continue;
    const kind = kindOn(judged, own);
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

/** Subnets are absent where the inventory does not know the network. */
type OwnNetwork = Partial<Pick<Network, 'subnets' | 'gateways'>>;

function kindOn(
  judged: JudgedAddress,
  own: readonly OwnNetwork[],
): InsideKind | Extract<AddressKind, 'outside' | 'other'> {
  if (judged.kind === 'metadata') return judged.kind;
  for (const network of own) {
    if (!subnetsOf(network).some((subnet) => cidrContains(subnet, judged.words))) continue;
    return network.gateways?.includes(innerText(judged)) === true ? 'gateway' : 'own-network';
  }
  return judged.kind;
}
