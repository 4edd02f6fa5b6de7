/**
 * The heap that all analyzers hold when traffic without end has filled what they remember.
 * Everything that is bounded is asked how full it is, so that nothing passes as measured that was hardly used:
 *
 *   node --import tsx test/bench/analyzers-memory.ts [--each]
 *
 * Of the records only what a live agent keeps anyway (containers, networks) is shared; ends and names are made anew.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { analyzers } from '../../analyzers/index.ts';
import type { Endpoint } from '../../src/model/endpoint.ts';
import type { FlowRecord } from '../../src/model/flow.ts';
import type { Network, Workload } from '../../src/model/network.ts';
import type { AnalyzerDefinition, BoundedMap, Surroundings } from '../../src/sensor/analysis/analyzer.ts';
import { AnalyzerRunner } from '../../src/sensor/analysis/runner.ts';
import {
  address,
  askEvent,
  asksFor,
  flow,
  lookUp,
  network,
  noRoute,
  secs,
  workload,
} from '../support/records.ts';
import { isMet, type Target, targetText } from './report.ts';

/** More of each than any default bound on containers, destinations, and flows that go on. */
const CONTAINERS = 4000;
const FLOWS = 10_500;
const LOOK_UPS = 42_000;
const ADDRESSES = 8000;
const FLOWS_A_SECOND = 50;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const BACK = network({ name: 'back', subnets: ['172.30.0.0/16'], gateways: ['172.30.0.1'] });
const FRONT = network({ name: 'front', subnets: ['172.31.0.0/16'], gateways: ['172.31.0.1'] });
const INNER = network({ name: 'inner', internal: true, subnets: ['10.7.0.0/16'], gateways: ['10.7.0.1'] });
const PREFIXES: readonly (readonly [prefix: number, network: Network])[] = [
  [0xac1e, BACK],
  [0xac1f, FRONT],
  [0x0a07, INNER],
];

const AROUND: Surroundings = {
  networkAt: (ip) => PREFIXES.find(([prefix]) => ip[2] === 0xffff && ip[3] >>> 16 === prefix)?.[1],
  isPublished: (_, __, port) => port === 8443,
  listensAt: () => undefined,
  publisherOf: () => undefined,
};

const WORKLOADS: readonly Workload[] = Array.from({ length: CONTAINERS }, (_, i) =>
  workload(`app-${i}`, ['back'], {
    containerId: i.toString(16).padStart(64, '0'),
    image: `image-${i}:1`,
    composeProject: `project-${i}`,
  }),
);

function member(i: number, prefix = '172.30'): Endpoint {
  const n = i % CONTAINERS;
  return {
    ip: `${prefix}.${16 + Math.floor(n / 250)}.${1 + (n % 250)}`,
    port: 40_000 + (i % 20_000),
    mac: `02:42:ac:1e:${(n >> 8).toString(16).padStart(2, '0')}:${(n & 255).toString(16).padStart(2, '0')}`,
    scope: 'container',
    workload: WORKLOADS[n],
    names: [],
    geo: undefined,
    attribution: { method: 'mac+ip', confidence: 'certain' },
  };
}

const outside = (i: number, port: number, fields: Partial<Endpoint> = {}): Endpoint =>
  address(`198.${18 + ((i >> 16) & 1)}.${(i >> 8) & 255}.${i & 255}`, 'internet', { port, ...fields });

/** What begins at `i`, by kind of traffic; the ports and places are those that detectors look at. */
const KINDS: readonly ((i: number) => Partial<FlowRecord> & Pick<FlowRecord, 'orig' | 'resp'>)[] = [
  (i) => ({
    orig: member(i),
    resp: outside(i, 443),
    network: BACK,
    service: 'tls',
    serverName: `a${i}.site-${i}.com`,
  }),
  (i) => ({ orig: member(i), resp: outside(i, 4444), network: BACK }),
  (i) => ({ orig: member(i, '10.7'), resp: outside(i, 443), network: INNER }),
  (i) => ({ orig: outside(i, 40_000), resp: { ...member(i, '10.7'), port: 5432 }, network: INNER }),
  (i) => ({ orig: member(i), resp: { ...member(i + 1, '172.31'), port: 5432 }, network: FRONT }),
  (i) => ({
    orig: member(i),
    resp: address('172.30.0.1', 'gateway', { port: [22, 9100, 6443][i % 3]! }),
    network: BACK,
  }),
  (i) => ({ orig: outside(i, 40_000), resp: { ...member(i), port: 8443 }, network: BACK }),
  (i) => ({
    orig: member(i),
    resp: address('169.254.169.254', 'lan', { port: 80 }),
    network: BACK,
    service: 'http',
  }),
  (i) => ({ orig: member(i), resp: { ...member(i + 7), port: 2375 }, network: BACK, service: 'http' }),
  (i) => ({ orig: member(i), resp: { ...member(i + 9), port: 22 }, network: BACK, service: 'ssh' }),
  (i) => ({ orig: member(i), resp: outside(i, 3333), network: BACK, service: 'stratum' }),
  (i) => ({
    orig: member(i),
    resp: outside(i, 853),
    network: BACK,
    service: 'tls',
    serverName: 'dns.google',
  }),
  (i) => ({ orig: member(i), resp: { ...member(i + 11), port: 1 + (i % 60_000) }, network: BACK }),
];

