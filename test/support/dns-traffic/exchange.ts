/**
 * DNS exchanges as a client makes them, and what the agent's analyzers hear of them at one of its two vantage points.
 * A generator says what was asked, answered and contacted; who asked and where it was seen is added here.
 */
import type { DnsAnswer, DnsRecord } from '../../../src/model/dns.ts';
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { DnsQuery } from '../../../src/sensor/analysis/analyzer.ts';
import type { AnalyzerEvent } from '../../../src/sensor/analysis/tester.ts';
import { address, askEvent, container, flow, question, secs, workload } from '../records.ts';

/** Who asks, whom, and where that is captured. */
export interface Asker {
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly vantage: 'bridge' | 'container';
}

interface Moment {
  /** Seconds since the start. */
  readonly at: number;
  /** Absent: the case's own client. */
  readonly by?: Asker | undefined;
  /** Bytes of somebody's data that this carries out; only the generator knows. */
  readonly up?: number;
  /** Bytes of somebody's data that this carries in. */
  readonly down?: number;
}

export interface Exchange extends Moment {
  readonly kind: 'exchange';
  /** Leftmost first; text stands for Latin-1 bytes. */
  readonly labels: readonly string[];
  readonly qtype?: string;
  /** Absent: no answer came. */
  readonly rcode?: string | undefined;
  readonly answers?: readonly Omit<DnsAnswer, 'name'>[];
  readonly answerAfterSecs?: number;
  readonly options?: DnsQuery['options'];
  readonly transport?: DnsRecord['transport'];
  readonly opcode?: string;
  readonly qclass?: string;
  readonly trailingBytes?: number;
  readonly protocol?: DnsRecord['protocol'];
  /** Only for questions that go to another server than the client's own. */
  readonly server?: Endpoint;
  /** Address to which the client connects right after the answer. */
  readonly contact?: string | undefined;
}

/** Bytes on port 53 that are no DNS. */
export interface RawBytes extends Moment {
  readonly kind: 'raw';
  readonly bytes: number;
  readonly transport: DnsRecord['transport'];
  readonly fromClient: boolean;
  readonly server?: Endpoint;
}

export type Happening = Exchange | RawBytes;

/** What one event adds to what has left so far. */
export interface Step {
  readonly event: AnalyzerEvent;
  /** The question or packet itself; absent for answers and connections. */
  readonly asked?: Happening;
  readonly down: number;
}

/** 1232: what DNS flag day 2020 made the usual size. */
const PLAIN_EDNS = { udpSizeBytes: 1232, version: 0, dnssecOk: false };
const CONTACT_AFTER_SECS = 0.005;

/** At a bridge: the container's own address, and a resolver in the LAN. */
export function onBridge(name: string, ip: string, server: Endpoint = lanResolver): Asker {
  return { client: container(name, ip), server, vantage: 'bridge' };
}

/** On the loopback interface of the container's own namespace, towards Docker's embedded resolver. */
export function atEmbeddedResolver(name: string): Asker {
  const netns = { attribution: { method: 'netns', confidence: 'certain' } } as const;
  return {
    client: container(name, '127.0.0.1', netns),
    server: address('127.0.0.11', 'engine', { port: 53 }),
    vantage: 'container',
  };
}

export const lanResolver = address('172.30.0.2', 'lan', { port: 53 });
/** A server of the attacker's own, asked directly. */
export const outsideServer = address('198.51.100.53', 'internet', { port: 53 });

export function addressAnswer(ip: string, ttl = 60): Omit<DnsAnswer, 'name'> {
  return ip.includes(':')
    ? { type: 'AAAA', ttl, bytes: 16, data: ip }
    : { type: 'A', ttl, bytes: 4, data: ip };
}

export function textAnswer(text: string, ttl = 60): Omit<DnsAnswer, 'name'> {
  return { type: 'TXT', ttl, bytes: text.length + 1, data: `"${text}"`.slice(0, 255) };
}

export function nameAnswer(type: string, name: string, ttl = 60): Omit<DnsAnswer, 'name'> {
  const fixedBytes = type === 'SRV' ? 6 : type === 'MX' ? 2 : 0;
  const prefix = type === 'SRV' ? '10 10 5060 ' : type === 'MX' ? '10 ' : '';
  return { type, ttl, bytes: fixedBytes + name.length + 2, data: `${prefix}${name}`.slice(0, 255) };
}

/** RFC 3597 form, as the agent writes types it does not know. */
export function bytesAnswer(type: string, bytes: string, ttl = 60): Omit<DnsAnswer, 'name'> {
  const hex = Buffer.from(bytes, 'latin1').toString('hex');
  return { type, ttl, bytes: bytes.length, data: `\\# ${bytes.length} ${hex}`.slice(0, 255) };
}

