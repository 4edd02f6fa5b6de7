/**
 * Suricata's EVE JSON, as its versions 6 and 7 write it, for pipelines that read it already (Filebeat, Wazuh, EveBox):
 * findings as `alert`, ended flows as `flow`, look-ups as `dns` version 2. What EVE has no field for is under
 * `bridgewatch`, by its native name. A flow that still runs has no form here: readers of EVE add flows up.
 */
import { namedTag } from '../../model/attack.ts';
import type { EvidenceValue } from '../../model/finding.ts';
import {
  type PublicDns,
  type PublicEndpoint,
  type PublicFinding,
  type PublicFlow,
  printableJson,
} from '../../model/serialize.ts';
import { DNS_OPCODES, ipOrNothing, isOver, microsBetween, readableTime, timeOf } from './facts.ts';
import type { Emitter, Format } from './format.ts';

/** A generator of our own, so that no number here is that of a rule of Suricata's. */
const GENERATOR_ID = 7001;

export const eve: Format = {
  carries: (kind) => kind === 'finding' || kind === 'flow' || kind === 'dns',
  encode(record, emitter) {
    switch (record.kind) {
      case 'finding':
        return line(timeOf(record), emitter, alert(record));
      case 'flow':
        return isOver(record) ? line(timeOf(record), emitter, flow(record)) : undefined;
      case 'dns':
        return line(timeOf(record), emitter, dns(record));
      default:
        return undefined;
    }
  },
};

function line(time: string | undefined, { host }: Emitter, event: object): string | undefined {
  return time === undefined ? undefined : printableJson({ timestamp: eveTime(time), ...event, host });
}

/** EVE writes the offset; ours is always UTC. */
function eveTime(time: string): string {
  return `${time.slice(0, -1)}+0000`;
}

/** 1 is the gravest (Suricata's `priority`). */
const ALERT_SEVERITIES = { critical: 1, high: 1, medium: 2, low: 3, informational: 4 } as const;

function alert(finding: PublicFinding) {
  const {
    kind,
    title,
    severity,
    lastSeen,
    subject,
    peers,
    evidence,
    attack,
    communityIds,
    flowUids,
    ...rest
  } = finding;
  const { analyzer, message } = rest;
  const [peer, ...otherPeers] = peers;
  return {
    flow_id: flowUids[0] === undefined ? undefined : flowId(flowUids[0]),
    event_type: 'alert',
    src_ip: subject.ip,
    src_port: subject.port,
    dest_ip: peer?.ip,
    dest_port: peer?.port,
    ether: ether(subject, peer),
    community_id: communityIds[0],
    alert: {
      action: 'allowed',
      gid: GENERATOR_ID,
      signature_id: signatureId(analyzer, message),
      rev: 1,
      signature: `${title} (${message})`,
      category: analyzer,
      severity: ALERT_SEVERITIES[severity],
      metadata: { ...attackMetadata(attack), evidence: evidenceTexts(evidence) },
    },
    bridgewatch: {
      kind,
      severity,
      ...rest,
      flowUids,
      communityIds,
      subject: beyondTuple(subject),
      peer: peer && beyondTuple(peer),
      otherPeers: otherPeers.length === 0 ? undefined : otherPeers,
    },
  };
}

/** Lists of texts, as metadata of rules is; names and values of evidence together, because readers know some names. */
function attackMetadata(attack: PublicFinding['attack']) {
  const tags = attack.map(({ technique, tactic }) => ({ technique, named: namedTag(technique, tactic) }));
  if (tags.length === 0) return {};
  return {
    mitre_tactic_id: tags.map(({ named }) => named.tacticId ?? ''),
    mitre_tactic_name: tags.map(({ named }) => named.tacticName),
    mitre_technique_id: tags.map(({ technique }) => technique),
    mitre_technique_name: tags.map(({ named }) => named.subtechnique?.name ?? named.techniqueName ?? ''),
  };
}

function evidenceTexts(evidence: Readonly<Record<string, EvidenceValue>>): string[] {
  return Object.entries(evidence).map(([name, value]) => `${name}=${String(value)}`);
}

