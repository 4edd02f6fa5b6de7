/** Where DNS messages are to be expected. Asked of every packet, so numbers only. */
import type { DnsRecord } from '../../model/dns.ts';
import type { PacketView } from '../decode/packet-view.ts';

export const DNS_PORT = 53;
/** RFC 6762. */
const MDNS_PORT = 5353;
/** RFC 4795. */
const LLMNR_PORT = 5355;

/** Of a packet that has ports. */
export function hasDnsPort({ srcPort, dstPort }: PacketView): boolean {
  return isDnsPort(dstPort) || isDnsPort(srcPort);
}

function isDnsPort(port: number): boolean {
  return port === DNS_PORT || port === MDNS_PORT || port === LLMNR_PORT;
}

/** A client may have been given one of the others by chance: 53 decides. */
export function protocolOf({ srcPort, dstPort }: PacketView): DnsRecord['protocol'] {
  if (srcPort === DNS_PORT || dstPort === DNS_PORT) return 'dns';
  return srcPort === MDNS_PORT || dstPort === MDNS_PORT ? 'mdns' : 'llmnr';
}
