/**
 * The other side of a translated flow: who really opened it and what he asked for, from the kernel's connection
 * table and from the two connections of Docker's userland proxy. Where neither tells, a flow that the gateway seems
 * to have opened to a published port is `via NAT, origin unknown`, and never the host's by default.
 */
import type { Endpoint } from '../../model/endpoint.ts';
import { parseIp } from '../../model/ip.ts';
import type { NatFact } from '../../model/nat.ts';
import { communityId } from '../flow/community-id.ts';
import type { AddressNames, NatUnfolder, SeenFlow } from '../flow-facts.ts';
import {
  type Connection,
  flowKey,
  isDestinationTranslated,
  isSourceTranslated,
  isTranslated,
} from '../host/conntrack/connection.ts';
import type { Tuple } from '../host/conntrack/message.ts';
import { plausible } from './choose.ts';
import { candidateLabel, endBehind, type HostCandidates } from './ends.ts';
import type { ProxyJoin, ProxyJoins } from './proxy-joins.ts';
import type { PublishedPorts } from './published-ports.ts';

export interface NatUnfoldOptions {
  readonly names: AddressNames;
  readonly ports: PublishedPorts;
  readonly joins: ProxyJoins;
  readonly connections: {
    find(key: string): readonly Connection[];
    heardAll(from: number, to: number): boolean;
  };
  readonly onHost: HostCandidates;
  /** Why the kernel's table is not known now; undefined while it is. */
  readonly problem: () => string | undefined;
}

export const ORIGIN_UNKNOWN = 'via NAT, origin unknown';
/** In a record; there may have been more. */
const MAX_CANDIDATES = 16;

export class NatUnfold implements NatUnfolder {
  readonly #options: NatUnfoldOptions;

  constructor(options: NatUnfoldOptions) {
    this.#options = options;
  }

  unfold(flow: SeenFlow): NatFact | undefined {
    const found = this.#connectionsOf(flow);
    const translated = found.filter(isTranslated);
    if (translated.length > 0) return this.#fromTable(flow, found, translated);
    const joins = found.map((each) => this.#options.joins.joinOf(each)).filter((join) => join !== undefined);
    if (found.length === 1 && joins.length === 1) return this.#fromProxy(flow, found[0]!, joins[0]!);
    return this.#looksLikeProxy(flow)
      ? this.#unknown(found.length > 0 ? 'several of its connections fit' : undefined)
      : undefined;
  }

  /** Mid-stream, the first packet that was seen may have been an answer. */
  #connectionsOf({ protocol, orig, resp, start, end }: SeenFlow): readonly Connection[] {
    const number = protocolNumber(protocol);
    if (number === undefined) return [];
    const { connections } = this.#options;
    const forward = connections.find(flowKey(number, orig.ip, orig.port, resp.ip, resp.port));
    const found = plausible(forward, start, end);
    if (found.length > 0) return found;
    return plausible(connections.find(flowKey(number, resp.ip, resp.port, orig.ip, orig.port)), start, end);
  }

  #fromTable(flow: SeenFlow, found: readonly Connection[], translated: readonly Connection[]): NatFact {
    const [first] = translated;
    const same = found.every(
      (each) => sameTuple(each.orig, first!.orig) && sameTuple(each.reply, first!.reply),
    );
    const doubt = same
      ? this.#staleness(flow, translated)
      : `${found.length} connections fit, and nothing tells them apart`;
    if (doubt === undefined) return this.#translation(flow, first!);
    const kinds = new Set(found.map((each) => this.#kindOf(each, flow)));
    return {
      kind: kinds.size === 1 ? [...kinds][0]! : 'unknown',
      method: 'conntrack',
      confidence: 'ambiguous',
      reason: doubt,
      candidates: this.#labels(found, flow, 'conntrack'),
    };
  }

  /** A connection that was last heard of before events were lost may have been another by the time of the flow. */
  #staleness({ start }: SeenFlow, connections: readonly Connection[]): string | undefined {
    const { connections: table } = this.#options;
    const fresh = connections.some(({ heardAt }) => heardAt >= start || table.heardAll(heardAt, start));
    return fresh ? undefined : 'events of the kernel were lost since it last told of this connection';
  }

