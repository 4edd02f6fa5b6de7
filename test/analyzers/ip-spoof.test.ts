import { describe, expect, it } from 'vitest';
import ipSpoof from '../../analyzers/ip-spoof.ts';
import type { SpoofRecord } from '../../src/model/spoof.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { silent, testAnalyzer } from '../support/analyzer-tester.ts';
import { BACK, network, secs, setBack, T0, workload } from '../support/records.ts';
import { spoof, stranger, WEB_MAC } from '../support/spoof-records.ts';

const OUTSIDE = '198.51.100.7';

function sent(fields: Partial<SpoofRecord>): AnalyzerEvent {
  return spoof({ layer: 'ip', target: OUTSIDE, ...fields });
}

function fromNobody(i: number, time = secs(i)): AnalyzerEvent {
  return sent({ ip: `172.30.0.${100 + i}`, mismatch: 'address-of-nobody', holder: undefined, time });
}

/** Each from another /24 of the internet. */
function fromElsewhere(i: number, fields: Partial<SpoofRecord> = {}): AnalyzerEvent {
  return sent({
    ip: `45.${i}.7.9`,
    mismatch: 'foreign-address',
    holder: undefined,
    time: secs(i),
    ...fields,
  });
}

function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

testAnalyzer(ipSpoof, {
  fires: [
    {
      name: 'the address of a neighbour, by its first packet',
      events: [sent({})],
      findings: [
        {
          message: 'address-of-another',
          severity: 'high',
          subject: { ip: '172.30.0.3', mac: WEB_MAC, workload: { composeService: 'web' } } as never,
          evidence: { addresses: ['172.30.0.2'], claims: 1 },
        },
      ],
      also: ({ final }) => expect(final[0]!.peers).toMatchObject([{ workload: { composeService: 'db' } }]),
    },
    {
      name: 'the IPv6 address of a neighbour',
      events: [sent({ ip: 'fd00:30::2' })],
      findings: [{ message: 'address-of-another', evidence: { addresses: ['fd00:30::2'] } }],
    },
    {
      name: 'a virtual address, as low',
      events: [fromNobody(0)],
      findings: [
        { message: 'not-its-own', severity: 'low', evidence: { sourcesInWindow: 1, manySources: 16 } },
      ],
    },
    {
      name: 'the clients of a VPN without masquerading, as low however many they are',
      events: times(60, (i) => fromElsewhere(i, { ip: `10.8.0.${i + 2}`, time: secs(i / 10) })),
      findings: [
        { message: 'not-its-own', severity: 'low', evidence: { addressCount: 60, sourcesInWindow: 1 } },
      ],
    },
    {
      name: 'answers from anywhere that a container passes on to its neighbours, as low',
      events: [
        { on: 'inventory', networks: [network()] },
        ...times(40, (i) => fromElsewhere(i, { target: '172.30.0.9', time: secs(i / 10) })),
      ],
      findings: [
        { message: 'not-its-own', severity: 'low', evidence: { addressCount: 40, sourcesInWindow: 0 } },
      ],
    },
    {
      name: "another network's container, whose packets a router carries over, as low",
      events: times(20, (i) =>
        fromElsewhere(i, { ip: `172.31.${i}.4`, holder: workload('far'), time: secs(i / 10) }),
      ),
      findings: [{ message: 'not-its-own', severity: 'low' }],
    },
    {
      name: 'fifteen invented sources of the own subnet, as low',
      events: times(15, (i) => fromNobody(i)),
      findings: [{ message: 'not-its-own', severity: 'low', evidence: { sourcesInWindow: 15 } }],
    },
    {
      name: 'sixteen of them: a flood',
      events: times(16, (i) => fromNobody(i)),
      findings: [
        { message: 'many-sources', severity: 'medium', evidence: { sourcesInWindow: 16, manySources: 16 } },
      ],
    },
    {
      name: 'sixteen of them, further apart than the window, as low',
      events: times(16, (i) => fromNobody(i, secs(i * 5))),
      findings: [{ message: 'not-its-own', severity: 'low', evidence: { sourcesInWindow: 12 } }],
    },
    {
      name: 'sources from sixteen networks on their way to the internet: a flood',
      events: times(16, (i) => fromElsewhere(i)),
      findings: [{ message: 'many-sources', severity: 'medium' }],
    },
    {
      name: 'the same over IPv6',
      events: times(16, (i) => fromElsewhere(i, { ip: `2001:db8:${i + 1}::9`, target: '2001:db8::7' })),
      findings: [{ message: 'many-sources', severity: 'medium' }],
    },
    {
      name: 'a MAC of nobody, as low; when both are in use, graver',
      events: [
        stranger({ layer: 'ip' }),
        stranger({ layer: 'ip', ip: '172.30.0.4', mac: '0e:00:00:00:00:98', rivalMac: '02:42:ac:1e:00:04' }),
      ],
      findings: [
        { message: 'unknown-mac', severity: 'low' },
        { message: 'unknown-mac', severity: 'medium' },
      ],
    },
  ],
  silent: [
    silent('ARP and neighbour discovery, which arp-spoof tells', spoof({}), spoof({ layer: 'ndp' })),
    silent(
      'the gateway, which rogue-gateway tells',
      sent({ mismatch: 'gateway-address', holder: undefined }),
    ),
  ],
});

describe('ip-spoof', () => {
  it('counts a window over a clock that was set', () => {
    const { final } = runAnalyzer(ipSpoof, [
      ...times(15, (i) => fromNobody(i)),
      setBack(15),
      fromNobody(15, secs(BACK + 16)),
    ]);

    expect(final).toMatchObject([{ message: 'many-sources' }]);
  });

  it('stays within its bounds, and says what it gave up', () => {
    const events = times(40, (i) => sent({ sender: workload(`c${i}`), time: T0 + i }));

    const { losses } = runAnalyzer(ipSpoof, events, { max_senders: 16 });

    expect(losses).toMatchObject([{ where: 'ip-spoof.senders', count: 24 }]);
  });

  it('counts no more sources than it keeps, in a flood of them', () => {
    const { final } = runAnalyzer(
      ipSpoof,
      times(2000, (i) => fromElsewhere(i, { ip: `45.${i >> 8}.${i & 255}.9`, time: secs(i / 100) })),
    );

    expect(final[0]!.evidence).toMatchObject({
      addressCount: 256,
      addressCountIsMinimum: true,
      claims: 2000,
    });
    expect(final[0]!.evidence['sourcesInWindow']).toBe(256);
  });
});
