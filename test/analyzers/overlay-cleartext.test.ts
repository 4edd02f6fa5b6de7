import { describe, expect, it } from 'vitest';
import overlayCleartext from '../../analyzers/overlay-cleartext.ts';
import type { Network } from '../../src/model/network.ts';
import type { OverlayTraffic } from '../../src/model/overlay.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import { address, container, network, secs } from '../support/records.ts';

const VNIS = { 'com.docker.network.driver.overlay.vxlanid_list': '4097' };
const mesh = (options: Readonly<Record<string, string>> = {}): Network =>
  network({
    id: 'mesh',
    name: 'mesh',
    driver: 'overlay',
    scope: 'swarm',
    subnets: ['10.0.1.0/24'],
    options: { ...VNIS, ...options },
  });
const here = address('198.51.100.2', 'host');
const there = address('198.51.100.3', 'lan');

function frames(at: number, fields: Partial<OverlayTraffic> = {}): AnalyzerEvent {
  return {
    on: 'overlay',
    traffic: {
      time: secs(at),
      interface: 'eth0',
      vni: 4097,
      network: mesh(),
      sender: here,
      receiver: there,
      inner: { from: container('web', '10.0.1.3'), to: address('10.0.1.4', 'unknown') },
      frames: 1,
      bytes: 100,
      ...fields,
    },
  };
}

testAnalyzer(overlayCleartext, {
  fires: [
    {
      name: 'an overlay without encryption, as Docker makes them: low, once for all its hosts',
      events: [
        frames(1),
        frames(61, { frames: 50, bytes: 5000 }),
        frames(62, { sender: there, receiver: here }),
      ],
      findings: [
        {
          message: 'in-clear',
          severity: 'low',
          confidence: 'certain',
          network: 'mesh',
          firstSeen: secs(1),
          subject: there,
          evidence: {
            vni: 4097,
            network: 'mesh',
            interface: 'eth0',
            hosts: ['198.51.100.2 -> 198.51.100.3', '198.51.100.3 -> 198.51.100.2'],
            hostPairs: 2,
            conversations: ['shop/web -> 10.0.1.4'],
            frames: 52,
            bytes: 5200,
          },
        },
      ],
      also: ({ final }) => expect(final[0]!.peers.map(({ ip }) => ip)).toContain('10.0.1.3'),
    },
    {
      name: 'one that has the option encrypted: high',
      events: [frames(1, { network: mesh({ encrypted: '' }) })],
      findings: [{ message: 'encrypted-in-clear', severity: 'high', evidence: { option: 'encrypted' } }],
    },
    {
      name: 'the same in IPv6, with encrypted=true',
      events: [
        frames(1, {
          network: mesh({ encrypted: 'true' }),
          sender: address('2001:db8::2', 'host'),
          receiver: address('2001:db8::3', 'internet'),
        }),
      ],
      findings: [
        {
          message: 'encrypted-in-clear',
          severity: 'high',
          evidence: { hosts: ['2001:db8::2 -> 2001:db8::3'] },
        },
      ],
    },
    ...[
      'encryped',
      'encrypt',
      'encryption',
      'Encrypted',
      'crypted',
      'com.docker.network.driver.overlay.encrypted',
    ].map((option) => ({
      name: `one whose option ${option} was meant to encrypt it: high`,
      events: [frames(1, { network: mesh({ [option]: '' }) })],
      findings: [{ message: 'option-misspelt', severity: 'high' as const, evidence: { option } }],
    })),
    {
      name: 'one with encrypted=false, and one with options that mean something else: low',
      events: [
        frames(1, { network: mesh({ encrypted: 'false' }) }),
        frames(1, {
          network: { ...mesh({ 'com.docker.network.driver.mtu': '1400', encap: 'x' }), id: 'other' },
        }),
      ],
      findings: [
        { message: 'in-clear', severity: 'low' },
        { message: 'in-clear', severity: 'low' },
      ],
    },
    {
      name: 'an identifier that no network has: low, by its number',
      events: [frames(1, { network: undefined, vni: 42, inner: undefined })],
      findings: [{ message: 'network-unknown', severity: 'low', evidence: { vni: 42, conversations: [] } }],
      also: ({ final }) => expect(final[0]!.explanation).toContain('network identifier 42'),
    },
  ],
  silent: [
    {
      name: 'a network that may',
      events: [frames(1, { network: mesh({ encrypted: '' }) })],
      options: { ignore_networks: ['mesh'] },
    },
  ],
});

describe('overlay-cleartext', () => {
  it('begins its totals anew with each finding', () => {
    const { final } = runAnalyzer(overlayCleartext, [
      frames(1, { frames: 100 }),
      { on: 'tick', now: secs(7200) },
      frames(7201),
    ]);

    expect(final.map(({ evidence }) => evidence['frames'])).toEqual([100, 1]);
  });

  it('keeps its times when the clock is set', () => {
    const { final } = runAnalyzer(overlayCleartext, [
      frames(10),
      { on: 'clock-set', step: { from: secs(10), to: secs(1010) } },
      frames(1020),
    ]);

    expect(final).toHaveLength(1);
    expect(final[0]!.evidence['firstFrame']).toBe('2026-01-01T00:16:50.000000Z');
  });

  it('forgets networks beyond its bound, and says so', () => {
    const many = Array.from({ length: 20 }, (_, i) => frames(1, { network: undefined, vni: i }));
    const { losses, final } = runAnalyzer(overlayCleartext, many, { max_networks: 16 });

    expect(losses).toMatchObject([{ where: 'overlay-cleartext.networks', count: 4 }]);
    expect(final).toHaveLength(20);
  });
});
