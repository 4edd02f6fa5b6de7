import { describe, expect, it } from 'vitest';
import { formatIp } from '../../../src/model/ip.ts';
import { ANOMALY, ANOMALY_CODES, anomalyTable } from '../../../src/sensor/decode/anomaly.ts';
import { Decoder } from '../../../src/sensor/decode/decoder.ts';
import {
  FRAGMENT,
  formatMac,
  LAYER,
  macNumber,
  type PacketView,
  STATUS,
} from '../../../src/sensor/decode/packet-view.ts';
import {
  arp,
  authHeader,
  bytes,
  concat,
  ETHERTYPE,
  ethernet,
  extension,
  fragmentHeader,
  frame,
  hex,
  IPPROTO,
  icmp,
  icmpv6,
  ipv4,
  ipv6,
  LINKTYPE,
  llc,
  nullLoopback,
  sll,
  sll2,
  tcp,
  tcpFrame,
  udp,
  udpFrame,
  vlan,
  vxlan,
} from '../../support/packet-builder.ts';

const V4 = { src: '10.0.0.2', dst: '198.51.100.7' };
const V6 = { src: '2001:db8::2', dst: '2001:db8:1::7' };

function decode(data: Uint8Array, linkType = LINKTYPE.ETHERNET, wireLen = data.length) {
  const decoder = new Decoder();
  const view = decoder.newView();
  // Behind other frames, and with room after it: nothing may depend on the slab's edges.
  const slab = new Uint8Array(data.length + 64).fill(0xff);
  slab.set(data, 32);
  const status = decoder.decode(new DataView(slab.buffer), 32, data.length, wireLen, linkType, view);
  return {
    decoder,
    view,
    status,
    anomalies: Object.keys(anomalyTable(decoder.anomalyCounts)),
    payload: [...slab.subarray(view.payloadAt, view.payloadEnd)],
  };
}

function srcOf(view: PacketView): string {
  return formatIp(view.words[0]!, view.words[1]!, view.words[2]!, view.words[3]!);
}

function dstOf(view: PacketView): string {
  return formatIp(view.words[4]!, view.words[5]!, view.words[6]!, view.words[7]!);
}

const datagram = () => udp({ sport: 1000, dport: 2000 }, bytes(1, 2, 3));