function flow(record: PublicFlow) {
  const { kind, uid, communityId, start, end, orig, resp, protocol, service, icmp, ...counted } = record;
  const { origBytes, respBytes, origPackets, respPackets, interface: tap, ...rest } = counted;
  const durationMicros = microsBetween(start, end);
  return {
    flow_id: flowId(uid),
    in_iface: tap,
    event_type: 'flow',
    ...tuple(orig, resp, protocol),
    icmp_type: icmp?.type,
    icmp_code: icmp?.code,
    app_proto: service,
    ether: flowEther(orig, resp),
    community_id: communityId,
    flow: {
      pkts_toserver: origPackets,
      pkts_toclient: respPackets,
      bytes_toserver: origBytes,
      bytes_toclient: respBytes,
      start: readableTime(start) === undefined ? undefined : eveTime(start),
      end: eveTime(end),
      age: durationMicros === undefined ? undefined : Math.floor(durationMicros / 1e6),
      state: flowState(record),
      reason: flowReason(record),
    },
    bridgewatch: { kind, uid, ...rest, orig: beyondTuple(orig), resp: beyondTuple(resp) },
  };
}

function flowState({ connState }: PublicFlow): 'new' | 'established' | 'closed' {
  switch (connState) {
    case 'S0':
    case 'SH':
    case 'SHR':
    case 'OTH':
      return 'new';
    case 'S1':
    case 'S2':
    case 'S3':
      return 'established';
    default:
      return 'closed';
  }
}

function flowReason({ reason }: PublicFlow): 'timeout' | 'forced' | 'shutdown' {
  if (reason === 'shutdown') return 'shutdown';
  return reason === 'evicted' || reason === 'tap-ended' ? 'forced' : 'timeout';
}

function dns(record: PublicDns) {
  const {
    kind,
    client,
    server,
    transport,
    opcode,
    id,
    query,
    qtype,
    rcode,
    answers,
    interface: tap,
    ...rest
  } = record;
  const isAnswer = rcode !== undefined;
  return {
    in_iface: tap,
    event_type: 'dns',
    ...tuple(client, server, transport),
    ether: ether(client, server),
    dns: {
      version: 2,
      type: isAnswer ? 'answer' : 'query',
      id,
      ...headerFlags(rest.flags, isAnswer),
      opcode: DNS_OPCODES[opcode],
      rrname: query,
      rrtype: qtype,
      rcode,
      answers: answers.length === 0 ? undefined : answers.map(answer),
    },
    bridgewatch: {
      kind,
      ...rest,
      opcode,
      answerBytes: answers.length === 0 ? undefined : answers.map(({ bytes }) => bytes),
      client: beyondTuple(client),
      server: beyondTuple(server),
    },
  };
}

/** Only those that are set, as Suricata has it. */
function headerFlags(flags: PublicDns['flags'], isAnswer: boolean) {
  const isSet = (flag: PublicDns['flags'][number]) => (flags.includes(flag) ? true : undefined);
  return {
    qr: isAnswer ? true : undefined,
    aa: isSet('AA'),
    tc: isSet('TC'),
    rd: isSet('RD'),
    ra: isSet('RA'),
  };
}

/** Readers make an address of what A and AAAA hold. */
function answer({ name, type, ttl, data }: PublicDns['answers'][number]) {
  const isAddress = type === 'A' || type === 'AAAA';
  return { rrname: name, rrtype: type, ttl, rdata: isAddress ? ipOrNothing(data) : data };
}

function tuple(orig: PublicEndpoint, resp: PublicEndpoint, protocol: string) {
  return {
    src_ip: orig.ip,
    src_port: orig.port,
    dest_ip: resp.ip,
    dest_port: resp.port,
    proto: protocol === 'icmp6' ? 'IPv6-ICMP' : protocol.toUpperCase(),
  };
}

function beyondTuple({ ip: _, port: __, mac: ___, ...rest }: PublicEndpoint) {
  return rest;
}

function ether(source: PublicEndpoint, destination: PublicEndpoint | undefined) {
  if (source.mac === undefined && destination?.mac === undefined) return undefined;
  return { src_mac: source.mac, dest_mac: destination?.mac };
}

/** A flow has lists: its MAC may have changed. Ours does not tell. */
function flowEther(orig: PublicEndpoint, resp: PublicEndpoint) {
  if (orig.mac === undefined && resp.mac === undefined) return undefined;
  return { src_macs: list(orig.mac), dest_macs: list(resp.mac) };
}

function list(mac: string | undefined): readonly string[] | undefined {
  return mac === undefined ? undefined : [mac];
}

/** The same number in the flow and in the alerts about it; 51 bits, as Suricata's. */
function flowId(uid: string): number {
  const high = hash32(uid, 0x811c9dc5) & 0x7ffff;
  return high * 2 ** 32 + hash32(uid, 0x01000193);
}

/** One number for each message of each analyzer, in the range that Suricata leaves to local rules. */
export function signatureId(analyzer: string, message: string): number {
  return 1_000_000 + (hash32(`${analyzer}/${message}`, 0x811c9dc5) % 1_000_000);
}

/** FNV-1a over UTF-16 units, with a finish that spreads the low bits (MurmurHash3's). */
function hash32(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
