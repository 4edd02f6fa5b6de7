import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import internalEgress from '../../analyzers/internal-egress.ts';
import type { MemoryFrame } from '../../capture/memory.ts';
import type { FlowRecord, TrafficRecord } from '../../src/model/flow.ts';
import { serializeRecord } from '../../src/model/serialize.ts';
import type { FlowInterest } from '../../src/sensor/analysis/analyzer.ts';
import { containerFact, endpointFact, SECOND, T0 } from '../support/inventory-facts.ts';
import { dnsQuery, dockerMac } from '../support/packet-builder.ts';
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

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** What a listening analyzer heard, as `event:port`. */
function heardBy(interest: FlowInterest | undefined, feed: (run: PipelineRun) => void): string[] {
  const heard: string[] = [];
  const note = (event: string) => (flow: FlowRecord) => void heard.push(`${event}:${flow.resp.port}`);
  const analyzer = listener(interest, {
    onFlowStart: note('start'),
    onFlowAnswered: note('answered'),
    onFlowActive: note('active'),
    onFlowEnd: note('end'),
  });
  const run = startPipeline({ analyzers: [analyzer] });
  feed(run);
  run.pipeline.finish();
  return heard;
}

describe('the life of a flow', () => {
  it('is told to analyzers at its start, its first answer and its end, and recorded once', () => {
    const states: string[] = [];
    const note = (flow: FlowRecord) =>
      void states.push(`${flow.reason} ${flow.connState} ${flow.origPackets}/${flow.respPackets}`);
    const analyzer = listener('all', { onFlowStart: note, onFlowAnswered: note, onFlowEnd: note });
    const run = startPipeline({ analyzers: [analyzer] });

    run.feed(run.tap(), connection(1, { src: IP.api, dst: IP.db }));
    run.pipeline.finish();

    expect(states).toEqual(['start S0 1/0', 'answered S1 1/1', 'shutdown SF 5/3']);
    expect(run.of('flow')).toHaveLength(1);
    expect(run.of('flow')[0]).toMatchObject({
      network: { name: 'data' },
      interface: 'br-data',
      orig: { ip: IP.api, port: 40_000, scope: 'container', workload: { name: 'api' } },
      resp: { ip: IP.db, port: 5432, scope: 'container', workload: { name: 'db' } },
      protocol: 'tcp',
      direction: 'east-west',
      connState: 'SF',
      history: 'ShADdFf',
      // Eight packets of 20 + 20 bytes, and the data.
      origBytes: 5 * 40 + 100,
      respBytes: 3 * 40 + 200,
      coverage: 'whole',
      start: T0 + SECOND,
      end: T0 + SECOND + 7000,
    });
  });

  it('ends as closed some seconds after both sides have closed, in packet time', () => {
    const run = startPipeline();
    run.feed(run.tap(), connection(1, { src: IP.api, dst: IP.db }));

    run.pipeline.advanceTo(T0 + 5.9 * SECOND);
    expect(run.of('flow')).toEqual([]);
    run.pipeline.advanceTo(T0 + 7 * SECOND);

    expect(run.of('flow').map(({ reason }) => reason)).toEqual(['closed']);
  });

  it('goes on as active each flows.active_secs, and analyzers hear of it', () => {
    const packets = Array.from({ length: 15 }, (_, i) =>
      at(
        10 * i,
        segment({ src: IP.api, dst: IP.db, sport: 40_000, dport: 5432, flags: i === 0 ? 'S' : 'A' }),
      ),
    );
    const active: number[] = [];
    const analyzer = listener('internal-networks', {
      onFlowActive: (flow) => void active.push(flow.origPackets),
    });

    for (const wanted of [true, false]) {
      active.length = 0;
      const run = startPipeline({
        analyzers: [analyzer],
        flows: { active_secs: 60, rollup_secs: 10 },
        wants: { flows: wanted, traffic: wanted },
      });
      run.feed(run.tap(), packets);

      // A tick comes before its packet: at 70 s and 130 s the packets of 60 s and 120 s are counted.
      expect(active).toEqual([7, 13]);
      expect(run.of('flow').map(({ reason }) => reason)).toEqual(wanted ? ['active', 'active'] : []);
    }
  });

  it('is given up when the table is full, and that is a loss record', () => {
    const run = startPipeline({ flows: { max_flows: 1024 } });
    const tap = run.tap();
    const frames = Array.from({ length: 1030 }, (_, i) =>
      at(i / 1000, segment({ src: IP.api, dst: IP.db, sport: 10_000 + i, dport: 5432, flags: 'S' })),
    );

    run.feed(tap, frames);
    run.pipeline.finish();

    expect(run.of('flow')).toHaveLength(1030);
    expect(run.of('flow').filter(({ reason }) => reason === 'evicted')).toHaveLength(6);
    expect(run.of('loss')).toMatchObject([{ source: 'flow-table', where: 'flows.max_flows', count: 6 }]);
  });

  it('is another on another bridge, though addresses and ports are the same', () => {
    const run = startPipeline();
    const syn = segment({ src: '10.0.0.1', dst: '10.0.0.2', sport: 1, dport: 2, flags: 'S' });

    run.feed(run.tap('data'), [at(1, syn)]);
    run.feed(run.tap('front'), [at(1, syn)]);
    run.pipeline.finish();

    expect(
      run
        .of('flow')
        .map(({ network }) => network?.name)
        .sort(),
    ).toEqual(['data', 'front']);
  });
});

