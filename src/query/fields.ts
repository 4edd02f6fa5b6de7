/**
 * Every field of the language: its type, where it is read from, and what docs/filters.md says of it. One entry here is
 * all that a new field needs.
 */
import { SEVERITIES } from '../model/finding.ts';
import { networkNamesIn, shortNetworkName } from '../model/network.ts';
import type { RecordKind } from '../model/record.ts';
import type { PublicOf, PublicRecord } from '../model/serialize.ts';
import { MICROS_PER_SECOND } from '../model/time.ts';
import {
  ACTIONS,
  CAUSES,
  CERTAINTIES,
  CHANGES,
  CONFIDENCES,
  COVERAGES,
  DIRECTIONS,
  DNS_FLAGS,
  KINDS,
  METHODS,
  NAT_KINDS,
  SCOPES,
  STATES,
  STATUSES,
  TRIGGERS,
  VANTAGES,
} from './choices.ts';
import { containerNames, type End, endsOf, workloadNames } from './ends.ts';
import { microsOf } from './time-text.ts';

/**
 * `text`: any case, `*` stands for anything. `exact`: the same with case. `container`: as text, or the beginning of an
 * id. `data`: an address or a prefix where the value is one, else as text. The rest compare in order, `choice` too where
 * it has one.
 */
export type FieldType =
  | 'text'
  | 'exact'
  | 'choice'
  | 'count'
  | 'size'
  | 'duration'
  | 'time'
  | 'ip'
  | 'data'
  | 'container';

export type Scalar = string | number | undefined;
/** Several: one that fits is enough. Undefined, or none: the field is absent. */
export type Values = Scalar | readonly Scalar[];

type Readers = { readonly [K in RecordKind]?: (record: PublicOf<K>) => Values };

export interface Field {
  readonly name: string;
  /** Other spellings. */
  readonly aliases: readonly string[];
  readonly type: FieldType;
  readonly about: string;
  /** A whole filter. */
  readonly example: string;
  readonly choices?: readonly string[];
  /** Whether the choices have an order, the least first. */
  readonly isOrdered?: boolean;
  /** Whether a value stands in the record's JSON text as it is; a sum does not. */
  readonly isVerbatim: boolean;
  readonly read: Readers;
}

export function valuesOf(field: Field, record: PublicRecord): readonly Scalar[] {
  const read = field.read[record.kind] as ((record: PublicRecord) => Values) | undefined;
  const values = read?.(record);
  return typeof values === 'object' ? values : values === undefined ? [] : [values];
}

/** One of the things known about an end; a field for each place where an end can stand. */
interface EndField extends Pick<Field, 'type' | 'choices' | 'about'> {
  readonly name: string;
  readonly value: string;
  readonly of: (end: End) => Values;
  /** Also without saying which end. */
  readonly either: boolean;
}

