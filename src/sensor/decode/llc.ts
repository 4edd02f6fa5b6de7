/**
 * IEEE 802.2 LLC with SNAP, as it follows an 802.3 length. Carries spanning tree, AppleTalk and the like; we only
 * look for a SNAP header that names an EtherType.
 *
 *   DSAP 1 | SSAP 1 | control 1 | [SNAP: OUI 3 | type 2]
 */
import { ANOMALY } from './anomaly.ts';
import { type PacketView, STATUS, type Status } from './packet-view.ts';

const SAP_SNAP = 0xaa;

/** IEEE 802.3 3.2.6: below 1536 the field is a length, and above 1500 it is neither. */
export const MIN_ETHER_TYPE = 0x600;
const MAX_LENGTH = 1500;

/** What an EtherType-or-length field at `at - 2` says; `at` is the byte after it. */
export function decodeTypeOrLength(
  data: DataView,
  at: number,
  end: number,
  typeOrLength: number,
  p: PacketView,
): Status {
  p.at = at;
  if (typeOrLength >= MIN_ETHER_TYPE) {
    p.etherType = typeOrLength;
    return STATUS.ETHER_TYPE;
  }
  if (typeOrLength > MAX_LENGTH) return p.malformed(ANOMALY['ethernet-type-invalid']);
  if (at + typeOrLength <= end) {
    p.end = at + typeOrLength;
    p.endIsCut = false;
  }
  return decodeLlc(data, at, p.end, p);
}

export function decodeLlc(data: DataView, at: number, end: number, p: PacketView): Status {
  if (end - at < 3) return p.cut(ANOMALY['llc-header-truncated']);
  p.llcSap = data.getUint8(at);
  if (p.llcSap !== SAP_SNAP || data.getUint8(at + 1) !== SAP_SNAP) return STATUS.LLC;
  if (end - at < 8) return p.cut(ANOMALY['llc-header-truncated']);
  const oui = (data.getUint8(at + 3) << 16) | data.getUint16(at + 4);
  // RFC 1042: OUI 0 means that an EtherType follows. Others are vendors' own (CDP, VTP).
  if (oui !== 0) return STATUS.LLC;
  p.etherType = data.getUint16(at + 6);
  p.at = at + 8;
  return STATUS.ETHER_TYPE;
}
