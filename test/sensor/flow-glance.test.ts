import { describe, expect, it } from 'vitest';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { FlowGlance, Handlers } from '../../src/sensor/analysis/analyzer.ts';
import { LINKTYPE, udpFrame } from '../support/packet-builder.ts';
import { at, connection, datagram, IP, listener, segment, startPipeline } from './pipeline-run.ts';

const NO_BULK = { flows: false, dns: false, traffic: false };
const REQUEST = new TextEncoder().encode('GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n');

/** A glance is borrowed: what a test keeps is a copy. */
function copyOf(glance: FlowGlance) {
  const { event, protocol, origWords, respWords, respPort, serverName, isInternal, mayCross } = glance;
  return { event, protocol, origWords, respWords, respPort, serverName, isInternal, mayCross };
}

function choosing(handlers: Handlers, network = 'front') {
  const run = startPipeline({ analyzers: [listener('chosen', handlers)], wants: NO_BULK });
  return { run, tap: run.tap(network) };
}

/** One segment each, to the outside on port 8080; the second is the request. */
function request(from: number, payload = REQUEST) {
  const ends = { src: IP.web, dst: IP.outside, sport: 40_001, dport: 8080 };
  const back = { src: IP.outside, dst: IP.web, sport: 8080, dport: 40_001 };
  return [
    segment({ ...ends, flags: 'S', seq: 1000 }),
    segment({ ...back, flags: 'SA', seq: 5000, ack: 1001 }),
    segment({ ...ends, flags: 'PA', seq: 1001, ack: 5001 }, payload),
    segment({ ...back, flags: 'R', seq: 5001, ack: 1001 + payload.length }),
  ].map((data, i) => at(from + i / 1000, data));
}