/** Several streams, each in order of time, as one. */
export function* together(...streams: readonly Iterable<Happening>[]): Generator<Happening> {
  const heads: { readonly rest: Iterator<Happening>; head: Happening }[] = [];
  for (const stream of streams) {
    const rest = stream[Symbol.iterator]();
    const first = rest.next();
    if (first.done !== true) heads.push({ rest, head: first.value });
  }
  while (heads.length > 0) {
    let least = 0;
    for (let i = 1; i < heads.length; i++) if (heads[i]!.head.at < heads[least]!.head.at) least = i;
    const chosen = heads[least]!;
    yield chosen.head;
    const following = chosen.rest.next();
    if (following.done === true) heads.splice(least, 1);
    else chosen.head = following.value;
  }
}

export function* by(asker: Asker, stream: Iterable<Happening>): Generator<Happening> {
  for (const happening of stream) yield { ...happening, by: asker };
}

export function* later(delaySecs: number, stream: Iterable<Happening>): Generator<Happening> {
  for (const happening of stream) yield { ...happening, at: happening.at + delaySecs };
}

/** What analyzers hear, in the order in which they do: answers and connections come between later questions. */
export function* steps(stream: Iterable<Happening>, own: Asker): Generator<Step> {
  const pending: { readonly at: number; readonly step: Step }[] = [];
  let last = 0;
  for (const happening of stream) {
    while (pending.length > 0 && pending[0]!.at <= happening.at) yield pending.shift()!.step;
    const asker = happening.by ?? own;
    last = happening.at;
    if (happening.kind === 'raw') {
      yield rawStep(happening, asker);
      continue;
    }
    const { question: asked, answered } = recordsOf(happening, asker);
    yield { event: asked, asked: happening, down: 0 };
    if (answered === undefined) continue;
    const at = happening.at + (happening.answerAfterSecs ?? 0.02);
    enqueue(pending, at, { event: { on: 'dns', record: answered }, down: happening.down ?? 0 });
    if (happening.contact === undefined) continue;
    const contactAt = at + CONTACT_AFTER_SECS;
    const started = flow({
      orig: { ...asker.client, ip: outwardAddress(asker.client), port: 40_000 },
      resp: address(happening.contact, 'internet', { port: 443 }),
      start: secs(contactAt),
    });
    enqueue(pending, contactAt, { event: { on: 'flow-start', flow: started }, down: 0 });
  }
  for (const { step } of pending) yield step;
  yield { event: { on: 'tick', now: secs(last + 120) }, down: 0 };
}

function rawStep(raw: RawBytes, asker: Asker): Step {
  const { bytes, transport, fromClient, server = asker.server } = raw;
  const { client } = asker;
  return {
    event: { on: 'not-dns', event: { time: secs(raw.at), client, server, transport, fromClient, bytes } },
    asked: raw,
    down: raw.down ?? 0,
  };
}

function recordsOf(exchange: Exchange, asker: Asker) {
  const { labels, at, server = asker.server, options = [] } = exchange;
  const fields = {
    labels,
    options,
    time: secs(at),
    client: { ...asker.client, port: 30_000 + (Math.round(at * 1000) % 20_000) },
    server,
    vantage: asker.vantage,
    id: Math.round(at * 7919) & 0xffff,
    qtype: exchange.qtype ?? 'A',
    qclass: exchange.qclass ?? 'IN',
    transport: exchange.transport ?? 'udp',
    opcode: exchange.opcode ?? 'QUERY',
    protocol: exchange.protocol ?? 'dns',
    ...(asker.vantage === 'container' ? { networks: [{ name: 'back', internal: false }] } : {}),
    ...(asker.vantage === 'container' ? { interface: 'lo' } : {}),
    ...(exchange.trailingBytes === undefined ? {} : { trailingBytes: exchange.trailingBytes }),
    ...(options.length === 0
      ? {}
      : {
          edns: {
            ...PLAIN_EDNS,
            options: options.map(({ code, data }) => ({ code, bytes: data.byteLength })),
          },
        }),
  } as const;
  const asked = question(fields);
  const answers = (exchange.answers ?? []).map((answer) => ({ name: asked.query, ...answer }));
  const { rcode = answers.length > 0 ? 'NOERROR' : undefined } = exchange;
  const answered =
    rcode === undefined ? undefined : { ...asked, rcode, answers, rtt: 20_000, flags: ['RD', 'RA'] as const };
  return { question: askEvent(fields), answered };
}

/** A container asks at its loopback and connects from its address on the network. */
function outwardAddress(client: Endpoint): string {
  return client.ip === '127.0.0.1' ? '172.30.0.10' : client.ip;
}

function enqueue(pending: { at: number; step: Step }[], at: number, step: Step): void {
  let i = pending.length;
  while (i > 0 && pending[i - 1]!.at > at) i--;
  pending.splice(i, 0, { at, step });
}

/** A container of another application, for what goes on beside the case. */
export function neighbour(number: number): Asker {
  const name = `neighbour-${number}`;
  const client = container(name, `172.30.1.${number}`, { workload: workload(name, ['back']) });
  return { client, server: lanResolver, vantage: 'bridge' };
}
