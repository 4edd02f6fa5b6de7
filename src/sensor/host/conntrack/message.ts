/**
 * What the kernel's connection tracking says over netlink, read from bytes (uapi linux/netlink.h, nfnetlink.h,
 * nfnetlink_conntrack.h). Every length is checked against what really arrived; what does not fit is counted as
 * malformed, never thrown. Must know nothing of sockets and clocks.
 */
import { formatIp, V4_MAPPED_WORD } from '../../../model/ip.ts';
import type { Micros } from '../../../model/time.ts';

/** One direction of a connection. */
export interface Tuple {
  /** RFC 5952 text. */
  readonly src: string;
  readonly dst: string;
  /** IANA number. */
  readonly protocol: number;
  /** Absent for protocols without ports. */
  readonly srcPort?: number | undefined;
  readonly dstPort?: number | undefined;
  /** Type, code and identifier of an ICMP echo; the kernel tracks no other ICMP as a connection. */
  readonly icmp?: { readonly type: number; readonly code: number; readonly id: number } | undefined;
}

/** What one message tells of one connection. */
export interface ConnectionNews {
  /** `listed`: an answer to a dump. */
  readonly type: 'opened' | 'changed' | 'closed' | 'listed';
  /** As the connection was opened, before any translation. */
  readonly orig: Tuple;
  /** As its answers come back: the other way round, and after translation. */
  readonly reply: Tuple;
  /** Tells a connection from the next one with the same addresses and ports; a hash, so not unique alone. */
  readonly id: number;
  readonly zone: number;
  /** The three-way handshake is through (TCP_CONNTRACK_ESTABLISHED and later states); absent when not told. */
  readonly established?: boolean | undefined;
  /** Only with nf_conntrack_timestamp=1. */
  readonly openedAt?: Micros | undefined;
  readonly closedAt?: Micros | undefined;
}

export type ConntrackMessage =
  | { readonly type: 'connection'; readonly news: ConnectionNews }
  /** The end of a dump. `interrupted`: it may have left something out. */
  | { readonly type: 'done'; readonly sequence: number; readonly interrupted: boolean }
  /** `errno` as errno(3) counts them. */
  | { readonly type: 'refused'; readonly sequence: number; readonly errno: number }
  /** The kernel says that it threw messages away (NLMSG_OVERRUN). */
  | { readonly type: 'overrun' }
  | { readonly type: 'malformed' };

/** nfnetlink.h: the groups of connection events. */
export const CONNTRACK_GROUPS = { new: 1, update: 2, destroy: 3 } as const;

const NLMSG_HEADER_BYTES = 16;
const NFGENMSG_BYTES = 4;
const ATTRIBUTE_HEADER_BYTES = 4;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLMSG_OVERRUN = 4;
const NLM_F_REQUEST = 0x01;
const NLM_F_MULTI = 0x02;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_DUMP = 0x300;
const NLM_F_CREATE = 0x400;
const CTNETLINK = 1;
const CT_NEW = 0;
const CT_GET = 1;
const CT_DELETE = 2;
const AF_INET = 2;
const AF_INET6 = 10;
/** The two upper bits say "nested" and "big-endian". */
const ATTRIBUTE_TYPE = 0x3fff;

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_PROTOINFO = 4;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_TIMESTAMP = 20;
const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_TCP_STATE = 1;
/** nf_conntrack_tcp.h: NONE, SYN_SENT, SYN_RECV, ESTABLISHED, ... TIME_WAIT, CLOSE, SYN_SENT2. */
const TCP_ESTABLISHED = 3;
const TCP_TIME_WAIT = 7;

/** The request for everything that is tracked now, both families. */
export function dumpRequest(sequence: number): Uint8Array {
  const bytes = new Uint8Array(NLMSG_HEADER_BYTES + NFGENMSG_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, LITTLE);
  view.setUint16(4, (CTNETLINK << 8) | CT_GET, LITTLE);
  view.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, LITTLE);
  view.setUint32(8, sequence, LITTLE);
  return bytes;
}

