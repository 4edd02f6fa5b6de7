import { describe, expect, it } from 'vitest';
import type { TrafficRecord } from '../../src/model/flow.ts';
import { type EdgeName, TrafficRollup } from '../../src/sensor/traffic-rollup.ts';

const edge = (resp: string, respPort = 5432): EdgeName => ({
  network: 'data',
  orig: 'shop/api',
  resp,
  protocol: 'tcp',
  respPort,
  direction: 'east-west',
});

function drain(rollup: TrafficRollup): { records: TrafficRecord[]; folded: number } {
  const records: TrafficRecord[] = [];
  const { folded } = rollup.drain(0, 10, (record) => records.push(record));
  return { records, folded };
}

describe('TrafficRollup', () => {
  it('sums what goes over one edge and keeps edges apart', () => {
    const rollup = new TrafficRollup(10);
    rollup.add(edge('shop/db'), 100, 50, 2, 1, 1);
    rollup.add(edge('shop/db'), 10, 5, 1, 1, 0);
    rollup.add(edge('shop/db', 6379), 1, 1, 1, 1, 1);

    const { records } = drain(rollup);

    expect(records).toHaveLength(2);
    expect(records[0]).toMatchObject({
      origBytes: 110,
      respBytes: 55,
      origPackets: 3,
      respPackets: 2,
      flowsStarted: 1,
    });
  });

  it('starts each interval empty', () => {
    const rollup = new TrafficRollup(10);
    rollup.add(edge('shop/db'), 100, 50, 2, 1, 1);
    drain(rollup);

    expect(drain(rollup).records).toEqual([]);
  });

  it('folds what is beyond the bound into one edge, so that the totals still hold', () => {
    const rollup = new TrafficRollup(2);
    for (let port = 1; port <= 5; port++) rollup.add(edge('shop/db', port), 10, 0, 1, 0, 1);

    const { records, folded } = drain(rollup);

    expect(records).toHaveLength(3);
    expect(records.find((record) => record.orig === 'other')).toMatchObject({
      origBytes: 30,
      flowsStarted: 3,
    });
    expect(records.reduce((sum, record) => sum + record.origBytes, 0)).toBe(50);
    expect(folded).toBe(3);
  });
});
