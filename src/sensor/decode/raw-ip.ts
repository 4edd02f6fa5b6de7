/** Raw IP: no link header, the version nibble tells the family. */
import { ANOMALY } from './anomaly.ts';
import { type PacketView, STATUS, type Status } from './packet-view.ts';

export function decodeRawIp(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < 1) return p.cut(ANOMALY['ipv4-header-truncated']);
  const version = data.getUint8(at) >>> 4;
  p.at = at;
  if (version === 4) p.etherType = 0x0800;
  else if (version === 6) p.etherType = 0x86dd;
  else return p.malformed(ANOMALY['raw-ip-version']);
  return STATUS.ETHER_TYPE;
}
