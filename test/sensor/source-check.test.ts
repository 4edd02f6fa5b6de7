import { describe, expect, it } from 'vitest';
import { parseIp } from '../../src/model/ip.ts';
import type { LossRecord } from '../../src/model/record.ts';
import type { SpoofRecord } from '../../src/model/spoof.ts';
import { Decoder } from '../../src/sensor/decode/decoder.ts';
import { LAYER, macHalves, PacketView } from '../../src/sensor/decode/packet-view.ts';
import { InventoryState } from '../../src/sensor/docker/inventory-state.ts';
import { SourceCheck } from '../../src/sensor/source-check.ts';
import { createTap } from '../../src/sensor/taps/tap.ts';
import { containerFact, endpointFact, networkFact, SECOND, T0 } from '../support/inventory-facts.ts';
import {
  linkLayerOption,
  neighborAdvertisement,
  neighborSolicitation,
  routerAdvertisement,
} from '../support/ndp-builder.ts';

const DB = { ip: '172.30.0.2', mac: '02:42:ac:1e:00:02' };
const WEB = { ip: '172.30.0.3', mac: '0a:00:00:00:00:0b' };
const GATEWAY = '172.30.0.1';
const BRIDGE_MAC = '02:42:00:00:00:01';
const STRANGER_MAC = '0e:00:00:00:00:99';

interface World {
  readonly state: InventoryState;
  readonly spoofs: SpoofRecord[];
  readonly losses: LossRecord[];
  readonly check: SourceCheck;
  at(secs: number): number;
  flow(ip: string, mac: string, secs: number): void;
  arp(ip: string, mac: string, secs: number, frameMac?: string): void;
  ndp(frame: Uint8Array, secs: number): void;
  /** Packet time passes, second by second. */
  pass(from: number, to: number): void;
}

/** db and web on `inner` since T0; web on `front` too. */
function world(driver = 'bridge'): World {
  const state = new InventoryState();
  const inner = networkFact({
    name: 'inner',
    driver,
    subnets: ['172.30.0.0/24', '2001:db8:5::/64'],
    gateways: [GATEWAY, '2001:db8:5::1'],
  });
  state.networkSeen(inner, T0);
  state.networkSeen(networkFact({ name: 'front', subnets: ['10.5.0.0/16'], gateways: ['10.5.0.1'] }), T0);
  state.connected(endpointFact('db', 'inner', [DB.ip, '2001:db8:5::2'], DB.mac), T0, containerFact('db'));
  state.connected(endpointFact('web', 'inner', [WEB.ip], WEB.mac), T0, containerFact('web'));
  state.connected(endpointFact('web', 'front', ['10.5.0.9'], '0a:00:00:00:00:0c'), T0);
  state.connected(endpointFact('far', 'front', ['10.5.0.7'], '0a:00:00:00:00:0d'), T0, containerFact('far'));
  const spoofs: SpoofRecord[] = [];
  const losses: LossRecord[] = [];
  const check = new SourceCheck({
    state,
    host: { ownsMac: (mac) => mac === BRIDGE_MAC, onInterface: (_, ip) => ip === 'fe80::1' },
    onSpoof: (record) => spoofs.push(record),
    onLoss: (loss) => losses.push(loss),
  });
  const tap = createTap({
    index: 3,
    interface: 'br-inner',
    linkType: 1,
    network: inner.network,
    vantage: 'bridge',
  });
  const decoder = new Decoder();
  const at = (secs: number): number => T0 + secs * SECOND;
  const view = (ip: string, mac: string, frameMac = mac): PacketView => {
    const packet = new PacketView();
    packet.words.set(parseIp(ip)!);
    const [hi, lo] = macHalves(mac);
    const [srcMacHi, srcMacLo] = macHalves(frameMac);
    Object.assign(packet, { srcMacHi, srcMacLo, arpSenderMacHi: hi, arpSenderMacLo: lo });
    packet.layers = LAYER.SRC_MAC;
    return packet;
  };
  return {
    state,
    spoofs,
    losses,
    check,
    at,
    flow: (ip, mac, secs) => check.onFlow(view(ip, mac), tap, at(secs)),
    arp: (ip, mac, secs, frameMac) => check.onArp(view(ip, mac, frameMac), tap, at(secs)),
    ndp: (bytes, secs) => {
      const packet = decoder.newView();
      const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      decoder.decode(data, 0, bytes.length, bytes.length, 1, packet);
      check.onNeighbor(data, packet, tap, at(secs));
    },
    pass: (from, to) => {
      for (let secs = from; secs <= to; secs++) check.tick(at(secs));
    },
  };
}

