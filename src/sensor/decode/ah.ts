/**
 * The IPsec authentication header (RFC 4302), in both families: it signs, it does not hide, so we look behind it.
 *
 *   next header 1 | length in 4-byte units, less 2 1 | reserved 2 | SPI 4 | sequence 4 | check value
 */
import { ANOMALY } from './anomaly.ts';
import { MAX_EXTENSIONS } from './ipv6.ts';
import { type PacketView, STATUS, type Status } from './packet-view.ts';

export function decodeAh(data: DataView, at: number, end: number, p: PacketView): Status {
  if (p.extensions === MAX_EXTENSIONS) return p.malformed(ANOMALY['ipv6-too-many-extensions']);
  if (end - at < 12) return p.cut(ANOMALY['ah-header-truncated']);
  const length = (data.getUint8(at + 1) + 2) * 4;
  if (length < 12 || end - at < length) return p.cut(ANOMALY['ah-header-truncated']);
  p.extensions++;
  p.ipProtocol = data.getUint8(at);
  p.at = at + length;
  return STATUS.IP_PROTOCOL;
}