export const END_FIELDS: readonly EndField[] = [
  { name: 'ip', type: 'ip', value: '10.0.0.0/8', about: 'the address', of: (end) => end.ip, either: true },
  { name: 'port', type: 'count', value: '443', about: 'the port', of: (end) => end.port, either: false },
  {
    name: 'mac',
    type: 'text',
    value: '02:42:ac:*',
    about: 'the MAC address',
    of: (end) => end.mac,
    either: true,
  },
  {
    name: 'container',
    type: 'container',
    value: 'shop/db',
    about: 'the container: its label, name, service, or the beginning of its id (4 digits or more)',
    of: containerNames,
    either: true,
  },
  {
    name: 'project',
    type: 'text',
    value: 'shop',
    about: 'the Compose project',
    of: ({ workload }) => workload?.composeProject,
    either: true,
  },
  {
    name: 'service',
    type: 'text',
    value: 'db',
    about: 'the Compose or Swarm service',
    of: ({ workload }) => [workload?.composeService, workload?.swarmService],
    either: false,
  },
  {
    name: 'image',
    type: 'text',
    value: 'postgres:*',
    about: 'the image, as it was named when the container was made',
    of: ({ workload }) => workload?.image,
    either: true,
  },
  {
    name: 'scope',
    type: 'choice',
    choices: SCOPES,
    value: 'internet',
    about: 'where the address lives, seen from this host',
    of: (end) => end.scope,
    either: true,
  },
  {
    name: 'name',
    type: 'text',
    value: '*.example.com',
    about: 'the names that the address is known by',
    of: (end) => end.names,
    either: true,
  },
  {
    name: 'country',
    type: 'text',
    value: 'DE',
    about: 'the country, ISO 3166-1; needs a database',
    of: (end) => end.geo?.country,
    either: true,
  },
  {
    name: 'asn',
    type: 'count',
    value: '64496',
    about: 'the autonomous system number; needs a database',
    of: (end) => end.geo?.asn,
    either: true,
  },
  {
    name: 'method',
    type: 'choice',
    choices: METHODS,
    value: 'ip@time',
    about: 'how the address was given its name',
    of: (end) => end.attribution?.method,
    either: true,
  },
  {
    name: 'certainty',
    type: 'choice',
    choices: CERTAINTIES,
    value: 'ambiguous',
    about: 'how far to trust that',
    of: (end) => end.attribution?.confidence,
    either: true,
  },
];

/** A place where an end stands. */
interface Place {
  readonly prefix: string;
  readonly aliases: readonly string[];
  readonly about: string;
  readonly ends: { readonly [K in RecordKind]?: (record: PublicOf<K>) => readonly (End | undefined)[] };
}

export const PLACES: readonly Place[] = [
  { prefix: 'src', aliases: ['orig'], about: 'who opened the flow', ends: { flow: ({ orig }) => [orig] } },
  { prefix: 'dst', aliases: ['resp'], about: 'who was spoken to', ends: { flow: ({ resp }) => [resp] } },
  {
    prefix: 'nat.client',
    aliases: [],
    about: 'who opened the flow before its address was translated',
    ends: { flow: ({ nat }) => [nat?.client] },
  },
  { prefix: 'client', aliases: [], about: 'who asked', ends: { dns: ({ client }) => [client] } },
  { prefix: 'server', aliases: [], about: 'who was asked', ends: { dns: ({ server }) => [server] } },
  {
    prefix: 'upstream',
    aliases: [],
    about: "who was asked next, by Docker's embedded resolver",
    ends: { dns: ({ upstream }) => [upstream?.server] },
  },
  {
    prefix: 'subject',
    aliases: [],
    about: 'who did it',
    ends: {
      finding: ({ subject }) => [subject],
      'no-route': ({ subject }) => [subject],
      listener: ({ subject }) => [subject],
    },
  },
  { prefix: 'peer', aliases: [], about: 'with whom', ends: { finding: ({ peers }) => peers } },
];

type Plain = Omit<Field, 'aliases' | 'isVerbatim'> & Partial<Pick<Field, 'aliases' | 'isVerbatim'>>;

