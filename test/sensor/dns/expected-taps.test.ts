/** A container that has just started: its question crosses the bridge before its own tap delivers, or before anybody knows it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_WAIT_FOR_TAP } from '../../../src/sensor/dns/views.ts';
import type { Tap } from '../../../src/sensor/taps/tap.ts';
import { containerFact, endpointFact, SECOND, T0 } from '../../support/inventory-facts.ts';
import { answer, dnsQuery, dnsResponse, dockerMac } from '../../support/packet-builder.ts';
import { at, datagram, IP, listener, type PipelineRun, startPipeline } from '../pipeline-run.ts';
import { lo, toClient, toResolver } from './container-side.ts';

const RESOLVER = '198.51.100.53';
const NEW = '172.30.20.9';
const PORT = 40_001;
const given = [answer.a(IP.outside)];

let run: PipelineRun;
let bridge: Tap;
let questions: (readonly [query: string, vantage: string, client: string | undefined])[];
/** Containers whose tap is to come, and whether one may be anybody's. */
let expected: Set<string>;
let isSomebodyExpected: boolean;

beforeEach(() => {
  questions = [];
  expected = new Set();
  isSomebodyExpected = false;
  run = startPipeline({
    analyzers: [
      listener('none', {
        onDnsQuery: ({ record: { query, vantage, client } }) =>
          void questions.push([query, vantage, client.workload?.name]),
      }),
    ],
    wants: { flows: false, traffic: false },
    expectedTaps: {
      expects: (containerId) => expected.has(containerId),
      mayExpectOn: () => isSomebodyExpected,
    },
  });
  bridge = run.tap();
});

const idOf = (ip: string) => run.state.book.byIp(ip)[0]!.holder.workload.containerId;
const asksOverBridge = (src: string, seconds = 1, name = 'a.test') =>
  run.feed(bridge, [
    at(seconds, datagram({ src, dst: RESOLVER, sport: 50_001, dport: 53 }, dnsQuery({ name, id: 7 }))),
    at(
      seconds + 0.02,
      datagram(
        { src: RESOLVER, dst: src, sport: 53, dport: 50_001 },
        dnsResponse({ name, id: 7, answers: given }),
      ),
    ),
  ]);
/** The tap in its namespace is attached only now, with what it held back. */
function tapComes(container: string, seconds: number, ip: string): void {
  const asker = {
    ...lo('db', run).asker!(),
    client: {
      scope: 'container' as const,
      workload: run.state.book.byIp(ip)[0]!.holder.workload,
      names: [],
      attribution: { method: 'netns' as const, confidence: 'certain' as const },
    },
  };
  const tap = run.pipeline.attach({
    ...lo('db', run),
    interface: `lo@${container}`,
    asker: () => asker,
    since: T0 + seconds * SECOND,
  });
  run.feed(tap, [
    at(0.999, toResolver(dnsQuery({ name: 'a.test', id: 7 }), PORT)),
    at(1.03, toClient(dnsResponse({ name: 'a.test', id: 7, answers: given }), PORT)),
  ]);
}
const join = (name: string, ip: string) =>
  run.state.connected(
    endpointFact(name, 'data', [ip], dockerMac(ip)),
    T0 + 0.5 * SECOND,
    containerFact(name, {}),
  );
const told = () => run.of('dns').map(({ vantage, client }) => [vantage, client.workload?.name]);

