/**
 * Runs one analyzer over records as the agent would, with a real runner and a real findings manager, and hands back
 * everything it said. No test framework in here: test/support/analyzer-tester.ts turns lists of cases into tests.
 */
import type { BlockedRecord } from '../../model/blocked.ts';
import type { FlowBurst } from '../../model/burst.ts';
import type { CaptureTally } from '../../model/capture-tally.ts';
import type { DnsRecord } from '../../model/dns.ts';
import type { EchoTally } from '../../model/echo.ts';
import type { Finding } from '../../model/finding.ts';
import type { FlowRecord } from '../../model/flow.ts';
import { cidrContains, type IpWords, parseCidr, parseIp } from '../../model/ip.ts';
import type { LearnedRecord } from '../../model/learned.ts';
import type { ListenerRecord } from '../../model/listener.ts';
import type { CleartextLogin } from '../../model/login.ts';
import type { NeighborRequest, RouterClaim } from '../../model/neighbor.ts';
import type { Network, Workload } from '../../model/network.ts';
import { openingOf } from '../../model/opening.ts';
import type { OverlayTraffic } from '../../model/overlay.ts';
import type { LossRecord, NoRouteRecord } from '../../model/record.ts';
import type { SpoofRecord } from '../../model/spoof.ts';
import type { ClockStep, Micros } from '../../model/time.ts';
import { findingsConfig } from '../findings/config.ts';
import { FindingManager } from '../findings/manager.ts';
import type { AnalyzerDefinition, DnsQuery, NotDns, Surroundings, ThreatMatch, Threats } from './analyzer.ts';
import { type AnalyzerFailure, AnalyzerRunner, type FlowEvent } from './runner.ts';

/** What happened, in order. Time advances by the records' own times, and by `tick`. */
export type AnalyzerEvent =
  | {
      readonly on: 'flow-start' | 'flow-answered' | 'flow-recognized' | 'flow-active' | 'flow-end';
      readonly flow: FlowRecord;
    }
  | { readonly on: 'dns'; readonly record: DnsRecord }
  | { readonly on: 'dns-query'; readonly query: DnsQuery }
  | { readonly on: 'not-dns'; readonly event: NotDns }
  | { readonly on: 'no-route'; readonly record: NoRouteRecord }
  | { readonly on: 'blocked'; readonly record: BlockedRecord }
  | { readonly on: 'listener'; readonly record: ListenerRecord }
  | { readonly on: 'spoof'; readonly record: SpoofRecord }
  | { readonly on: 'neighbor-request'; readonly request: NeighborRequest }
  | { readonly on: 'router-claim'; readonly claim: RouterClaim }
  | { readonly on: 'overlay'; readonly traffic: OverlayTraffic }
  | { readonly on: 'echo'; readonly echo: EchoTally }
  | { readonly on: 'login'; readonly login: CleartextLogin }
  | { readonly on: 'burst'; readonly burst: FlowBurst }
  | { readonly on: 'capture'; readonly tally: CaptureTally }
  | { readonly on: 'loss'; readonly record: LossRecord }
  | { readonly on: 'clock-set'; readonly step: ClockStep }
  /** The inventory knows this beside the networks of the flows; published ports and listeners are not known until it comes. */
  | {
      readonly on: 'inventory';
      readonly networks?: readonly Network[];
      readonly published?: readonly PublishedByTest[];
      readonly listening?: readonly ListeningInTest[];
    }
  /** The operator's lists are these from now on; none is loaded before. */
  | { readonly on: 'threats'; readonly threats: Threats }
  | { readonly on: 'tick'; readonly now: Micros };

export interface PublishedByTest {
  readonly workload: Workload;
  readonly protocol: string;
  readonly hostPort: number;
  readonly containerPort: number;
}

export interface ListeningInTest {
  readonly workload: Workload;
  readonly protocol: string;
  readonly port: number;
}

export interface AnalyzerRun {
  /** Every record of every finding, in order. */
  readonly findings: readonly Finding[];
  /** The last record of each finding; of one that was reopened, one for each time that it was open. */
  readonly final: readonly Finding[];
  readonly losses: readonly LossRecord[];
  readonly failures: readonly AnalyzerFailure[];
  /** What the next run is given, as the station would. */
  readonly learned: readonly LearnedRecord[];
}

/** As many as the configuration allows. */
const NO_STORM = 100_000;

