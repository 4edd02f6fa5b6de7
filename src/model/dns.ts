import type { Endpoint } from './endpoint.ts';
import type { Network } from './network.ts';
import type { Micros } from './time.ts';

/** A DNS question with its answer, when one was seen (RFC 1035; names follow Zeek's dns log). */
export interface DnsRecord {
  readonly kind: 'dns';
  /** Packet time of the question, or of the answer when no question was seen. */
  readonly time: Micros;
  /** Where it was captured; absent when the interface belongs to no known network. */
  readonly network?: Network | undefined;
  /** The tap's interface, or the file's name for a capture that names none. */
  readonly interface: string;
  /** Who asked. */
  readonly client: Endpoint;
  /** Who was asked. */
  readonly server: Endpoint;
  /** Where the message was seen. The container's own loopback joins with the DNS vantage. */
  readonly vantage: 'bridge' | 'container' | 'file';
  /** What carried it. */
  readonly transport: 'udp' | 'tcp';
  /** Transaction id of the message. */
  readonly id: number;
  /** Presentation form, RFC 4343 escapes: every byte outside printable ASCII is `\DDD`. Never raw bytes. */
  readonly query: string;
  /** Mnemonic, or `TYPE<number>` (RFC 3597). */
  readonly qtype: string;
  /** Mnemonic, or `CLASS<number>` (RFC 3597). */
  readonly qclass: string;
  /** Absent when no answer was seen. */
  readonly rcode?: string | undefined;
  /** Records of the answer section; empty when no answer was seen. */
  readonly answers: readonly DnsAnswer[];
  /** Microseconds from question to answer; absent unless both were seen. */
  readonly rtt?: number | undefined;
  /** Header flags that are set, of the answer when there is one. */
  readonly flags: readonly ('AA' | 'TC' | 'RD' | 'RA' | 'AD' | 'CD')[];
  /** What was malformed about the message; the fields above hold what could be read. */
  readonly anomalies: readonly string[];
}

export interface DnsAnswer {
  /** Whose record it is, escaped as names are. */
  readonly name: string;
  /** Mnemonic, or `TYPE<number>`. */
  readonly type: string;
  /** Seconds that it may be kept. */
  readonly ttl: number;
  /** Presentation form of the data, escaped as names are, at most 255 characters. */
  readonly data: string;
}