function tellFlows(runner: AnalyzerRunner): void {
  for (let i = 0; i < FLOWS * KINDS.length; i++) {
    const n = Math.floor(i / KINDS.length);
    const kind = i % KINDS.length;
    const start = secs(i / FLOWS_A_SECOND);
    // The last kind is scanned, and refuses.
    const isRefused = kind === KINDS.length - 1;
    const begun = flow({ start, ...KINDS[kind]!(n), origBytes: 60, communityId: `1:${i}` });
    runner.tick(start);
    runner.flowStart(begun);
    const talked: FlowRecord = {
      ...begun,
      end: start + 1000,
      respPackets: isRefused ? 1 : 12,
      respBytes: isRefused ? 40 : 2000,
      origBytes: 5000,
      connState: isRefused ? 'REJ' : 'SF',
      history: isRefused ? 'Sr' : 'ShADadFf',
      reason: 'answered',
    };
    runner.flowAnswered(talked);
    if (begun.service !== undefined) runner.flowRecognized({ ...talked, reason: 'active' });
    runner.flowActive({ ...talked, reason: 'active' });
    // The others go on without end; those that few detectors follow have one, for whoever waits for it.
    if (isRefused || kind === 1) runner.flowEnd({ ...talked, reason: 'closed' });
    if (kind === 3) runner.login({ time: start, flow: talked, method: 'ftp-pass' });
    if (kind === 1) tellEcho(runner, talked, n);
  }
}

function tellEcho(runner: AnalyzerRunner, { orig, resp, start, network: on }: FlowRecord, i: number): void {
  const ping = flow({
    start,
    orig,
    resp,
    network: on,
    protocol: 'icmp',
    history: 'Dd',
    icmp: { type: 8, code: 0 },
  });
  runner.echo({
    time: start,
    flow: ping,
    requests: 20,
    replies: 20,
    alteredReplies: 5,
    unaskedReplies: 2,
    oddPayloads: 20,
    oddBytes: 2000 + i,
    payloadSizes: 8,
    repeatedSequences: 0,
  });
}

/** Each client asks for zones without end; some answers lie inside, some names do not exist. */
function tellDns(runner: AnalyzerRunner): void {
  const server = address('198.51.100.53', 'internet', { port: 53 });
  for (let i = 0; i < LOOK_UPS; i++) {
    const client = member(i);
    const time = secs((FLOWS * KINDS.length) / FLOWS_A_SECOND + i / FLOWS_A_SECOND);
    const zone = `zone-${Math.floor(i / 2)}`;
    const labels = i % 7 === 6 ? [`h${i}`, zone, 'internal'] : [`host-${i}`, zone, 'com'];
    const isMissing = i % 7 === 5;
    const inside = `172.30.${16 + (i % 16)}.${1 + (i % 250)}`;
    const answers = isMissing
      ? []
      : [i % 7 === 4 ? inside : `198.${18 + (i % 2)}.${(i >> 8) & 255}.${i & 255}`];
    const fields = {
      labels,
      client,
      server: i % 50 === 0 ? outside(i, 53) : server,
      time,
      network: BACK,
      rtt: 1000,
    };
    runner.tick(time);
    for (const event of lookUp(fields, isMissing ? 'NXDOMAIN' : 'NOERROR', answers)) {
      if (event.on === 'dns-query') runner.dnsQuery(event.query);
      else if (event.on === 'dns') runner.dns(event.record);
    }
    if (i % 20 === 0)
      runner.notDns({
        time,
        client,
        server: outside(i, 53),
        network: BACK,
        transport: 'udp',
        fromClient: true,
        bytes: 200,
      });
  }
  // As long as they live: the collector must not take what is only read by the next question.
  for (const event of [askEvent({ labels: ['last', 'example', 'com'] })]) {
    if (event.on === 'dns-query') runner.dnsQuery(event.query);
  }
}

