import { describe, expect, it } from 'vitest';
import type { AnomalyRecord } from '../../../src/model/record.ts';
import { ANOMALY } from '../../../src/sensor/decode/anomaly.ts';
import { createTap, type Tap } from '../../../src/sensor/taps/tap.ts';
import { TapCounters } from '../../../src/sensor/taps/tap-counters.ts';
import { ethernet, LINKTYPE } from '../../support/packet-builder.ts';

const CODE = 'dns-trailing-bytes';

function setup() {
  const records: AnomalyRecord[] = [];
  const counters = new TapCounters((record) => void records.push(record));
  const tap = (name: string, index = 0): Tap =>
    createTap({ index, interface: name, linkType: LINKTYPE.ETHERNET, vantage: 'bridge' });
  return { records, counters, tap };
}

function count(tap: Tap, times: number): void {
  tap.decoder.anomalyCounts[ANOMALY[CODE]]! += times;
}

function decode(tap: Tap, frame: Uint8Array, wireLen = frame.length): void {
  const data = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  tap.decoder.decode(data, 0, frame.length, wireLen, tap.linkType, tap.decoder.newView());
}

describe('what the decoders counted', () => {
  it('is told by what it grew since the last report, and not at all when it did not', () => {
    const { records, counters, tap } = setup();
    const one = tap('br-one');

    count(one, 3);
    counters.report(10, [one]);
    counters.report(20, [one]);
    count(one, 1);
    counters.report(30, [one]);

    expect(records).toEqual([
      { kind: 'anomaly', time: 10, code: CODE, interface: 'br-one', count: 3 },
      { kind: 'anomaly', time: 30, code: CODE, interface: 'br-one', count: 1 },
    ]);
  });

  it('is told for each tap apart, and summed in the totals', () => {
    const { records, counters, tap } = setup();
    const taps = [tap('br-one'), tap('br-two', 1)];
    count(taps[0]!, 3);
    count(taps[1]!, 4);

    counters.report(10, taps);

    expect(records.map(({ interface: where, count: times }) => [where, times])).toEqual([
      ['br-one', 3],
      ['br-two', 4],
    ]);
    expect(counters.totals(taps).anomalies).toEqual({ [CODE]: 7 });
  });

  it('of a tap that went is told a last time, and stays in the totals', () => {
    const { records, counters, tap } = setup();
    const [gone, next] = [tap('br-one'), tap('br-one', 1)];
    count(gone, 2);
    counters.report(10, [gone]);
    count(gone, 5);

    counters.retire(20, gone);
    count(next, 1);

    expect(records.map(({ time, count: times }) => [time, times])).toEqual([
      [10, 2],
      [20, 5],
    ]);
    expect(counters.totals([next]).anomalies).toEqual({ [CODE]: 8 });
    expect(counters.totals([next]).anomalies).toEqual({ [CODE]: 8 });
  });

  it('holds what was not understood by its name, and frames that the snaplen cut', () => {
    const { counters, tap } = setup();
    const one = tap('br-one');
    const lldp = ethernet({ type: 0x88cc }, new Uint8Array(40));
    decode(one, lldp);
    decode(one, lldp);
    const cut = ethernet({ type: 0x0800 }, new Uint8Array([0x45, 0, 0, 60, 0, 0, 0, 0, 64, 6]));
    decode(one, cut, 74);

    const totals = counters.totals([one]);

    expect(Object.values(totals.notUnderstood)).toEqual([2]);
    expect(Object.keys(totals.notUnderstood)[0]).toMatch(/88cc|lldp/i);
    expect(totals.truncatedFrames).toBe(1);
  });
});