describe('a source that disagrees with the inventory', () => {
  it.each([
    ['the address of another', DB.ip, WEB.mac, { mismatch: 'ip-of-another', sender: 'web', holder: 'db' }],
    ["the gateway's address", GATEWAY, WEB.mac, { mismatch: 'gateway-address', sender: 'web' }],
    ['an address of nobody', '172.30.0.77', WEB.mac, { mismatch: 'address-of-nobody', sender: 'web' }],
    ['an address from elsewhere', '198.51.100.7', WEB.mac, { mismatch: 'foreign-address', sender: 'web' }],
    ["another network's container", '10.5.0.7', DB.mac, { mismatch: 'foreign-address', holder: 'far' }],
    ['a MAC of nobody', DB.ip, STRANGER_MAC, { mismatch: 'unknown-mac', holder: 'db' }],
    ['an IPv6 address of another', '2001:db8:5::2', WEB.mac, { mismatch: 'ip-of-another', holder: 'db' }],
  ] as const)('%s', (_, ip, mac, { mismatch, ...names }) => {
    const { flow, pass, spoofs, at } = world();
    flow(ip, mac, 100);
    pass(101, 110);

    expect(spoofs).toHaveLength(1);
    expect(spoofs[0]).toMatchObject({
      mismatch,
      ip,
      mac,
      layer: 'ip',
      count: 1,
      first: at(100),
      time: at(100),
    });
    expect({ sender: spoofs[0]!.sender?.name, holder: spoofs[0]!.holder?.name }).toMatchObject(names);
  });

  it('in the sender of an ARP message', () => {
    const { arp, pass, spoofs } = world();
    arp(GATEWAY, WEB.mac, 100);
    pass(101, 110);

    expect(spoofs).toMatchObject([{ layer: 'arp', mismatch: 'gateway-address', network: 'inner' }]);
  });

  it('is told when first seen and then once a minute, with the number of times', () => {
    const { arp, check, at, spoofs } = world();
    for (let secs = 100; secs < 300; secs++) {
      arp(GATEWAY, WEB.mac, secs);
      check.tick(at(secs));
    }

    expect(spoofs).toHaveLength(4);
    expect(spoofs.map(({ first }) => (first - T0) / SECOND)).toEqual([100, 101, 161, 221]);
    expect(spoofs.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(200);
    expect(spoofs[1]!.count).toBe(60);
  });

  it('is forgotten when it stops, and new when it begins again', () => {
    const { flow, pass, spoofs } = world();
    flow(DB.ip, WEB.mac, 100);
    pass(101, 300);
    flow(DB.ip, WEB.mac, 301);
    pass(302, 310);

    expect(spoofs.map(({ count }) => count)).toEqual([1, 1]);
  });
});

describe('the first frame is told at once', () => {
  it.each([
    ["a container with the gateway's address", GATEWAY, WEB.mac, 'gateway-address'],
    ['a container with the address of another', DB.ip, WEB.mac, 'ip-of-another'],
  ])('%s', (_, ip, mac, mismatch) => {
    const { arp, flow, spoofs, at } = world();
    arp(ip, mac, 100);
    flow(ip, mac, 100);

    expect(spoofs).toMatchObject([
      { layer: 'arp', mismatch, count: 1, first: at(100), time: at(100), sender: { name: 'web' } },
      { layer: 'ip', mismatch, count: 1 },
    ]);
  });

  it('in neighbour discovery as well', () => {
    const { ndp, spoofs } = world();
    ndp(neighborAdvertisement({ mac: WEB.mac, ip: '2001:db8:5::9', target: '2001:db8:5::2' }), 100);

    expect(spoofs).toMatchObject([{ layer: 'ndp', mismatch: 'ip-of-another', holder: { name: 'db' } }]);
  });

  it('and once', () => {
    const { arp, pass, spoofs } = world();
    arp(GATEWAY, WEB.mac, 100);
    arp(GATEWAY, WEB.mac, 100.1);
    pass(101, 110);

    expect(spoofs).toHaveLength(1);
  });

  it.each([
    ['an address of nobody', '172.30.0.77', WEB.mac],
    ['an address from elsewhere', '198.51.100.7', WEB.mac],
    ['a MAC of nobody', DB.ip, STRANGER_MAC],
  ])('but not %s, which a start or a restart explains as well', (_, ip, mac) => {
    const { arp, pass, spoofs } = world();
    arp(ip, mac, 100);
    expect(spoofs).toEqual([]);

    pass(101, 110);
    expect(spoofs).toHaveLength(1);
  });

  it.each([4.9, 5.1])('only of who is there for five seconds, as the sender for %f s', (secs) => {
    const { state, arp, at, spoofs } = world();
    const added = endpointFact('new', 'inner', ['172.30.0.4'], STRANGER_MAC);
    state.connected(added, at(100), containerFact('new'));
    arp(GATEWAY, STRANGER_MAC, 100 + secs);

    expect(spoofs).toHaveLength(secs > 5 ? 1 : 0);
  });

  it.each([4.9, 5.1])('only of what has a holder for five seconds, as this one for %f s', (secs) => {
    const { state, arp, at, spoofs } = world();
    const added = endpointFact('new', 'inner', ['172.30.0.4'], STRANGER_MAC);
    state.connected(added, at(100), containerFact('new'));
    arp('172.30.0.4', WEB.mac, 100 + secs);

    expect(spoofs).toHaveLength(secs > 5 ? 1 : 0);
  });

  it.each([
    ['the engine does not answer', ({ state, at }: World) => state.engineLost(at(99))],
    ['somebody comes', ({ state, at }: World) => void state.connecting('inner-id', 'somebody', at(99))],
  ])('not while %s', (_, happens) => {
    const made = world();
    happens(made);
    made.arp(GATEWAY, WEB.mac, 100);

    expect(made.spoofs).toEqual([]);
  });
});

describe('a claim of neighbour discovery', () => {
  const DB6 = '2001:db8:5::2';
  const WEB6 = '2001:db8:5:0:800:ff:fe00:b';
  const GATEWAY6 = '2001:db8:5::1';

  it.each([
    [
      "the gateway's address, advertised",
      neighborAdvertisement({ mac: WEB.mac, ip: WEB6, target: GATEWAY6 }),
      GATEWAY6,
    ],
    [
      'the address of another, advertised',
      neighborAdvertisement({ mac: WEB.mac, ip: WEB6, target: DB6 }),
      DB6,
    ],
    [
      'the address of another, asked from',
      neighborSolicitation({ mac: WEB.mac, ip: DB6, target: GATEWAY6 }),
      DB6,
    ],
    ["the bridge's link-local address", routerAdvertisement({ mac: WEB.mac, ip: 'fe80::1' }), 'fe80::1'],
    [
      'a MAC of the option, in a frame of another',
      neighborAdvertisement({ mac: STRANGER_MAC, ip: WEB6, target: DB6, linkLayer: WEB.mac }),
      DB6,
    ],
  ])('%s', (_, frame, ip) => {
    const { ndp, pass, spoofs } = world();
    ndp(frame, 100);
    pass(101, 110);

    expect(spoofs.find(({ sender }) => sender?.name === 'web')).toMatchObject({ layer: 'ndp', ip });
  });

  it.each([
    ['its own address', neighborAdvertisement({ mac: DB.mac, ip: DB6, target: DB6 })],
    ['its own link-local address', neighborAdvertisement({ mac: WEB.mac, ip: 'fe80::b', target: 'fe80::b' })],
    ['its own address, made of its MAC', neighborAdvertisement({ mac: WEB.mac, ip: WEB6, target: WEB6 })],
    ['duplicate address detection', neighborSolicitation({ mac: WEB.mac, ip: '::', target: DB6 })],
    ['a question for the address of another', neighborSolicitation({ mac: WEB.mac, ip: WEB6, target: DB6 })],
    [
      "the host's, for itself and as a proxy",
      neighborAdvertisement({ mac: BRIDGE_MAC, ip: GATEWAY6, target: DB6 }),
    ],
    ['a router, by its link-local address', routerAdvertisement({ mac: WEB.mac, ip: 'fe80::b' })],
    [
      'what receivers ignore: forwarded',
      neighborAdvertisement({ mac: WEB.mac, ip: WEB6, target: DB6, hopLimit: 254 }),
    ],
    [
      'what receivers ignore: an option of no length',
      neighborAdvertisement({
        mac: WEB.mac,
        ip: WEB6,
        target: DB6,
        options: [Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)],
      }),
    ],
  ])('%s is no spoof', (_, frame) => {
    const { ndp, pass, check, at, spoofs } = world();
    ndp(frame, 100);
    pass(101, 110);
    check.finish(at(200));

    expect(spoofs).toEqual([]);
  });

  it('is not overlooked behind other options', () => {
    const { ndp, pass, spoofs } = world();
    const nonce = Uint8Array.of(14, 1, 1, 2, 3, 4, 5, 6);
    const options = [nonce, linkLayerOption(2, WEB.mac)];
    ndp(neighborAdvertisement({ mac: STRANGER_MAC, ip: WEB6, target: DB6, options }), 100);
    pass(101, 110);

    expect(spoofs.find(({ sender }) => sender?.name === 'web')).toMatchObject({ mac: WEB.mac });
  });
});

