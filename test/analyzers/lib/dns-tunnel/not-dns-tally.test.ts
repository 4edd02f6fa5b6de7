import { describe, expect, it } from 'vitest';
import { NotDnsTally } from '../../../../analyzers/lib/dns-tunnel/not-dns-tally.ts';
import type { NotDns } from '../../../../src/sensor/analysis/analyzer.ts';
import { address, container, network, secs } from '../../../support/records.ts';

const event = (time: number, fields: Partial<NotDns> = {}): NotDns => ({
  time: secs(time),
  client: container('app', '172.30.0.10'),
  server: address('198.51.100.53', 'internet', { port: 53 }),
  transport: 'udp',
  fromClient: true,
  bytes: 100,
  ...fields,
});

function tallyOf(events: readonly NotDns[]): NotDnsTally {
  const tally = new NotDnsTally(events[0]!);
  for (const one of events) tally.note(one);
  return tally;
}

describe('bytes beside DNS', () => {
  it('count both ways, once the client itself has sent four packets', () => {
    const answers = [0, 1, 2, 3, 4].map((i) => event(i, { fromClient: false, bytes: 1000 }));
    const three = tallyOf([...answers, ...[5, 6, 7].map((i) => event(i))]);
    const four = tallyOf([...answers, ...[5, 6, 7, 8].map((i) => event(i))]);

    expect(three.sum(0, secs(9))).toBe(0);
    expect(four.sum(0, secs(9))).toBe(5400);
    expect([four.bytesUp, four.bytesDown, four.packets]).toEqual([400, 5000, 9]);
  });

  it('are forgotten with their span', () => {
    const tally = tallyOf([0, 1, 2, 3].map((i) => event(i)));

    expect(tally.sum(0, secs(1000))).toBe(0);
    expect(tally.sum(1, secs(1000))).toBe(400);
  });

  it('are told of anew after their finding was closed, though the span goes on', () => {
    const tally = tallyOf([0, 1, 2, 3].map((i) => event(i)));
    tally.restart(secs(10));

    expect([tally.first, tally.packets, tally.bytesUp, tally.bytesDown]).toEqual([secs(10), 0, 0, 0]);
    expect(tally.sum(0, secs(10))).toBe(400);
  });

  it('keep the network once it was known', () => {
    const tally = tallyOf([event(0, { network: network({ name: 'front' }) }), event(1)]);

    expect(tally.network).toBe('front');
  });

  it('move with the clock', () => {
    const tally = tallyOf([0, 1, 2, 3].map((i) => event(i)));
    tally.clockSet({ from: secs(5), to: secs(7205) });

    expect([tally.first, tally.last]).toEqual([secs(7200), secs(7203)]);
    expect(tally.sum(0, secs(7206))).toBe(400);
  });
});
