/**
 * Who follows whom: the only place that knows more than one layer. Walks a frame layer by layer into a PacketView,
 * counting what is malformed, cut or not understood. Never throws, never reads outside the captured bytes, and does
 * a bounded number of steps a frame; allocates nothing.
 */
import { decodeAh } from './ah.ts';
import { ANOMALY, newAnomalyCounts } from './anomaly.ts';
import { decodeArp } from './arp.ts';
import { decodeEthernet } from './ethernet.ts';
import { FragmentTracker } from './fragments.ts';
import { decodeIcmp } from './icmp.ts';
import { decodeIcmpv6 } from './icmpv6.ts';
import { decodeIpv4 } from './ipv4.ts';
import { decodeIpv6, decodeIpv6Extension } from './ipv6.ts';
import { decodeNullLoopback } from './null-loopback.ts';
import { FRAGMENT, LAYER, PacketView, STATUS, type Status } from './packet-view.ts';
import { decodeRawIp } from './raw-ip.ts';
import { decodeSctp } from './sctp.ts';
import { decodeSll } from './sll.ts';
import { decodeSll2 } from './sll2.ts';
import { decodeTcp } from './tcp.ts';
import { decodeUdp } from './udp.ts';
import { Unknowns } from './unknowns.ts';
import { decodeVlan } from './vlan.ts';
import { decodeVxlan } from './vxlan.ts';

const VXLAN_PORT = 4789;

/** One an interface, so that anomalies are counted where they were seen. */
export class Decoder {
  /** By ANOMALY. The owner may zero it after reading. */
  readonly anomalyCounts = newAnomalyCounts();
  readonly unknowns = new Unknowns();
  /** Frames of which the snaplen cut something that we would have read. */
  truncatedFrames = 0;
  readonly #fragments = new FragmentTracker();

  /** A view that fits; any view may be given to any decoder. */
  newView(): PacketView {
    return new PacketView(this.anomalyCounts);
  }

  /**
   * Frame [at, at + capLen) of `data`. What the view held is gone; see its `layers` for what is valid now. The
   * answer is why the walk ended; carried frames (LAYER.INNER) have an end of their own, which is not told.
   */
  decode(
    data: DataView,
    at: number,
    capLen: number,
    wireLen: number,
    linkType: number,
    view: PacketView,
  ): Status {
    // A record that claims fewer bytes on the wire than it captured is a lie of the file, not of the packet.
    view.reset(at, at + capLen, at + Math.max(wireLen, capLen));
    view.anomalyCounts = this.anomalyCounts;
    const status = this.#walk(data, this.#decodeLink(data, linkType, view), view);
    if (view.truncated) this.truncatedFrames++;
    return status;
  }