const PLAIN: readonly Plain[] = [
  {
    name: 'kind',
    type: 'choice',
    choices: KINDS,
    about: 'the kind of record',
    example: 'kind:spoof',
    read: everyKind(({ kind }) => kind),
  },
  {
    name: 'time',
    type: 'time',
    about: 'when: the end of a flow, the latest sign of a finding, the question of a look-up',
    example: 'time>-15m',
    isVerbatim: false,
    read: everyKind(timeOf),
  },
  {
    name: 'start',
    type: 'time',
    about: 'the first packet of a flow, the first sign of a finding',
    example: 'start:2026-11-23T14:02',
    isVerbatim: false,
    read: { flow: ({ start }) => microsOf(start), finding: ({ firstSeen }) => microsOf(firstSeen) },
  },
  {
    name: 'end',
    type: 'time',
    about: 'the last packet of a flow so far, the latest sign of a finding',
    example: 'end<2026-11-23',
    isVerbatim: false,
    read: { flow: ({ end }) => microsOf(end), finding: ({ lastSeen }) => microsOf(lastSeen) },
  },
  {
    name: 'network',
    type: 'text',
    about:
      'the Docker network; without its Compose project where an end is of that project; of a look-up seen in its container: all that the container is on',
    example: 'network:data',
    read: everyKind(networkNames),
  },
  {
    name: 'internal',
    type: 'choice',
    choices: ['true', 'false'],
    about: 'whether the network is internal; of a look-up seen in its container: one of those that it is on',
    example: 'internal:true direction:egress',
    isVerbatim: false,
    read: {
      flow: ({ network }) => network && String(network.internal),
      dns: ({ network, networks }) =>
        [...(network === undefined ? [] : [network]), ...(networks ?? [])].map(({ internal }) =>
          String(internal),
        ),
    },
  },
  {
    name: 'interface',
    type: 'text',
    about: 'the interface of the tap, or the name of the capture file',
    example: 'interface:br-*',
    read: {
      flow: (record) => record.interface,
      dns: (record) => record.interface,
      anomaly: (record) => record.interface,
      coverage: (record) => record.interface,
      spoof: (record) => record.interface,
    },
  },
  {
    name: 'protocol',
    type: 'text',
    about:
      '`tcp`, `udp`, `icmp`, `icmp6`, or `ip-` with a number; of a look-up: what carried it, and `dns`, `mdns` or `llmnr`',
    example: 'protocol:udp',
    read: {
      flow: ({ protocol }) => protocol,
      dns: ({ protocol, transport }) => [protocol, transport],
      listener: ({ protocol }) => protocol,
    },
  },
  {
    name: 'port',
    type: 'count',
    about: "the responder's port, the one that a service listens on; the other one is `src.port`",
    example: 'port:(80 or 443)',
    read: { flow: ({ resp }) => resp.port, listener: ({ subject }) => subject.port },
  },
  {
    name: 'service',
    type: 'text',
    about: 'the application protocol, as its own bytes tell it',
    example: 'service:postgresql',
    read: { flow: ({ service }) => service },
  },
  {
    name: 'portHint',
    type: 'text',
    about: 'what usually listens on the port; only where `service` is not known',
    example: 'portHint:redis',
    read: { flow: ({ portHint }) => portHint },
  },
  {
    name: 'serverName',
    type: 'text',
    about: 'the name that the client asked for: TLS or QUIC SNI, HTTP Host, certificate',
    example: 'serverName:*.example.com',
    read: { flow: ({ serverName }) => serverName },
  },
  {
    name: 'direction',
    type: 'choice',
    choices: DIRECTIONS,
    about: 'seen from the containers',
    example: 'direction:egress',
    read: { flow: ({ direction }) => direction },
  },
  {
    name: 'bytes',
    type: 'size',
    about: 'IP bytes of both directions',
    example: 'bytes>1MB',
    isVerbatim: false,
    read: { flow: ({ origBytes, respBytes }) => origBytes + respBytes },
  },
  {
    name: 'bytes.out',
    type: 'size',
    about: 'IP bytes from who opened it',
    example: 'bytes.out>=1GiB',
    read: { flow: ({ origBytes }) => origBytes },
  },
  {
    name: 'bytes.in',
    type: 'size',
    about: 'IP bytes from who was spoken to',
    example: 'bytes.in:0',
    read: { flow: ({ respBytes }) => respBytes },
  },
  {
    name: 'packets',
    type: 'count',
    about: 'packets of both directions',
    example: 'packets<3',
    isVerbatim: false,
    read: { flow: ({ origPackets, respPackets }) => origPackets + respPackets },
  },
  {
    name: 'packets.out',
    type: 'count',
    about: 'packets from who opened it',
    example: 'packets.out>1000',
    read: { flow: ({ origPackets }) => origPackets },
  },
  {
    name: 'packets.in',
    type: 'count',
    about: 'packets from who was spoken to',
    example: 'packets.in:0',
    read: { flow: ({ respPackets }) => respPackets },
  },
  {
    name: 'duration',
    type: 'duration',
    about: 'from the first packet to the last',
    example: 'duration>5m',
    isVerbatim: false,
    read: { flow: ({ start, end }) => difference(microsOf(start), microsOf(end)) },
  },
  {
    name: 'state',
    type: 'choice',
    choices: STATES,
    about: "Zeek's conn_state",
    example: 'state:(S0 or REJ)',
    read: { flow: ({ connState }) => connState },
  },
  {
    name: 'history',
    type: 'exact',
    about: "Zeek's history letters; upper and lower case differ",
    example: 'history:*R*',
    read: { flow: ({ history }) => history },
  },
  {
    name: 'coverage',
    type: 'choice',
    choices: COVERAGES,
    about: 'how much of the flow was really seen',
    example: 'not coverage:whole',
    read: { flow: ({ coverage }) => coverage },
  },
  {
    name: 'uid',
    type: 'exact',
    about: 'of the flow; of a finding: of one of its flows',
    example: 'uid:C1x7k2',
    read: { flow: ({ uid }) => uid, finding: ({ flowUids }) => flowUids },
  },
  {
    name: 'communityId',
    type: 'exact',
    about: 'Community ID, as seen and as its client opened it; of a finding: of one of its flows',
    example: 'communityId:1:LQU9qZlK+B5F3KDmev6m5PMibrg=',
    read: {
      flow: ({ communityId, nat }) => [communityId, nat?.originalCommunityId],
      finding: ({ communityIds }) => communityIds,
    },
  },
  {
    name: 'nat.kind',
    type: 'choice',
    choices: NAT_KINDS,
    about: 'what kind of address translation the flow went through',
    example: 'nat.kind:*',
    read: { flow: ({ nat }) => nat?.kind },
  },
  {
    name: 'nat.published',
    type: 'ip',
    about: 'the address that the client asked for',
    example: 'nat.published:198.51.100.1',
    read: { flow: ({ nat }) => nat?.published?.ip },
  },
  {
    name: 'nat.publishedPort',
    type: 'count',
    about: 'the port that the client asked for',
    example: 'nat.publishedPort:8080',
    read: { flow: ({ nat }) => nat?.published?.port },
  },
  {
    name: 'id',
    type: 'exact',
    about: 'of the finding; of a decision and of evidence: its own, and that of the finding it is about',
    example: 'id:5c1d9a*',
    read: {
      finding: ({ id }) => id,
      decision: ({ id, finding }) => [id, finding],
      evidence: ({ id, finding }) => [id, finding],
    },
  },
  {
    name: 'analyzer',
    type: 'text',
    about: 'which analyzer found it',
    example: 'analyzer:dns-tunnel',
    read: {
      finding: ({ analyzer }) => analyzer,
      decision: ({ analyzer }) => analyzer,
      evidence: ({ analyzer }) => analyzer,
    },
  },
  {
    name: 'message',
    type: 'text',
    about: "which of the analyzer's messages",
    example: 'message:attempted-*',
    read: { finding: ({ message }) => message },
  },
  {
    name: 'severity',
    type: 'choice',
    choices: SEVERITIES,
    isOrdered: true,
    about: 'how bad it is when true',
    example: 'severity>=high',
    read: { finding: ({ severity }) => severity, evidence: ({ severity }) => severity },
  },
  {
    name: 'confidence',
    type: 'choice',
    choices: CONFIDENCES,
    isOrdered: true,
    about: 'how sure it is',
    example: 'confidence:certain',
    read: { finding: ({ confidence }) => confidence },
  },
  {
    name: 'status',
    type: 'choice',
    choices: STATUSES,
    about: 'where in its life it is',
    example: 'not status:closed',
    read: { finding: ({ status }) => status },
  },
  {
    name: 'count',
    type: 'count',
    about: 'how often it was reported; of losses, anomalies and the like: how many',
    example: 'count>10',
    read: {
      finding: ({ count }) => count,
      loss: ({ count }) => count,
      anomaly: ({ count }) => count,
      'no-route': ({ count }) => count,
      spoof: ({ count }) => count,
    },
  },
  {
    name: 'explanation',
    type: 'text',
    about: 'the sentence that says what happened',
    example: 'explanation:*resolver*',
    read: { finding: ({ explanation }) => explanation },
  },
  {
    name: 'exception',
    type: 'text',
    about: 'why the operator expects it, as the configuration says; `*`: all that are exceptions',
    example: 'not exception:*',
    read: { finding: ({ exception }) => exception?.reason },
  },
  {
    name: 'muted',
    type: 'text',
    about: 'why somebody muted it, or the id of the mute; `*`: all that are muted',
    example: 'not muted:*',
    read: { finding: ({ muted }) => muted && [muted.reason, muted.id] },
  },
  {
    name: 'foldedInto',
    type: 'exact',
    about: 'the id of the storm that tells of it; `*`: all that are folded into one',
    example: 'not foldedInto:*',
    read: { finding: ({ foldedInto }) => foldedInto },
  },
  {
    name: 'acknowledged',
    type: 'text',
    about: 'who is on it; `*`: all that somebody acknowledged',
    example: 'not acknowledged:*',
    read: { finding: ({ acknowledged }) => acknowledged?.by },
  },
  {
    name: 'action',
    type: 'choice',
    choices: ACTIONS,
    about: 'what was decided',
    example: 'action:mute',
    read: { decision: ({ action }) => action },
  },
  {
    name: 'by',
    type: 'text',
    about: 'who decided, or asked for packets, as they said',
    example: 'by:root*',
    read: { decision: ({ by }) => by, evidence: ({ by }) => by },
  },
  {
    name: 'cause',
    type: 'choice',
    choices: CAUSES,
    about: 'why packets were put aside',
    example: 'cause:command',
    read: { evidence: ({ cause }) => cause },
  },
  {
    name: 'trigger',
    type: 'choice',
    choices: TRIGGERS,
    about: 'why the running agent audited the host',
    example: 'trigger:change',
    read: { 'audit-run': ({ trigger }) => trigger },
  },
  {
    name: 'score',
    type: 'count',
    about: 'what an audit gave the host, or one of its networks',
    example: 'score<50',
    read: { 'audit-run': ({ scores }) => scores.map(({ score }) => score) },
  },
  {
    name: 'technique',
    type: 'text',
    about: 'MITRE ATT&CK technique',
    example: 'technique:T1071*',
    read: { finding: ({ attack }) => attack.map(({ technique }) => technique) },
  },
  {
    name: 'change',
    type: 'choice',
    choices: CHANGES,
    about: 'what happened to it',
    example: 'change:opened',
    read: {
      inventory: ({ change }) => change,
      listener: ({ change }) => change,
      evidence: ({ change }) => change,
    },
  },
  {
    name: 'process',
    type: 'text',
    about: 'the process that listens, as the kernel names it, or its executable',
    example: 'process:(nc or */socat)',
    read: { listener: ({ process, program }) => [process, program] },
  },
  {
    name: 'loopback',
    type: 'choice',
    choices: ['true', 'false'],
    about: 'whether only the container itself can reach what listens',
    example: 'loopback:false',
    isVerbatim: false,
    read: { listener: ({ loopback }) => String(loopback) },
  },
  {
    name: 'query',
    type: 'text',
    about: 'the name that was asked for, as the table shows it; `*.example.com` is all below it, not itself',
    example: 'query:(example.com or *.example.com)',
    read: { dns: ({ query }) => query },
  },
  {
    name: 'qtype',
    type: 'text',
    about: 'the type that was asked for',
    example: 'qtype:(TXT or NULL)',
    read: { dns: ({ qtype }) => qtype },
  },
  {
    name: 'rcode',
    type: 'text',
    about: 'what the answer said; absent without one',
    example: 'rcode:NXDOMAIN',
    read: { dns: ({ rcode }) => rcode },
  },
  {
    name: 'answer',
    type: 'data',
    aliases: ['answers'],
    about:
      'the data of one of the answers: an address, a prefix, or a text such as the name that a CNAME gives',
    example: 'answer:198.51.100.0/24',
    read: { dns: ({ answers }) => answers.map(({ data }) => data) },
  },
  {
    name: 'answer.name',
    type: 'text',
    about: 'whose record one of the answers is',
    example: 'answer.name:*.cdn.example.net',
    read: { dns: ({ answers }) => answers.map(({ name }) => name) },
  },
  {
    name: 'answer.type',
    type: 'text',
    about: 'the type of one of the answers',
    example: 'answer.type:CNAME',
    read: { dns: ({ answers }) => answers.map(({ type }) => type) },
  },
  {
    name: 'answer.ttl',
    type: 'duration',
    about: 'how long one of the answers may be kept',
    example: 'answer.ttl<10s',
    isVerbatim: false,
    read: { dns: ({ answers }) => answers.map(({ ttl }) => ttl * MICROS_PER_SECOND) },
  },
  {
    name: 'answered',
    type: 'choice',
    choices: ['true', 'false'],
    about: 'whether an answer was seen',
    example: 'answered:false',
    isVerbatim: false,
    read: { dns: ({ rcode }) => String(rcode !== undefined) },
  },
  {
    name: 'rtt',
    type: 'duration',
    about: 'from the question to the answer',
    example: 'rtt>500ms',
    isVerbatim: false,
    read: { dns: ({ rtt }) => rtt },
  },
  {
    name: 'upstream.rtt',
    type: 'duration',
    about: "the same, between Docker's embedded resolver and the one that it asked",
    example: 'upstream.rtt>500ms',
    isVerbatim: false,
    read: { dns: ({ upstream }) => upstream?.rtt },
  },
  {
    name: 'upstream.network',
    type: 'text',
    about: 'the Docker network that carried that question',
    example: 'upstream.network:shop_front',
    read: { dns: ({ upstream }) => upstream?.network },
  },
  {
    name: 'vantage',
    type: 'choice',
    choices: VANTAGES,
    about: 'where the question was seen first: on a bridge, in its container, in a capture file',
    example: 'vantage:container',
    read: { dns: ({ vantage }) => vantage },
  },
  {
    name: 'transport',
    type: 'choice',
    choices: ['udp', 'tcp'],
    about: 'what carried it',
    example: 'transport:tcp',
    read: { dns: ({ transport }) => transport },
  },
  {
    name: 'opcode',
    type: 'text',
    about: 'what kind of message it is',
    example: 'not opcode:QUERY',
    read: { dns: ({ opcode }) => opcode },
  },
  {
    name: 'qclass',
    type: 'text',
    about: 'the class that was asked for',
    example: 'qclass:CH',
    read: { dns: ({ qclass }) => qclass },
  },
  {
    name: 'flag',
    aliases: ['flags'],
    type: 'choice',
    choices: DNS_FLAGS,
    about: 'header flags that are set, of the answer when there is one',
    example: 'flag:TC',
    read: { dns: ({ flags }) => flags },
  },
  {
    name: 'edns',
    type: 'choice',
    choices: ['true', 'false'],
    about: 'whether the question has EDNS(0)',
    example: 'edns:false',
    isVerbatim: false,
    read: { dns: ({ edns }) => String(edns !== undefined) },
  },
  {
    name: 'edns.size',
    type: 'size',
    about: 'the largest UDP answer that the client takes',
    example: 'edns.size>=4096',
    read: { dns: ({ edns }) => edns?.udpSizeBytes },
  },
  {
    name: 'edns.option',
    type: 'count',
    about:
      "the question's EDNS option codes, by IANA's numbers: 8 is the client's subnet, 10 a cookie, 12 padding",
    example: 'edns.option>=65001',
    read: { dns: ({ edns }) => edns?.options.map(({ code }) => code) },
  },
  {
    name: 'edns.optionBytes',
    type: 'size',
    about: 'the length of the longest of these options',
    example: 'edns.optionBytes>100',
    read: { dns: ({ edns }) => longest(edns?.options.map(({ bytes }) => bytes)) },
  },
  {
    name: 'edns.dnssec',
    type: 'choice',
    choices: ['true', 'false'],
    about: 'whether the client takes DNSSEC records: the DO bit',
    example: 'edns.dnssec:true',
    isVerbatim: false,
    read: { dns: ({ edns }) => edns && String(edns.dnssecOk) },
  },
  {
    name: 'trailingBytes',
    type: 'size',
    about: 'bytes of the question after its last record; absent when there are none',
    example: 'trailingBytes>0',
    read: { dns: ({ trailingBytes }) => trailingBytes },
  },
  {
    name: 'anomaly',
    aliases: ['anomalies'],
    type: 'text',
    about: 'what was malformed about the message; of an anomaly: its code',
    example: 'anomaly:dns-*',
    read: { dns: ({ anomalies }) => anomalies, anomaly: ({ code }) => code },
  },
];