describe('link layers lead to the packet', () => {
  it.each([
    ['Ethernet', LINKTYPE.ETHERNET, ethernet({}, ipv4(V4, datagram()))],
    ['802.1Q', LINKTYPE.ETHERNET, ethernet({ type: 0x8100 }, vlan({ id: 7 }, ipv4(V4, datagram())))],
    ['SNAP', LINKTYPE.ETHERNET, llc({ type: 0x0800 }, ipv4(V4, datagram()))],
    ['cooked', LINKTYPE.SLL, sll({}, ipv4(V4, datagram()))],
    ['cooked v2', LINKTYPE.SLL2, sll2({}, ipv4(V4, datagram()))],
    ['cooked with VLAN', LINKTYPE.SLL2, sll2({ type: 0x8100 }, vlan({ id: 7 }, ipv4(V4, datagram())))],
    ['loopback, little-endian', LINKTYPE.NULL, nullLoopback({}, ipv4(V4, datagram()))],
    ['loopback, big-endian', LINKTYPE.NULL, nullLoopback({ littleEndian: false }, ipv4(V4, datagram()))],
    ['OpenBSD loopback', LINKTYPE.LOOP, nullLoopback({ littleEndian: false }, ipv4(V4, datagram()))],
    ['raw IP', LINKTYPE.RAW, ipv4(V4, datagram())],
    ['raw IP as DLT_RAW', 12, ipv4(V4, datagram())],
    ['raw IPv4', LINKTYPE.IPV4, ipv4(V4, datagram())],
  ])('%s', (_name, linkType, data) => {
    const { view, status, anomalies, payload } = decode(data, linkType);

    expect(status).toBe(STATUS.DONE);
    expect(anomalies).toEqual([]);
    expect([srcOf(view), dstOf(view)]).toEqual([V4.src, V4.dst]);
    expect([view.srcPort, view.dstPort]).toEqual([1000, 2000]);
    expect(payload).toEqual([1, 2, 3]);
  });

  it.each([
    ['Ethernet', LINKTYPE.ETHERNET, ethernet({}, ipv6(V6, datagram()))],
    ['loopback of Linux', LINKTYPE.NULL, nullLoopback({ family: 10 }, ipv6(V6, datagram()))],
    ['loopback of FreeBSD', LINKTYPE.NULL, nullLoopback({ family: 28 }, ipv6(V6, datagram()))],
    ['raw IPv6', LINKTYPE.IPV6, ipv6(V6, datagram())],
  ])('%s with IPv6', (_name, linkType, data) => {
    const { view, anomalies } = decode(data, linkType);

    expect(anomalies).toEqual([]);
    expect([srcOf(view), dstOf(view)]).toEqual([V6.src, V6.dst]);
    expect(view.layers & LAYER.IP).toBe(LAYER.IPV6);
  });

  it('keeps MACs in halves that make one number', () => {
    const data = ethernet({ src: '02:42:ac:1c:05:17', dst: 'ff:fe:fd:fc:fb:fa' }, ipv4(V4, datagram()));

    const { view } = decode(data);

    expect(formatMac(view.srcMacHi, view.srcMacLo)).toBe('02:42:ac:1c:05:17');
    expect(formatMac(view.dstMacHi, view.dstMacLo)).toBe('ff:fe:fd:fc:fb:fa');
    expect(macNumber(view.srcMacHi, view.srcMacLo)).toBe(0x0242ac1c0517);
  });

  it('takes the sender of a cooked header and claims no receiver', () => {
    const { view } = decode(sll({ src: '02:42:ac:1c:05:17' }, ipv4(V4, datagram())), LINKTYPE.SLL);

    expect(formatMac(view.srcMacHi, view.srcMacLo)).toBe('02:42:ac:1c:05:17');
    expect(view.layers & (LAYER.SRC_MAC | LAYER.DST_MAC)).toBe(LAYER.SRC_MAC);
  });

  it('reads outer and inner VLAN of QinQ', () => {
    const data = ethernet(
      { type: ETHERTYPE.QINQ },
      vlan({ id: 100, priority: 5, type: ETHERTYPE.VLAN }, vlan({ id: 200 }, ipv4(V4, datagram()))),
    );

    const { view } = decode(data);

    expect([view.vlanDepth, view.vlanOuter, view.vlanInner]).toEqual([2, 100, 200]);
    expect(srcOf(view)).toBe(V4.src);
  });

  it('follows four VLAN tags and gives up at five', () => {
    const nest = (depth: number): Uint8Array =>
      depth === 0
        ? ipv4(V4, datagram())
        : vlan({ id: depth, ...(depth > 1 && { type: ETHERTYPE.VLAN }) }, nest(depth - 1));

    expect(decode(ethernet({ type: ETHERTYPE.VLAN }, nest(4))).anomalies).toEqual([]);
    expect(decode(ethernet({ type: ETHERTYPE.VLAN }, nest(5))).anomalies).toEqual(['vlan-too-deep']);
  });

  it('counts what it does not understand, by number', () => {
    expect(decode(ethernet({ type: 0x88cc }, bytes(1))).decoder.unknowns.table()).toEqual({
      'ethertype-0x88cc': 1,
    });
    expect(decode(llc({ dsap: 0x42 }, bytes(1))).decoder.unknowns.table()).toEqual({ 'llc-0x42': 1 });
    expect(decode(llc({ oui: 0x00000c, type: 0x2000 }, bytes(1))).decoder.unknowns.table()).toEqual({
      'llc-0xaa': 1,
    });
    expect(decode(bytes(1, 2, 3), 127).decoder.unknowns.table()).toEqual({ 'linktype-127': 1 });
    expect(
      decode(
        ethernet({}, ipv4({ ...V4, protocol: IPPROTO.GRE }, bytes(0, 0, 0, 0))),
      ).decoder.unknowns.table(),
    ).toEqual({ 'ip-protocol-47': 1 });
  });

  it('bounds the table of unknown types that a sender can fill', () => {
    const decoder = new Decoder();
    const view = decoder.newView();
    for (let type = 0x2000; type < 0x2400; type++) {
      const data = ethernet({ type }, bytes(1));
      decoder.decode(new DataView(data.buffer), 0, data.length, data.length, 1, view);
    }

    const table = decoder.unknowns.table();

    expect(Object.keys(table)).toHaveLength(257);
    expect(table['other']).toBe(0x400 - 256);
  });
});

