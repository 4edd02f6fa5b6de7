/**
 * What the decoders found in one frame: numbers and offsets, never bytes of their own. One instance is reused for
 * every frame; it is borrowed until the next `decode`. A group of fields is valid only when its bit stands in
 * `layers`, which is why a reset touches a handful of fields and not fifty.
 */
import { ANOMALY } from './anomaly.ts';

/** What a layer's decoder answers: who comes next, or why nobody does. */
export const STATUS = {
  /** Everything that we decode was decoded. */
  DONE: 0,
  /** `etherType` names what stands at `at`. */
  ETHER_TYPE: 1,
  /** `ipProtocol` names what stands at `at`. */
  IP_PROTOCOL: 2,
  /** A fragment that is not the first: no transport header. */
  LATER_FRAGMENT: 3,
  /** An LLC frame for the service access point in `llcSap`. */
  LLC: 4,
  /** A datagram: what stands at `at` is told by its ports. */
  UDP_PORT: 5,
  /** VXLAN: an Ethernet frame of its own stands at `at`. */
  INNER_FRAME: 6,
  /** The snaplen cut the frame here; nothing is wrong with it. */
  TRUNCATED: 7,
  /** An anomaly was counted; what was decoded before it may be trusted. */
  MALFORMED: 8,
  NOT_UNDERSTOOD: 9,
} as const;
export type Status = (typeof STATUS)[keyof typeof STATUS];

export const LAYER = {
  /** srcMacHi/Lo. */
  SRC_MAC: 0x001,
  /** dstMacHi/Lo; cooked captures have none. */
  DST_MAC: 0x002,
  ARP: 0x004,
  IPV4: 0x008,
  IPV6: 0x010,
  IP: 0x018,
  TCP: 0x020,
  UDP: 0x040,
  ICMP: 0x080,
  ICMPV6: 0x100,
  SCTP: 0x200,
  /** srcPort and dstPort, from the transport header or, for later fragments, from the first one's. */
  PORTS: 0x400,
  /** `inner` holds the frame or packet that this one carries. */
  INNER: 0x800,
  /** ndTarget. */
  ND_TARGET: 0x1000,
} as const;

export const FRAGMENT = { NONE: 0, FIRST: 1, LATER: 2 } as const;

export const TCP_FLAG = { FIN: 0x01, SYN: 0x02, RST: 0x04, PSH: 0x08, ACK: 0x10, URG: 0x20 } as const;

/** Frames in frames (VXLAN, IP in IP): the outermost and at most two more. */
export const MAX_TUNNEL_DEPTH = 2;

export class PacketView {
  /** LAYER bits. */
  layers = 0;
  /** The first ANOMALY of this frame, 0 when there is none. */
  anomaly = 0;
  /** The snaplen cut something that we would have read, or payload. */
  truncated = false;
  /** Counts by ANOMALY; the decoder's own, set before each frame. */
  anomalyCounts: Float64Array;

  // The cursor: what is decoded next, and where it must stop. Offsets are into the slab.
  at = 0;
  end = 0;
  /** One past the frame's last byte on the wire; beyond `end` when the frame was cut. */
  wireEnd = 0;
  /** `end` is the snaplen's doing, not a length field's. */
  endIsCut = false;

  // Link. MACs in two halves of 24 bits (the vendor's and the device's), because both are small integers to V8.
  srcMacHi = 0;
  srcMacLo = 0;
  dstMacHi = 0;
  dstMacLo = 0;
  /** Tags seen; `vlanOuter` and `vlanInner` are 0 without a tag. One tag stands in `vlanOuter`. */
  vlanDepth = 0;
  vlanOuter = 0;
  vlanInner = 0;
  /** What follows the link header, after the tags. */
  etherType = 0;
  llcSap = 0;

  /**
   * Words 0..3 the source, 4..7 the destination, most significant first, IPv4 in mapped form. For ARP: sender and
   * target. Words 8 and 9: TCP sequence and acknowledgement. A typed array, so that 32 bits need no heap number.
   */
  readonly words = new Uint32Array(10);

  // ARP.
  arpOp = 0;
  arpSenderMacHi = 0;
  arpSenderMacLo = 0;
  arpTargetMacHi = 0;
  arpTargetMacLo = 0;