describe('a question of a container whose tap is still to come', () => {
  it('waits for the tap and is told once, by what the namespace saw', () => {
    expected.add(idOf(IP.db));
    asksOverBridge(IP.db);
    run.pipeline.advanceTo(T0 + 3 * SECOND);
    expect(questions).toEqual([]);

    expected.clear();
    tapComes('db', 3.2, IP.db);
    run.pipeline.advanceTo(T0 + 4 * SECOND);

    expect(questions).toEqual([['a.test', 'container', 'db']]);
    expect(run.of('dns')).toMatchObject([
      { vantage: 'container', upstream: { server: { ip: RESOLVER }, network: 'data', rtt: 20_000 } },
    ]);
  });

  it('is told from the bridge when the tap comes and saw nothing of it, one grace later', () => {
    expected.add(idOf(IP.db));
    asksOverBridge(IP.db, 1, 'other.test');
    expected.clear();
    tapComes('db', 2, IP.db);

    run.pipeline.advanceTo(T0 + 2.29 * SECOND);
    expect(questions.map(([name]) => name)).toEqual(['a.test']);
    run.pipeline.advanceTo(T0 + 3.5 * SECOND);
    expect(questions).toEqual([
      ['a.test', 'container', 'db'],
      ['other.test', 'bridge', 'db'],
    ]);
    expect(told()).toHaveLength(2);
  });

  it('does not wait for ever', () => {
    expected.add(idOf(IP.db));
    asksOverBridge(IP.db);

    run.pipeline.advanceTo(T0 + SECOND + MAX_WAIT_FOR_TAP - 100_000);
    expect(questions).toEqual([]);
    run.pipeline.advanceTo(T0 + SECOND + MAX_WAIT_FOR_TAP + SECOND);
    expect(questions).toEqual([['a.test', 'bridge', 'db']]);
    expect(told()).toEqual([['bridge', 'db']]);
  });

  it('is told soon when the tap will not come after all', () => {
    expected.add(idOf(IP.db));
    asksOverBridge(IP.db);
    expected.clear();

    run.pipeline.advanceTo(T0 + 1.5 * SECOND);

    expect(questions).toEqual([['a.test', 'bridge', 'db']]);
  });

  it('holds up no other container', () => {
    expected.add(idOf(IP.db));
    isSomebodyExpected = true;
    asksOverBridge(IP.api);

    expect(questions).toEqual([['a.test', 'bridge', 'api']]);
  });

  it('is told when the agent stops', () => {
    expected.add(idOf(IP.db));
    asksOverBridge(IP.db);
    run.pipeline.finish();

    expect(told()).toEqual([['bridge', 'db']]);
  });
});

describe('a question from an address that nobody is known to hold', () => {
  it('waits while a namespace is nobody’s yet, and joins what the namespace saw', () => {
    isSomebodyExpected = true;
    asksOverBridge(NEW);
    run.pipeline.advanceTo(T0 + 2 * SECOND);
    expect(questions).toEqual([]);

    isSomebodyExpected = false;
    join('new', NEW);
    tapComes('new', 2.2, NEW);
    run.pipeline.advanceTo(T0 + 3 * SECOND);

    expect(questions).toEqual([['a.test', 'container', 'new']]);
    expect(run.of('dns')).toMatchObject([{ vantage: 'container', upstream: { network: 'data' } }]);
  });

  it('names the container when it becomes known, also without a tap', () => {
    isSomebodyExpected = true;
    asksOverBridge(NEW);
    join('new', NEW);
    run.pipeline.advanceTo(T0 + 2 * SECOND);

    expect(questions).toEqual([['a.test', 'bridge', 'new']]);
    expect(run.of('dns')).toMatchObject([
      { vantage: 'bridge', client: { ip: NEW, workload: { name: 'new' } }, rcode: 'NOERROR', rtt: 20_000 },
    ]);
  });

  it('names the container also where its answer came after the question was told', () => {
    isSomebodyExpected = true;
    const question = { src: NEW, dst: RESOLVER, sport: 50_001, dport: 53 };
    run.feed(bridge, [at(1, datagram(question, dnsQuery({ name: 'a.test', id: 7 })))]);
    join('new', NEW);
    run.pipeline.advanceTo(T0 + 2 * SECOND);
    const back = { src: RESOLVER, dst: NEW, sport: 53, dport: 50_001 };
    run.feed(bridge, [at(2.5, datagram(back, dnsResponse({ name: 'a.test', id: 7, answers: given })))]);
    run.pipeline.finish();

    expect(run.of('dns')).toMatchObject([{ client: { workload: { name: 'new' } }, rtt: 1_500_000 }]);
  });

  it('is told without a name when it never becomes known', () => {
    isSomebodyExpected = true;
    asksOverBridge(NEW);
    run.pipeline.advanceTo(T0 + SECOND + MAX_WAIT_FOR_TAP + SECOND);

    expect(questions).toEqual([['a.test', 'bridge', undefined]]);
    expect(told()).toEqual([['bridge', undefined]]);
  });

  it('is told at once when no namespace is nobody’s', () => {
    asksOverBridge(NEW);

    expect(questions).toEqual([['a.test', 'bridge', undefined]]);
  });

  it('is bounded: of too many the oldest are told, and counted as hurried', () => {
    isSomebodyExpected = true;
    for (let i = 0; i < 1030; i++) asksOverBridge(NEW, 1, `n${i}.test`);

    expect(questions.map(([name]) => name)).toEqual(Array.from({ length: 6 }, (_, i) => `n${i}.test`));
    run.pipeline.finish();
    expect(run.of('dns')).toHaveLength(1030);
    expect(run.of('loss')).toMatchObject([{ source: 'dns-views', count: 6 }]);
  });
});
