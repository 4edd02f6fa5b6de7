/**
 * What a DNS question costs the analyzers that listen to DNS, all together and dns-tunnel alone, against a bare loop over
 * the same events in the same run; and what dns-tunnel keeps. Also of `make bench`:
 *
 *   node --expose-gc --import tsx test/bench/dns.ts
 */

import dnsTunnel from '../../analyzers/dns-tunnel.ts';
import { analyzers } from '../../analyzers/index.ts';
import type { DnsRecord } from '../../src/model/dns.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { AnalyzerDefinition } from '../../src/sensor/analysis/analyzer.ts';
import { AnalyzerRunner } from '../../src/sensor/analysis/runner.ts';
import type { AnalyzerEvent } from '../../src/sensor/analysis/tester.ts';
import { base32Dress } from '../support/dns-traffic/dressed.ts';
import { dressed } from '../support/dns-traffic/evasions.ts';
import { atEmbeddedResolver, by, type Happening, steps, together } from '../support/dns-traffic/exchange.ts';
import { LOOK_ALIKES } from '../support/dns-traffic/look-alike-cases.ts';
import { ordinary } from '../support/dns-traffic/ordinary.ts';
import { random } from '../support/dns-traffic/random.ts';
import { askEvent, container, lookUp, secs } from '../support/records.ts';
import type { Target } from './report.ts';

const ROUNDS = 7;
const SPAN_SECS = 120;
/** Events between two looks at the clock: few, so that they are still in the processor's cache when they are heard. */
const CHUNK = 50;
/** Pairs of client and zone, and the names of each. */
const PAIRS = 20_000;
const CLIENTS = 200;
const NAMES = 5;
const LOOK_UPS_PER_SEC = 50;

/** Sixty containers: what many applications ask, each with one of the look-alikes beside it. */
function busyHost(): Iterable<Happening> {
  const streams = LOOK_ALIKES.map(({ stream }, i) =>
    by(
      atEmbeddedResolver(`app-${i}`),
      together(
        ordinary(random(i), SPAN_SECS, 1),
        stream(random(100 + i), { untilSecs: SPAN_SECS, everySecs: 1 }),
      ),
    ),
  );
  return together(...streams);
}

/** One tunnel at full speed: no name comes twice, all in one zone. */
function tunnel(): Iterable<Happening> {
  return dressed(random(1), { zone: 'telemetry-sync.net', count: 20_000, everySecs: 0.01 }, base32Dress(60));
}

/**
 * Written out, as the pipeline makes them. What the generators make by spreading an object and adding a field has a hidden
 * class of its own each in V8 (measured with Node 20), and then every look at it costs ten times as much.
 */
function asInPipeline(event: AnalyzerEvent): AnalyzerEvent {
  switch (event.on) {
    case 'dns-query':
      return { on: 'dns-query', query: { ...event.query, record: recordOf(event.query.record) } };
    case 'dns':
      return { on: 'dns', record: recordOf(event.record) };
    default:
      return event;
  }
}

function recordOf(from: DnsRecord): DnsRecord {
  return {
    kind: 'dns',
    time: from.time,
    network: from.network,
    networks: from.networks,
    interface: from.interface,
    client: endOf(from.client),
    server: endOf(from.server),
    vantage: from.vantage,
    upstream: from.upstream,
    protocol: from.protocol,
    transport: from.transport,
    opcode: from.opcode,
    id: from.id,
    query: from.query,
    qtype: from.qtype,
    qclass: from.qclass,
    rcode: from.rcode,
    answers: from.answers,
    rtt: from.rtt,
    flags: from.flags,
    edns: from.edns,
    trailingBytes: from.trailingBytes,
    anomalies: from.anomalies,
  };
}

function endOf(from: Endpoint): Endpoint {
  return {
    ip: from.ip,
    mac: from.mac,
    port: from.port,
    scope: from.scope,
    workload: from.workload,
    names: from.names,
    attribution: from.attribution,
  };
}

/** Made shortly before they are heard, as the pipeline makes them: then they are in the processor's cache. */
function* chunksOf(stream: Iterable<Happening>): Generator<AnalyzerEvent[]> {
  let chunk: AnalyzerEvent[] = [];
  for (const { event } of steps(stream, atEmbeddedResolver('app'))) {
    chunk.push(asInPipeline(event));
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = [];
  }
  yield chunk;
}

function runnerOf(definitions: readonly AnalyzerDefinition[], config: object = {}): AnalyzerRunner {
  return new AnalyzerRunner({
    analyzers: definitions.map((definition) => ({ definition, config: definition.config.parse(config) })),
    findings: { report: () => {}, isOpen: () => true },
    onLoss: () => {},
    onFailure: ({ error }) => {
      throw error;
    },
  });
}

const listensToDns = (definition: AnalyzerDefinition): boolean => {
  const { wants } = runnerOf([definition]);
  return wants.dns || wants.dnsQuery;
};

/** As the pipeline delivers: only what somebody wants. */
function deliver(runner: AnalyzerRunner, events: readonly AnalyzerEvent[]): void {
  for (const event of events) {
    switch (event.on) {
      case 'dns-query':
        runner.tick(event.query.time);
        runner.dnsQuery(event.query);
        break;
      case 'dns':
        runner.dns(event.record);
        break;
      case 'flow-start':
        if (runner.wants.flowStart !== 'none') runner.flowStart(event.flow);
        break;
      default:
        break;
    }
  }
}

/**
 * Looks at all that a listener looks at, and does nothing with it. It goes first, so that what the analyzers take does not
 * hold what it takes to fetch the events from memory: the pipeline has just made them when they are heard.
 */
