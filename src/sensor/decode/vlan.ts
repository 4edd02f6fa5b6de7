/**
 * One VLAN tag: 802.1Q, 802.1ad or the older QinQ types. The tag's own type has been read; what stands here is
 *
 *   priority 3 bits, drop eligible 1, VLAN id 12 | type or length 2
 */
import { ANOMALY } from './anomaly.ts';
import { decodeTypeOrLength } from './llc.ts';
import type { PacketView, Status } from './packet-view.ts';

/** Two are usual (QinQ); more is a way to hide a packet from whoever looks only so deep. */
export const MAX_VLAN_DEPTH = 4;

export function decodeVlan(data: DataView, at: number, end: number, p: PacketView): Status {
  if (p.vlanDepth === MAX_VLAN_DEPTH) return p.malformed(ANOMALY['vlan-too-deep']);
  if (end - at < 4) return p.cut(ANOMALY['vlan-header-truncated']);
  const id = data.getUint16(at) & 0xfff;
  if (p.vlanDepth === 0) p.vlanOuter = id;
  else p.vlanInner = id;
  p.vlanDepth++;
  return decodeTypeOrLength(data, at + 4, end, data.getUint16(at + 2), p);
}
