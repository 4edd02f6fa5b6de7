import { describe, expect, it } from 'vitest';
import arpSpoof from '../../analyzers/arp-spoof.ts';
import { runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { silent, testAnalyzer } from '../support/analyzer-tester.ts';
import { BACK, secs, setBack, T0, workload } from '../support/records.ts';
import { STRANGER_MAC, spoof, stranger, WEB_MAC } from '../support/spoof-records.ts';

const GATEWAY = { ip: '172.30.0.1', mismatch: 'gateway-address', holder: undefined } as const;
const GATEWAY6 = { ...GATEWAY, ip: 'fd00:30::1', layer: 'ndp' } as const;

testAnalyzer(arpSpoof, {
  fires: [
    {
      name: 'the gateway, by its first message',
      events: [spoof(GATEWAY)],
      findings: [
        {
          message: 'gateway-claimed',
          severity: 'critical',
          confidence: 'certain',
          network: 'back',
          subject: { ip: '172.30.0.3', mac: WEB_MAC, workload: { composeService: 'web' } } as never,
          evidence: { addresses: ['172.30.0.1'], protocols: ['arp'], claims: 1, threshold: 1 },
        },
      ],
      also: ({ final }) => expect(final[0]!.peers).toMatchObject([{ ip: '172.30.0.1', scope: 'gateway' }]),
    },
    {
      name: 'the gateway, by neighbour discovery',
      events: [spoof(GATEWAY6)],
      findings: [{ message: 'gateway-claimed', evidence: { addresses: ['fd00:30::1'], protocols: ['ndp'] } }],
    },
    {
      name: 'a neighbour, by ARP and by neighbour discovery, as one finding that names whose it is',
      events: [spoof({}), spoof({ ip: 'fd00:30::2', layer: 'ndp', time: secs(5), count: 3 })],
      findings: [
        {
          message: 'address-claimed',
          severity: 'high',
          confidence: 'certain',
          evidence: { addresses: ['172.30.0.2', 'fd00:30::2'], protocols: ['arp', 'ndp'], claims: 4 },
        },
      ],
      also: ({ final }) => {
        expect(final[0]!.peers).toMatchObject([{ ip: '172.30.0.2' }, { ip: 'fd00:30::2' }]);
        expect(final[0]!.explanation).toMatch(
          /^shop\/web says on back that it has 172\.30\.0\.2.* belong to shop\/db/,
        );
      },
    },
    {
      name: 'both ends of a conversation, graver when the gateway is one of them',
      events: [spoof({}), spoof({ ...GATEWAY, time: secs(1) }), spoof({ time: secs(61), count: 60 })],
      findings: [
        {
          message: 'gateway-claimed',
          severity: 'critical',
          evidence: {
            claims: 62,
            firstClaim: '2026-01-01T00:00:00.000000Z',
            lastClaim: '2026-01-01T00:01:01.000000Z',
          },
        },
      ],
    },
    {
      name: 'two senders, as two findings',
      events: [spoof({}), spoof({ sender: workload('other'), mac: '02:42:ac:1e:00:04' })],
      findings: [{ message: 'address-claimed' }, { message: 'address-claimed' }],
    },
    {
      name: 'a MAC of nobody: as low, it may be a virtual machine in the container',
      events: [stranger({})],
      findings: [
        { message: 'unknown-mac', severity: 'low', confidence: 'low', evidence: { macs: [STRANGER_MAC] } },
      ],
    },
    {
      name: 'a MAC of nobody while the rightful one is in use: two use the address',
      events: [stranger({}), stranger({ time: secs(60), rivalMac: '02:42:ac:1e:00:02' })],
      findings: [
        {
          message: 'unknown-mac',
          severity: 'high',
          confidence: 'high',
          evidence: { rivalMac: '02:42:ac:1e:00:02' },
        },
      ],
    },
    {
      name: 'an address of nobody, such as a virtual one, as low',
      events: [spoof({ ip: '172.30.0.100', mismatch: 'address-of-nobody', holder: undefined })],
      findings: [{ message: 'unassigned-address', severity: 'low' }],
    },
    {
      name: 'a capture that contradicts itself',
      events: [
        stranger({
          mismatch: 'contradiction',
          network: undefined,
          holder: undefined,
          senderIp: '172.30.0.7',
        }),
      ],
      findings: [
        {
          message: 'contradiction',
          severity: 'medium',
          confidence: 'low',
          subject: { ip: '172.30.0.7', mac: STRANGER_MAC } as never,
        },
      ],
    },
  ],
  silent: [
    silent('packets, which ip-spoof tells', spoof({ layer: 'ip' })),
    silent(
      'an address of another network, for which nobody asks here (a VPN)',
      spoof({ ip: '10.8.0.2', mismatch: 'foreign-address', holder: undefined }),
    ),
  ],
});

describe('arp-spoof', () => {
  it('names so many addresses and counts the others', () => {
    const events = Array.from({ length: 40 }, (_, i) => spoof({ ip: `172.30.0.${i + 10}`, time: secs(i) }));

    const { final } = runAnalyzer(arpSpoof, events);

    expect(final).toHaveLength(1);
    expect(final[0]!.evidence).toMatchObject({ addressCount: 40, claims: 40 });
    expect(final[0]!.evidence['addresses']).toHaveLength(16);
    expect(final[0]!.peers).toHaveLength(16);
  });

  it('keeps to the new clock when it was set', () => {
    const { final } = runAnalyzer(arpSpoof, [
      spoof({ time: secs(10) }),
      setBack(20),
      spoof({ time: secs(BACK + 30), first: secs(BACK + 30) }),
    ]);

    expect(final).toHaveLength(1);
    expect(final[0]!.evidence).toMatchObject({
      firstClaim: '2025-12-31T22:00:10.000000Z',
      lastClaim: '2025-12-31T22:00:30.000000Z',
    });
  });

  it('begins its totals anew when the finding was closed in between', () => {
    const { final } = runAnalyzer(arpSpoof, [spoof({ count: 5 }), spoof({ time: secs(5000) })]);

    expect(final.map(({ evidence }) => evidence['claims'])).toEqual([5, 1]);
  });

  it('stays within its bounds, and says what it gave up', () => {
    const events = Array.from({ length: 40 }, (_, i) => spoof({ sender: workload(`c${i}`), time: T0 + i }));

    const { losses } = runAnalyzer(arpSpoof, events, { max_senders: 16 });

    expect(losses).toMatchObject([{ where: 'arp-spoof.senders', count: 24 }]);
  });
});