describe('a claim of ARP', () => {
  it("in a frame of somebody else is that one's", () => {
    const { arp, pass, spoofs } = world();
    arp(DB.ip, STRANGER_MAC, 100, WEB.mac);
    pass(101, 110);

    expect(spoofs).toMatchObject([{ mac: WEB.mac, mismatch: 'ip-of-another', holder: { name: 'db' } }]);
  });

  it.each([
    ['before and after it', [99, 101], DB.mac],
    ['only before it', [99], undefined],
  ])('names the rightful MAC when that was met %s', (_, times, rivalMac) => {
    const { arp, pass, spoofs } = world();
    for (const secs of times) if (secs < 100) arp(DB.ip, DB.mac, secs);
    arp(DB.ip, STRANGER_MAC, 100);
    for (const secs of times) if (secs > 100) arp(DB.ip, DB.mac, secs);
    pass(101, 110);

    expect(spoofs).toHaveLength(1);
    expect(spoofs[0]!.rivalMac).toBe(rivalMac);
  });

  it('and packets of the same source are two things', () => {
    const { arp, flow, pass, spoofs } = world();
    arp(DB.ip, WEB.mac, 100);
    flow(DB.ip, WEB.mac, 100);
    pass(101, 110);

    expect(spoofs.map(({ layer }) => layer)).toEqual(['arp', 'ip']);
  });
});