/** Headers and lengths of netlink are in the machine's own order; what they carry is mostly big-endian. */
const LITTLE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Reads one datagram, which may carry several messages, and hands over each. */
export function readDatagram(
  data: DataView,
  offset: number,
  length: number,
  onMessage: (message: ConntrackMessage) => void,
): void {
  const end = Math.min(offset + length, data.byteLength);
  let at = offset;
  while (at < end) {
    const bytes = end - at < NLMSG_HEADER_BYTES ? 0 : data.getUint32(at, LITTLE);
    if (bytes < NLMSG_HEADER_BYTES || at + bytes > end) {
      onMessage(MALFORMED);
      return;
    }
    const message = readMessage(data, at, at + bytes);
    if (message !== undefined) onMessage(message);
    at += align(bytes);
  }
}

const MALFORMED: ConntrackMessage = { type: 'malformed' };
const OVERRUN: ConntrackMessage = { type: 'overrun' };

function readMessage(data: DataView, at: number, end: number): ConntrackMessage | undefined {
  const kind = data.getUint16(at + 4, LITTLE);
  const flags = data.getUint16(at + 6, LITTLE);
  const sequence = data.getUint32(at + 8, LITTLE);
  const body = at + NLMSG_HEADER_BYTES;
  if (kind === NLMSG_DONE) {
    return { type: 'done', sequence, interrupted: (flags & NLM_F_DUMP_INTR) !== 0 };
  }
  if (kind === NLMSG_OVERRUN) return OVERRUN;
  if (kind === NLMSG_ERROR) {
    if (end - body < 4) return MALFORMED;
    const errno = -data.getInt32(body, LITTLE);
    // 0 is an acknowledgement, which nobody asked for.
    return errno === 0 ? undefined : { type: 'refused', sequence, errno };
  }
  if (kind >>> 8 !== CTNETLINK) return undefined;
  const action = kind & 0xff;
  if (action !== CT_NEW && action !== CT_DELETE) return undefined;
  if (end - body < NFGENMSG_BYTES) return MALFORMED;
  const family = data.getUint8(body);
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const news = readConnection(data, body + NFGENMSG_BYTES, end, typeOf(action, flags));
  return news === undefined ? MALFORMED : { type: 'connection', news };
}

function typeOf(action: number, flags: number): ConnectionNews['type'] {
  if (action === CT_DELETE) return 'closed';
  if ((flags & NLM_F_MULTI) !== 0) return 'listed';
  return (flags & NLM_F_CREATE) !== 0 ? 'opened' : 'changed';
}

function readConnection(
  data: DataView,
  start: number,
  end: number,
  type: ConnectionNews['type'],
): ConnectionNews | undefined {
  let orig: Tuple | undefined;
  let reply: Tuple | undefined;
  let id = 0;
  let zone = 0;
  let established: boolean | undefined;
  let openedAt: Micros | undefined;
  let closedAt: Micros | undefined;
  const sound = eachAttribute(data, start, end, (attribute, from, to) => {
    switch (attribute) {
      case CTA_TUPLE_ORIG:
        orig = readTuple(data, from, to);
        return;
      case CTA_TUPLE_REPLY:
        reply = readTuple(data, from, to);
        return;
      case CTA_ID:
        if (to - from >= 4) id = data.getUint32(from);
        return;
      case CTA_ZONE:
        if (to - from >= 2) zone = data.getUint16(from);
        return;
      case CTA_PROTOINFO:
        established = readEstablished(data, from, to);
        return;
      case CTA_TIMESTAMP:
        eachAttribute(data, from, to, (which, at, until) => {
          if (until - at < 8) return;
          const time = Number(data.getBigUint64(at) / 1000n);
          if (which === 1) openedAt = time;
          else if (which === 2) closedAt = time;
        });
        return;
    }
  });
  if (!sound || orig === undefined || reply === undefined) return undefined;
  return { type, orig, reply, id, zone, established, openedAt, closedAt };
}

