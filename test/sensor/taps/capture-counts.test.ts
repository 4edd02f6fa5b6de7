import { describe, expect, it } from 'vitest';
import type { LossRecord } from '../../../src/model/record.ts';
import { CaptureCounts } from '../../../src/sensor/taps/capture-counts.ts';

function loss(source: string, where: string, count: number): LossRecord {
  return { kind: 'loss', time: 0, source, where, count, first: 0, last: 0 };
}

function samplesOf(counts: CaptureCounts, name: string): Record<string, number> {
  const family = counts.metrics().find((each) => each.name === name)!;
  return Object.fromEntries(
    family.samples.map(({ labels, value }) => [[labels['vantage'], labels['network']].join(' '), value]),
  );
}

describe('counts of what was captured', () => {
  it('are kept by network, and together for all containers and all uplinks', () => {
    const counts = new CaptureCounts();
    counts.begin('bridge', 'shop').count.packets += 3;
    counts.begin('container').count.packets += 4;
    counts.begin('container').count.packets += 5;
    counts.begin('uplink').count.packets += 6;

    expect(samplesOf(counts, 'bridgewatch_captured_packets_total')).toEqual({
      'bridge shop': 3,
      'container ': 9,
      'uplink ': 6,
    });
  });

  it('go on when a tap is opened again', () => {
    const counts = new CaptureCounts();
    const first = counts.begin('bridge', 'shop');
    first.count.bytes += 100;
    first.ended();
    counts.begin('bridge', 'shop').count.bytes += 1;

    expect(samplesOf(counts, 'bridgewatch_captured_bytes_total')['bridge shop']).toBe(101);
  });

  it('tell what the kernel and the interface dropped, and nothing else that was lost', () => {
    const counts = new CaptureCounts();
    counts.begin('bridge', 'shop');
    counts.lost('bridge', loss('kernel-ring', 'shop', 7));
    counts.lost('bridge', loss('interface', 'shop', 2));
    counts.lost('bridge', loss('flow-table', 'shop', 100));
    counts.lost('container', loss('kernel-ring', 'lo@shop-db-1', 5));

    expect(samplesOf(counts, 'bridgewatch_kernel_dropped_packets_total')).toEqual({
      'bridge shop': 7,
      'container ': 5,
      'uplink ': 0,
    });
    expect(samplesOf(counts, 'bridgewatch_interface_dropped_packets_total')['bridge shop']).toBe(2);
  });

  it('tell how many taps are open', () => {
    const counts = new CaptureCounts();
    const shop = counts.begin('bridge', 'shop');
    counts.begin('bridge', 'web');
    shop.ended();

    expect(samplesOf(counts, 'bridgewatch_open_taps')).toEqual({
      'bridge ': 1,
      'container ': 0,
      'uplink ': 0,
    });
  });

  it('fold the oldest network that is gone when there are too many, and lose no packet by it', () => {
    const counts = new CaptureCounts({ maxNetworks: 2 });
    const kept = counts.begin('bridge', 'kept');
    const gone = counts.begin('bridge', 'gone');
    kept.count.packets += 1;
    gone.count.packets += 10;
    gone.ended();
    counts.begin('bridge', 'new').count.packets += 100;

    expect(samplesOf(counts, 'bridgewatch_captured_packets_total')).toEqual({
      'bridge kept': 1,
      'bridge new': 100,
      'bridge _other': 10,
      'container ': 0,
      'uplink ': 0,
    });
  });

  it('count networks beyond the bound together when all are there', () => {
    const counts = new CaptureCounts({ maxNetworks: 1 });
    counts.begin('bridge', 'a').count.packets += 1;
    counts.begin('bridge', 'b').count.packets += 2;
    counts.begin('bridge', 'c').count.packets += 3;

    expect(samplesOf(counts, 'bridgewatch_captured_packets_total')).toMatchObject({
      'bridge a': 1,
      'bridge _other': 5,
    });
  });
});

describe('tallies', () => {
  it('tell what came since the last ones, and nothing of a place where nothing came', () => {
    const counts = new CaptureCounts();
    const shop = counts.begin('bridge', 'shop');
    counts.begin('bridge', 'quiet');
    shop.count.packets += 10;
    counts.tallies(60);
    shop.count.packets += 90;
    counts.lost('bridge', loss('kernel-ring', 'shop', 10));

    expect(counts.tallies(120)).toEqual([
      {
        vantage: 'bridge',
        network: 'shop',
        first: 60,
        last: 120,
        packets: 90,
        kernelDrops: 10,
        interfaceDrops: 0,
      },
    ]);
    expect(counts.tallies(180)).toEqual([]);
  });

  it('begin at their end when the clock was set back meanwhile', () => {
    const counts = new CaptureCounts();
    counts.tallies(1000);
    counts.begin('bridge', 'shop').count.packets += 1;

    expect(counts.tallies(500)).toMatchObject([{ first: 500, last: 500 }]);
  });
});