describe('nobody is accused', () => {
  it.each([
    ['its own address', DB.ip, DB.mac],
    ['its own IPv6 address', '2001:db8:5::2', DB.mac],
    ['its address on another network', '10.5.0.9', WEB.mac],
    ['what the host forwards', '198.51.100.7', BRIDGE_MAC],
    ["what the host forwards, of a container's address (hairpin)", DB.ip, BRIDGE_MAC],
    ['the gateway', GATEWAY, BRIDGE_MAC],
    ['a container that asks for an address (DHCP)', '0.0.0.0', WEB.mac],
    ['duplicate address detection', '::', WEB.mac],
    ['link-local IPv6', 'fe80::1234', WEB.mac],
    ['link-local IPv4', '169.254.7.7', WEB.mac],
    ['SLAAC from its own MAC', '2001:db8:5:0:800:ff:fe00:b', WEB.mac],
    ['a stranger with a stranger', '172.30.0.88', STRANGER_MAC],
  ])('%s', (_, ip, mac) => {
    const { flow, arp, pass, check, at, spoofs } = world();
    flow(ip, mac, 100);
    arp(ip, mac, 100);
    pass(101, 110);
    check.finish(at(200));

    expect(spoofs).toEqual([]);
  });

  it('SLAAC from the MAC of another is no excuse', () => {
    const { flow, pass, spoofs } = world();
    flow('2001:db8:5:0:800:ff:fe00:c', WEB.mac, 100);
    pass(101, 110);

    expect(spoofs).toMatchObject([{ mismatch: 'address-of-nobody' }]);
  });

  it('when a new holder speaks before the engine tells of it', () => {
    const { state, flow, pass, at, spoofs } = world();
    flow(DB.ip, STRANGER_MAC, 100);
    state.disconnected('inner-id', 'db-id', at(99.9));
    state.connected(endpointFact('new', 'inner', [DB.ip], STRANGER_MAC), at(100.01), containerFact('new'));
    pass(101, 110);

    expect(spoofs).toEqual([]);
  });

  it.each([1.9, 2.1])('within two seconds of a connect: %f s after it', (secs) => {
    const { state, flow, pass, at, spoofs } = world();
    state.connected(
      endpointFact('new', 'inner', ['172.30.0.4'], STRANGER_MAC),
      at(100),
      containerFact('new'),
    );
    flow(DB.ip, STRANGER_MAC, 100 + secs);
    pass(101, 110);

    expect(spoofs).toHaveLength(secs > 2 ? 1 : 0);
  });

  it('while the engine does not answer', () => {
    const { state, flow, pass, at, spoofs } = world();
    state.engineLost(at(99));
    flow(DB.ip, WEB.mac, 100);
    pass(101, 110);

    expect(spoofs).toEqual([]);
  });

  it('while somebody is there whose address is not known', () => {
    const { state, flow, pass, at, spoofs } = world();
    state.connecting('inner-id', 'somebody', at(90));
    flow('172.30.0.77', WEB.mac, 100);
    pass(101, 110);

    expect(spoofs).toEqual([]);
  });

  it('of a MAC unknown to a macvlan network, where routers and the LAN speak', () => {
    const { flow, pass, spoofs } = world('macvlan');
    flow(DB.ip, STRANGER_MAC, 100);
    flow('198.51.100.7', STRANGER_MAC, 100);
    pass(101, 110);

    expect(spoofs).toEqual([]);
  });
});

describe('a flood of invented sources', () => {
  it('makes so many records and no more, and says how many were left out', () => {
    const { flow, pass, spoofs, losses } = world();
    for (let i = 0; i < 20_000; i++)
      flow(`198.51.${100 + (i >> 13)}.${i & 255}`, WEB.mac, 100 + (i % 1000) / 1e3);
    for (let i = 0; i < 6000; i++) flow(`10.${i >> 8}.${i & 255}.1`, WEB.mac, 100);
    pass(101, 200);

    expect(spoofs).toHaveLength(200);
    const leftOut = losses.reduce((sum, { count }) => sum + count, 0);
    expect(losses[0]).toMatchObject({ source: 'source-check' });
    expect(leftOut).toBeGreaterThan(20_000);
  });
});