export const PLAIN_FIELDS: readonly Field[] = PLAIN.map((field) => ({
  aliases: [],
  isVerbatim: true,
  ...field,
}));

const EITHER_FIELDS: readonly Field[] = END_FIELDS.filter(({ either }) => either).map((part) =>
  endField(part, part.name, [], 'of any end', {
    ...everyKind((record) => endsOf(record).flatMap(part.of)),
    // The name that was asked for names the responder as well as a look-up does.
    ...(part.name === 'name' && {
      flow: (flow: PublicOf<'flow'>) => [...endsOf(flow).flatMap(part.of), flow.serverName],
    }),
    // Older ones have no more of the container than its name.
    ...(part.name === 'container' && {
      coverage: (coverage: PublicOf<'coverage'>) => [
        coverage.container,
        ...endsOf(coverage).flatMap(containerNames),
      ],
    }),
  }),
);

const PLACED_FIELDS: readonly Field[] = PLACES.flatMap((place) =>
  END_FIELDS.map((part) =>
    endField(
      part,
      `${place.prefix}.${part.name}`,
      place.aliases.map((alias) => `${alias}.${part.name}`),
      `of ${place.about}`,
      Object.fromEntries(
        Object.entries(place.ends).map(([kind, ends]) => [
          kind,
          (record: never) =>
            (ends as (record: never) => readonly (End | undefined)[])(record).flatMap((end) =>
              end === undefined ? [] : part.of(end),
            ),
        ]),
      ),
    ),
  ),
);

