/** Packets through decoder, flow table and pipeline: which flows' bursts are told, and what of them. */
import { describe, expect, it } from 'vitest';
import { batchOf, type MemoryFrame } from '../../../capture/memory.ts';
import type { FlowBurst } from '../../../src/model/burst.ts';
import { containerFact, endpointFact, SECOND, T0 } from '../../support/inventory-facts.ts';
import { dockerMac } from '../../support/packet-builder.ts';
import { at, connection, datagram, IP, listener, type PipelineRun, startPipeline } from '../pipeline-run.ts';

interface Heard {
  readonly run: PipelineRun;
  readonly bursts: FlowBurst[];
  feed(network: string, frames: readonly MemoryFrame[]): void;
}

function start(isWanted = true): Heard {
  const bursts: FlowBurst[] = [];
  const analyzer = listener('none', isWanted ? { onBurst: (burst) => void bursts.push(burst) } : {});
  const run = startPipeline({ analyzers: [analyzer], wants: { flows: false, dns: false, traffic: false } });
  const taps = { data: run.tap('data'), front: run.tap('front') };
  return {
    run,
    bursts,
    feed(network, frames) {
      for (const one of frames) run.pipeline.onBatch(batchOf([one]), [taps[network as keyof typeof taps]]);
    },
  };
}

function hear(network: string, frames: readonly MemoryFrame[]): FlowBurst[] {
  const heard = start();
  heard.feed(network, frames);
  heard.run.pipeline.finish();
  return heard.bursts;
}

/** From `src`, one datagram of so many bytes each time; negative where the other side answers. */
function said(src: string, dst: string, ...messages: readonly (readonly [number, number])[]): MemoryFrame[] {
  return messages.map(([seconds, bytes]) =>
    bytes > 0
      ? at(seconds, datagram({ src, dst, sport: 4000, dport: 9000 }, new Uint8Array(bytes)))
      : at(seconds, datagram({ src: dst, dst: src, sport: 9000, dport: 4000 }, new Uint8Array(-bytes))),
  );
}

describe('bursts are told of', () => {
  it('a connection to a dual-homed container inside an internal network, with payload alone', () => {
    const [burst, ...others] = hear('data', connection(0, { src: IP.db, dst: IP.api }));

    expect(others).toEqual([]);
    expect(burst).toMatchObject({
      time: T0 + 0.003 * SECOND,
      end: T0 + 0.004 * SECOND,
      isContainerOrig: false,
      isInternal: true,
      isOrigFirst: true,
      isOpening: true,
      stretch: 0,
      origBytes: 100,
      respBytes: 200,
    });
    expect(burst!.flow.resp.workload?.containerId).toBe(burst!.containerId);
  });

  it('a connection that it opens inside the internal network', () => {
    expect(hear('data', connection(0, { src: IP.api, dst: IP.db }))).toMatchObject([
      { isContainerOrig: true, isInternal: true },
    ]);
  });

  it('a connection that it opens elsewhere', () => {
    expect(hear('front', connection(0, { src: IP.apiFront, dst: IP.outside }))).toMatchObject([
      { isContainerOrig: true, isInternal: false },
    ]);
  });
});

describe('nothing is told of', () => {
  it.each([
    ['what others open to it elsewhere: its service', 'front', IP.outside, IP.apiFront],
    ['a container with one network, to the outside', 'front', IP.web, IP.outside],
    ['members of the internal network among themselves', 'data', IP.db, IP.dataGateway],
  ])('%s', (_, network, src, dst) => {
    expect(hear(network, connection(0, { src, dst }))).toEqual([]);
  });

  it('handshakes without data', () => {
    const [syn, synAck, ack] = connection(0, { src: IP.db, dst: IP.api });

    expect(hear('data', [syn!, synAck!, ack!])).toEqual([]);
  });

  it('anything when nobody listens', () => {
    const heard = start(false);
    heard.feed('data', connection(0, { src: IP.db, dst: IP.api }));
    heard.run.pipeline.finish();

    expect(heard.bursts).toEqual([]);
  });
});