describe('the interest of analyzers', () => {
  const both = (run: PipelineRun) => {
    run.feed(run.tap('data'), connection(1, { src: IP.api, dst: IP.db }));
    run.feed(run.tap('front'), connection(2, { src: IP.web, dst: IP.apiFront, dport: 8080 }));
  };
  const life = (port: number) => [`start:${port}`, `answered:${port}`, `end:${port}`];

  it('all: every flow', () => {
    const heard = heardBy('all', both);

    expect(heard).toHaveLength(6);
    expect(heard).toEqual(expect.arrayContaining([...life(5432), ...life(8080)]));
  });

  it('internal-networks: only flows of these', () => {
    expect(heardBy('internal-networks', both)).toEqual(life(5432));
  });

  it('is enough for the ends to be told when the input ends', () => {
    const ends: string[] = [];
    const analyzer = listener('all', { onFlowEnd: ({ reason }) => void ends.push(reason) });
    const run = startPipeline({ analyzers: [analyzer], wants: { flows: false, traffic: false } });

    both(run);
    run.pipeline.finish();

    expect(ends).toEqual(['shutdown', 'shutdown']);
    expect(run.records).toEqual([]);
  });

  it('none: no flow, and where nobody else wants them no record is made', () => {
    expect(heardBy('none', both)).toEqual([]);

    const run = startPipeline({ wants: { flows: false, traffic: false } });
    both(run);
    run.pipeline.finish();
    expect(run.records).toEqual([]);
    expect(run.pipeline.flowsSeen).toBe(2);
  });
});

