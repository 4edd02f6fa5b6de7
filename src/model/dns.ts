import type { Endpoint } from './endpoint.ts';
import type { Network } from './network.ts';
import type { Micros } from './time.ts';

/** A DNS question with its answer, when one was seen (RFC 1035; names follow Zeek's dns log). */
export interface DnsRecord {
  readonly kind: 'dns';
  /** Packet time of the question, or of the answer when no question was seen. */
  readonly time: Micros;
  /** Where it was captured; absent when the interface belongs to no known network, and for the container vantage. */
  readonly network?: Network | undefined;
  /** All that the client is on, for a question that was seen in its own namespace; absent for every other. */
  readonly networks?: DnsClientNetworks | undefined;
  /**
   * The tap's interface: for the container vantage `lo@` and the container's name. Or the file's name for a capture that
   * names none.
   */
  readonly interface: string;
  /** Who asked. */
  readonly client: Endpoint;
  /** Who was asked. */
  readonly server: Endpoint;
  /**
   * Where the question was seen first on its way: `container` is the loopback interface of the client's own network
   * namespace, where Docker's embedded resolver answers at 127.0.0.11.
   */
  readonly vantage: DnsVantage;
  /**
   * The same question once more, from the embedded resolver to the one it asks: one record tells of both. Absent when it
   * answered by itself, or when nobody saw it: from engine 28 on it asks from the host, where no bridge is crossed.
   */
  readonly upstream?: DnsUpstream | undefined;
  /** The message format is one; the rules of who asks whom are not (RFC 1035, RFC 6762, RFC 4795). */
  readonly protocol: 'dns' | 'mdns' | 'llmnr';
  /** What carried it. */
  readonly transport: 'udp' | 'tcp';
  /** Mnemonic, or `OPCODE<number>`: `QUERY` but for few. */
  readonly opcode: string;
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
  /** EDNS(0) of the question (RFC 6891); absent when it has none or was not seen. */
  readonly edns?: DnsEdns | undefined;
  /** Bytes of the question after its last record; absent when there are none, as there should be. */
  readonly trailingBytes?: number | undefined;
  /** What was malformed about the message; the fields above hold what could be read. */
  readonly anomalies: readonly string[];
}

export type DnsVantage = 'bridge' | 'container' | 'file';

export type DnsClientNetworks = readonly {
  /** Name of the Docker network. */
  readonly name: string;
  /** `internal: true`: by design nothing leaves or enters. */
  readonly internal: boolean;
  /** As `Network` has them, for those who judge addresses; not written out. Absent when the network is not known. */
  readonly subnets?: readonly string[];
  readonly gateways?: readonly string[];
}[];

export interface DnsUpstream {
  /** Who was asked then. */
  readonly server: Endpoint;
  /** Name of the Docker network that carried it; absent when the interface belongs to no known network. */
  readonly network?: string | undefined;
  /** The tap's interface. */
  readonly interface: string;
  /** Microseconds from that question to its answer; absent unless both were seen. */
  readonly rtt?: number | undefined;
}

export interface DnsEdns {
  /** Largest UDP answer the client takes. */
  readonly udpSizeBytes: number;
  /** 0 is the only one there is. */
  readonly version: number;
  /** The DO bit: DNSSEC records are welcome. */
  readonly dnssecOk: boolean;
  /** In the order of the message, at most 32. */
  readonly options: readonly {
    /** IANA DNS EDNS0 option codes. */
    readonly code: number;
    /** Length of its data. */
    readonly bytes: number;
  }[];
}

export interface DnsAnswer {
  /** Whose record it is, escaped as names are. */
  readonly name: string;
  /** Mnemonic, or `TYPE<number>`. */
  readonly type: string;
  /** Seconds that it may be kept. */
  readonly ttl: number;
  /** Length of the data on the wire. */
  readonly bytes: number;
  /** Presentation form of the data, escaped as names are, at most 255 characters. */
  readonly data: string;
}
