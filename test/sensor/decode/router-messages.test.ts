/** What servers and routers give out, from bytes; and that no bytes make the decoders throw, run on or read beyond. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../../src/model/ip.ts';
import { Decoder } from '../../../src/sensor/decode/decoder.ts';
import { isDhcpFromServer, readDhcpServer } from '../../../src/sensor/decode/dhcp-server.ts';
import { isDhcpv6FromServer, readDhcpv6Server } from '../../../src/sensor/decode/dhcpv6-server.ts';
import { newNeighborClaim, readNeighborClaim } from '../../../src/sensor/decode/ndp.ts';
import type { PacketView } from '../../../src/sensor/decode/packet-view.ts';
import { isRouterIcmp, readRouterIcmp } from '../../../src/sensor/decode/router-icmp.ts';
import { type AddressWords, RouterMessage } from '../../../src/sensor/decode/router-message.ts';
import {
  dhcpMessage,
  dhcpOption,
  dhcpv6Address,
  dhcpv6Message,
  dhcpv6Option,
} from '../../support/dhcp-builder.ts';
import { GuardedView } from '../../support/guarded-view.ts';
import {
  linkLayerOption,
  neighborAdvertisement,
  prefixOption,
  redirect6,
  resolversOption,
  routerAdvertisement,
} from '../../support/ndp-builder.ts';
import { bytes, concat, ethernet, frame, icmp, ip, ipv4, udp } from '../../support/packet-builder.ts';

const MAC = '02:42:ac:1e:00:09';
const ROUTER = 'fe80::9';

/** What it says, or undefined when it says nothing. */
function said(packet: Uint8Array) {
  const { data, view } = decoded(packet);
  const message = new RouterMessage();
  if (!read(data, view, message)) return undefined;
  return {
    routers: texts(message.routers),
    resolvers: texts(message.resolvers),
    prefixes: texts(message.prefixes).map((text, i) => `${text}/${message.prefixes.bits[i]}`),
    lifetimeSecs: message.lifetimeSecs,
  };
}

function read(data: DataView, view: PacketView, message: RouterMessage): boolean {
  if (isRouterIcmp(view)) return readRouterIcmp(data, view, message);
  if (isDhcpFromServer(view)) return readDhcpServer(data, view, message);
  return isDhcpv6FromServer(view) && readDhcpv6Server(data, view, message);
}

/** In the middle of a slab, which refuses to be read outside the frame. */
function decoded(packet: Uint8Array): { data: GuardedView; view: PacketView } {
  const at = 64;
  const data = new GuardedView(new ArrayBuffer(at + packet.length + 64));
  new Uint8Array(data.buffer).set(packet, at);
  data.from = at;
  data.to = at + packet.length;
  data.maxReads = 64 * packet.length + 1000;
  const decoder = new Decoder();
  const view = decoder.newView();
  decoder.decode(data, at, packet.length, packet.length, 1, view);
  return { data, view };
}

function texts({ words, count }: AddressWords): string[] {
  return Array.from({ length: count }, (_, i) =>
    formatIp(words[4 * i]!, words[4 * i + 1]!, words[4 * i + 2]!, words[4 * i + 3]!),
  );
}

function dhcp(payload: Uint8Array, ports = { sport: 67, dport: 68 }): Uint8Array {
  return frame({ src: '172.30.0.9', dst: '255.255.255.255', srcMac: MAC }, udp(ports, payload));
}

function dhcpv6(payload: Uint8Array): Uint8Array {
  return frame({ src: ROUTER, dst: 'fe80::2', srcMac: MAC }, udp({ sport: 547, dport: 546 }, payload));
}

/** `target` is the better hop; the packet that was sent follows. */
function redirect(target: string, destination: string, code = 1): Uint8Array {
  const [a, b, c, d] = ip(target);
  const sent = ipv4({ src: '172.30.0.2', dst: destination }, udp({ sport: 40_000, dport: 53 }));
  const fields = { type: 5, code, id: (a! << 8) | b!, seq: (c! << 8) | d! };
  return frame({ src: '172.30.0.1', dst: '172.30.0.2', srcMac: MAC }, icmp(fields, sent.subarray(0, 28)));
}

