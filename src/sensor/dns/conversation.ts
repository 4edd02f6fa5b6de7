/**
 * Who exchanges DNS messages: a flow of the table, or a client port inside a container's namespace that speaks with
 * Docker's embedded resolver. Everything after this file treats both alike. One object of each kind is set anew for each
 * packet and borrowed for the call; strings are made only when somebody asks for the ends.
 */
import type { DnsClientNetworks } from '../../model/dns.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import { formatIp, V4_MAPPED_WORD } from '../../model/ip.ts';
import type { Network } from '../../model/network.ts';
import type { Micros } from '../../model/time.ts';
import { LAYER, type PacketView } from '../decode/packet-view.ts';
import { MAX_FLOWS } from '../flow/key.ts';
import type { AddressNames } from '../flow-facts.ts';
import type { Tap } from '../taps/tap.ts';

/** Both ends of a flow, and the network that carries it. */
export interface FlowEnds {
  readonly orig: Endpoint;
  readonly resp: Endpoint;
  readonly network: Network | undefined;
}

export interface ConversationEnds extends FlowEnds {
  /** All that the client is on; for conversations in its own namespace. */
  readonly networks?: DnsClientNetworks | undefined;
}

export interface Conversation {
  /** Unique among those that live, and below 2^31: a small integer to V8. */
  readonly key: number;
  /** Tells it from those that had the key before. */
  readonly number: number;
  /** Of the packet at hand. */
  ends(): ConversationEnds;
}

/** A row of the flow table; its slot is the key. */
export class FlowConversation implements Conversation {
  key = 0;
  readonly #endsOf: (slot: number) => FlowEnds;
  readonly #numberOf: (slot: number) => number;

  constructor(endsOf: (slot: number) => FlowEnds, numberOf: (slot: number) => number) {
    this.#endsOf = endsOf;
    this.#numberOf = numberOf;
  }

  get number(): number {
    return this.#numberOf(this.key);
  }

  ends(): ConversationEnds {
    return this.#endsOf(this.key);
  }
}

/** 127.0.0.11, where dockerd answers in the namespaces of containers on user-defined networks. */
const EMBEDDED_RESOLVER = 0x7f00000b;
const DNS_PORT = 53;

const SERVER: Endpoint = {
  ip: '127.0.0.11',
  port: DNS_PORT,
  scope: 'engine',
  names: [],
  attribution: { method: 'netns', confidence: 'certain', reason: "Docker's embedded resolver" },
};

function isFromResolver({ words }: PacketView): boolean {
  return words[3] === EMBEDDED_RESOLVER && words[2] === V4_MAPPED_WORD;
}

function isToResolver({ words }: PacketView): boolean {
  return words[7] === EMBEDDED_RESOLVER && words[6] === V4_MAPPED_WORD;
}

/**
 * Whether a packet belongs to the namespace lane and not to the flow table: all of a container tap, and of a file what
 * goes to or comes from 127.0.0.11 outside every known network, which is how a capture of a container's own loopback
 * looks. On a bridge that address is a martian and stays an ordinary flow, so that nobody can hide one behind it.
 */
export function isInNamespace(tap: Tap, p: PacketView): boolean {
  if (tap.vantage === 'container') return true;
  if (tap.vantage !== 'file' || tap.network !== undefined) return false;
  return p.depth === 0 && (p.layers & LAYER.IPV4) !== 0 && (isToResolver(p) || isFromResolver(p));
}

/** Keys of a namespace: a port (16 bits) for each of UDP and TCP. */
const PER_NAMESPACE = 2 * 0x10000;

/**
 * A client port of a namespace. The client's socket is not connected to one server port: the question goes to the random
 * port on which dockerd listens, because it was translated before the tap, and the answer comes from port 53. So the
 * port of the client, and on which side 127.0.0.11 stands, say all.
 */
export class NamespaceConversation implements Conversation {
  key = 0;
  /** A namespace's keys are its own until its tap ends, and with it all that was asked there. */
  readonly number = 0;
  isFromClient = false;
  readonly #names: AddressNames;
  /** Namespaces are numbered from 0, and numbers used again: tap indexes grow for as long as the agent runs. */
  readonly #numbers = new Map<Tap, number>();
  readonly #free: number[] = [];
  #tap: Tap | undefined;
  #view: PacketView | undefined;
  #time: Micros = 0;

  constructor(names: AddressNames) {
    this.#names = names;
  }

  /** False when the packet is no UDP or TCP of the resolver's. */
  set(tap: Tap, p: PacketView, time: Micros): boolean {
    if ((p.layers & LAYER.PORTS) === 0 || (p.layers & LAYER.IPV4) === 0) return false;
    const isTo = isToResolver(p);
    const isFrom = isFromResolver(p);
    if (!isTo && !isFrom) return false;
    // A client may have bound 127.0.0.11 as well; the resolver always speaks from its port.
    this.isFromClient = isTo && !(isFrom && p.srcPort === DNS_PORT);
    const isTcp = (p.layers & LAYER.TCP) !== 0;
    const clientPort = this.isFromClient ? p.srcPort : p.dstPort;
    this.key = this.#firstKey(tap) + (isTcp ? 0x10000 : 0) + clientPort;
    this.#tap = tap;
    this.#view = p;
    this.#time = time;
    return true;
  }

  ends(): ConversationEnds {
    const p = this.#view!;
    const { words } = p;
    const at = this.isFromClient ? 0 : 4;
    const ip = formatIp(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!);
    const port = this.isFromClient ? p.srcPort : p.dstPort;
    const asker = this.#tap!.asker?.();
    const who = asker?.client ?? this.#names.resolve(ip, undefined, undefined, this.#time);
    const { scope, workload, names, attribution } = who;
    return {
      orig: { ip, port, scope, workload, names, attribution },
      resp: SERVER,
      network: undefined,
      networks: asker?.networks,
    };
  }

  /** The tap has ended: returns the range [from, to) of its keys, which will be another's. */
  release(tap: Tap): readonly [from: number, to: number] | undefined {
    const number = this.#numbers.get(tap);
    if (number === undefined) return undefined;
    this.#numbers.delete(tap);
    this.#free.push(number);
    const from = MAX_FLOWS + number * PER_NAMESPACE;
    return [from, from + PER_NAMESPACE];
  }

  #firstKey(tap: Tap): number {
    let number = this.#numbers.get(tap);
    if (number === undefined) {
      number = this.#free.pop() ?? this.#numbers.size;
      this.#numbers.set(tap, number);
    }
    return MAX_FLOWS + number * PER_NAMESPACE;
  }
}
