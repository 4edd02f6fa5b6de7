/**
 * BSD loopback: LINKTYPE_NULL, a 4-byte address family in the byte order of the capturing machine, and
 * LINKTYPE_LOOP, the same in network byte order. Families fit one byte, so the order shows by itself.
 */
import { ANOMALY } from './anomaly.ts';
import { type PacketView, STATUS, type Status } from './packet-view.ts';

const AF_INET = 2;
/** Linux, NetBSD/OpenBSD, FreeBSD, macOS (tcpdump.org/linktypes). */
const AF_INET6: ReadonlySet<number> = new Set([10, 24, 28, 30]);

export function decodeNullLoopback(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < 4) return p.cut(ANOMALY['loopback-header-truncated']);
  const big = data.getUint32(at);
  const family = big <= 0xff ? big : data.getUint32(at, true);
  p.at = at + 4;
  if (family === AF_INET) p.etherType = 0x0800;
  else if (AF_INET6.has(family)) p.etherType = 0x86dd;
  else return STATUS.NOT_UNDERSTOOD;
  return STATUS.ETHER_TYPE;
}
