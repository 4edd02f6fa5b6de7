import { describe, expect, it } from 'vitest';
import rogueGateway from '../../analyzers/rogue-gateway.ts';
import { runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { silent, testAnalyzer } from '../support/analyzer-tester.ts';
import {
  address,
  BACK,
  container,
  network,
  secs,
  setBack,
  unattributed,
  workload,
} from '../support/records.ts';
import { claim, STRANGER_MAC, spoof, WEB_MAC } from '../support/spoof-records.ts';

const GATEWAY = '172.30.0.1';
const lan = network({
  name: 'lan',
  driver: 'macvlan',
  subnets: ['192.168.7.0/24'],
  gateways: ['192.168.7.1'],
});
const internal6 = network({ name: 'vpn', internal: true, gateways: [] });
const dhcp = { protocol: 'dhcp', sender: container('web', '172.30.0.3', { mac: WEB_MAC }) } as const;
const nobody = (ip: string, mac = STRANGER_MAC) => unattributed(ip, { mac });

testAnalyzer(rogueGateway, {
  fires: [
    {
      name: 'a router advertisement, by the first',
      events: [claim({ lifetimeSecs: 1800, prefixes: ['2001:db8:66::/64'], resolvers: ['2001:db8:66::53'] })],
      findings: [
        {
          message: 'default-router',
          severity: 'high',
          network: 'back',
          subject: { workload: { composeService: 'web' } } as never,
          evidence: {
            protocol: 'router-advertisement',
            routers: ['fe80::3'],
            prefixes: ['2001:db8:66::/64'],
            resolvers: ['2001:db8:66::53'],
            networkGateways: [GATEWAY, 'fd00:30::1'],
            lifetimeSecs: 1800,
            messages: 1,
            threshold: 1,
          },
        },
      ],
    },
    {
      name: 'one of a second of lifetime',
      events: [claim({ lifetimeSecs: 1 })],
      findings: [{ message: 'default-router', severity: 'high' }],
    },
    {
      name: 'one of no lifetime, such as a border router sends, as low',
      events: [claim({ lifetimeSecs: 0 })],
      findings: [{ message: 'address-server', severity: 'low' }],
    },
    {
      name: 'one on an internal network, where there is no way out to take the place of, milder',
      events: [claim({ lifetimeSecs: 1800, network: internal6 })],
      findings: [{ message: 'default-router', severity: 'medium' }],
    },
    {
      name: 'one on an internal network without IPv6, where it brings what nobody gave',
      events: [claim({ lifetimeSecs: 1800, network: { ...internal6, subnets: ['172.30.0.0/24'] } })],
      findings: [{ message: 'default-router', severity: 'high' }],
    },
    {
      name: 'one on a LAN, milder',
      events: [claim({ lifetimeSecs: 1800, network: lan })],
      findings: [{ message: 'default-router', severity: 'medium' }],
    },
    {
      name: 'DHCP that names itself as router',
      events: [claim({ ...dhcp, routers: ['172.30.0.3'] })],
      findings: [{ message: 'other-router', severity: 'high', evidence: { routers: ['172.30.0.3'] } }],
    },
    {
      name: 'DHCP that names itself beside the gateway',
      events: [claim({ ...dhcp, routers: [GATEWAY, '172.30.0.3'] })],
      findings: [{ message: 'other-router', severity: 'high' }],
    },
    {
      name: "a DHCP server that names the bridge's gateway, as low",
      events: [claim({ ...dhcp, routers: [GATEWAY], resolvers: ['172.30.0.3'] })],
      findings: [{ message: 'address-server', severity: 'low', evidence: { resolvers: ['172.30.0.3'] } }],
    },
    {
      name: "a DHCP server on a LAN that names the LAN's gateway (Pi-hole), as low",
      events: [claim({ ...dhcp, network: lan, routers: ['192.168.7.1'], resolvers: ['192.168.7.3'] })],
      findings: [{ message: 'address-server', severity: 'low' }],
    },
    {
      name: 'a DHCP server that first names the gateway and then itself, graver from then on',
      events: [
        claim({ ...dhcp, routers: [GATEWAY] }),
        claim({ ...dhcp, routers: ['172.30.0.3'], time: secs(5) }),
        claim({ ...dhcp, routers: [GATEWAY], time: secs(70), count: 9 }),
      ],
      findings: [{ message: 'other-router', severity: 'high', evidence: { messages: 11 } }],
    },
    {
      name: 'DHCPv6 that names resolvers, on a bridge and on a LAN',
      events: [
        claim({ ...dhcp, protocol: 'dhcpv6', routers: [], resolvers: ['fd00:30::3'] }),
        claim({ ...dhcp, protocol: 'dhcpv6', routers: [], resolvers: ['fd00:30::3'], network: lan }),
      ],
      findings: [
        { message: 'other-resolver', severity: 'medium' },
        { message: 'other-resolver', severity: 'low' },
      ],
    },
    {
      name: 'a redirect to itself; in the name of the gateway it is graver',
      events: [
        claim({ ...dhcp, protocol: 'redirect', routers: ['172.30.0.3'] }),
        claim({
          protocol: 'redirect',
          routers: ['172.30.0.4'],
          sender: container('evil', GATEWAY, { workload: workload('evil'), mac: '02:42:ac:1e:00:04' }),
        }),
      ],
      findings: [
        { message: 'other-router', severity: 'medium' },
        { message: 'other-router', severity: 'high' },
      ],
    },
    {
      name: "packets from the gateway's address",
      events: [
        spoof({ layer: 'ip', ip: GATEWAY, mismatch: 'gateway-address', holder: undefined }),
        spoof({
          layer: 'ip',
          ip: GATEWAY,
          mismatch: 'gateway-address',
          holder: undefined,
          time: secs(60),
          count: 7,
        }),
      ],
      findings: [
        {
          message: 'gateway-address',
          severity: 'high',
          evidence: { protocol: 'ip', routers: [GATEWAY], messages: 8 },
        },
      ],
    },
    {
      name: 'a sender that no container is, on a bridge, as low',
      events: [claim({ lifetimeSecs: 1800, sender: nobody('fe80::99') })],
      findings: [{ message: 'default-router', severity: 'low', confidence: 'low' }],
    },
    {
      name: 'two DHCP servers of a capture that name different routers, as low',
      events: [
        claim({ ...dhcp, network: undefined, sender: nobody('192.168.7.1'), routers: ['192.168.7.1'] }),
        claim({
          ...dhcp,
          network: undefined,
          sender: nobody('192.168.7.66', '0e:00:00:00:00:66'),
          routers: ['192.168.7.66'],
        }),
      ],
      findings: [{ message: 'rival-servers', severity: 'low', confidence: 'low' }],
      also: ({ final }) => expect(final[0]!.peers).toMatchObject([{ ip: '192.168.7.1' }]),
    },
  ],
  silent: [
    silent(
      'the host itself',
      claim({ lifetimeSecs: 1800, sender: address('fe80::1', 'gateway') }),
      claim({ ...dhcp, sender: address(GATEWAY, 'gateway'), routers: ['172.30.0.9'] }),
    ),
    silent(
      "the LAN's router and DHCP server on a macvlan network",
      claim({ lifetimeSecs: 1800, network: lan, sender: nobody('fe80::99') }),
      claim({ ...dhcp, network: lan, sender: nobody('192.168.7.1'), routers: ['192.168.7.1'] }),
    ),
    silent(
      'redirects that a container which forwards sends by itself: to the gateway, to a neighbour',
      claim({ ...dhcp, protocol: 'redirect', routers: [GATEWAY] }),
      claim({ ...dhcp, protocol: 'redirect', routers: [] }),
    ),
    silent(
      'two DHCP servers of the same mind, and two IPv6 routers, of a capture',
      ...['a', 'b'].flatMap((end) => [
        claim({
          ...dhcp,
          network: undefined,
          sender: nobody(`192.168.7.${end === 'a' ? 2 : 3}`, `0e:00:00:00:00:0${end}`),
          routers: ['192.168.7.1'],
        }),
        claim({
          network: undefined,
          lifetimeSecs: 1800,
          sender: nobody(`fe80::${end}`),
          routers: [`fe80::${end}`],
        }),
      ]),
    ),
    silent(
      'a server that took the place of another two hours later',
      claim({ ...dhcp, network: undefined, sender: nobody('192.168.7.1'), routers: ['192.168.7.1'] }),
      claim({
        ...dhcp,
        network: undefined,
        sender: nobody('192.168.7.2', '0e:00:00:00:00:02'),
        routers: ['192.168.7.2'],
        time: secs(7200),
      }),
    ),
    silent(
      'ARP, which arp-spoof tells',
      spoof({ ip: GATEWAY, mismatch: 'gateway-address', holder: undefined }),
    ),
    silent('what ip-spoof tells', spoof({ layer: 'ip' })),
    {
      name: 'a router that is known to be one',
      events: [
        claim({ lifetimeSecs: 1800 }),
        spoof({ layer: 'ip', ip: GATEWAY, mismatch: 'gateway-address', holder: undefined }),
      ],
      options: { known_routers: ['shop/web'] },
    },
  ],
});

describe('rogue-gateway', () => {
  it('keeps to the new clock when it was set', () => {
    const { final } = runAnalyzer(rogueGateway, [
      claim({ lifetimeSecs: 1800, time: secs(10) }),
      setBack(20),
      claim({ lifetimeSecs: 1800, time: secs(BACK + 30) }),
    ]);

    expect(final).toHaveLength(1);
    expect(final[0]!.evidence).toMatchObject({
      firstMessage: '2025-12-31T22:00:10.000000Z',
      lastMessage: '2025-12-31T22:00:30.000000Z',
    });
  });

  it('stays within its bounds, and says what it gave up', () => {
    const events = Array.from({ length: 40 }, (_, i) =>
      claim({ lifetimeSecs: 1800, sender: container(`c${i}`, 'fe80::3'), time: secs(i / 10) }),
    );

    const { losses } = runAnalyzer(rogueGateway, events, { max_senders: 16 });

    expect(losses).toMatchObject([{ where: 'rogue-gateway.senders', count: 24 }]);
  });
});