export function runAnalyzer(
  definition: AnalyzerDefinition,
  events: Iterable<AnalyzerEvent>,
  options: Readonly<Record<string, unknown>> = {},
  /** Called for every record of a finding, while the events go on. */
  onFinding: (finding: Finding) => void = () => {},
  /** `learned` of a run before. */
  history: readonly LearnedRecord[] = [],
): AnalyzerRun {
  const findings: Finding[] = [];
  const losses: LossRecord[] = [];
  const failures: AnalyzerFailure[] = [];
  const learned = new Map(
    history.map((record) => [JSON.stringify([record.analyzer, record.map, record.key]), record]),
  );
  const manager = new FindingManager({
    // What an analyzer reports is judged here, not how much of it is told.
    config: findingsConfig.parse({ storm_per_minute: NO_STORM, storm_total_per_minute: NO_STORM }),
    onFinding: (finding) => {
      findings.push(finding);
      onFinding(finding);
    },
    onLoss: (loss) => losses.push(loss),
  });
  const around = new SurroundingsOfTest();
  const threats = new ThreatsOfTest();
  const runner = new AnalyzerRunner({
    analyzers: [{ definition, config: definition.config.parse(options) }],
    findings: manager,
    onLoss: (loss) => losses.push(loss),
    onFailure: (failure) => failures.push(failure),
    surroundings: around,
    threats,
    memory: {
      learned: history,
      remember: (record) => {
        const key = JSON.stringify([record.analyzer, record.map, record.key]);
        learned.delete(key);
        // As it comes back from a database.
        if (record.value !== undefined) learned.set(key, JSON.parse(JSON.stringify(record)));
      },
    },
  });
  let now: Micros = 0;
  for (const event of events) {
    if (event.on === 'clock-set') {
      runner.clockSet(event.step);
      manager.clockSet(event.step);
      now = event.step.to;
      continue;
    }
    if (event.on === 'threats') {
      threats.current = event.threats;
      continue;
    }
    if (event.on === 'inventory') {
      around.learn(event.networks ?? [], event.published, event.listening);
      continue;
    }
    if ('flow' in event && event.flow.network !== undefined) around.learn([event.flow.network]);
    now = Math.max(now, timeOf(event));
    runner.tick(now);
    manager.tick(now);
    deliver(runner, event);
  }
  runner.finish(now);
  manager.finish();
  return { findings, final: lastOfEach(findings), losses, failures, learned: [...learned.values()] };
}

/** By the first record of each, as the findings themselves. */
function lastOfEach(findings: readonly Finding[]): Finding[] {
  const last = new Map<string, Finding>();
  const times = new Map<string, number>();
  for (const finding of findings) {
    if (finding.status === 'reopened') times.set(finding.id, (times.get(finding.id) ?? 0) + 1);
    last.set(`${finding.id} ${times.get(finding.id) ?? 0}`, finding);
  }
  return [...last.values()];
}

/** Lists are configured, and none is loaded until the test says so. */
class ThreatsOfTest implements Threats {
  readonly isConfigured = true;
  current: Threats | undefined;

  get hasAddresses(): boolean {
    return this.current?.hasAddresses ?? false;
  }

  get hasNames(): boolean {
    return this.current?.hasNames ?? false;
  }

  listsAddress(ip: IpWords): boolean {
    return this.current?.listsAddress(ip) ?? false;
  }

  listsName(name: string): boolean {
    return this.current?.listsName(name) ?? false;
  }

  ofAddress(ip: IpWords): ThreatMatch | undefined {
    return this.current?.ofAddress(ip);
  }

  ofName(name: string): ThreatMatch | undefined {
    return this.current?.ofName(name);
  }
}

class SurroundingsOfTest implements Surroundings {
  readonly #networks = new Map<string, Network>();
  #published: readonly PublishedByTest[] | undefined;
  #listening: readonly ListeningInTest[] | undefined;

  learn(
    networks: readonly Network[],
    published?: readonly PublishedByTest[],
    listening?: readonly ListeningInTest[],
  ): void {
    for (const network of networks) this.#networks.set(network.id, network);
    if (published !== undefined) this.#published = published;
    if (listening !== undefined) this.#listening = listening;
  }

  networkAt(ip: IpWords): Network | undefined {
    const holds = ({ subnets }: Network): boolean =>
      subnets.some((subnet) => cidrContains(parseCidr(subnet)!, ip));
    return [...this.#networks.values()].find(holds);
  }

  isPublished(containerId: string, protocol: string, port: number | undefined): boolean | undefined {
    return this.#published?.some(
      (each) =>
        each.workload.containerId === containerId &&
        each.protocol === protocol &&
        each.containerPort === port,
    );
  }