describe('traffic roll-ups', () => {
  it('sum an edge over the interval, the last part at the end', () => {
    const run = startPipeline({ flows: { rollup_secs: 10 } });
    const tap = run.tap();
    for (const second of [1, 4, 12]) {
      run.feed(tap, connection(second, { src: IP.api, dst: IP.db, sport: 40_000 + second }));
    }
    run.pipeline.finish();

    const edge = { network: 'data', orig: 'shop/api', resp: 'shop/db', respPort: 5432, protocol: 'tcp' };
    expect(run.of('traffic')).toMatchObject([
      { ...edge, start: T0 + SECOND, flowsStarted: 2, origPackets: 10, respPackets: 6, origBytes: 600 },
      { ...edge, end: run.pipeline.now, flowsStarted: 1, origPackets: 5, respPackets: 3, origBytes: 300 },
    ]);
    expect(run.of('traffic')[0]!.end).toBe(run.of('traffic')[1]!.start);
  });

  it('names ends that are no container by their scope, so that a scan makes no edge for each address', () => {
    const run = startPipeline();
    const scan = Array.from({ length: 50 }, (_, i) =>
      at(i / 100, segment({ src: IP.api, dst: `198.51.100.${i + 1}`, sport: 1000, dport: 443, flags: 'S' })),
    );
    run.feed(run.tap(), scan);
    run.pipeline.finish();

    expect(run.of('traffic')).toHaveLength(1);
    expect(run.of('traffic')[0]).toMatchObject({ orig: 'shop/api', flowsStarted: 50, origPackets: 50 });
    expect(run.of('traffic')[0]!.resp).toMatch(/^[a-z]+$/);
  });

  it('add up to the bytes and packets of the flows, whatever is mixed, evicted, folded or set back', () => {
    const packet = fc.record({
      step: fc.integer({ min: -20_000_000, max: 30_000_000 }),
      src: fc.constantFrom<string>(IP.db, IP.api, IP.outside),
      dst: fc.constantFrom<string>(IP.db, IP.api, '172.30.20.9'),
      sport: fc.integer({ min: 1024, max: 1034 }),
      dport: fc.integer({ min: 1, max: 600 }),
      tcp: fc.boolean(),
      flags: fc.constantFrom('S', 'SA', 'A', 'FA', 'R'),
      size: fc.integer({ min: 0, max: 1400 }),
    });
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 400 }), (packets) => {
        const run = startPipeline({ flows: { max_flows: 1024, max_edges: 100, rollup_secs: 3 } });
        const tap = run.tap();
        let time = T0 + 3600 * SECOND;
        let onTheWire = 0;
        const frames = packets.map(({ step, tcp, size, ...fields }): MemoryFrame => {
          time = Math.max(T0, time + step);
          const data = tcp ? segment(fields, new Uint8Array(size)) : datagram(fields, new Uint8Array(size));
          onTheWire += data.length - 14;
          return { time, data };
        });
        for (let i = 0; i < frames.length; i += 50) run.feed(tap, frames.slice(i, i + 50));
        run.pipeline.finish();

        const ended = run.of('flow').filter(({ reason }) => reason !== 'active');
        for (const field of ['origBytes', 'respBytes', 'origPackets', 'respPackets'] as const) {
          const rolled = sum(run.of('traffic').map((record: TrafficRecord) => record[field]));
          expect(rolled, field).toBe(sum(ended.map((record) => record[field])));
        }
        expect(sum(run.of('traffic').map(({ flowsStarted }) => flowsStarted))).toBe(ended.length);
        expect(sum(ended.map(({ origBytes, respBytes }) => origBytes + respBytes))).toBe(onTheWire);
        for (const { start, end } of run.of('traffic')) expect(end).toBeGreaterThanOrEqual(start);
        expect(run.pipeline.flowsSeen).toBe(ended.length);
      }),
      { numRuns: 60 },
    );
  });
});

describe('packet time', () => {
  const ping = (seconds: number) =>
    at(seconds, datagram({ src: IP.api, dst: IP.db, sport: 40_000, dport: 2000 }, new Uint8Array(10)));

  function ticksOf(feed: (run: PipelineRun) => void): number[] {
    const ticks: number[] = [];
    const analyzer = listener('none', { onTick: (now) => void ticks.push((now - T0) / SECOND) });
    const run = startPipeline({ analyzers: [analyzer] });
    feed(run);
    return ticks;
  }

  it('ticks with the first packet of each second, not with each packet', () => {
    const ticks = ticksOf((run) => run.feed(run.tap(), [0, 0.4, 0.999, 1, 1.5, 2.2, 2.3, 5].map(ping)));

    expect(ticks).toEqual([1, 2.2, 5]);
  });

  it('passes without packets too when told so, and not backwards by a little', () => {
    const ticks = ticksOf((run) => {
      run.pipeline.advanceTo(T0);
      for (const seconds of [0.5, 1, 1.5, 3, 2.5]) run.pipeline.advanceTo(T0 + seconds * SECOND);
    });

    expect(ticks).toEqual([1, 3]);
  });

  it('jumps over an empty year with one tick', () => {
    const year = 365 * 86_400;
    const ticks = ticksOf((run) => run.feed(run.tap(), [ping(0), ping(year), ping(year + 0.5)]));

    expect(ticks).toEqual([year]);
  });

  it('follows a clock that was set back, with one roll-up for the time before', () => {
    const run = startPipeline({ flows: { rollup_secs: 10 } });
    const tap = run.tap();

    run.feed(tap, [3600, 3601, 3602].map(ping));
    run.feed(
      tap,
      Array.from({ length: 100 }, (_, i) => ping(i / 10)),
    );
    run.pipeline.finish();

    expect(run.pipeline.now).toBe(T0 + 9.9 * SECOND);
    expect(run.of('traffic').map(({ start, end, origPackets }) => [start, end, origPackets])).toEqual([
      [T0 + 3600 * SECOND, T0 + 3602 * SECOND, 3],
      [T0, T0 + 9.9 * SECOND, 100],
    ]);
  });

  it('takes a few seconds backwards for reordering, not for another clock', () => {
    const run = startPipeline();
    run.feed(run.tap(), [ping(100), ping(91), ping(100.5)]);
    run.pipeline.finish();

    expect(run.of('traffic')).toHaveLength(1);
    expect(run.pipeline.now).toBe(T0 + 100.5 * SECOND);
  });

  it('records an unanswered question after dns.answer_timeout_secs, not before', () => {
    const question = datagram(
      { src: IP.api, dst: IP.dataGateway, sport: 5000, dport: 53 },
      dnsQuery({ name: 'a.test' }),
    );
    const run = startPipeline({ dns: { answer_timeout_secs: 10 } });
    run.feed(run.tap(), [at(0, question)]);

    run.pipeline.advanceTo(T0 + 9 * SECOND);
    expect(run.of('dns')).toEqual([]);
    run.pipeline.advanceTo(T0 + 10 * SECOND);

    expect(run.of('dns')).toMatchObject([{ query: 'a.test', client: { workload: { name: 'api' } } }]);
    expect(run.of('dns')[0]!.rcode).toBeUndefined();
    expect(run.pipeline.dnsQuestions).toBe(1);
  });
});