describe('ARP', () => {
  it('reads operation, sender and target', () => {
    const data = ethernet(
      { type: ETHERTYPE.ARP },
      arp({
        op: 2,
        senderMac: '02:42:0a:00:00:05',
        senderIp: '10.0.0.5',
        targetMac: '02:42:0a:00:00:09',
        targetIp: '10.0.0.9',
      }),
    );

    const { view, status } = decode(data);

    expect(status).toBe(STATUS.DONE);
    expect(view.layers & LAYER.ARP).toBe(LAYER.ARP);
    expect(view.layers & LAYER.IP).toBe(0);
    expect(view.arpOp).toBe(2);
    expect([srcOf(view), dstOf(view)]).toEqual(['10.0.0.5', '10.0.0.9']);
    expect(formatMac(view.arpSenderMacHi, view.arpSenderMacLo)).toBe('02:42:0a:00:00:05');
    expect(formatMac(view.arpTargetMacHi, view.arpTargetMacLo)).toBe('02:42:0a:00:00:09');
  });

  it('counts ARP of other hardware as not understood', () => {
    const body = arp({ senderIp: '10.0.0.5', targetIp: '10.0.0.9' });
    body[1] = 6;

    expect(decode(ethernet({ type: ETHERTYPE.ARP }, body)).decoder.unknowns.table()).toEqual({ arp: 1 });
  });
});

describe('IPv4', () => {
  it('skips options', () => {
    const { view, anomalies } = decode(
      ethernet({}, ipv4({ ...V4, options: hex('94 04 00 00 01 01 01 00') }, datagram())),
    );

    expect(anomalies).toEqual([]);
    expect(view.srcPort).toBe(1000);
  });

  it('stops at its own length, not at the frame', () => {
    const padded = concat(ethernet({}, ipv4(V4, datagram())), new Uint8Array(20).fill(0xee));

    const { view, payload, anomalies } = decode(padded);

    expect(payload).toEqual([1, 2, 3]);
    expect(view.ipTotalLength).toBe(31);
    expect(anomalies).toEqual([]);
  });

  it('takes the frame for the length that TSO left at zero', () => {
    const big = new Uint8Array(60_000).fill(7);
    const { view, anomalies } = decode(
      ethernet({}, ipv4({ ...V4, totalLength: 0 }, tcp({ sport: 1, dport: 2 }, big))),
    );

    expect(view.ipTotalLength).toBe(60_040);
    expect(view.payloadLength).toBe(60_000);
    expect(anomalies).toEqual([]);
  });

  it('decodes the first fragment and gives its ports to the later ones', () => {
    const decoder = new Decoder();
    const view = decoder.newView();
    const see = (data: Uint8Array) =>
      decoder.decode(new DataView(data.buffer, data.byteOffset), 0, data.length, data.length, 1, view);
    const first = udp({ sport: 1000, dport: 2000, length: 40 }, new Uint8Array(16));

    see(ethernet({}, ipv4({ ...V4, id: 5, moreFragments: true }, first)));
    const firstKind = view.fragment;
    see(ethernet({}, ipv4({ ...V4, id: 5, fragmentOffset: 24, protocol: 17 }, new Uint8Array(16))));

    expect(firstKind).toBe(FRAGMENT.FIRST);
    expect(view.fragment).toBe(FRAGMENT.LATER);
    expect([view.srcPort, view.dstPort]).toEqual([1000, 2000]);
    expect(view.layers & (LAYER.UDP | LAYER.PORTS)).toBe(LAYER.PORTS);
    expect(view.payloadLength).toBe(16);
    expect(anomalyTable(decoder.anomalyCounts)).toEqual({});

    see(ethernet({}, ipv4({ ...V4, id: 6, fragmentOffset: 24, protocol: 17 }, new Uint8Array(16))));
    expect(view.layers & LAYER.PORTS).toBe(0);
  });

  it('marks fragments that overlap, and neither copies nor reordered ones', () => {
    const run = (...offsets: readonly (readonly [offset: number, length: number])[]) => {
      const decoder = new Decoder();
      const view = decoder.newView();
      for (const [offset, length] of offsets) {
        const data = ethernet(
          {},
          ipv4(
            { ...V4, id: 5, fragmentOffset: offset, moreFragments: true, protocol: 47 },
            new Uint8Array(length),
          ),
        );
        decoder.decode(new DataView(data.buffer), 0, data.length, data.length, 1, view);
      }
      return decoder.anomalyCounts[ANOMALY['fragment-overlap']];
    };

    expect(run([0, 40], [40, 40], [80, 8])).toBe(0);
    expect(run([80, 8], [0, 40], [40, 40])).toBe(0);
    expect(run([0, 40], [0, 40], [40, 40])).toBe(0);
    expect(run([0, 40], [24, 8])).toBe(1);
    expect(run([0, 40], [32, 40])).toBe(1);
  });
});