  #translation(flow: SeenFlow, connection: Connection): NatFact {
    const { orig: asked, reply } = connection;
    const { orig, resp } = flow;
    const published = isDestinationTranslated(connection)
      ? { ip: asked.dst, port: asked.dstPort }
      : undefined;
    const translatedSource = isSourceTranslated(connection)
      ? { ip: reply.dst, port: reply.dstPort }
      : undefined;
    const client = isEnd(orig, asked.src, asked.srcPort)
      ? undefined
      : this.#end(asked.src, asked.srcPort, flow, 'conntrack');
    const server = isEnd(resp, reply.src, reply.srcPort)
      ? undefined
      : this.#end(reply.src, reply.srcPort, flow, 'conntrack');
    const originalCommunityId = originalId(flow, asked);
    return {
      kind: this.#kindOf(connection, flow),
      method: 'conntrack',
      confidence: 'certain',
      ...(client === undefined ? {} : { client }),
      ...(server === undefined ? {} : { server }),
      ...(published === undefined ? {} : { published }),
      ...(translatedSource === undefined ? {} : { translatedSource }),
      ...(originalCommunityId === undefined ? {} : { originalCommunityId }),
    };
  }

  #kindOf(connection: Connection, { start }: SeenFlow): NatFact['kind'] {
    if (!isDestinationTranslated(connection)) return 'masquerade';
    if (!isSourceTranslated(connection)) return 'published-port';
    const { scope } = this.#options.names.resolve(connection.orig.src, undefined, undefined, start);
    return scope === 'container' ? 'hairpin' : 'published-port';
  }

  #fromProxy(flow: SeenFlow, connection: Connection, join: ProxyJoin): NatFact | undefined {
    if (join.side === 'client') {
      const { dst: ip, dstPort: port } = connection.orig;
      const published = { ip, port };
      if (join.dial === undefined) {
        const reason = 'which of its connections to the container was for this one is not known';
        return { kind: 'docker-proxy', method: 'docker-proxy', confidence: 'likely', reason, published };
      }
      const { dst, dstPort } = join.dial.orig;
      const server = this.#end(dst, dstPort, flow, 'docker-proxy');
      return { kind: 'docker-proxy', method: 'docker-proxy', confidence: 'certain', server, published };
    }
    const { clients } = join;
    switch (clients.known) {
      case 'host':
        return undefined;
      case 'nobody':
        return this.#unknown(clients.reason);
      case 'several': {
        const labels = this.#labels(clients.clients, flow, 'docker-proxy');
        return {
          kind: 'docker-proxy',
          method: 'docker-proxy',
          confidence: 'ambiguous',
          reason: clients.orHost
            ? 'clients of the published port, and programs of the host, opened connections at the same time'
            : `${clients.clients.length} clients of the published port waited at the same time`,
          candidates: clients.orHost ? [...labels, 'host'] : labels,
        };
      }
      case 'one': {
        const { src, srcPort, dst, dstPort } = clients.client.orig;
        const originalCommunityId = originalId(flow, clients.client.orig);
        return {
          kind: 'docker-proxy',
          method: 'docker-proxy',
          confidence: 'certain',
          client: this.#end(src, srcPort, flow, 'docker-proxy'),
          published: { ip: dst, port: dstPort },
          translatedSource: { ip: flow.orig.ip, port: flow.orig.port },
          ...(originalCommunityId === undefined ? {} : { originalCommunityId }),
        };
      }
    }
  }

  /** From the bridge's own address to a port that the host publishes: the proxy, a hairpin, or the host itself. */
  #looksLikeProxy({ protocol, orig, resp }: SeenFlow): boolean {
    return orig.scope === 'gateway' && this.#options.ports.dialed(protocol, resp.ip, resp.port) !== undefined;
  }

  #unknown(why: string | undefined): NatFact {
    const because = why ?? this.#options.problem() ?? "the kernel's table has no such connection";
    return {
      kind: 'unknown',
      method: 'none',
      confidence: 'none',
      reason: `${ORIGIN_UNKNOWN}: ${because}`,
    };
  }

  #end(
    ip: string,
    port: number | undefined,
    { start }: SeenFlow,
    method: 'conntrack' | 'docker-proxy',
  ): Endpoint {
    return endBehind(this.#options.names, { ip, port }, start, method, this.#options.onHost);
  }

  #labels(
    connections: readonly Connection[],
    flow: SeenFlow,
    method: 'conntrack' | 'docker-proxy',
  ): string[] {
    const ends = connections
      .slice(0, MAX_CANDIDATES)
      .map(({ orig }) => this.#end(orig.src, orig.srcPort, flow, method));
    return [...new Set(ends.map(candidateLabel))];
  }
}

function isEnd(endpoint: Endpoint, ip: string, port: number | undefined): boolean {
  return endpoint.ip === ip && endpoint.port === port;
}

function sameTuple(a: Tuple, b: Tuple): boolean {
  return a.src === b.src && a.dst === b.dst && a.srcPort === b.srcPort && a.dstPort === b.dstPort;
}

/** Of the connection as its client opened it; undefined when that is how it was seen, and for ICMP. */
function originalId({ orig, resp }: SeenFlow, asked: Tuple): string | undefined {
  const { protocol, srcPort, dstPort } = asked;
  const seen = isEnd(orig, asked.src, srcPort) && isEnd(resp, asked.dst, dstPort);
  const src = parseIp(asked.src);
  const dst = parseIp(asked.dst);
  if (seen || src === undefined || dst === undefined || srcPort === undefined || dstPort === undefined) {
    return undefined;
  }
  return communityId({ src, dst, protocol, srcPort, dstPort });
}

function protocolNumber(protocol: string): number | undefined {
  const named = PROTOCOL_NUMBERS[protocol];
  if (named !== undefined) return named;
  const number = Number(/^ip-(\d{1,3})$/.exec(protocol)?.[1]);
  return Number.isNaN(number) ? undefined : number;
}

const PROTOCOL_NUMBERS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 };
