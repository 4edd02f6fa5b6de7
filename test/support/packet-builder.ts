/**
 * Packets for tests, built inside out: each function takes its own fields and the bytes it carries, and returns
 * bytes. `ethernet({}, ipv4({ src, dst }, udp({ sport, dport }, dnsQuery({ name }))))`. Lengths and checksums are
 * right unless a field says otherwise, so that a test which wants something broken names exactly what is broken.
 */
import ipaddr from 'ipaddr.js';

export const LINKTYPE = {
  NULL: 0,
  ETHERNET: 1,
  RAW: 101,
  LOOP: 108,
  SLL: 113,
  IPV4: 228,
  IPV6: 229,
  SLL2: 276,
};
export const ETHERTYPE = {
  IPV4: 0x0800,
  ARP: 0x0806,
  VLAN: 0x8100,
  IPV6: 0x86dd,
  QINQ: 0x88a8,
  QINQ_OLD: 0x9100,
};
export const IPPROTO = {
  HOPOPT: 0,
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  IPV6: 41,
  ROUTING: 43,
  FRAGMENT: 44,
  GRE: 47,
  ESP: 50,
  AH: 51,
  ICMPV6: 58,
  NO_NEXT: 59,
  DSTOPTS: 60,
  SCTP: 132,
};
export const TCP_FLAGS = { F: 0x01, S: 0x02, R: 0x04, P: 0x08, A: 0x10, U: 0x20, E: 0x40, C: 0x80 };

const EMPTY = new Uint8Array(0);

export function bytes(...values: readonly number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** `'de ad be ef'` -> four bytes; white space is free. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s+/g, ''), 'hex'));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function u16(value: number): Uint8Array {
  return bytes((value >>> 8) & 0xff, value & 0xff);
}