function tellNeighbours(runner: AnalyzerRunner): void {
  for (let i = 0; i < ADDRESSES; i++) {
    const time = secs(20_000 + i / FLOWS_A_SECOND);
    const sender = member(i);
    const mac = sender.mac!;
    const asked = asksFor(sender, `172.30.${200 + ((i >> 8) & 31)}.${i & 255}`, time);
    runner.tick(time);
    if (asked.on === 'neighbor-request') runner.neighborRequest(asked.request);
    const claim = {
      time,
      network: BACK,
      interface: 'br-000000000001',
      routers: [sender.ip],
      resolvers: [],
      count: 1,
    };
    runner.routerClaim({
      ...claim,
      protocol: i % 2 === 0 ? 'dhcp' : 'router-advertisement',
      sender,
      prefixes: [],
    });
    const spoof = {
      kind: 'spoof' as const,
      time,
      network: 'back',
      interface: 'br-000000000001',
      count: 1,
      first: time,
    };
    const names = { sender: sender.workload, holder: WORKLOADS[(i + 1) % CONTAINERS], target: '172.30.0.1' };
    const ip = `172.30.${(i >> 8) & 255}.${i & 255}`;
    runner.spoof({
      ...spoof,
      ...names,
      ip,
      mac,
      mismatch: 'ip-of-another',
      layer: i % 2 === 0 ? 'arp' : 'ip',
    });
    runner.noRoute(noRoute({ subject: sender, time }));
  }
}

interface Filled {
  readonly map: string;
  readonly size: () => number;
  readonly maxKeys: number;
}

/** The analyzer with its bounded maps written down as they are made. */
function observed(definition: AnalyzerDefinition, filled: Filled[]): AnalyzerDefinition {
  return {
    ...definition,
    create: (ctx, config) =>
      definition.create(
        {
          ...ctx,
          boundedMap: (options) => {
            const map: BoundedMap<never> = ctx.boundedMap(options);
            filled.push({
              map: `${definition.id}.${options.name}`,
              size: () => map.size,
              maxKeys: options.maxKeys,
            });
            return map;
          },
        },
        config,
      ),
  };
}

interface Held {
  readonly bytes: number;
  readonly filled: readonly Filled[];
}

function heldBy(definitions: readonly AnalyzerDefinition[]): Held {
  const filled: Filled[] = [];
  collect();
  const before = process.memoryUsage();
  const runner = new AnalyzerRunner({
    analyzers: definitions.map((definition) => ({
      definition: observed(definition, filled),
      config: definition.config.parse({}),
    })),
    findings: { report: () => {}, isOpen: () => true },
    surroundings: AROUND,
    onLoss: () => {},
    onFailure: ({ error }) => {
      throw error;
    },
  });
  tellFlows(runner);
  tellDns(runner);
  tellNeighbours(runner);
  collect();
  const after = process.memoryUsage();
  runner.tick(secs(100_000));
  const bytes = after.heapUsed - before.heapUsed + (after.arrayBuffers - before.arrayBuffers);
  return { bytes, filled };
}

const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);

/** MB that all hold together. */
export function measureHeld(): number {
  const all = heldBy(analyzers);
  console.log(`\nheap after a collection, analyzers at their bounds: all together ${mb(all.bytes)} MB`);
  for (const { map, size, maxKeys } of all.filled) {
    if (size() < maxKeys) console.log(`  not full: ${map} ${size()} of ${maxKeys}`);
  }
  return all.bytes / 1e6;
}

/** What each holds by itself: an analyzer more, a line more; some minutes. */
function tellEach(): void {
  for (const definition of analyzers) {
    const { bytes, filled } = heldBy([definition]);
    const maps = filled.map(({ map, size, maxKeys }) => {
      const name = map.slice(definition.id.length + 1);
      return `${name} ${size()}${size() < maxKeys ? ` of ${maxKeys}` : ''}`;
    });
    console.log(`  ${definition.id.padEnd(22)} ${mb(bytes).padStart(6)} MB  ${maps.join(', ')}`);
  }
}

if (process.argv.includes('--each')) tellEach();
else if (process.argv[1]?.endsWith('analyzers-memory.ts') === true) {
  const target: Target = { what: 'all analyzers at their bounds, MB', value: measureHeld(), atMost: 60 };
  console.log(`\n  ${targetText(target)}`);
  process.exitCode = isMet(target) ? 0 : 1;
}