const ADVERTISEMENT = routerAdvertisement({
  mac: MAC,
  ip: ROUTER,
  options: [
    linkLayerOption(1, MAC),
    prefixOption('2001:db8:66::', 64),
    resolversOption('2001:db8:66::53', '2001:db8:66::54'),
  ],
});
const OFFER = dhcp(
  dhcpMessage({
    type: 2,
    given: '172.30.0.77',
    mask: '255.255.255.0',
    routers: ['172.30.0.9'],
    resolvers: ['172.30.0.9', '198.51.100.53'],
    options: [dhcpOption(121, bytes(24, 10, 8, 0, 172, 30, 0, 8), bytes(0, 172, 30, 0, 9))],
  }),
);
const ADVERTISE6 = dhcpv6(
  dhcpv6Message(
    2,
    dhcpv6Option(1, bytes(0, 1)),
    dhcpv6Option(23, ip('2001:db8::53')),
    dhcpv6Address('2001:db8:66::7'),
  ),
);
const REDIRECT6 = redirect6({ mac: MAC, ip: ROUTER, target: 'fe80::66', destination: '2001:db8::7' });
const REDIRECT = redirect('172.30.0.66', '198.51.100.7');

describe('a router advertisement', () => {
  it('names itself, its prefixes, its resolvers and how long it serves', () => {
    expect(said(ADVERTISEMENT)).toEqual({
      routers: [ROUTER],
      resolvers: ['2001:db8:66::53', '2001:db8:66::54'],
      prefixes: ['2001:db8:66::/64'],
      lifetimeSecs: 1800,
    });
  });

  it('of lifetime 0 is told apart from one without', () => {
    expect(said(routerAdvertisement({ mac: MAC, ip: ROUTER, lifetimeSecs: 0 }))).toMatchObject({
      lifetimeSecs: 0,
    });
  });

  it.each([
    ['that was forwarded', { hopLimit: 254 }],
    ['with an option of no length', { options: [new Uint8Array(8)] }],
    ['with an option longer than itself', { options: [Uint8Array.of(3, 4, 0, 0, 0, 0, 0, 0)] }],
  ])('%s is none', (_, fields) => {
    expect(said(routerAdvertisement({ mac: MAC, ip: ROUTER, ...fields }))).toBeUndefined();
  });

  it('with more resolvers than there is room for names the first eight', () => {
    const many = Array.from({ length: 12 }, (_, i) => `2001:db8::${i + 1}`);

    expect(
      said(routerAdvertisement({ mac: MAC, ip: ROUTER, options: [resolversOption(...many)] }))?.resolvers,
    ).toEqual(many.slice(0, 8));
  });
});

describe('a redirect', () => {
  it.each([
    ['IPv4', REDIRECT, ['172.30.0.66']],
    ['IPv6', REDIRECT6, ['fe80::66']],
    ['IPv4, to a neighbour', redirect('172.30.0.3', '172.30.0.3'), []],
    [
      'IPv6, to a neighbour',
      redirect6({ mac: MAC, ip: ROUTER, target: 'fd00::3', destination: 'fd00::3' }),
      [],
    ],
  ])('names the better hop: %s', (_, packet, routers) => {
    expect(said(packet)).toMatchObject({ routers, lifetimeSecs: -1 });
  });

  it('of a code that there is not is none', () => {
    expect(said(redirect('172.30.0.66', '198.51.100.7', 3))).toBeDefined();
    expect(said(redirect('172.30.0.66', '198.51.100.7', 4))).toBeUndefined();
  });
});