export const FIELDS: readonly Field[] = [...PLAIN_FIELDS, ...EITHER_FIELDS, ...PLACED_FIELDS];

/** What a word alone is looked for in. */
export const WORDS: Field = {
  name: 'a word alone',
  aliases: [],
  type: 'text',
  about: 'all names',
  example: 'shop/db',
  isVerbatim: true,
  read: everyKind((record) => [
    ...networkNames(record),
    ...endsOf(record).flatMap((end) => [
      ...workloadNames(end),
      end.workload?.composeProject,
      end.workload?.image,
      ...(end.names ?? []),
    ]),
    ...ownNames(record),
  ]),
};

const BY_NAME: ReadonlyMap<string, Field> = new Map(
  FIELDS.flatMap((field) =>
    [field.name, ...field.aliases].map((name) => [name.toLowerCase(), field] as const),
  ),
);

/** In any case: `serverName`, `servername`. */
export function fieldNamed(name: string): Field | undefined {
  return BY_NAME.get(name.toLowerCase());
}

/** Places can be asked for whole: `src:10.0.0.0/8`, `dst:shop/db`. */
export function placeNamed(name: string): Place | undefined {
  const lower = name.toLowerCase();
  return PLACES.find(({ prefix, aliases }) => prefix === lower || aliases.includes(lower));
}