describe('a burst', () => {
  it('ends with half a second of silence, and not a millisecond sooner', () => {
    const bursts = hear('data', said(IP.db, IP.api, [0, 10], [0.499, 10], [0.999, 30]));

    expect(bursts.map(({ time, origBytes }) => [time - T0, origBytes])).toEqual([
      [0, 20],
      [0.999 * SECOND, 30],
    ]);
    expect(bursts.map(({ isOpening }) => isOpening)).toEqual([true, false]);
  });

  it('is told by the next second of packet time, although nothing follows', () => {
    const heard = start();
    heard.feed('data', said(IP.db, IP.api, [0, 10]));
    heard.run.pipeline.advanceTo(T0 + 1.1 * SECOND);

    expect(heard.bursts).toHaveLength(1);
  });

  it('that goes on is told each second, in stretches that begin where the first said', () => {
    const bursts = hear(
      'data',
      said(IP.db, IP.api, [0, 1], [0.4, 2], [0.8, 3], [1.1, 4], [1.5, 5], [1.9, 5], [2.1, 6]),
    );

    expect(bursts.map(({ time, stretch, origBytes }) => [(time - T0) / SECOND, stretch, origBytes])).toEqual([
      [0, 0, 6],
      [1, 1, 14],
      [2, 2, 6],
    ]);
  });

  it('says who spoke first', () => {
    const bursts = hear('data', said(IP.db, IP.api, [0, 10], [0.1, -20], [2, -30], [2.1, 40]));

    expect(
      bursts.map(({ isOrigFirst, origBytes, respBytes }) => [isOrigFirst, origBytes, respBytes]),
    ).toEqual([
      [true, 10, 20],
      [false, 40, 30],
    ]);
  });

  it('is not the opening of a flow that was under way', () => {
    const [, , , ...midstream] = connection(0, { src: IP.db, dst: IP.api });

    expect(hear('data', midstream)).toMatchObject([{ isOpening: false }]);
  });

  it('keeps its length when the clock is set back', () => {
    const heard = start();
    heard.feed('data', said(IP.db, IP.api, [0, 10]));
    heard.feed('data', said(IP.db, IP.api, [-3599.7, 10]));
    heard.run.pipeline.finish();

    expect(heard.bursts.at(-1)!.end - heard.bursts.at(-1)!.time).toBeLessThan(SECOND);
  });
});

describe('a flow that began before its container was dual-homed', () => {
  it('is followed from then on, and its next data is no opening', () => {
    const heard = start();
    heard.feed('front', said(IP.web, IP.outside, [0, 10]));
    const ip = '172.30.20.9';
    heard.run.state.connected(endpointFact('web', 'data', [ip], dockerMac(ip)), T0, containerFact('web'));
    heard.feed('front', said(IP.web, IP.outside, [1.5, 20], [3, 30]));
    heard.run.pipeline.finish();

    expect(heard.bursts.map(({ origBytes, isOpening }) => [origBytes, isOpening])).toEqual([
      [20, false],
      [30, false],
    ]);
  });
});

it('more flows than there is room for: the silent ones go, and are counted', () => {
  const heard = start();
  const datagramOf = (i: number) =>
    datagram({ src: IP.db, dst: IP.api, sport: 1024 + i, dport: 9000 }, new Uint8Array(8));
  const frames = Array.from({ length: 4100 }, (_, i) => at(i / 1e6, datagramOf(i)));
  heard.feed('data', frames);
  heard.run.pipeline.advanceTo(T0 + 61 * SECOND);
  heard.run.pipeline.finish();

  expect(heard.bursts).toHaveLength(4096);
  expect(heard.run.of('loss').filter(({ source }) => source === 'bursts')).toMatchObject([{ count: 4 }]);
});