  // IP.
  ipAt = 0;
  /**
   * Bytes of the IP packet by its own header; by the frame where the header leaves it 0 (TSO and BIG TCP do).
   * What flows count, because GRO and snaplen do not change it.
   */
  ipTotalLength = 0;
  /** The transport's number, after extension headers. */
  ipProtocol = 0;
  ttl = 0;
  /** FRAGMENT. */
  fragment = 0;
  fragmentOffset = 0;
  fragmentId = 0;
  moreFragments = false;
  /** IP payload bytes of a fragment, and the protocol its own header names. */
  fragmentBytes = 0;
  fragmentProtocol = 0;
  /** IPv6 extension headers walked so far. */
  extensions = 0;

  // Transport. Ports in host order.
  srcPort = 0;
  dstPort = 0;
  tcpFlags = 0;
  tcpWindow = 0;
  icmpType = 0;
  icmpCode = 0;
  /** Bytes 4..8 of the message: identifier and sequence where the type has them. */
  icmpId = 0;
  icmpSeq = 0;
  /** Neighbour discovery: the address asked for, told of, or redirected for; words as above. */
  readonly ndTarget = new Uint32Array(4);

  /** The transport's payload: captured bytes are [payloadAt, payloadEnd), `payloadLength` were on the wire. */
  payloadAt = 0;
  payloadEnd = 0;
  payloadLength = 0;

  /** The VXLAN network identifier under which this frame travelled; -1 when it travelled bare. */
  vni = -1;
  /** Scratch of the flow table: the hash that it has ready for this packet, 0 for none. */
  flowHash = 0;
  readonly depth: number;
  /** The carried frame, when LAYER.INNER is set; made once a depth. */
  inner: PacketView | undefined;

  constructor(anomalyCounts: Float64Array = new Float64Array(64), depth = 0) {
    this.anomalyCounts = anomalyCounts;
    this.depth = depth;
    this.inner = depth < MAX_TUNNEL_DEPTH ? new PacketView(anomalyCounts, depth + 1) : undefined;
  }

  reset(at: number, end: number, wireEnd: number): void {
    this.layers = 0;
    this.anomaly = 0;
    this.truncated = false;
    this.at = at;
    this.end = end;
    this.wireEnd = wireEnd;
    this.endIsCut = wireEnd > end;
    this.vlanDepth = 0;
    this.vlanOuter = 0;
    this.vlanInner = 0;
    this.etherType = 0;
    this.ipProtocol = 0;
    this.fragment = FRAGMENT.NONE;
    this.extensions = 0;
    this.payloadAt = end;
    this.payloadEnd = end;
    this.payloadLength = 0;
    this.vni = -1;
    this.flowHash = 0;
  }

  /** Counts an anomaly and goes on. */
  note(code: number): void {
    if (this.anomaly === 0) this.anomaly = code;
    this.anomalyCounts[code]!++;
  }

  malformed(code: number): Status {
    this.note(code);
    return STATUS.MALFORMED;
  }

  /** A header does not fit before `end`: the snaplen's doing, or the sender's. */
  cut(code: number): Status {
    if (this.endIsCut) {
      this.truncated = true;
      return STATUS.TRUNCATED;
    }
    return this.malformed(this.fragment === FRAGMENT.FIRST ? ANOMALY['fragment-tiny'] : code);
  }

  /** Everything from `at` to the end of the IP packet is payload. */
  setPayload(at: number): void {
    const wireLength = this.ipAt + this.ipTotalLength - at;
    this.payloadAt = at;
    this.payloadEnd = this.end;
    this.payloadLength = Math.max(wireLength, 0);
    if (wireLength > this.end - at && this.endIsCut) this.truncated = true;
  }
}

/** A MAC's 48 bits as one exact number, for keys. */
export function macNumber(hi: number, lo: number): number {
  return hi * 0x1000000 + lo;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** `02:42:0a:00:00:02`. Makes a string: for records, never per packet. */
export function formatMac(hi: number, lo: number): string {
  const half = (word: number): string =>
    `${HEX[word >>> 16]}:${HEX[(word >>> 8) & 0xff]}:${HEX[word & 0xff]}`;
  return `${half(hi)}:${half(lo)}`;
}

/** What `formatMac` made its text of. */
export function macHalves(mac: string): [hi: number, lo: number] {
  return [
    Number.parseInt(mac.slice(0, 8).replaceAll(':', ''), 16),
    Number.parseInt(mac.slice(9).replaceAll(':', ''), 16),
  ];
}
