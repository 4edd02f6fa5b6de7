/**
 * Which addresses an answer gives to the name that was asked for. Follows the chain of CNAMEs from the question (RFC
 * 1034 3.6.2); a record that the chain does not reach says nothing about that name, whatever else the server put beside it.
 */
import type { DnsRecord } from '../../model/dns.ts';

export interface AnsweredAddress {
  /** As `formatIp` writes it. */
  readonly ip: string;
  /** The shortest of the records that lead to it. */
  readonly ttlSecs: number;
}

/** Real chains have two to five links; resolvers stop at about this many. */
const MAX_LINKS = 16;

interface Link {
  readonly target: string;
  readonly ttl: number;
}

export function answeredAddresses({ query, answers }: DnsRecord): AnsweredAddress[] {
  const reached = followChain(query.toLowerCase(), aliases(answers));
  const found: AnsweredAddress[] = [];
  for (const { name, type, ttl, data } of answers) {
    if (type !== 'A' && type !== 'AAAA') continue;
    const chainTtl = reached.get(name.toLowerCase());
    if (chainTtl !== undefined) found.push({ ip: data, ttlSecs: Math.min(chainTtl, ttl) });
  }
  return found;
}

/** By owner. A name has one CNAME at most (RFC 2181 10.1); of several the first counts, as resolvers do. */
function aliases(answers: DnsRecord['answers']): ReadonlyMap<string, Link> {
  const links = new Map<string, Link>();
  for (const { name, type, ttl, data } of answers) {
    const owner = name.toLowerCase();
    if (type === 'CNAME' && !links.has(owner)) links.set(owner, { target: data.toLowerCase(), ttl });
  }
  return links;
}

/** The names of the chain, each with the shortest time to live on the way to it. */
function followChain(query: string, links: ReadonlyMap<string, Link>): ReadonlyMap<string, number> {
  const reached = new Map<string, number>([[query, Number.POSITIVE_INFINITY]]);
  let name = query;
  let ttl = Number.POSITIVE_INFINITY;
  for (let i = 0; i < MAX_LINKS; i++) {
    const link = links.get(name);
    if (link === undefined || reached.has(link.target)) break;
    name = link.target;
    ttl = Math.min(ttl, link.ttl);
    reached.set(name, ttl);
  }
  return reached;
}
