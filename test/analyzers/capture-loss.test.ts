import { describe, expect, it } from 'vitest';
import captureLoss from '../../analyzers/capture-loss.ts';
import type { CaptureTally } from '../../src/model/capture-tally.ts';
import type { LossRecord } from '../../src/model/record.ts';
import { type AnalyzerEvent, runAnalyzer } from '../../src/sensor/analysis/tester.ts';
import { testAnalyzer } from '../support/analyzer-tester.ts';
import { secs } from '../support/records.ts';

/** A minute that ends then. */
function minute(at: number, fields: Partial<CaptureTally> = {}): AnalyzerEvent {
  return {
    on: 'capture',
    tally: {
      vantage: 'bridge',
      network: 'shop_data',
      first: secs(at - 60),
      last: secs(at),
      packets: 10_000,
      kernelDrops: 0,
      interfaceDrops: 0,
      ...fields,
    },
  };
}

/** Of a thousand packets so many in the kernel's ring. */
const ofThousand = (at: number, lost: number, scale = 10): AnalyzerEvent =>
  minute(at, { packets: (1000 - lost) * scale, kernelDrops: lost * scale });

function loss(at: number, fields: Partial<LossRecord>): AnalyzerEvent {
  return {
    on: 'loss',
    record: {
      kind: 'loss',
      time: secs(at),
      source: 'flow-table',
      where: 'flows.max_flows',
      count: 1,
      first: secs(at - 10),
      last: secs(at),
      ...fields,
    },
  };
}

testAnalyzer(captureLoss, {
  fires: [
    {
      name: 'one packet in a hundred: low, with the place, the share and what to do',
      events: [ofThousand(60, 10)],
      findings: [
        {
          message: 'packets-lost',
          severity: 'low',
          confidence: 'certain',
          network: 'shop_data',
          firstSeen: secs(0),
          evidence: {
            lost: 100,
            packets: 10_000,
            percent: 1,
            threshold: 1,
            seconds: 60,
            source: 'kernel-ring',
          },
        },
      ],
      also: ({ final }) => {
        expect(final[0]!.explanation).toContain(
          'host 127.0.0.1 lost 100 of 10000 packets of network shop_data within 60 s (1 %, kernel-ring)',
        );
        expect(final[0]!.explanation).toContain('capture.buffer_bytes');
        expect(final[0]!.subject).toMatchObject({ scope: 'host' });
      },
    },
    {
      name: 'one in ten: medium',
      events: [ofThousand(60, 100)],
      findings: [{ message: 'packets-lost', severity: 'medium', evidence: { threshold: 10 } }],
    },
    {
      name: 'three in ten: high',
      events: [ofThousand(60, 300)],
      findings: [{ message: 'packets-lost', severity: 'high', evidence: { threshold: 30 } }],
    },
    {
      name: 'a loss that goes on and grows: one finding, graver',
      events: [ofThousand(60, 20), ofThousand(120, 50), ofThousand(180, 400), ofThousand(240, 15)],
      findings: [{ message: 'packets-lost', severity: 'high', count: 3, evidence: { percent: 40 } }],
    },
    {
      name: 'the same on two networks, in containers and on the uplink: a finding each, with its own advice',
      events: [
        ofThousand(60, 20),
        minute(60, { network: 'web', packets: 9800, kernelDrops: 200 }),
        minute(60, { vantage: 'container', network: undefined, packets: 900, kernelDrops: 100 } as never),
        minute(60, { vantage: 'uplink', network: undefined, packets: 900, kernelDrops: 100 } as never),
      ],
      findings: [
        { message: 'packets-lost', network: 'shop_data' },
        { message: 'packets-lost', network: 'web' },
        { message: 'packets-lost', evidence: { advice: 'a larger dns.container_buffer_bytes' } },
        { message: 'packets-lost', evidence: { place: 'the uplink' } },
      ],
    },
    {
      name: 'what the interface dropped, apart from what the kernel did',
      events: [minute(60, { packets: 9000, kernelDrops: 500, interfaceDrops: 500 })],
      findings: [
        {
          message: 'packets-lost',
          evidence: { source: 'kernel-ring', lost: 500, packets: 10_000, percent: 5 },
        },
        { message: 'packets-lost', evidence: { source: 'interface', lost: 500, percent: 5 } },
      ],
    },
    {
      name: 'a network of which nothing at all could be read',
      events: [minute(60, { packets: 0, kernelDrops: 100 })],
      findings: [{ message: 'packets-lost', severity: 'high', evidence: { percent: 100 } }],
    },
    {
      name: 'ten thousand flows that were ended early within a minute, told in pieces',
      events: [loss(10, { count: 5000 }), loss(60, { count: 5000 })],
      findings: [
        {
          message: 'flows-evicted',
          severity: 'low',
          firstSeen: secs(0),
          evidence: { lost: 10_000, place: 'flows.max_flows', seconds: 60 },
        },
      ],
    },
    {
      name: "a detector's window that forgets a hundred thousand entries in a minute",
      events: [
        loss(10, { source: 'analyzer-window', where: 'port-scan.clients', count: 60_000 }),
        loss(20, { source: 'analyzer-window', where: 'port-scan.clients', count: 60_000 }),
      ],
      findings: [
        { message: 'window-full', severity: 'low', evidence: { place: 'port-scan.clients', lost: 120_000 } },
      ],
      also: ({ final }) => expect(final[0]!.explanation).toContain('analyzers.port-scan'),
    },
  ],
  silent: [
    { name: 'no loss', events: [minute(60), minute(120)] },
    {
      name: 'less than one in a hundred',
      events: [minute(60, { packets: 9_901, kernelDrops: 99 })],
      options: { min_lost_packets: 1 },
    },
    { name: 'a large share of little', events: [minute(60, { packets: 1, kernelDrops: 99 })] },
    { name: 'many of very many', events: [minute(60, { packets: 10_000_000, kernelDrops: 99_999 })] },
    { name: 'a quiet network', events: [minute(60, { packets: 0 })] },
    {
      name: 'ten thousand evicted flows, but over two minutes',
      events: [loss(10, { count: 5000 }), loss(71, { count: 5000 })],
    },
    { name: 'one evicted flow less', events: [loss(10, { count: 9999 })] },
    {
      name: 'two windows of detectors, each below the bound',
      events: [
        loss(10, { source: 'analyzer-window', where: 'port-scan.clients', count: 60_000 }),
        loss(10, { source: 'analyzer-window', where: 'beacon.pairs', count: 60_000 }),
      ],
    },
    {
      name: 'losses that others tell of: packets come as tallies, and what a sink lost is not unseen',
      events: ['kernel-ring', 'interface', 'channel', 'findings-table'].map((source) =>
        loss(10, { source, count: 1_000_000 }),
      ),
    },
  ],
});

describe('capture-loss', () => {
  it('adds up by the clock as it is', () => {
    const { final } = runAnalyzer(captureLoss, [
      loss(10, { count: 5000 }),
      { on: 'clock-set', step: { from: secs(10), to: secs(10_010) } },
      loss(10_030, { count: 5000 }),
    ]);

    expect(final).toMatchObject([{ evidence: { lost: 10_000 } }]);
  });

  it('tells one finding once a minute at most', () => {
    const events = Array.from({ length: 60 }, (_, i) => ofThousand(60 + i, 20 + i / 2));

    expect(runAnalyzer(captureLoss, events).findings.length).toBeLessThanOrEqual(2);
  });
});