export function u32(value: number): Uint8Array {
  return bytes((value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/** 4 bytes for IPv4 text, 16 for IPv6 text. */
export function ip(text: string): Uint8Array {
  return Uint8Array.from(ipaddr.parse(text).toByteArray());
}

/** `02:42:0a:00:00:02` -> six bytes. */
export function mac(text: string): Uint8Array {
  return hex(text.replaceAll(':', ''));
}

/** The MAC that Docker derives from an IPv4 address: `02:42:` and the four bytes. */
export function dockerMac(ipv4Text: string): string {
  return `02:42:${[...ip(ipv4Text)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
}

// --- link layer -----------------------------------------------------------------------------------------------

export interface EthernetFields {
  src?: string;
  dst?: string;
  /** By default told by the payload's IP version. */
  type?: number;
}

export function ethernet(fields: EthernetFields, payload: Uint8Array): Uint8Array {
  return concat(
    mac(fields.dst ?? '02:42:0a:00:00:01'),
    mac(fields.src ?? '02:42:0a:00:00:02'),
    u16(fields.type ?? etherTypeOf(payload)),
    payload,
  );
}

/** A tag's TCI and the type that follows; the carrying layer's `type` says which tag it is. */
export function vlan(
  fields: { id: number; priority?: number; type?: number },
  payload: Uint8Array,
): Uint8Array {
  return concat(
    u16(((fields.priority ?? 0) << 13) | fields.id),
    u16(fields.type ?? etherTypeOf(payload)),
    payload,
  );
}

/** IEEE 802.3 with LLC: the type field is a length. `oui` and `type` given: a SNAP header follows. */
export function llc(
  fields: { src?: string; dst?: string; dsap?: number; ssap?: number; oui?: number; type?: number },
  payload: Uint8Array,
): Uint8Array {
  const snap = fields.type !== undefined;
  const oui = fields.oui ?? 0;
  const header = snap
    ? concat(bytes(0xaa, 0xaa, 3, (oui >>> 16) & 0xff, (oui >>> 8) & 0xff, oui & 0xff), u16(fields.type ?? 0))
    : bytes(fields.dsap ?? 0x42, fields.ssap ?? 0x42, 3);
  const body = concat(header, payload);
  return ethernet({ ...pick(fields), type: body.length }, body);
}

function pick(fields: { src?: string; dst?: string }): EthernetFields {
  const out: EthernetFields = {};
  if (fields.src !== undefined) out.src = fields.src;
  if (fields.dst !== undefined) out.dst = fields.dst;
  return out;
}

/** Linux cooked capture v1 (LINKTYPE_LINUX_SLL). */
export function sll(
  fields: { packetType?: number; hardware?: number; src?: string; type?: number },
  payload: Uint8Array,
): Uint8Array {
  return concat(
    u16(fields.packetType ?? 0),
    u16(fields.hardware ?? 1),
    u16(6),
    mac(fields.src ?? '02:42:0a:00:00:02'),
    u16(0),
    u16(fields.type ?? etherTypeOf(payload)),
    payload,
  );
}

/** Linux cooked capture v2 (LINKTYPE_LINUX_SLL2). */
export function sll2(
  fields: { packetType?: number; hardware?: number; ifIndex?: number; src?: string; type?: number },
  payload: Uint8Array,
): Uint8Array {
  return concat(
    u16(fields.type ?? etherTypeOf(payload)),
    u16(0),
    u32(fields.ifIndex ?? 2),
    u16(fields.hardware ?? 1),
    bytes(fields.packetType ?? 0, 6),
    mac(fields.src ?? '02:42:0a:00:00:02'),
    u16(0),
    payload,
  );
}

/** BSD loopback: a 4-byte address family in the byte order of the machine that captured. */
export function nullLoopback(
  fields: { family?: number; littleEndian?: boolean },
  payload: Uint8Array,
): Uint8Array {
  const family = u32(fields.family ?? (payload[0]! >> 4 === 6 ? 30 : 2));
  return concat(fields.littleEndian === false ? family : family.reverse(), payload);
}

function etherTypeOf(payload: Uint8Array): number {
  const version = (payload[0] ?? 0) >> 4;
  if (version === 4) return ETHERTYPE.IPV4;
  if (version === 6) return ETHERTYPE.IPV6;
  throw new Error('packet-builder: the payload is not IP, so the type must be given');
}

// --- ARP ------------------------------------------------------------------------------------------------------

/** The ARP body for Ethernet and IPv4 (RFC 826); carry it with `type: ETHERTYPE.ARP`. */
export function arp(fields: {
  op?: number;
  senderMac?: string;
  senderIp: string;
  targetMac?: string;
  targetIp: string;
}): Uint8Array {
  return concat(
    u16(1),
    u16(ETHERTYPE.IPV4),
    bytes(6, 4),
    u16(fields.op ?? 1),
    mac(fields.senderMac ?? '02:42:0a:00:00:02'),
    ip(fields.senderIp),
    mac(fields.targetMac ?? '00:00:00:00:00:00'),
    ip(fields.targetIp),
  );
}

// --- IP -------------------------------------------------------------------------------------------------------

export interface Ipv4Fields {
  src: string;
  dst: string;
  /** By default told by the payload's builder (tcp, udp, icmp, ...). */
  protocol?: number;
  ttl?: number;
  id?: number;
  dontFragment?: boolean;
  moreFragments?: boolean;
  /** Bytes, a multiple of 8. */
  fragmentOffset?: number;
  options?: Uint8Array;
  /** Overrides the true one; 0 is what TSO leaves in outgoing frames. */
  totalLength?: number;
  version?: number;
  /** In 4-byte words; overrides the true one. */
  headerWords?: number;
}

export function ipv4(fields: Ipv4Fields, payload: Uint8Array): Uint8Array {
  const options = padTo4(fields.options ?? EMPTY);
  const headerLength = 20 + options.length;
  const protocol = fields.protocol ?? protocolOf(payload);
  const fragment =
    ((fields.dontFragment ?? false) ? 0x4000 : 0) |
    ((fields.moreFragments ?? false) ? 0x2000 : 0) |
    ((fields.fragmentOffset ?? 0) >>> 3);
  const header = concat(
    bytes(((fields.version ?? 4) << 4) | (fields.headerWords ?? headerLength >>> 2), 0),
    u16(fields.totalLength ?? headerLength + payload.length),
    u16(fields.id ?? 1),
    u16(fragment),
    bytes(fields.ttl ?? 64, protocol),
    u16(0),
    ip(fields.src),
    ip(fields.dst),
    options,
  );
  header.set(u16(checksum(header)), 10);
  const isFragment = (fragment & 0x3fff) !== 0;
  return concat(
    header,
    isFragment ? payload : withChecksum(protocol, ip(fields.src), ip(fields.dst), payload),
  );
}

export interface Ipv6Fields {
  src: string;
  dst: string;
  nextHeader?: number;
  hopLimit?: number;
  flowLabel?: number;
  /** Overrides the true one; 0 is what a jumbogram or TSO leaves. */
  payloadLength?: number;
  /** Extension headers, outermost first, as `extension()` and `fragmentHeader()` make them. */
  extensions?: readonly Ipv6Extension[];
}

/** One extension header; its first byte (next header) is filled in by `ipv6`. */
export interface Ipv6Extension {
  readonly protocol: number;
  readonly body: Uint8Array;
}

export function ipv6(fields: Ipv6Fields, payload: Uint8Array): Uint8Array {
  const last = fields.nextHeader ?? protocolOf(payload);
  const extensions = fields.extensions ?? [];
  const chain = extensions.map((extension, i) => {
    const body = extension.body.slice();
    body[0] = extensions[i + 1]?.protocol ?? last;
    return body;
  });
  const isFragment = extensions.some((extension) => extension.protocol === IPPROTO.FRAGMENT);
  const rest = concat(
    ...chain,
    isFragment ? payload : withChecksum(last, ip(fields.src), ip(fields.dst), payload),
  );
  return concat(
    u32((6 << 28) | (fields.flowLabel ?? 0)),
    u16(fields.payloadLength ?? rest.length),
    bytes(extensions[0]?.protocol ?? last, fields.hopLimit ?? 64),
    ip(fields.src),
    ip(fields.dst),
    rest,
  );
}

/** Hop-by-hop, routing or destination options: padded to a multiple of 8 bytes with PadN. */
export function extension(protocol: number, data: Uint8Array = EMPTY): Ipv6Extension {
  const length = Math.ceil((2 + data.length) / 8) * 8;
  const body = new Uint8Array(length);
  body[1] = length / 8 - 1;
  body.set(data, 2);
  const pad = length - 2 - data.length;
  if (pad >= 2) body.set(bytes(1, pad - 2), 2 + data.length);
  return { protocol, body };
}

export function fragmentHeader(fields: { offset?: number; more?: boolean; id?: number }): Ipv6Extension {
  const offset = ((fields.offset ?? 0) & 0xfff8) | ((fields.more ?? false) ? 1 : 0);
  return { protocol: IPPROTO.FRAGMENT, body: concat(bytes(0, 0), u16(offset), u32(fields.id ?? 1)) };
}

/** Authentication header (RFC 4302) with a 12-byte check value. */
export function authHeader(): Ipv6Extension {
  return { protocol: IPPROTO.AH, body: concat(bytes(0, 4, 0, 0), u32(1), u32(1), new Uint8Array(12)) };
}

// --- transport ------------------------------------------------------------------------------------------------

/** Which protocol a segment belongs to, so that the IP builders need not be told. */
const builtAs = new WeakMap<Uint8Array, number>();

function as(protocol: number, segment: Uint8Array): Uint8Array {
  builtAs.set(segment, protocol);
  return segment;
}

function protocolOf(payload: Uint8Array): number {
  const protocol = builtAs.get(payload);
  if (protocol === undefined) {
    throw new Error('packet-builder: the payload is no known transport, so the protocol must be given');
  }
  return protocol;
}

export interface TcpFields {
  sport: number;
  dport: number;
  /** Letters of TCP_FLAGS: `'SA'`. */
  flags?: string;
  seq?: number;
  ack?: number;
  window?: number;
  options?: Uint8Array;
  /** In 4-byte words; overrides the true one. */
  headerWords?: number;
}

export function tcp(fields: TcpFields, payload: Uint8Array = EMPTY): Uint8Array {
  const options = padTo4(fields.options ?? EMPTY);
  let flags = 0;
  for (const letter of fields.flags ?? 'A') flags |= TCP_FLAGS[letter as keyof typeof TCP_FLAGS];
  return as(
    IPPROTO.TCP,
    concat(
      u16(fields.sport),
      u16(fields.dport),
      u32(fields.seq ?? 0),
      u32(fields.ack ?? 0),
      bytes((fields.headerWords ?? 5 + options.length / 4) << 4, flags),
      u16(fields.window ?? 64_240),
      u16(0),
      u16(0),
      options,
      payload,
    ),
  );
}

export interface UdpFields {
  sport: number;
  dport: number;
  /** Overrides the true one. */
  length?: number;
}

export function udp(fields: UdpFields, payload: Uint8Array = EMPTY): Uint8Array {
  return as(
    IPPROTO.UDP,
    concat(u16(fields.sport), u16(fields.dport), u16(fields.length ?? 8 + payload.length), u16(0), payload),
  );
}

export interface IcmpFields {
  type: number;
  code?: number;
  /** Bytes 4..8: id and sequence for echo, MTU, gateway, ... */
  id?: number;
  seq?: number;
}

export function icmp(fields: IcmpFields, payload: Uint8Array = EMPTY): Uint8Array {
  const message = concat(
    bytes(fields.type, fields.code ?? 0),
    u16(0),
    u16(fields.id ?? 0),
    u16(fields.seq ?? 0),
    payload,
  );
  message.set(u16(checksum(message)), 2);
  return as(IPPROTO.ICMP, message);
}

export function icmpv6(fields: IcmpFields, payload: Uint8Array = EMPTY): Uint8Array {
  return as(
    IPPROTO.ICMPV6,
    concat(bytes(fields.type, fields.code ?? 0), u16(0), u16(fields.id ?? 0), u16(fields.seq ?? 0), payload),
  );
}

/** A VXLAN header (RFC 7348) and the inner frame; carry it with `udp({ dport: 4789 })`. */
export function vxlan(fields: { vni: number; flags?: number }, frame: Uint8Array): Uint8Array {
  return concat(bytes(fields.flags ?? 0x08, 0, 0, 0), u32(fields.vni << 8), frame);
}

// --- DNS ------------------------------------------------------------------------------------------------------

export const QTYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  NULL: 10,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  HTTPS: 65,
};

/** Text is split at dots; labels with other bytes are given as an array. */
export type NameLike = string | readonly (string | Uint8Array)[];

/** Wire form: length-prefixed labels and the root. */
export function dnsName(name: NameLike): Uint8Array {
  const labels = typeof name === 'string' ? name.split('.').filter((label) => label !== '') : name;
  const parts: Uint8Array[] = [];
  for (const label of labels) {
    const raw = typeof label === 'string' ? Buffer.from(label, 'latin1') : label;
    parts.push(bytes(raw.length), raw);
  }
  return concat(...parts, bytes(0));
}

export interface DnsAnswerFields {
  /** By default a compression pointer to the question's name. */
  name?: NameLike;
  type: number;
  class?: number;
  ttl?: number;
  data: Uint8Array;
}

export interface DnsFields {
  name: NameLike;
  type?: number;
  class?: number;
  id?: number;
  opcode?: number;
  rd?: boolean;
  /** Adds an OPT record to the additional section; `data` holds its options. */
  edns?: { udpSize?: number; data?: Uint8Array };
}

export interface DnsResponseFields extends DnsFields {
  rcode?: number;
  aa?: boolean;
  tc?: boolean;
  answers?: readonly DnsAnswerFields[];
  authorities?: readonly DnsAnswerFields[];
}

export function dnsQuery(fields: DnsFields): Uint8Array {
  const flags = ((fields.opcode ?? 0) << 11) | ((fields.rd ?? true) ? 0x0100 : 0);
  return dnsMessage(fields, flags, [], []);
}

export function dnsResponse(fields: DnsResponseFields): Uint8Array {
  const flags =
    0x8080 |
    ((fields.opcode ?? 0) << 11) |
    ((fields.aa ?? false) ? 0x0400 : 0) |
    ((fields.tc ?? false) ? 0x0200 : 0) |
    ((fields.rd ?? true) ? 0x0100 : 0) |
    (fields.rcode ?? 0);
  return dnsMessage(fields, flags, fields.answers ?? [], fields.authorities ?? []);
}

function dnsMessage(
  fields: DnsFields,
  flags: number,
  answers: readonly DnsAnswerFields[],
  authorities: readonly DnsAnswerFields[],
): Uint8Array {
  const opt =
    fields.edns === undefined
      ? EMPTY
      : concat(
          bytes(0),
          u16(QTYPE.OPT),
          u16(fields.edns.udpSize ?? 1232),
          u32(0),
          u16(fields.edns.data?.length ?? 0),
          fields.edns.data ?? EMPTY,
        );
  return concat(
    u16(fields.id ?? 0x1234),
    u16(flags),
    u16(1),
    u16(answers.length),
    u16(authorities.length),
    u16(opt.length > 0 ? 1 : 0),
    dnsName(fields.name),
    u16(fields.type ?? QTYPE.A),
    u16(fields.class ?? 1),
    ...answers.map(resourceRecord),
    ...authorities.map(resourceRecord),
    opt,
  );
}

function resourceRecord(answer: DnsAnswerFields): Uint8Array {
  return concat(
    answer.name === undefined ? bytes(0xc0, 12) : dnsName(answer.name),
    u16(answer.type),
    u16(answer.class ?? 1),
    u32(answer.ttl ?? 60),
    u16(answer.data.length),
    answer.data,
  );
}

/** Answers ready to use: `answer.a('198.51.100.7')`. */
export const answer = {
  a: (address: string, ttl = 60): DnsAnswerFields => ({ type: QTYPE.A, ttl, data: ip(address) }),
  aaaa: (address: string, ttl = 60): DnsAnswerFields => ({ type: QTYPE.AAAA, ttl, data: ip(address) }),
  cname: (target: NameLike, ttl = 60): DnsAnswerFields => ({ type: QTYPE.CNAME, ttl, data: dnsName(target) }),
  txt: (...texts: readonly (string | Uint8Array)[]): DnsAnswerFields => ({
    type: QTYPE.TXT,
    data: concat(
      ...texts.map((text) => {
        const raw = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
        return concat(bytes(raw.length), raw);
      }),
    ),
  }),
  mx: (preference: number, exchange: NameLike): DnsAnswerFields => ({
    type: QTYPE.MX,
    data: concat(u16(preference), dnsName(exchange)),
  }),
};

/** The two-byte length that precedes each message over TCP (RFC 1035 4.2.2). */
export function dnsOverTcp(message: Uint8Array): Uint8Array {
  return concat(u16(message.length), message);
}

// --- whole frames ---------------------------------------------------------------------------------------------

export interface FrameFields {
  src: string;
  dst: string;
  srcMac?: string;
  dstMac?: string;
}

/** Ethernet and IPv4 or IPv6, by the addresses, around a transport segment. */
export function frame(fields: FrameFields, segment: Uint8Array): Uint8Array {
  // Only these: the segment's own fields (options, header words) mean something else to IP.
  const ends = { src: fields.src, dst: fields.dst };
  const packet = fields.src.includes(':') ? ipv6(ends, segment) : ipv4(ends, segment);
  const link: EthernetFields = {};
  if (fields.srcMac !== undefined) link.src = fields.srcMac;
  if (fields.dstMac !== undefined) link.dst = fields.dstMac;
  return ethernet(link, packet);
}

export function tcpFrame(fields: FrameFields & TcpFields, payload?: Uint8Array): Uint8Array {
  return frame(fields, tcp(fields, payload));
}

export function udpFrame(fields: FrameFields & UdpFields, payload?: Uint8Array): Uint8Array {
  return frame(fields, udp(fields, payload));
}

// --- capture files --------------------------------------------------------------------------------------------

export interface CapturedFrame {
  readonly frame: Uint8Array;
  readonly timeMicros: number;
  /** Bytes on the wire, when the frame was cut. */
  readonly wireLen?: number;
}

/** A classic microsecond pcap file, little-endian. */
export function pcapFile(frames: readonly CapturedFrame[], linkType: number = LINKTYPE.ETHERNET): Uint8Array {
  const size = frames.reduce((sum, { frame: data }) => sum + 16 + data.length, 24);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 262_144, true);
  view.setUint32(20, linkType, true);
  let at = 24;
  for (const { frame: data, timeMicros, wireLen } of frames) {
    view.setUint32(at, Math.floor(timeMicros / 1_000_000), true);
    view.setUint32(at + 4, timeMicros % 1_000_000, true);
    view.setUint32(at + 8, data.length, true);
    view.setUint32(at + 12, wireLen ?? data.length, true);
    out.set(data, at + 16);
    at += 16 + data.length;
  }
  return out;
}

// --- checksums ------------------------------------------------------------------------------------------------

/** RFC 1071: the ones' complement of the ones' complement sum. */
export function checksum(...parts: readonly Uint8Array[]): number {
  const data = concat(...parts);
  let sum = 0;
  for (let i = 0; i < data.length; i += 2) sum += (data[i]! << 8) | (data[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const CHECKSUM_AT: Readonly<Record<number, number>> = { 6: 16, 17: 6, 58: 2 };

/** Fills in a transport checksum (it covers the addresses), leaving the given bytes alone. */
function withChecksum(protocol: number, src: Uint8Array, dst: Uint8Array, segment: Uint8Array): Uint8Array {
  const at = CHECKSUM_AT[protocol];
  if (at === undefined || at + 2 > segment.length) return segment;
  const out = segment.slice();
  const sum = checksum(src, dst, u32(segment.length), u32(protocol), segment);
  // RFC 768: a computed zero is sent as all ones, because zero means "no checksum".
  out.set(u16(sum === 0 && protocol === IPPROTO.UDP ? 0xffff : sum), at);
  return out;
}

function padTo4(data: Uint8Array): Uint8Array {
  return data.length % 4 === 0 ? data : concat(data, new Uint8Array(4 - (data.length % 4)));
}