function endField(
  { type, choices, about, value }: EndField,
  name: string,
  aliases: readonly string[],
  of: string,
  read: Readers,
): Field {
  return {
    name,
    aliases,
    type,
    ...(choices !== undefined && { choices }),
    about: `${about} ${of}`,
    example: `${name}:${value}`,
    isVerbatim: true,
    read,
  };
}

function everyKind(read: (record: PublicRecord) => Values): Readers {
  return Object.fromEntries(KINDS.map((kind) => [kind, read]));
}

/** As src/model/serialize.ts has it of records: by what they are ordered and kept. */
function timeOf(record: PublicRecord): number | undefined {
  switch (record.kind) {
    case 'flow':
    case 'traffic':
      return microsOf(record.end);
    case 'finding':
      return microsOf(record.lastSeen);
    case 'summary':
      return record.last === undefined ? undefined : microsOf(record.last);
    default:
      return microsOf(record.time);
  }
}

function longest(lengths: readonly number[] | undefined): number | undefined {
  return lengths === undefined || lengths.length === 0 ? undefined : Math.max(...lengths);
}

function difference(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : to - from;
}

function networkNames(record: PublicRecord): readonly string[] {
  const full = fullNetworkNames(record);
  const projects = endsOf(record).map(({ workload }) => workload?.composeProject);
  return full.flatMap((name) => [name, ...projects.map((project) => shortNetworkName(name, project))]);
}