function bareLoop(events: readonly AnalyzerEvent[]): number {
  let sum = 0;
  for (const event of events) {
    switch (event.on) {
      case 'dns-query':
        sum += event.query.time + touched(event.query.record) + event.query.options.length;
        for (const label of event.query.labels) for (let i = 0; i < label.length; i++) sum += label[i]!;
        break;
      case 'dns':
        sum += touched(event.record);
        for (const { type, ttl, bytes, data } of event.record.answers)
          sum += ttl + bytes + type.charCodeAt(0) + data.charCodeAt(data.length - 1);
        break;
      case 'flow-start':
        sum += event.flow.start + event.flow.orig.ip.length + event.flow.resp.ip.length;
        break;
      default:
        break;
    }
  }
  return sum;
}

function touched({ client, server, query, qtype, flags, network, time }: DnsRecord): number {
  const ends = client.scope.length + client.ip.length + server.scope.length + server.ip.charCodeAt(0);
  const who = client.workload?.containerId.length ?? 0;
  const where = network?.name.length ?? 0;
  return time + ends + who + where + query.charCodeAt(query.length - 1) + qtype.length + flags.length;
}

interface Cost {
  readonly questions: number;
  /** Microseconds a question. */
  readonly bare: number;
  readonly analyzers: number;
}

/**
 * Each round does the same with a new runner, so the least time of each chunk over all rounds is what it takes when no
 * neighbour and no collector is in the way. Wall time: a process's CPU time counts the compiler's threads too.
 */
function costOf(makeStream: () => Iterable<Happening>, definitions: readonly AnalyzerDefinition[]): Cost {
  const bare: number[] = [];
  const analyzed: number[] = [];
  let questions = 0;
  let sum = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const runner = runnerOf(definitions);
    questions = 0;
    let i = 0;
    for (const chunk of chunksOf(makeStream())) {
      questions += chunk.filter(({ on }) => on === 'dns-query').length;
      const begin = performance.now();
      sum += bareLoop(chunk);
      const between = performance.now();
      deliver(runner, chunk);
      const end = performance.now();
      bare[i] = Math.min(bare[i] ?? Number.POSITIVE_INFINITY, between - begin);
      analyzed[i] = Math.min(analyzed[i] ?? Number.POSITIVE_INFINITY, end - between);
      i += 1;
    }
  }
  if (sum === 0) throw new Error('there were no events');
  const micros = (times: readonly number[]): number =>
    (times.reduce((total, ms) => total + ms, 0) * 1000) / questions;
  return { questions, bare: micros(bare), analyzers: micros(analyzed) };
}

/** Each by itself, then all together; returns what dns-tunnel and all take. */
function compare(title: string, makeStream: () => Iterable<Happening>): { alone: number; all: number } {
  const listeners = analyzers.filter(listensToDns);
  const all = costOf(makeStream, listeners);
  console.log(`\n${title}: ${all.questions} questions and their answers`);
  const tell = (name: string, cost: Cost): void => {
    const ratio = (cost.analyzers / cost.bare).toFixed(0);
    const bareNanos = (cost.bare * 1000).toFixed(0);
    console.log(
      `  ${name.padEnd(20)} ${cost.analyzers.toFixed(2)} us; a bare loop ${bareNanos} ns: ${ratio} times`,
    );
  };
  let alone = 0;
  for (const definition of listeners) {
    const cost = costOf(makeStream, [definition]);
    if (definition === dnsTunnel) alone = cost.analyzers;
    tell(definition.id, cost);
  }
  tell('all together', all);
  return { alone, all: all.analyzers };
}

/** Bytes of heap that dns-tunnel keeps after it heard of 20,000 pairs of client and zone, answers included. */
export function keptBytes(): number {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const runner = runnerOf([dnsTunnel], { max_zones: PAIRS });
  for (let i = 0; i < PAIRS * NAMES; i++) {
    const pair = i % PAIRS;
    const client = container(`c${pair % CLIENTS}`, `172.30.${pair % CLIENTS}.2`);
    const labels = [`host-${Math.floor(i / PAIRS)}-of-${pair}`, `zone-${Math.floor(pair / CLIENTS)}`, 'com'];
    deliver(
      runner,
      lookUp({ labels, client, time: secs(i / LOOK_UPS_PER_SEC) }, 'NOERROR', [`198.51.100.${i % 250}`]),
    );
  }
  // As long as it lives: the collector must not take the runner before the memory is read.
  deliver(runner, [askEvent({ labels: ['last', 'example', 'com'], time: secs(PAIRS) })]);
  globalThis.gc?.();
  const kept = process.memoryUsage().heapUsed - before;
  runner.tick(secs(PAIRS + 1));
  return kept;
}

export function measureDns(): Target[] {
  const kept = keptBytes();
  const busy = compare('a busy host', busyHost);
  const single = compare('one tunnel', tunnel);
  console.log(
    `\n  ${PAIRS} pairs of client and zone: ${(kept / 1e6).toFixed(1)} MB${globalThis.gc === undefined ? ' (not collected: run with --expose-gc)' : ''}`,
  );
  return [
    { what: 'a DNS question, all analyzers, busy host, us', value: busy.all, atMost: 1 },
    { what: 'a DNS question, dns-tunnel alone, busy host, us', value: busy.alone, atMost: 1 },
    { what: 'a DNS question of a tunnel, all analyzers, us', value: single.all, atMost: 1 },
    { what: 'dns-tunnel with 20,000 pairs of client and zone, MB', value: kept / 1e6, atMost: 40 },
  ];
}

if (process.argv[1]?.endsWith('bench/dns.ts') === true) {
  const { isMet, targetText } = await import('./report.ts');
  const targets = measureDns();
  console.log('');
  for (const target of targets) console.log(`  ${targetText(target)}`);
  process.exitCode = targets.every(isMet) ? 0 : 1;
}