  listensAt(containerId: string, protocol: string, port: number | undefined): boolean | undefined {
    return this.#listening?.some(
      (each) => each.workload.containerId === containerId && each.protocol === protocol && each.port === port,
    );
  }

  publisherOf(protocol: string, _hostIp: string, hostPort: number | undefined): Workload | undefined {
    return this.#published?.find((each) => each.protocol === protocol && each.hostPort === hostPort)
      ?.workload;
  }
}

type Timed = Exclude<AnalyzerEvent, { on: 'clock-set' | 'inventory' | 'threats' }>;

function deliver(runner: AnalyzerRunner, event: Timed): void {
  switch (event.on) {
    case 'flow-start':
      if (isChosen(runner, 'flowStart', event.flow)) runner.flowStart(event.flow);
      break;
    case 'flow-answered':
      if (isChosen(runner, 'flowAnswered', event.flow)) runner.flowAnswered(event.flow);
      break;
    case 'flow-recognized':
      if (isChosen(runner, 'flowRecognized', event.flow)) runner.flowRecognized(event.flow);
      break;
    case 'flow-active':
      if (isChosen(runner, 'flowActive', event.flow)) runner.flowActive(event.flow);
      break;
    case 'flow-end':
      if (isChosen(runner, 'flowEnd', event.flow)) runner.flowEnd(event.flow);
      break;
    case 'dns':
      runner.dns(event.record);
      break;
    case 'dns-query':
      runner.dnsQuery(event.query);
      break;
    case 'not-dns':
      runner.notDns(event.event);
      break;
    case 'no-route':
      runner.noRoute(event.record);
      break;
    case 'blocked':
      runner.blocked(event.record);
      break;
    case 'listener':
      runner.listener(event.record);
      break;
    case 'spoof':
      runner.spoof(event.record);
      break;
    case 'neighbor-request':
      runner.neighborRequest(event.request);
      break;
    case 'router-claim':
      runner.routerClaim(event.claim);
      break;
    case 'overlay':
      runner.overlay(event.traffic);
      break;
    case 'echo':
      runner.echo(event.echo);
      break;
    case 'login':
      runner.login(event.login);
      break;
    case 'burst':
      runner.burst(event.burst);
      break;
    case 'capture':
      runner.capture(event.tally);
      break;
    case 'loss':
      runner.loss(event.record);
      break;
    case 'tick':
      break;
  }
}

const GLANCE_OF = {
  flowStart: 'start',
  flowAnswered: 'answered',
  flowRecognized: 'recognized',
  flowActive: 'active',
  flowEnd: 'end',
} as const;

/** As the pipeline asks before it makes a record; the other interests the runner looks at itself. */
function isChosen(runner: AnalyzerRunner, event: FlowEvent, flow: FlowRecord): boolean {
  if (runner.wants[event] !== 'chosen') return true;
  const { orig, resp, protocol, service, serverName, network } = flow;
  return runner.choosesFlow(event, {
    event: GLANCE_OF[event],
    protocol,
    origWords: parseIp(orig.ip)!,
    respWords: parseIp(resp.ip)!,
    respPort: resp.port,
    opening: openingOf(flow),
    service,
    serverName,
    isInternal: network?.internal === true,
    mayHaveContainer: true,
    mayCross: orig.scope === 'internet' || resp.scope === 'internet',
    respScope: resp.scope,
  });
}

function timeOf(event: Timed): Micros {
  switch (event.on) {
    case 'flow-start':
      return event.flow.start;
    case 'flow-answered':
    case 'flow-recognized':
    case 'flow-active':
    case 'flow-end':
      return event.flow.end;
    case 'dns':
    case 'no-route':
    case 'blocked':
    case 'listener':
    case 'spoof':
    case 'loss':
      return event.record.time;
    case 'dns-query':
      return event.query.time;
    case 'not-dns':
      return event.event.time;
    case 'neighbor-request':
      return event.request.time;
    case 'router-claim':
      return event.claim.time;
    case 'overlay':
      return event.traffic.time;
    case 'echo':
      return event.echo.time;
    case 'login':
      return event.login.time;
    case 'burst':
      return event.burst.end;
    case 'capture':
      return event.tally.last;
    case 'tick':
      return event.now;
  }
}