function fullNetworkNames(record: PublicRecord): readonly string[] {
  switch (record.kind) {
    case 'flow':
      return record.network === undefined ? [] : [record.network.name];
    case 'dns':
      return [record.network, ...(record.networks ?? [])]
        .map((network) => network?.name)
        .concat(record.upstream?.network)
        .filter((name) => name !== undefined);
    case 'finding':
      return record.network === undefined ? [] : networkNamesIn(record.network);
    case 'traffic':
    case 'coverage':
    case 'lease':
    case 'spoof':
    case 'decision':
      return record.network === undefined ? [] : [record.network];
    case 'blocked':
      return [record.from?.name, record.to?.name].filter((name) => name !== undefined);
    case 'no-route':
    case 'listener':
      return record.networks.map(({ name }) => name);
    case 'evidence':
      return record.networks;
    case 'audit-run':
      return record.scores.map(({ network }) => network).filter((name) => name !== undefined);
    case 'inventory':
      return record.object === 'network' ? [record.name] : [];
    case 'loss':
    case 'anomaly':
    case 'summary':
      return [];
  }
}

/** Names that belong to the record rather than to an end. */
function ownNames(record: PublicRecord): readonly (string | undefined)[] {
  switch (record.kind) {
    case 'flow':
      return [record.service, record.portHint, record.serverName];
    case 'dns':
      return [record.query, ...record.answers.map(({ data }) => data)];
    case 'finding':
      return [record.analyzer, record.message, record.title];
    case 'traffic':
      return [record.orig, record.resp];
    case 'inventory':
      return [record.name];
    case 'loss':
      return [record.source, record.where];
    case 'anomaly':
      return [record.code];
    case 'coverage':
      return [record.container];
    case 'listener':
      return [record.process];
    case 'blocked':
      return [record.chain, record.reason];
    case 'decision':
      return [record.action, record.analyzer, record.by, record.reason];
    case 'evidence':
      return [record.analyzer, record.by, record.file, ...(record.targets ?? [])];
    case 'audit-run':
      return record.unknown.flatMap(({ checks }) => checks);
    case 'no-route':
    case 'lease':
    case 'spoof':
    case 'summary':
      return [];
  }
}
