/**
 * The clock of the machine is set back, or leaps ahead (NTP, a laptop that slept): whatever keeps times goes on, as if
 * nothing had happened but that the clock reads otherwise.
 */
import { describe, expect, it } from 'vitest';
import dnsTunnel from '../../analyzers/dns-tunnel.ts';
import internalEgress from '../../analyzers/internal-egress.ts';
import type { MemoryFrame } from '../../capture/memory.ts';
import type { Tap } from '../../src/sensor/taps/tap.ts';
import { SECOND, T0 } from '../support/inventory-facts.ts';
import { dnsQuery, dnsResponse } from '../support/packet-builder.ts';
import {
  at,
  connection,
  datagram,
  IP,
  listener,
  type PipelineRun,
  segment,
  startPipeline,
} from './pipeline-run.ts';

const HOUR = 3600;
const breakOut = (secs: number, sport = 40_000) =>
  at(secs, segment({ src: IP.db, dst: IP.outside, sport, dport: 443, flags: 'S' }));

/** A live agent: told of each second, with a packet here and there. */
function live(run: PipelineRun, from: number, to: number, frames: readonly MemoryFrame[] = []): void {
  const tap = tapOf(run);
  for (let secs = from; secs <= to; secs++) {
    const due = frames.filter(({ time }) => time >= T0 + secs * SECOND && time < T0 + (secs + 1) * SECOND);
    run.feed(tap, due);
    run.pipeline.advanceTo(T0 + secs * SECOND);
  }
}

const taps = new WeakMap<PipelineRun, Tap>();

function tapOf(run: PipelineRun): Tap {
  const tap = taps.get(run) ?? run.tap();
  taps.set(run, tap);
  return tap;
}

const story = (run: PipelineRun): string[] =>
  run.of('finding').map(({ status, reason }) => `${status}: ${reason.replace(/ \d+ s$/, '')}`);

