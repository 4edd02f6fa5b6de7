/**
 * The closed list of what can be wrong with traffic (Zeek calls it weird). Decoders count by number; the text is
 * looked up only when a record is made. Nothing here is ever thrown or logged per packet.
 */

/** Numbers are dense from 0, so that counts fit a typed array; they mean nothing outside this process. */
export const ANOMALY = {
  none: 0,
  'ethernet-header-truncated': 1,
  /** 1501..1535: neither a length (802.3) nor a type (Ethernet II). */
  'ethernet-type-invalid': 2,
  'llc-header-truncated': 3,
  'vlan-header-truncated': 4,
  'vlan-too-deep': 5,
  'sll-header-truncated': 6,
  'sll2-header-truncated': 7,
  'loopback-header-truncated': 8,
  /** A raw IP frame whose first nibble is neither 4 nor 6. */
  'raw-ip-version': 9,
  'arp-header-truncated': 10,
  'arp-address-length': 11,
  'ipv4-header-truncated': 12,
  'ipv4-version': 13,
  'ipv4-header-length': 14,
  'ipv4-total-length': 15,
  /** The total length says more than the frame had on the wire. */
  'ipv4-length-beyond-frame': 16,
  'ipv4-option-length': 17,
  'ipv4-source-route': 18,
  'ipv6-header-truncated': 19,
  'ipv6-version': 20,
  'ipv6-length-beyond-frame': 21,
  'ipv6-extension-truncated': 22,
  'ipv6-too-many-extensions': 23,
  'ipv6-hop-by-hop-not-first': 24,
  /** Deprecated by RFC 5095 because it lets one packet cross a link many times. */
  'ipv6-routing-type-0': 25,
  'ah-header-truncated': 26,
  /** A fragment that would end beyond 65,535 bytes (the ping of death). */
  'fragment-beyond-datagram': 27,
  /** More fragments follow, yet the length is no multiple of 8. */
  'fragment-length': 28,
  /** The first fragment does not hold the transport header (RFC 1858). */
  'fragment-tiny': 29,
  /** Bytes sent twice with other bounds (teardrop, RFC 5722). */
  'fragment-overlap': 30,
  'tcp-header-truncated': 31,
  'tcp-header-length': 32,
  'tcp-flags-null': 33,
  'tcp-flags-syn-fin': 34,
  'tcp-flags-syn-rst': 35,
  'tcp-flags-fin-rst': 36,
  /** FIN, PSH and URG without ACK. */
  'tcp-flags-xmas': 37,
  'tcp-port-zero': 38,
  'udp-header-truncated': 39,
  'udp-length': 40,
  'udp-length-beyond-ip': 41,
  /** The datagram ends before its IP packet: bytes that no socket ever reads. */
  'udp-trailing-bytes': 42,
  'udp-port-zero': 43,
  'icmp-header-truncated': 44,
  'icmpv6-header-truncated': 45,
  'sctp-header-truncated': 46,
  'vxlan-header-truncated': 47,
  'vxlan-flags': 48,
  'tunnel-too-deep': 49,
  'dns-header-truncated': 50,
  'dns-message-truncated': 51,
  'dns-name-too-long': 52,
  /** A length byte with the top bits 01 or 10 (RFC 6891 5 retired them). */
  'dns-label-type': 53,
  'dns-pointer-not-backwards': 54,
  'dns-pointer-chain': 55,
  'dns-counts-exceed-message': 56,
  'dns-question-count': 57,
  'dns-trailing-bytes': 58,
  'dns-z-bit': 59,
  'dns-opcode': 60,
  'dns-rdata-length': 61,
  'dns-opt-misplaced': 62,
  'dns-tcp-length': 63,
} as const;

export type AnomalyCode = Exclude<keyof typeof ANOMALY, 'none'>;

/** Text by number. */
export const ANOMALY_CODES: readonly string[] = Object.keys(ANOMALY);

/** Counts by number; a double counts exactly to 2^53. */
export function newAnomalyCounts(): Float64Array {
  return new Float64Array(ANOMALY_CODES.length);
}

/** The counts that are not zero, by text. */
export function anomalyTable(counts: Float64Array): Record<string, number> {
  const table: Record<string, number> = {};
  for (let code = 1; code < counts.length; code++) {
    if (counts[code]! > 0) table[ANOMALY_CODES[code]!] = counts[code]!;
  }
  return table;
}