function readEstablished(data: DataView, start: number, end: number): boolean | undefined {
  let established: boolean | undefined;
  eachAttribute(data, start, end, (protocol, from, to) => {
    if (protocol !== CTA_PROTOINFO_TCP) return;
    eachAttribute(data, from, to, (attribute, at, until) => {
      if (attribute !== CTA_PROTOINFO_TCP_STATE || until - at < 1) return;
      const state = data.getUint8(at);
      established = state >= TCP_ESTABLISHED && state <= TCP_TIME_WAIT;
    });
  });
  return established;
}

const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_IP_V4_SRC = 1;
const CTA_IP_V4_DST = 2;
const CTA_IP_V6_SRC = 3;
const CTA_IP_V6_DST = 4;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_PROTO_ICMP_ID = 4;
const CTA_PROTO_ICMP_TYPE = 5;
const CTA_PROTO_ICMP_CODE = 6;
const CTA_PROTO_ICMPV6_ID = 7;
const CTA_PROTO_ICMPV6_TYPE = 8;
const CTA_PROTO_ICMPV6_CODE = 9;

function readTuple(data: DataView, start: number, end: number): Tuple | undefined {
  let src: string | undefined;
  let dst: string | undefined;
  let protocol: number | undefined;
  let srcPort: number | undefined;
  let dstPort: number | undefined;
  let type: number | undefined;
  let code = 0;
  let id = 0;
  const sound = eachAttribute(data, start, end, (attribute, from, to) => {
    if (attribute === CTA_TUPLE_IP) {
      eachAttribute(data, from, to, (field, at, until) => {
        if (field === CTA_IP_V4_SRC || field === CTA_IP_V6_SRC) src = readAddress(data, at, until);
        else if (field === CTA_IP_V4_DST || field === CTA_IP_V6_DST) dst = readAddress(data, at, until);
      });
    } else if (attribute === CTA_TUPLE_PROTO) {
      eachAttribute(data, from, to, (field, at, until) => {
        const value = until - at >= 2 ? data.getUint16(at) : until - at === 1 ? data.getUint8(at) : undefined;
        if (field === CTA_PROTO_NUM) protocol = value;
        else if (field === CTA_PROTO_SRC_PORT) srcPort = value;
        else if (field === CTA_PROTO_DST_PORT) dstPort = value;
        else if (field === CTA_PROTO_ICMP_ID || field === CTA_PROTO_ICMPV6_ID) id = value ?? 0;
        else if (field === CTA_PROTO_ICMP_TYPE || field === CTA_PROTO_ICMPV6_TYPE) type = value;
        else if (field === CTA_PROTO_ICMP_CODE || field === CTA_PROTO_ICMPV6_CODE) code = value ?? 0;
      });
    }
  });
  if (!sound || src === undefined || dst === undefined || protocol === undefined) return undefined;
  if (type !== undefined) return { src, dst, protocol, icmp: { type, code, id } };
  // Protocols that the kernel does not look into (GRE aside) carry ports of 0.
  const hasPorts = srcPort !== undefined && dstPort !== undefined && (srcPort !== 0 || dstPort !== 0);
  return hasPorts ? { src, dst, protocol, srcPort, dstPort } : { src, dst, protocol };
}

function readAddress(data: DataView, at: number, end: number): string | undefined {
  if (end - at === 4) return formatIp(0, 0, V4_MAPPED_WORD, data.getUint32(at));
  if (end - at !== 16) return undefined;
  return formatIp(
    data.getUint32(at),
    data.getUint32(at + 4),
    data.getUint32(at + 8),
    data.getUint32(at + 12),
  );
}

/** False when a length points outside; what came before has been handed over by then. */
function eachAttribute(
  data: DataView,
  start: number,
  end: number,
  onAttribute: (type: number, from: number, to: number) => void,
): boolean {
  let at = start;
  while (at < end) {
    const bytes = end - at < ATTRIBUTE_HEADER_BYTES ? 0 : data.getUint16(at, LITTLE);
    if (bytes < ATTRIBUTE_HEADER_BYTES || at + bytes > end) return false;
    onAttribute(data.getUint16(at + 2, LITTLE) & ATTRIBUTE_TYPE, at + ATTRIBUTE_HEADER_BYTES, at + bytes);
    at += align(bytes);
  }
  return true;
}

function align(bytes: number): number {
  return (bytes + 3) & ~3;
}