  /** LINKTYPE_ values; 12 and 14 are what DLT_RAW is called on some systems. */
  #decodeLink(data: DataView, linkType: number, p: PacketView): Status {
    switch (linkType) {
      case 1:
        return decodeEthernet(data, p.at, p.end, p);
      case 0:
      case 108:
        return decodeNullLoopback(data, p.at, p.end, p);
      case 12:
      case 14:
      case 101:
      case 228:
      case 229:
        return decodeRawIp(data, p.at, p.end, p);
      case 113:
        return decodeSll(data, p.at, p.end, p);
      case 276:
        return decodeSll2(data, p.at, p.end, p);
      default:
        this.unknowns.linkType(linkType);
        return STATUS.NOT_UNDERSTOOD;
    }
  }

  /** Ends: each turn moves `at` forward or is one of a bounded number of tags, extensions and tunnels. */
  #walk(data: DataView, first: Status, p: PacketView): Status {
    let status: Status = first;
    for (;;) {
      switch (status) {
        case STATUS.ETHER_TYPE:
          status = this.#decodeEtherType(data, p);
          break;
        case STATUS.IP_PROTOCOL:
          status = this.#decodeIpProtocol(data, p);
          break;
        case STATUS.LATER_FRAGMENT:
          this.#fragments.observe(p);
          return STATUS.DONE;
        case STATUS.UDP_PORT:
          if (p.fragment === FRAGMENT.FIRST) {
            // Only a part of whatever it carries is here.
            this.#fragments.observe(p);
            return STATUS.DONE;
          }
          if (p.dstPort !== VXLAN_PORT) return STATUS.DONE;
          status = decodeVxlan(data, p.at, p.end, p);
          break;
        case STATUS.INNER_FRAME:
          return this.#decodeInner(data, p);
        case STATUS.LLC:
          this.unknowns.llc(p.llcSap);
          return STATUS.NOT_UNDERSTOOD;
        default:
          if (p.fragment === FRAGMENT.FIRST) this.#fragments.observe(p);
          return status;
      }
    }
  }

  #decodeEtherType(data: DataView, p: PacketView): Status {
    switch (p.etherType) {
      case 0x0800:
        return decodeIpv4(data, p.at, p.end, p);
      case 0x86dd:
        return decodeIpv6(data, p.at, p.end, p);
      case 0x0806: {
        const status = decodeArp(data, p.at, p.end, p);
        if (status === STATUS.NOT_UNDERSTOOD) this.unknowns.arp();
        return status;
      }
      // 802.1Q, 802.1ad, and the numbers that QinQ had before it was a standard.
      case 0x8100:
      case 0x88a8:
      case 0x9100:
      case 0x9200:
        return decodeVlan(data, p.at, p.end, p);
      default:
        this.unknowns.etherType(p.etherType);
        return STATUS.NOT_UNDERSTOOD;
    }
  }

  #decodeIpProtocol(data: DataView, p: PacketView): Status {
    switch (p.ipProtocol) {
      case 6:
        return decodeTcp(data, p.at, p.end, p);
      case 17:
        return decodeUdp(data, p.at, p.end, p);
      case 1:
        return decodeIcmp(data, p.at, p.end, p);
      case 58:
        return decodeIcmpv6(data, p.at, p.end, p);
      case 132:
        return decodeSctp(data, p.at, p.end, p);
      case 51:
        return decodeAh(data, p.at, p.end, p);
      case 4:
      case 41:
        return this.#enterIpInIp(p);
      // Hop-by-hop, routing, fragment, destination options, mobility, HIP, shim6.
      case 0:
      case 43:
      case 44:
      case 60:
      case 135:
      case 139:
      case 140:
        if ((p.layers & LAYER.IPV6) !== 0) return decodeIpv6Extension(data, p.at, p.end, p);
        break;
      case 59:
        p.setPayload(p.at);
        return STATUS.DONE;
      default:
    }
    p.setPayload(p.at);
    this.unknowns.ipProtocol(p.ipProtocol);
    return STATUS.NOT_UNDERSTOOD;
  }

  /** IP in IP (RFC 2003) and 6in4 (RFC 4213): the carried packet gets the inner view. */
  #enterIpInIp(p: PacketView): Status {
    p.setPayload(p.at);
    const inner = p.inner;
    // A first fragment holds only a part of the carried packet: nothing in it could be judged.
    if (p.fragment !== FRAGMENT.NONE) return STATUS.DONE;
    if (inner === undefined) return p.malformed(ANOMALY['tunnel-too-deep']);
    inner.reset(p.at, p.end, p.payloadAt + p.payloadLength);
    return STATUS.INNER_FRAME;
  }

  #decodeInner(data: DataView, p: PacketView): Status {
    const inner = p.inner!;
    inner.anomalyCounts = this.anomalyCounts;
    p.layers |= LAYER.INNER;
    const first =
      (p.layers & LAYER.UDP) === 0
        ? decodeRawIp(data, inner.at, inner.end, inner)
        : decodeEthernet(data, inner.at, inner.end, inner);
    this.#walk(data, first, inner);
    if (inner.anomaly !== 0 && p.anomaly === 0) p.anomaly = inner.anomaly;
    if (inner.truncated) p.truncated = true;
    return STATUS.DONE;
  }
}