describe.each([
  ['set back by two hours', -2 * HOUR],
  ['set ahead by a day', 24 * HOUR],
])('a clock that is %s', (_, shift) => {
  const start = 100_000;

  it('keeps a finding open that goes on, tells it once, and closes it when it was quiet', () => {
    const run = startPipeline({ analyzers: [internalEgress] });
    live(run, start, start + 30, [breakOut(start + 5, 40_000)]);
    const after = start + 30 + shift;
    live(run, after, after + 100, [breakOut(after + 50, 40_001)]);
    expect(story(run)).toEqual(['open: first report', 'update: evidence changed']);

    live(run, after + 101, after + 945);
    expect(story(run)).toHaveLength(2);
    live(run, after + 946, after + 960);
    expect(story(run).slice(2)).toEqual(['closed: quiet for']);

    const [opened] = run.of('finding');
    for (const { id, firstSeen, lastSeen } of run.of('finding')) {
      expect(id).toBe(opened!.id);
      expect(lastSeen).toBeGreaterThanOrEqual(firstSeen);
    }
  });

  it('ticks each second at once', () => {
    const ticks: number[] = [];
    const run = startPipeline({
      analyzers: [listener('none', { onTick: (now) => void ticks.push((now - T0) / SECOND) })],
    });
    live(run, start, start + 3);
    live(run, start + 4 + shift, start + 6 + shift);

    expect(ticks).toEqual([start + 1, start + 2, start + 3, ...[4, 5, 6].map((n) => start + shift + n)]);
  });

  it('neither splits a connection nor ends it in the future', () => {
    const run = startPipeline();
    const [syn, synAck, ack, sent, ...rest] = connection(start, { src: IP.api, dst: IP.db });
    const later = rest.map(({ time, data }) => ({ time: time + (shift + 20) * SECOND, data }));
    live(run, start, start + 10, [syn!, synAck!, ack!, sent!]);
    live(run, start + 11 + shift, start + 60 + shift, later);

    expect(run.of('flow')).toHaveLength(1);
    const [flow] = run.of('flow');
    expect(flow).toMatchObject({ connState: 'SF', reason: 'closed', coverage: 'whole', origPackets: 5 });
    expect(flow!.start).toBe(T0 + start * SECOND);
    expect(flow!.end).toBeGreaterThanOrEqual(flow!.start);
    expect(flow!.end).toBeLessThanOrEqual(Math.max(flow!.start, run.pipeline.now));
  });

  it('joins a question with its answer, and does not claim to know how long that took', () => {
    const run = startPipeline();
    const ends = { src: IP.api, dst: IP.db, sport: 5000, dport: 53 };
    const back = { src: IP.db, dst: IP.api, sport: 53, dport: 5000 };
    const message = dnsQuery({ name: 'www.example.org', id: 7 });
    const answer = dnsResponse({ name: 'www.example.org', id: 7 });
    live(run, start, start + 2, [at(start + 1.5, datagram(ends, message))]);
    live(run, start + 3 + shift, start + 4 + shift, [at(start + 3.5 + shift, datagram(back, answer))]);
    run.pipeline.finish();

    expect(run.of('dns').map(({ rcode, rtt }) => [rcode, rtt])).toEqual([['NOERROR', undefined]]);
  });

  it('lets a question without an answer time out as ever', () => {
    const run = startPipeline({ dns: { answer_timeout_secs: 5 } });
    const question = datagram(
      { src: IP.api, dst: IP.db, sport: 5000, dport: 53 },
      dnsQuery({ name: 'www.example.org' }),
    );
    live(run, start, start + 2, [at(start + 1.5, question)]);
    live(run, start + 3 + shift, start + 6 + shift);
    expect(run.of('dns')).toEqual([]);
    live(run, start + 7 + shift, start + 8 + shift);

    expect(run.of('dns')).toHaveLength(1);
  });

  it('does not forget what a tunnel said before, nor count it for hours', () => {
    const tunnel = (from: number, names: number): MemoryFrame[] =>
      Array.from({ length: names }, (_, i) => {
        const label = `${(from + i).toString(36)}aq7zk2mvx9w4hjd8`.padEnd(40, 'k');
        const message = dnsQuery({ name: `${label}.updates-cdn.net`, id: i });
        return at(from + i, datagram({ src: IP.db, dst: IP.outside, sport: 5000, dport: 53 }, message));
      });
    const findings = (secondPart: number, pause: number): number => {
      const run = startPipeline({ analyzers: [dnsTunnel] });
      live(run, start, start + 20, tunnel(start + 1, 8));
      const after = start + 21 + shift;
      live(run, after, after + pause);
      live(run, after + pause + 1, after + pause + 20, tunnel(after + pause + 1, secondPart));
      return run.of('finding').filter(({ status }) => status === 'open').length;
    };

    // 8 names of 40 bytes are below 500 in ten minutes; with 8 more they are above.
    expect(findings(0, 10)).toBe(0);
    expect(findings(8, 10)).toBe(1);
    // Ten minutes and more apart they are two times little.
    expect(findings(8, 700)).toBe(0);
  });
});

describe('a frame alone whose time its neighbours contradict', () => {
  it.each([
    ['long before them', -HOUR],
    ['long after them', 10 * 365 * 24 * HOUR],
  ])('%s moves no clock', (_, astray) => {
    const run = startPipeline({ analyzers: [internalEgress] });
    run.feed(run.tap(), [breakOut(100, 1), breakOut(100 + astray, 2), breakOut(101, 3), breakOut(102, 4)]);
    run.pipeline.finish();

    expect(run.pipeline.now).toBe(T0 + 102 * SECOND);
    expect(run.of('flow')).toHaveLength(4);
    expect(run.of('finding').filter(({ status }) => status === 'open')).toHaveLength(1);
    for (const { start, end } of run.of('flow')) {
      expect(start).toBeGreaterThanOrEqual(T0 + 100 * SECOND);
      expect(end).toBeLessThanOrEqual(T0 + 102 * SECOND);
    }
  });

  it('is believed when the next one agrees: in a file a long gap is a quiet time', () => {
    const run = startPipeline({ analyzers: [internalEgress] });
    run.feed(run.tap(), [breakOut(100, 1), breakOut(100 + HOUR, 2), breakOut(101 + HOUR, 3)]);
    run.pipeline.finish();

    expect(story(run).filter((line) => !line.startsWith('update'))).toEqual([
      'open: first report',
      'closed: quiet for',
      'reopened: returned after being quiet for 1 h',
    ]);
  });
});
