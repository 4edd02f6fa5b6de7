/**
 * From a message and the conversation that carried it to a DnsRecord. Field by field throughout: spreading one object
 * into another costs as much as all the rest that is done for a message.
 */
import type { DnsRecord, DnsUpstream } from '../../model/dns.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import type { Micros } from '../../model/time.ts';
import { dnsOpcodeName } from '../decode/dns-mnemonics.ts';
import type { DnsContent } from '../decode/dns-record.ts';
import type { AddressNames } from '../flow-facts.ts';
import type { Tap } from '../taps/tap.ts';
import type { Conversation } from './conversation.ts';

/** The packet whose messages are being read: one at a time, set anew for each, so that reading allocates nothing for it. */
export interface Carrier {
  tap: Tap;
  conversation: Conversation;
  time: Micros;
  fromOrig: boolean;
  protocol: DnsRecord['protocol'];
  transport: DnsRecord['transport'];
}

const NO_ANSWERS: DnsRecord['answers'] = [];
/** RFC 4795 2.1.1: where DNS has AA and RD, LLMNR has bits of its own; the rest must be zero. */
const LLMNR_FLAGS: readonly DnsRecord['flags'][number][] = ['TC'];

/** Of a question, or of an answer alone: there the time is the answer's, and how long it took is not known. */
export function messageRecord(
  content: DnsContent,
  { tap, conversation, time, fromOrig, protocol, transport }: Carrier,
): DnsRecord {
  const { orig, resp, network, networks } = conversation.ends();
  const sentByClient = !content.isResponse;
  const clientIsOrig = fromOrig === sentByClient;
  const { question } = content;
  return {
    kind: 'dns',
    time,
    network,
    networks,
    interface: tap.interface,
    client: clientIsOrig ? orig : resp,
    server: clientIsOrig ? resp : orig,
    vantage: tap.vantage,
    upstream: undefined,
    protocol,
    transport,
    opcode: dnsOpcodeName(content.opcode),
    id: content.id,
    query: question?.query ?? '',
    qtype: question?.qtype ?? '',
    qclass: question?.qclass ?? '',
    rcode: content.rcode,
    answers: content.isResponse ? content.answers : NO_ANSWERS,
    rtt: undefined,
    flags: protocol === 'llmnr' ? content.flags.filter((flag) => LLMNR_FLAGS.includes(flag)) : content.flags,
    edns: content.isResponse ? undefined : content.edns,
    trailingBytes: content.isResponse || content.trailingBytes === 0 ? undefined : content.trailingBytes,
    anomalies: content.anomalies,
  };
}

/** `rtt` is undefined where the clock was set between the two. */
export function answeredRecord(asked: DnsRecord, content: DnsContent, rtt: Micros | undefined): DnsRecord {
  return {
    kind: 'dns',
    time: asked.time,
    network: asked.network,
    networks: asked.networks,
    interface: asked.interface,
    client: asked.client,
    server: asked.server,
    vantage: asked.vantage,
    upstream: undefined,
    protocol: asked.protocol,
    transport: asked.transport,
    opcode: asked.opcode,
    id: asked.id,
    query: asked.query,
    qtype: asked.qtype,
    qclass: asked.qclass,
    rcode: content.rcode,
    answers: content.answers,
    rtt,
    flags: content.flags,
    edns: asked.edns,
    trailingBytes: asked.trailingBytes,
    anomalies: asked.anomalies.length === 0 ? content.anomalies : [...asked.anomalies, ...content.anomalies],
  };
}

export function withUpstream(record: DnsRecord, upstream: DnsUpstream): DnsRecord {
  return { ...record, upstream };
}

/** The same exchange with the names of another record's ends. */
export function withEnds(
  record: DnsRecord,
  { client, server }: Pick<DnsRecord, 'client' | 'server'>,
): DnsRecord {
  return { ...record, client, server };
}

/** With what is known by now of its ends: the engine tells of a container when it has already asked. */
export function resolvedAgain(record: DnsRecord, names: AddressNames): DnsRecord {
  const { client, server, network, time } = record;
  const again = (end: Endpoint): Endpoint =>
    mayBeContainer(end) ? { ...end, ...names.resolve(end.ip, end.mac, network?.id, time) } : end;
  return withEnds(record, { client: again(client), server: again(server) });
}

/** Of an inside address, whose holder is not known (yet). */
export function mayBeContainer({ workload, scope }: Endpoint): boolean {
  return workload === undefined && (scope === 'unknown' || scope === 'container');
}