describe('what is malformed', () => {
  const broken = (seconds: number): MemoryFrame =>
    at(seconds, new Uint8Array([...new Array(12).fill(2), 8, 0, 0x45, 0]));

  it('becomes one record a code and interval, and a total', () => {
    const run = startPipeline({ flows: { rollup_secs: 10 } });
    const tap = run.tap();
    run.feed(tap, [0, 1, 2, 11, 12].map(broken));
    run.pipeline.finish();

    const { anomalies } = run.pipeline.totals();
    const [code] = Object.keys(anomalies) as [string];
    expect(anomalies).toEqual({ [code]: 5 });
    expect(run.of('anomaly').map(({ count, interface: where }) => [count, where])).toEqual([
      [3, 'br-data'],
      [2, 'br-data'],
    ]);
    expect(run.of('flow')).toEqual([]);
    expect(run.pipeline.packets).toBe(5);
  });

  it('is told when its tap goes, and stays in the totals', () => {
    const run = startPipeline();
    const tap = run.tap();
    run.feed(tap, [broken(0)]);

    run.pipeline.detach(tap);
    run.pipeline.detach(tap);
    const after = run.of('anomaly').length;
    run.feed(run.tap(), [broken(1)]);
    run.pipeline.finish();

    expect(after).toBe(1);
    expect(sum(Object.values(run.pipeline.totals().anomalies))).toBe(2);
  });
});

