import type { LinkType } from '../../../capture/source.ts';
import type { DnsClientNetworks, DnsVantage } from '../../model/dns.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import type { Network } from '../../model/network.ts';
import type { Micros } from '../../model/time.ts';
import { Decoder } from '../decode/decoder.ts';

/** One interface that frames come from, live or in a file, with what belongs to it alone. */
export interface Tap {
  /** Its number in the pipeline; part of the flow key, so that equal addresses on two bridges stay apart. */
  readonly index: number;
  readonly interface: string;
  readonly linkType: LinkType;
  /** The network this interface carries; absent for interfaces of a file that no inventory knows. */
  readonly network?: Network;
  readonly vantage: DnsVantage;
  /** Who asks there: set for taps inside a container's namespace, of which only DNS is read. */
  readonly asker?: () => DnsAsker;
  /** An uplink of the host: of its frames only those of overlay networks are looked at, and they are no flows. */
  readonly isUplink?: boolean;
  /** Since when it is read: frames that waited for that come later than their time. Absent where none do. */
  readonly since?: Micros;
  readonly decoder: Decoder;
}

/** The container that a namespace is known for, at this moment: its networks come and go. */
export interface DnsAsker {
  /** All but address and port, which the packets tell. */
  readonly client: Omit<Endpoint, 'ip' | 'port'>;
  readonly networks: DnsClientNetworks;
}

export function createTap(tap: Omit<Tap, 'decoder'>): Tap {
  return { ...tap, decoder: new Decoder() };
}