describe('flows that analyzers choose', () => {
  it('are shown at each event, and told only where one said yes', () => {
    const shown: string[] = [];
    const told: string[] = [];
    const { run, tap } = choosing({
      choosesFlow: ({ event, respPort }) => {
        shown.push(`${event}:${respPort}`);
        return respPort === 8080;
      },
      onFlowStart: ({ resp }) => void told.push(`start:${resp.port}`),
      onFlowEnd: ({ resp }) => void told.push(`end:${resp.port}`),
    });

    run.feed(tap, connection(1, { src: IP.web, dst: IP.apiFront, dport: 8080 }));
    run.feed(tap, connection(2, { src: IP.web, dst: IP.apiFront, dport: 5432 }));
    run.pipeline.finish();

    // Nobody listens to first answers.
    expect(shown).toEqual(['start:8080', 'start:5432', 'end:8080', 'end:5432']);
    expect(told).toEqual(['start:8080', 'end:8080']);
  });

  it('show who speaks with whom, and their network', () => {
    const shown: ReturnType<typeof copyOf>[] = [];
    const handlers: Handlers = {
      choosesFlow: (glance) => {
        shown.push(copyOf(glance));
        return false;
      },
      onFlowStart: () => {},
    };
    const { run, tap } = choosing(handlers, 'data');
    run.feed(tap, [at(1, datagram({ src: IP.api, dst: IP.db, sport: 40_000, dport: 5353 }))]);

    expect(shown).toEqual([
      {
        event: 'start',
        protocol: 'udp',
        origWords: [0, 0, 0xffff, 0xac1e_1403],
        respWords: [0, 0, 0xffff, 0xac1e_1402],
        respPort: 5353,
        serverName: undefined,
        isInternal: true,
        mayCross: false,
      },
    ]);
  });

  it.each([
    ['the outside', IP.web, IP.outside, true],
    ['from outside', IP.outside, IP.web, true],
    ['a neighbour', IP.web, IP.apiFront, false],
    ['the rest of the site', IP.web, '192.168.7.7', false],
    ['the site next to 172.16.0.0/12', IP.web, '172.32.0.1', true],
    ['carriers', IP.web, '100.64.0.1', false],
    ['multicast', IP.web, '239.1.2.3', false],
    ['the outside by IPv6', 'fd00:30::4', '2001:db8::7', true],
    ['unique local', 'fd00:30::4', 'fd00:40::4', false],
  ])('may cross to %s or not', (_name, src, dst, expected) => {
    const crossing: boolean[] = [];
    const { run, tap } = choosing({
      choosesFlow: ({ mayCross }) => crossing.push(mayCross) < 0,
      onFlowStart: () => {},
    });
    run.feed(tap, [at(1, udpFrame({ src, dst, sport: 40_000, dport: 4000 }))]);

    expect(crossing).toEqual([expected]);
  });

  it.each([true, false])(
    'cross only where a network is known, else nobody can be a container: %s',
    (isKnown) => {
      const told: object[] = [];
      const analyzer = listener('chosen', {
        choosesFlow: ({ mayCross, mayHaveContainer }) => told.push({ mayCross, mayHaveContainer }) < 0,
        onFlowStart: () => {},
      });
      const run = startPipeline({ analyzers: [analyzer], wants: NO_BULK, hasNetworks: isKnown });
      const frame = udpFrame({ src: IP.web, dst: IP.outside, sport: 40_000, dport: 4000 });
      const tap = run.pipeline.attach({ interface: 'f', linkType: LINKTYPE.ETHERNET, vantage: 'file' });
      run.feed(tap, [at(1, frame)]);

      expect(told).toEqual([{ mayCross: isKnown, mayHaveContainer: isKnown }]);
    },
  );

  it('show the name that was asked for, where somebody has it read, and only there', () => {
    const names = (readsContent: Handlers['readsContent']): (string | undefined)[] => {
      const seen: (string | undefined)[] = [];
      const { run, tap } = choosing({
        ...(readsContent === undefined ? {} : { readsContent }),
        choosesFlow: ({ serverName }) => {
          seen.push(serverName);
          return false;
        },
        onFlowStart: () => {},
        onFlowEnd: () => {},
      });
      run.feed(tap, request(1));
      run.pipeline.finish();
      return seen;
    };

    expect(names(({ respPort }) => respPort === 8080)).toEqual([undefined, 'shop.example.com']);
    expect(names(({ respPort }) => respPort === 443)).toEqual([undefined, undefined]);
    expect(names(undefined)).toEqual([undefined, undefined]);
  });

  it.each([
    ['nobody watches', []],
    [
      'somebody watches and wants none read',
      [listener('chosen', { choosesFlow: () => false, onFlowEnd: () => {} })],
    ],
  ])('are read for the records that are kept, as in a live agent, while %s', (_name, analyzers) => {
    const kept = startPipeline({ analyzers, wants: { flows: true } });
    kept.feed(kept.tap('front'), request(1));
    kept.pipeline.finish();

    expect(kept.of('flow')).toMatchObject([{ service: 'http', serverName: 'shop.example.com' }]);
  });

  it('show what the flow speaks as soon as both sides have told, while it goes on', () => {
    const chosen: string[] = [];
    const told: FlowRecord[] = [];
    const { run, tap } = choosing({
      readsContent: () => true,
      choosesFlow: ({ event, service }) => {
        chosen.push(`${event} ${service}`);
        return service === 'http';
      },
      onFlowRecognized: (flow) => void told.push(flow),
    });
    const answer = segment(
      { src: IP.outside, dst: IP.web, sport: 8080, dport: 40_001, flags: 'PA', seq: 5001, ack: 1043 },
      new TextEncoder().encode('HTTP/1.1 200 OK\r\n\r\n'),
    );

    run.feed(tap, [...request(1).slice(0, 3), at(1.5, answer)]);

    expect(chosen).toEqual(['recognized http']);
    expect(told).toMatchObject([{ service: 'http', serverName: 'shop.example.com', reason: 'active' }]);
  });

  it('are not shown as recognised where nothing was, or nothing is read', () => {
    const told: FlowRecord[] = [];
    for (const reads of [true, false]) {
      const { run, tap } = choosing({
        readsContent: () => reads,
        choosesFlow: () => true,
        onFlowRecognized: (flow) => void told.push(flow),
      });
      run.feed(tap, reads ? connection(1, { src: IP.web, dst: IP.outside }) : request(1));
      run.pipeline.finish();
    }

    expect(told).toEqual([]);
  });
});