describe('a tap that ends', () => {
  const ask = (secs: number, sport: number) =>
    at(secs, datagram({ src: IP.api, dst: IP.db, sport, dport: 2000 }, new Uint8Array(10)));

  it('ends its flows at once and says why, with their bytes in the roll-up; those of others go on', () => {
    const run = startPipeline({ flows: { rollup_secs: 10 } });
    const [gone, stays] = [run.tap('data'), run.tap('front')];
    run.feed(gone, connection(1, { src: IP.api, dst: IP.db }).slice(0, 5));
    run.feed(stays, connection(1, { src: IP.web, dst: IP.apiFront }).slice(0, 5));

    run.pipeline.detach(gone);
    const [ended] = run.of('flow');
    expect(run.of('flow')).toHaveLength(1);
    expect(ended).toMatchObject({
      reason: 'tap-ended',
      network: { name: 'data' },
      interface: 'br-data',
      connState: 'S1',
      end: T0 + SECOND + 4000,
    });

    run.pipeline.finish();
    expect(run.of('flow').map(({ reason }) => reason)).toEqual(['tap-ended', 'shutdown']);
    const rolled = run.of('traffic').filter(({ network }) => network === 'data');
    expect(sum(rolled.map(({ origBytes }) => origBytes))).toBe(ended!.origBytes);
    expect(sum(rolled.map(({ flowsStarted }) => flowsStarted))).toBe(1);
  });

  it('tells analyzers of the ends of its flows, and is not there again for the next second', () => {
    const ended: string[] = [];
    const analyzer = listener('all', { onFlowEnd: (flow) => void ended.push(flow.reason) });
    const run = startPipeline({ analyzers: [analyzer] });
    const tap = run.tap();
    run.feed(tap, [ask(1, 5000)]);
    run.pipeline.detach(tap);
    run.pipeline.advanceTo(T0 + 10 * SECOND);
    run.pipeline.finish();

    expect(ended).toEqual(['tap-ended']);
  });

  it('ends many flows in bounded steps, a step each second, none left behind', () => {
    const run = startPipeline();
    const tap = run.tap();
    run.feed(
      tap,
      Array.from({ length: 10_000 }, (_, i) => ask(1 + i / 1e6, 2000 + i)),
    );
    const counts: number[] = [];
    run.pipeline.detach(tap);
    counts.push(run.of('flow').length);
    for (const secs of [3, 4]) {
      run.pipeline.advanceTo(T0 + secs * SECOND);
      counts.push(run.of('flow').length);
    }
    expect(counts).toEqual([4096, 8192, 10_000]);
    expect(new Set(run.of('flow').map(({ reason }) => reason))).toEqual(new Set(['tap-ended']));
  });
});

describe('an address that was given back', () => {
  /** The same ports and addresses all the while; `db` ends at 2 s and `next` has its address from 2.1 s on. */
  function handover(times: readonly number[]): string[] {
    const run = startPipeline();
    const tap = run.tap();
    const send = (secs: number) =>
      run.feed(tap, [at(secs, datagram({ src: IP.db, dst: IP.api, sport: 5000, dport: 53 }))]);
    for (const secs of times.filter((time) => time < 2)) send(secs);
    run.state.disconnected('data-id', 'db-id', T0 + 2 * SECOND);
    run.pipeline.addressesReleased('data-id', [IP.db], T0 + 2 * SECOND);
    run.state.connected(
      endpointFact('next', 'data', [IP.db], dockerMac(IP.db)),
      T0 + 2.1 * SECOND,
      containerFact('next'),
    );
    for (const secs of times.filter((time) => time >= 2)) send(secs);
    run.pipeline.finish();
    return run
      .of('flow')
      .map(({ orig, origPackets }) => `${orig.workload?.name ?? orig.attribution.confidence} ${origPackets}`);
  }

  it('has its flows ended, so that those of its next holder are flows of their own', () => {
    expect(handover([1, 1.5, 2.5, 3])).toEqual(['db 2', 'next 2']);
  });

  it('keeps its last packets, which other taps may overtake', () => {
    expect(handover([1, 1.9, 2.05, 3])).toEqual(['db 3', 'next 1']);
  });

  it('is ambiguous where both holders are in one flow all the same', () => {
    // The heir speaks within the time that is left for stragglers.
    expect(handover([1, 2.12])).toEqual(['ambiguous 2']);
  });
});

describe('a run', () => {
  it('gives the same records, byte for byte, each time and however the packets are batched', () => {
    const frames = [
      ...connection(1, { src: IP.api, dst: IP.db }),
      at(2, segment({ src: IP.db, dst: IP.outside, sport: 40_001, dport: 443, flags: 'S' })),
      at(
        2.1,
        datagram({ src: IP.db, dst: IP.dataGateway, sport: 5000, dport: 53 }, dnsQuery({ name: 'x.test' })),
      ),
      ...connection(20, { src: IP.web, dst: IP.db }),
    ];
    const textOf = (framesPerBatch: number): string[] => {
      const run = startPipeline({ analyzers: [internalEgress] });
      const tap = run.tap();
      for (let i = 0; i < frames.length; i += framesPerBatch)
        run.feed(tap, frames.slice(i, i + framesPerBatch));
      run.pipeline.finish();
      return run.records.map(serializeRecord);
    };

    const once = textOf(1000);

    expect(once.some((text) => text.includes('"kind":"finding"'))).toBe(true);
    expect(textOf(1000)).toEqual(once);
    expect(textOf(1)).toEqual(once);
  });
});