describe("a DHCP server's message", () => {
  it('names subnet, routers, also those of classless routes, and resolvers', () => {
    expect(said(OFFER)).toEqual({
      routers: ['172.30.0.9', '172.30.0.8', '172.30.0.9'],
      resolvers: ['172.30.0.9', '198.51.100.53'],
      prefixes: ['172.30.0.0/120'],
      lifetimeSecs: -1,
    });
  });

  it.each([
    ['an acknowledgement is one', dhcp(dhcpMessage({ type: 5 })), true],
    ['an acknowledgement to a relay is one', dhcp(dhcpMessage({ type: 5 }), { sport: 67, dport: 67 }), true],
    ['a refusal is none', dhcp(dhcpMessage({ type: 6 })), false],
    ["a client's question is none", dhcp(dhcpMessage({ type: 1, op: 1 }), { sport: 68, dport: 67 }), false],
    ["a client's question from the wrong port is none", dhcp(dhcpMessage({ type: 2, op: 1 })), false],
    ['without options it is none', dhcp(dhcpMessage({ type: 2 }).subarray(0, 240)), false],
    ['without its end option it is one', dhcp(dhcpMessage({ type: 2 }).subarray(0, -1)), true],
    ['an option longer than the message', dhcp(dhcpMessage({ type: 2, options: [bytes(6, 200)] })), false],
  ])('%s', (_, packet, isOne) => {
    expect(said(packet) !== undefined).toBe(isOne);
  });

  it('is read over the padding between options', () => {
    const padded = dhcpMessage({ type: 2, options: [bytes(0, 0, 0), dhcpOption(3, ip('172.30.0.9'))] });

    expect(said(dhcp(padded))).toMatchObject({ routers: ['172.30.0.9'] });
  });

  it('with a mask that is none gives no subnet', () => {
    expect(said(dhcp(dhcpMessage({ type: 2, given: '172.30.0.7', mask: '255.0.255.0' })))).toMatchObject({
      prefixes: [],
    });
  });
});

describe("a DHCPv6 server's message", () => {
  it('names resolvers and what it gives out', () => {
    expect(said(ADVERTISE6)).toMatchObject({
      resolvers: ['2001:db8::53'],
      prefixes: ['2001:db8:66::7/128'],
      routers: [],
    });
  });

  it.each([
    ['that gives nothing', dhcpv6Message(7, dhcpv6Option(13, bytes(0, 2)))],
    ["that is a client's", dhcpv6Message(1, dhcpv6Option(23, ip('2001:db8::53')))],
    ['with an option longer than itself', dhcpv6Message(2, concat(bytes(0, 23, 0, 99), ip('2001:db8::53')))],
  ])('%s is none', (_, payload) => {
    expect(said(dhcpv6(payload))).toBeUndefined();
  });
});

describe('whatever the bytes', () => {
  const samples = [
    ADVERTISEMENT,
    OFFER,
    ADVERTISE6,
    REDIRECT6,
    REDIRECT,
    neighborAdvertisement({ mac: MAC, ip: ROUTER, target: ROUTER }),
  ];

  function readAll(packet: Uint8Array): void {
    const { data, view } = decoded(packet);
    const message = new RouterMessage();
    read(data, view, message);
    expect(message.routers.count).toBeLessThanOrEqual(8);
    readNeighborClaim(data, view, newNeighborClaim());
  }

  it('samples changed anywhere and cut anywhere are read within the frame, and to an end', () => {
    const change = fc.tuple(fc.nat(), fc.nat({ max: 255 }));
    void fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(change, { maxLength: 8 }),
        fc.nat(),
        (sample, changes, cut) => {
          const packet = sample.slice(0, cut % 3 === 0 ? cut % (sample.length + 1) : sample.length);
          // Behind the Ethernet and IP headers, where it matters most.
          for (const [at, value] of changes)
            if (packet.length > 34) packet[34 + (at % (packet.length - 34))] = value;
          readAll(packet);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('options of any bytes are read within the frame, and to an end', () => {
    void fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (tail) => {
        readAll(routerAdvertisement({ mac: MAC, ip: ROUTER, options: [tail] }));
        readAll(dhcp(concat(dhcpMessage({ type: 2 }).subarray(0, 240), tail)));
        readAll(dhcpv6(concat(bytes(7, 0, 0, 0), tail)));
        readAll(
          ethernet({ src: MAC }, ipv4({ src: '172.30.0.9', dst: '172.30.0.2' }, icmp({ type: 5 }, tail))),
        );
      }),
      { numRuns: 1000 },
    );
  });
});