describe('IPv6 extension headers', () => {
  it('walks hop-by-hop, destination options, routing and AH to the transport', () => {
    const data = ethernet(
      {},
      ipv6(
        {
          ...V6,
          extensions: [
            extension(IPPROTO.HOPOPT),
            extension(IPPROTO.DSTOPTS, bytes(1, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
            extension(IPPROTO.ROUTING, bytes(4, 0)),
            authHeader(),
          ],
        },
        datagram(),
      ),
    );

    const { view, anomalies, payload } = decode(data);

    expect(anomalies).toEqual([]);
    expect(view.extensions).toBe(4);
    expect(view.ipProtocol).toBe(17);
    expect(payload).toEqual([1, 2, 3]);
  });

  it('follows eight and gives up at nine', () => {
    const many = (n: number) =>
      ethernet(
        {},
        ipv6({ ...V6, extensions: Array.from({ length: n }, () => extension(IPPROTO.DSTOPTS)) }, datagram()),
      );

    expect(decode(many(8)).view.srcPort).toBe(1000);
    expect(decode(many(9)).anomalies).toEqual(['ipv6-too-many-extensions']);
  });

  it('knows first, later and atomic fragments', () => {
    const fragment = (header: { offset?: number; more?: boolean }) =>
      decode(
        ethernet(
          {},
          ipv6(
            { ...V6, nextHeader: 17, extensions: [fragmentHeader(header)] },
            udp({ sport: 1000, dport: 2000 }, new Uint8Array(8)),
          ),
        ),
      ).view;

    expect(fragment({}).fragment).toBe(FRAGMENT.NONE);
    expect(fragment({ more: true }).fragment).toBe(FRAGMENT.FIRST);
    expect(fragment({ more: true }).srcPort).toBe(1000);
    const later = fragment({ offset: 64 });
    expect([later.fragment, later.fragmentOffset]).toEqual([FRAGMENT.LATER, 64]);
    expect(later.layers & LAYER.PORTS).toBe(0);
  });

  it('takes the frame for the length of a jumbogram', () => {
    const { view } = decode(ethernet({}, ipv6({ ...V6, payloadLength: 0 }, datagram())));

    expect(view.ipTotalLength).toBe(51);
    expect(view.payloadLength).toBe(3);
  });

  it('has nothing after "no next header"', () => {
    const { status, anomalies } = decode(ethernet({}, ipv6({ ...V6, nextHeader: 59 }, bytes(1, 2))));

    expect(status).toBe(STATUS.DONE);
    expect(anomalies).toEqual([]);
  });
});

describe('transport', () => {
  it('reads TCP with options', () => {
    const { view, payload } = decode(
      tcpFrame(
        {
          ...V4,
          sport: 40_000,
          dport: 443,
          flags: 'PA',
          seq: 0xfffffff0,
          ack: 0x80000001,
          window: 512,
          options: hex('01 01 08 0a 00 00 00 01 00 00 00 02'),
        },
        bytes(9, 8),
      ),
    );

    expect([view.srcPort, view.dstPort]).toEqual([40_000, 443]);
    expect([view.words[8], view.words[9]]).toEqual([0xfffffff0, 0x80000001]);
    expect(view.tcpFlags).toBe(0x18);
    expect(view.tcpWindow).toBe(512);
    expect(payload).toEqual([9, 8]);
    expect(view.payloadLength).toBe(2);
  });

  it.each([
    ['ICMP', frame(V4, icmp({ type: 8, code: 1, id: 77, seq: 5 }, bytes(1, 2))), LAYER.ICMP],
    ['ICMPv6', frame(V6, icmpv6({ type: 8, code: 1, id: 77, seq: 5 }, bytes(1, 2))), LAYER.ICMPV6],
  ])('reads %s', (_name, data, layer) => {
    const { view, payload } = decode(data);

    expect(view.layers & (LAYER.ICMP | LAYER.ICMPV6)).toBe(layer);
    expect([view.icmpType, view.icmpCode, view.icmpId, view.icmpSeq]).toEqual([8, 1, 77, 5]);
    expect(payload).toEqual([1, 2]);
  });

  it('reads the ports of SCTP', () => {
    const sctp = concat(hex('1f90 1f91'), new Uint8Array(20));
    const { view } = decode(ethernet({}, ipv4({ ...V4, protocol: IPPROTO.SCTP }, sctp)));

    expect([view.srcPort, view.dstPort]).toEqual([8080, 8081]);
  });
});

describe('tunnels', () => {
  const inner = udpFrame({ src: '10.1.0.2', dst: '10.1.0.3', sport: 5, dport: 6 }, bytes(1));
  const carry = (vni: number, data: Uint8Array) =>
    udpFrame({ ...V4, sport: 9, dport: 4789 }, vxlan({ vni }, data));

  it('VXLAN: both the carrying and the carried frame are known', () => {
    const { view, status } = decode(carry(4097, inner));

    expect(status).toBe(STATUS.DONE);
    expect(view.layers & LAYER.INNER).toBe(LAYER.INNER);
    expect([srcOf(view), view.dstPort, view.vni]).toEqual([V4.src, 4789, -1]);
    expect([srcOf(view.inner!), view.inner!.dstPort, view.inner!.vni]).toEqual(['10.1.0.2', 6, 4097]);
    expect(view.inner!.layers & LAYER.SRC_MAC).toBe(LAYER.SRC_MAC);
  });

  it('follows two tunnels and gives up at three', () => {
    const two = decode(carry(1, carry(2, inner)));
    const three = decode(carry(1, carry(2, carry(3, inner))));

    expect(srcOf(two.view.inner!.inner!)).toBe('10.1.0.2');
    expect(two.anomalies).toEqual([]);
    expect(three.anomalies).toEqual(['tunnel-too-deep']);
    expect(three.view.anomaly).toBe(ANOMALY['tunnel-too-deep']);
  });

  it.each([
    ['IPv4 in IPv4', ipv4({ ...V4, protocol: 4 }, ipv4({ src: '10.1.0.2', dst: '10.1.0.3' }, datagram()))],
    ['IPv4 in IPv6', ipv6({ ...V6, nextHeader: 4 }, ipv4({ src: '10.1.0.2', dst: '10.1.0.3' }, datagram()))],
  ])('follows %s', (_name, packet) => {
    const { view } = decode(ethernet({}, packet));

    expect(srcOf(view.inner!)).toBe('10.1.0.2');
    expect(view.inner!.vni).toBe(-1);
  });

  it('does not look for a frame in a fragment of VXLAN', () => {
    const part = udp({ sport: 9, dport: 4789, length: 2000 }, vxlan({ vni: 1 }, inner)).slice(0, 56);
    const { view, anomalies } = decode(
      ethernet({}, ipv4({ ...V4, moreFragments: true, protocol: 17 }, part)),
    );

    expect(view.layers & LAYER.INNER).toBe(0);
    expect(anomalies).toEqual([]);
  });
});

/** Each code once, with the frame that shows it. What is not here is DNS (dns.test.ts). */
const MALFORMED: readonly [code: string, data: Uint8Array, linkType?: number][] = [
  ['ethernet-header-truncated', bytes(1, 2, 3)],
  ['ethernet-type-invalid', ethernet({ type: 1501 }, bytes(1))],
  ['llc-header-truncated', ethernet({ type: 2 }, bytes(1, 2))],
  ['llc-header-truncated', ethernet({ type: 5 }, bytes(0xaa, 0xaa, 3, 0, 0))],
  ['vlan-header-truncated', ethernet({ type: 0x8100 }, bytes(0, 1))],
  ['sll-header-truncated', bytes(1, 2, 3), LINKTYPE.SLL],
  ['sll2-header-truncated', bytes(1, 2, 3), LINKTYPE.SLL2],
  ['loopback-header-truncated', bytes(1, 2, 3), LINKTYPE.NULL],
  ['raw-ip-version', bytes(0x50), LINKTYPE.RAW],
  [
    'arp-header-truncated',
    ethernet({ type: 0x0806 }, arp({ senderIp: '10.0.0.1', targetIp: '10.0.0.2' }).slice(0, 20)),
  ],
  ['arp-address-length', ethernet({ type: 0x0806 }, hex('0001 0800 08 04 0001'))],
  ['ipv4-header-truncated', ethernet({ type: 0x0800 }, bytes(0x45, 0, 0))],
  ['ipv4-header-truncated', ethernet({}, ipv4({ ...V4, headerWords: 15, protocol: 47 }, bytes(1)))],
  ['ipv4-version', ethernet({ type: 0x0800 }, ipv4({ ...V4, version: 5 }, datagram()))],
  ['ipv4-header-length', ethernet({}, ipv4({ ...V4, headerWords: 4 }, datagram()))],
  ['ipv4-total-length', ethernet({}, ipv4({ ...V4, totalLength: 19 }, datagram()))],
  ['ipv4-length-beyond-frame', ethernet({}, ipv4({ ...V4, totalLength: 500, protocol: 47 }, bytes(1)))],
  ['ipv4-option-length', ethernet({}, ipv4({ ...V4, options: bytes(7, 0, 1, 1) }, datagram()))],
  ['ipv4-option-length', ethernet({}, ipv4({ ...V4, options: bytes(7, 9, 1, 1) }, datagram()))],
  ['ipv4-source-route', ethernet({}, ipv4({ ...V4, options: bytes(131, 7, 4, 10, 0, 0, 9, 0) }, datagram()))],
  ['ipv6-header-truncated', ethernet({ type: 0x86dd }, bytes(0x60, 0, 0))],
  ['ipv6-version', ethernet({ type: 0x86dd }, concat(bytes(0x40), new Uint8Array(50)))],
  ['ipv6-length-beyond-frame', ethernet({}, ipv6({ ...V6, payloadLength: 900, nextHeader: 47 }, bytes(1)))],
  [
    'ipv6-extension-truncated',
    ethernet({}, ipv6({ ...V6, nextHeader: IPPROTO.DSTOPTS }, bytes(17, 5, 0, 0, 0, 0, 0, 0))),
  ],
  [
    'ipv6-hop-by-hop-not-first',
    ethernet({}, ipv6({ ...V6, extensions: [extension(60), extension(0)] }, datagram())),
  ],
  [
    'ipv6-routing-type-0',
    ethernet({}, ipv6({ ...V6, extensions: [extension(43, bytes(0, 1))] }, datagram())),
  ],
  [
    'ah-header-truncated',
    ethernet({}, ipv4({ ...V4, protocol: 51 }, bytes(6, 200, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1))),
  ],
  [
    'fragment-beyond-datagram',
    ethernet({}, ipv4({ ...V4, fragmentOffset: 65_528, protocol: 1 }, new Uint8Array(16))),
  ],
  ['fragment-length', ethernet({}, ipv4({ ...V4, moreFragments: true, protocol: 47 }, new Uint8Array(9)))],
  ['fragment-tiny', ethernet({}, ipv4({ ...V4, moreFragments: true, protocol: 6 }, new Uint8Array(8)))],
  ['tcp-header-truncated', ethernet({}, ipv4({ ...V4, protocol: 6 }, new Uint8Array(19)))],
  ['tcp-header-truncated', tcpFrame({ ...V4, sport: 1, dport: 2, headerWords: 15 })],
  ['tcp-header-length', tcpFrame({ ...V4, sport: 1, dport: 2, headerWords: 4 })],
  ['tcp-flags-null', tcpFrame({ ...V4, sport: 1, dport: 2, flags: '' })],
  ['tcp-flags-syn-fin', tcpFrame({ ...V4, sport: 1, dport: 2, flags: 'SF' })],
  ['tcp-flags-syn-rst', tcpFrame({ ...V4, sport: 1, dport: 2, flags: 'SR' })],
  ['tcp-flags-fin-rst', tcpFrame({ ...V4, sport: 1, dport: 2, flags: 'FRA' })],
  ['tcp-flags-xmas', tcpFrame({ ...V4, sport: 1, dport: 2, flags: 'FPU' })],
  ['tcp-port-zero', tcpFrame({ ...V4, sport: 0, dport: 2 })],
  ['udp-header-truncated', ethernet({}, ipv4({ ...V4, protocol: 17 }, new Uint8Array(7)))],
  ['udp-length', udpFrame({ ...V4, sport: 1, dport: 2, length: 7 }, bytes(1))],
  ['udp-length-beyond-ip', udpFrame({ ...V4, sport: 1, dport: 2, length: 100 }, bytes(1))],
  ['udp-trailing-bytes', udpFrame({ ...V4, sport: 1, dport: 2, length: 9 }, bytes(1, 2, 3))],
  ['udp-port-zero', udpFrame({ ...V4, sport: 1, dport: 0 })],
  ['icmp-header-truncated', ethernet({}, ipv4({ ...V4, protocol: 1 }, bytes(8, 0, 0)))],
  ['icmpv6-header-truncated', ethernet({}, ipv6({ ...V6, nextHeader: 58 }, bytes(8, 0, 0)))],
  ['sctp-header-truncated', ethernet({}, ipv4({ ...V4, protocol: 132 }, bytes(8, 0, 0)))],
  ['vxlan-header-truncated', udpFrame({ ...V4, sport: 1, dport: 4789 }, bytes(8, 0))],
  [
    'vxlan-flags',
    udpFrame(
      { ...V4, sport: 1, dport: 4789 },
      vxlan({ vni: 1, flags: 0 }, ethernet({}, ipv4(V4, datagram()))),
    ),
  ],
];

describe('anomalies', () => {
  it.each(MALFORMED)('%s', (code, data, linkType) => {
    const { view, anomalies } = decode(data, linkType);

    expect(anomalies).toEqual([code]);
    expect(ANOMALY_CODES[view.anomaly]).toBe(code);
  });

  it('are numbered without gaps', () => {
    expect(Object.values(ANOMALY)).toEqual(ANOMALY_CODES.map((_, i) => i));
  });

  it('of every kind have a test here, save those of DNS and those tested above', () => {
    const tested = new Set(MALFORMED.map(([code]) => code));
    const elsewhere = ['vlan-too-deep', 'ipv6-too-many-extensions', 'fragment-overlap', 'tunnel-too-deep'];
    const missing = ANOMALY_CODES.slice(1).filter(
      (code) => !tested.has(code) && !code.startsWith('dns-') && !elsewhere.includes(code),
    );

    expect(missing).toEqual([]);
  });
});

describe('the snaplen', () => {
  const whole = tcpFrame({ ...V4, sport: 40_000, dport: 443 }, new Uint8Array(1000));

  it('cuts payload without an anomaly, and the lengths on the wire stay known', () => {
    const { view, anomalies, decoder } = decode(whole.slice(0, 96), LINKTYPE.ETHERNET, whole.length);

    expect(anomalies).toEqual([]);
    expect(view.truncated).toBe(true);
    expect(decoder.truncatedFrames).toBe(1);
    expect(view.payloadLength).toBe(1000);
    expect(view.payloadEnd - view.payloadAt).toBe(96 - 54);
    expect(view.ipTotalLength).toBe(1040);
  });

  it.each([0, 5, 13, 14, 20, 33, 34, 40, 53])('cut at %i bytes is truncation, not malformation', (capLen) => {
    const { view, status, anomalies } = decode(whole.slice(0, capLen), LINKTYPE.ETHERNET, whole.length);

    expect(status).toBe(STATUS.TRUNCATED);
    expect(view.truncated).toBe(true);
    expect(anomalies).toEqual([]);
  });

  it('does not excuse a packet that is too short by its own length', () => {
    const short = ethernet({}, ipv4({ ...V4, protocol: 6 }, new Uint8Array(10)));
    const padded = concat(short, new Uint8Array(40));

    const { anomalies } = decode(padded.slice(0, short.length), LINKTYPE.ETHERNET, padded.length);

    expect(anomalies).toEqual(['tcp-header-truncated']);
  });
});

describe('one view for every frame', () => {
  it('keeps nothing of the frame before', () => {
    const decoder = new Decoder();
    const view = decoder.newView();
    const see = (data: Uint8Array) =>
      decoder.decode(new DataView(data.buffer), 0, data.length, data.length, 1, view);
    see(ethernet({ type: 0x8100 }, vlan({ id: 9 }, ipv4(V4, udp({ sport: 1, dport: 2, length: 7 })))));

    see(ethernet({ type: 0x88cc }, bytes(1)));

    expect(view.layers).toBe(LAYER.SRC_MAC | LAYER.DST_MAC);
    expect([view.anomaly, view.vlanDepth, view.vlanOuter, view.payloadLength]).toEqual([0, 0, 0, 0]);
    expect(view.truncated).toBe(false);
  });
});
