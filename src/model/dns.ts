import type { Endpoint } from './endpoint.ts';
import type { Network } from './network.ts';
import type { Micros } from './time.ts';

/** A DNS question with its answer, when one was seen (RFC 1035; names follow Zeek's dns log). */
export interface DnsRecord {
  readonly kind: 'dns';
  readonly time: Micros;
  readonly network?: Network | undefined;
  readonly interface: string;
  readonly client: Endpoint;
  readonly server: Endpoint;
  /** Where the message was seen. The container's own loopback joins with the DNS vantage. */
  readonly vantage: 'bridge' | 'container' | 'file';
  readonly transport: 'udp' | 'tcp';
  readonly id: number;
  /** Presentation form, RFC 4343 escapes: every byte outside printable ASCII is `\DDD`. Never raw bytes. */
  readonly query: string;
  /** Mnemonic, or `TYPE<number>` (RFC 3597). */
  readonly qtype: string;
  readonly qclass: string;
  /** Absent when no answer was seen. */
  readonly rcode?: string | undefined;
  readonly answers: readonly DnsAnswer[];
  /** Microseconds from question to answer. */
  readonly rtt?: number | undefined;
  readonly flags: readonly ('AA' | 'TC' | 'RD' | 'RA' | 'AD' | 'CD')[];
  /** What was malformed about the message; the fields above hold what could be read. */
  readonly anomalies: readonly string[];
}

export interface DnsAnswer {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  /** Presentation form of the data, escaped as names are, at most 255 characters. */
  readonly data: string;
}
