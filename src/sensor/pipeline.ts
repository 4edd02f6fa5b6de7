/**
 * The one loop: frames in, records out. Per packet it decodes, counts into the flow table and looks at DNS; nothing
 * else, no string, no promise. Records are made only for events that somebody listens to. Packet time drives
 * everything here; the wall clock does not exist.
 */
import type { FrameBatch } from '../../capture/source.ts';
import type { DnsRecord } from '../model/dns.ts';
import { type IpWords, parseIp } from '../model/ip.ts';
import { type MetricFamily, samplesBy } from '../model/metric.ts';
import { metric } from '../model/metric-catalogue.ts';
import type { Network } from '../model/network.ts';
import type { AgentRecord } from '../model/record.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../model/time.ts';
import type { FlowGlance, FlowInterest } from './analysis/analyzer.ts';
import type { AnalyzerRunner, FlowEvent } from './analysis/runner.ts';
import { BurstIntake, type DualHomed } from './bursts/intake.ts';
import type { DnsConfig, FlowsConfig } from './config.ts';
import { ContentIntake } from './content/intake.ts';
import { isNeighborDiscovery } from './decode/ndp.ts';
import { LAYER, PacketView } from './decode/packet-view.ts';
import { isInNamespace } from './dns/conversation.ts';
import type { ExpectedTaps } from './dns/expected-taps.ts';
import { DnsIntake } from './dns/intake.ts';
import { hasDnsPort } from './dns/ports.ts';
import type { FindingManager } from './findings/manager.ts';
import { WARM_AT_ONCE } from './flow/key.ts';
import { FLOW_EVENT, type FlowEnd, FlowTable } from './flow/table.ts';
import type { AddressNames, NatUnfolder, OutsideNames, SocketOwners } from './flow-facts.ts';
import { FlowGlancer } from './flow-glance.ts';
import { FlowRecords } from './flow-records.ts';
import { allocateHuge } from './huge-memory.ts';
import { EchoIntake } from './icmp/echo-intake.ts';
import { LoginWatch } from './logins/login-watch.ts';
import { NeighborIntake } from './neighbors/intake.ts';
import { OverlayIntake } from './overlays/intake.ts';
import { RouterIntake } from './routers/intake.ts';
import type { SourceWatch } from './source-check.ts';
import { createTap, type Tap } from './taps/tap.ts';
import { TapCounters } from './taps/tap-counters.ts';
import { TrafficRollup } from './traffic-rollup.ts';

export interface PipelineOptions {
  readonly flows: FlowsConfig;
  readonly dns: DnsConfig;
  readonly names: AddressNames;
  readonly nat?: NatUnfolder | undefined;
  readonly outside?: OutsideNames | undefined;
  readonly sockets?: SocketOwners | undefined;
  /** Looks at who sends: at new flows, ARP and neighbour discovery only. */
  readonly sources?: SourceWatch | undefined;
  /** For taps of files, which may belong to no network: the one network on which a container has this MAC. */
  readonly networkOfMac?: ((tap: Tap, mac: string) => Network | undefined) | undefined;
  /** Containers whose DNS is about to be read in their own namespace. */
  readonly expectedTaps?: ExpectedTaps | undefined;
  /** The containers through which an internal network has a way out. */
  readonly dualHomed?: DualHomed | undefined;
  /** Packet time jumped: somebody set the clock. */
  readonly onClockSet?: (() => void) | undefined;
  readonly runner: AnalyzerRunner;
  readonly findings: FindingManager;
  readonly emit: (record: AgentRecord) => void;
  /** Bulk records that somebody takes; what nobody takes is not made. */
  readonly wants: { readonly flows: boolean; readonly dns: boolean; readonly traffic: boolean };
  /** Of the flow table's hash: random when live, fixed for replays. */
  readonly seed: number;
}

const ignoreDelta = (): void => {};
/** A clock that was set back further than this is followed; less is reordering between taps. */
const CLOCK_SET_BACK = 10 * MICROS_PER_SECOND;
/** A live agent is told of each second: a longer leap is a clock that was set, or a machine that slept. */
const CLOCK_SET_AHEAD = 60 * MICROS_PER_SECOND;

/**
 * Flows of an address that was given back end this much later: taps deliver in turns, so its last packets may come
 * after later ones of another bridge. Nobody can use the address again sooner; a container takes longer to start.
 */
const RELEASE_GRACE = 150_000;

/** Flows of an ended tap that end together: some 40 ms of records. The others follow, as many each second. */
const ENDED_AT_ONCE = 4096;

/** What a claim to be a router may come in. */
const ROUTER_LAYERS = LAYER.ICMP | LAYER.ICMPV6 | LAYER.UDP;

const GLANCE_OF: Readonly<Record<FlowEvent, FlowGlance['event']>> = {
  flowStart: 'start',
  flowAnswered: 'answered',
  flowRecognized: 'recognized',
  flowActive: 'active',
  flowEnd: 'end',
};

interface Release {
  readonly networkId: string;
  readonly ips: readonly IpWords[];
  at: Micros;
}

export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #table: FlowTable;
  readonly #records: FlowRecords;
  readonly #glancer: FlowGlancer;
  readonly #content: ContentIntake;
  /** Absent where nobody wants to hear of logins. */
  readonly #logins: LoginWatch | undefined;
  readonly #dns: DnsIntake;
  readonly #echoes: EchoIntake;
  /** Absent where nobody can say which containers are dual-homed. */
  readonly #bursts: BurstIntake | undefined;
  readonly #neighbors: NeighborIntake;
  readonly #routers: RouterIntake;
  readonly #overlays: OverlayIntake;
  readonly #rollup: TrafficRollup;
  readonly #taps = new Set<Tap>();
  // The group of packets at hand, decoded and not yet counted.
  readonly #views = Array.from({ length: WARM_AT_ONCE }, () => new PacketView());
  readonly #times = new Float64Array(WARM_AT_ONCE);
  readonly #tapIndexes = new Int32Array(WARM_AT_ONCE);
  readonly #counters: TapCounters;
  #nextTapIndex = 0;
  #now: Micros = 0;
  /** In a file a long gap is a quiet time; live there is none. */
  #isLive = false;
  /** When packet time has to stop and look: at the next whole tick, or sooner at a release. */
  #nextTick: Micros = 0;
  #nextSecond: Micros = 0;
  #releases: Release[] = [];
  /** Taps that have ended and still have flows. */
  readonly #ending: number[] = [];
  #rollupStart: Micros = 0;
  readonly #lossesTold = new Map<string, number>();
  packets = 0;
  /** Bytes on the wire. */
  bytes = 0;
  first: Micros | undefined;

  constructor(options: PipelineOptions) {
    const { flows } = options;
    this.#options = options;
    this.#table = new FlowTable(
      { onEnd: (slot, reason) => this.#onFlowEnd(slot, reason) },
      {
        maxFlows: flows.max_flows,
        activeTimeoutSecs: flows.active_secs,
        tcpEstablishedSecs: flows.tcp_idle_secs,
        datagramAnsweredSecs: flows.udp_idle_secs,
        seed: options.seed,
        allocate: allocateHuge,
      },
    );
    this.#content = new ContentIntake({
      maxFlows: this.#table.maxFlows,
      lacksBytes: (slot, fromOrig) => this.#table.lacksBytes(slot, fromOrig),
      closeContent: (slot) => this.#onContentDecided(slot),
    });
    this.#logins = options.runner.wants.login ? this.#watchLogins() : undefined;
    this.#records = new FlowRecords(this.#table, {
      names: options.names,
      nat: options.nat,
      outside: options.outside,
      sockets: options.sockets,
      content: this.#content,
    });
    this.#glancer = new FlowGlancer(this.#table, this.#records, this.#content);
    this.#rollup = new TrafficRollup(flows.max_edges);
    this.#dns = new DnsIntake({
      config: options.dns,
      names: options.names,
      expectedTaps: options.expectedTaps,
      endsOf: (slot) => this.#records.plainEnds(slot),
      flowNumber: (slot) => this.#table.number(slot),
      onQuestion: (query) => options.runner.dnsQuery(query),
      onAnswered: (record) => options.outside?.learn(record),
      onRecord: (record) => this.#onDnsRecord(record),
      onNotDns: (event) => options.runner.notDns(event),
      wants: options.runner.wants,
    });
    this.#echoes = new EchoIntake({
      recordOf: (slot) => this.#records.record(slot, 'active'),
      onTally: (tally) => options.runner.echo(tally),
      seed: options.seed,
    });
    if (options.dualHomed !== undefined) this.#bursts = this.#watchBursts(options.dualHomed);
    this.#neighbors = new NeighborIntake({
      names: options.names,
      networkAmong: (tap, a, b) => this.#records.networkAmong(tap, a, b),
      onRequest: (request) => options.runner.neighborRequest(request),
    });
    this.#routers = new RouterIntake({
      names: options.names,
      networkAmong: (tap, a, b) => this.#records.networkAmong(tap, a, b),
      networkOfMac: options.networkOfMac,
      onClaim: (claim) => options.runner.routerClaim(claim),
    });
    this.#overlays = new OverlayIntake({
      names: options.names,
      onTraffic: (traffic) => options.runner.overlay(traffic),
    });
    this.#counters = new TapCounters(options.emit);
  }

  /** The latest packet time seen. */
  get now(): Micros {
    return this.#now;
  }

  get flowsSeen(): number {
    return this.#table.created;
  }

  /** DNS questions seen, retransmissions aside. */
  get dnsQuestions(): number {
    return this.#dns.questions;
  }

  setNetworks(networks: readonly Network[]): void {
    this.#records.setNetworks(networks);
    this.#overlays.setNetworks(networks);
    this.#bursts?.refresh();
  }

  /** An endpoint gave these addresses back: what comes from them later is another's, so their flows end here. */
  addressesReleased(networkId: string, ips: readonly string[], time: Micros): void {
    const words = ips.map((ip) => parseIp(ip)).filter((ip) => ip !== undefined);
    const at = time + RELEASE_GRACE;
    this.#releases.push({ networkId, ips: words, at });
    this.#wakeAt(at);
  }

  /** A source of frames begins; the handle goes with each of its batches. */
  attach(tap: Omit<Tap, 'decoder' | 'index'>): Tap {
    const attached = createTap({ ...tap, index: this.#nextTapIndex++ });
    this.#taps.add(attached);
    this.#records.addTap(attached);
    this.#dns.beginTap(attached);
    return attached;
  }

  /**
   * A source has ended: what its decoder counted is kept, the decoder is not. Its flows end now, since nobody would see
   * them end.
   */
  detach(tap: Tap): void {
    if (!this.#taps.delete(tap)) return;
    this.#counters.retire(this.#now, tap);
    this.#records.endTap(tap);
    this.#dns.endTap(tap);
    this.#wakeAt(this.#dns.due);
    // Nothing of it is in the flow table.
    if (tap.vantage === 'container') return;
    this.#ending.push(tap.index);
    this.#endFlowsOfTaps(ENDED_AT_ONCE);
  }

  /** Frames of `taps`, by the batch's interface index. The batch is borrowed for the call. */
  onBatch(batch: FrameBatch, taps: readonly Tap[]): void {
    if (batch.count === 0) return;
    if (this.first === undefined) this.#begin(timeOf(batch, 0));
    for (let from = 0; from < batch.count; ) {
      const to = this.#decodeGroup(batch, from, taps);
      const count = to - from;
      if (count > 1) this.#table.warm(this.#views, count, this.#tapIndexes);
      for (let i = 0; i < count; i++) {
        const tap = taps[batch.ifIndex[from + i]!]!;
        this.#onPacket(batch.data, this.#views[i]!, tap, this.#times[i]!);
      }
      from = to;
    }
    this.packets += batch.count;
  }

  /**
   * Decodes the next frames, so many that their flows can be fetched together, and tells where it stopped. Packet time
   * passes before the first of a group only: a group ends where a tick is due.
   */
  #decodeGroup(batch: FrameBatch, from: number, taps: readonly Tap[]): number {
    const { data, offset, capLen, wireLen, ifIndex } = batch;
    const end = Math.min(from + WARM_AT_ONCE, batch.count);
    for (let i = from; i < end; i++) {
      const time = this.#timeIn(batch, i);
      if (time < this.#now - CLOCK_SET_BACK || time >= this.#nextTick) {
        if (i > from) return i;
        if (this.#isClockSet(time)) this.#setClock(time);
        this.#tick(time);
      }
      if (time > this.#now) this.#now = time;
      const tap = taps[ifIndex[i]!]!;
      const view = this.#views[i - from]!;
      this.#times[i - from] = time;
      this.#tapIndexes[i - from] = tap.index;
      this.bytes += wireLen[i]!;
      tap.decoder.decode(data, offset[i]!, capLen[i]!, wireLen[i]!, tap.linkType, view);
    }
    return end;
  }

  /** Lets packet time pass without packets: a live agent calls it, a replay never does. */
  advanceTo(time: Micros): void {
    this.#isLive = true;
    if (this.first === undefined) this.#begin(time);
    if (this.#isClockSet(time)) this.#setClock(time);
    if (time < this.#nextTick) return;
    this.#table.advance(time);
    this.#tick(time);
    this.#now = Math.max(this.#now, time);
  }

  /** Every tap has been read up to this packet time: a live agent says so, since its taps deliver in turns. */
  heardUpTo(time: Micros): void {
    this.#dns.heardUpTo(time);
  }

  /** Input has ended: flows and questions still open are recorded, pending decisions taken. */
  finish(): void {
    const { runner, wants } = this.#options;
    this.#endFlowsOfTaps(Number.POSITIVE_INFINITY);
    // Visiting every flow costs microseconds each; where nobody asked about their ends, they just end.
    this.#echoes.finish();
    this.#bursts?.finish();
    if (wants.traffic || wants.flows || this.#mayConcern(runner.wants.flowEnd)) this.#table.flush('shutdown');
    this.#dns.flush();
    this.#options.sources?.finish(this.#now);
    this.#endRollup(this.#now);
    this.#counters.report(this.#now, this.#taps);
    runner.finish(this.#now);
    this.#options.findings.finish();
  }

  /** Totals by anomaly code, and by what was not understood. */
  totals(): ReturnType<TapCounters['totals']> {
    return this.#counters.totals(this.#taps);
  }

  metrics(): MetricFamily[] {
    const table = this.#table;
    return [
      metric('bridgewatch_active_flows', table.size),
      metric('bridgewatch_flow_table_capacity', table.maxFlows),
      metric('bridgewatch_flows_total', table.created),
      metric('bridgewatch_evicted_flows_total', table.evicted),
      metric('bridgewatch_dns_questions_total', this.#dns.questions),
      metric('bridgewatch_dns_pending_questions', this.#dns.kept),
      metric(
        'bridgewatch_anomalies_total',
        samplesBy('code', Object.entries(this.#counters.anomalies(this.#taps))),
      ),
    ];
  }

  #begin(time: Micros): void {
    this.first = time;
    this.#now = time;
    this.#rollupStart = time;
    this.#nextSecond = time + MICROS_PER_SECOND;
    this.#nextTick = this.#nextSecond;
  }

  #onPacket(data: DataView, view: PacketView, tap: Tap, time: Micros): void {
    if (tap.vantage !== 'bridge' && isInNamespace(tap, view)) {
      this.#dns.onNamespacePacket(data, view, time, tap);
      this.#wakeAt(this.#dns.due);
      return;
    }
    // A container's own VXLAN on a bridge is no overlay of the engine's.
    if (
      (view.layers & LAYER.INNER) !== 0 &&
      view.inner!.vni >= 0 &&
      (tap.isUplink === true || tap.vantage === 'file')
    )
      this.#overlays.onPacket(view, tap, time);
    if (tap.isUplink === true) return;
    const table = this.#table;
    const slot = table.observe(view, time, tap.index);
    if (slot >= 0) {
      const events = table.events;
      if (events !== 0) {
        this.#onFlowEvents(slot, events, data, view, time);
        if ((events & FLOW_EVENT.NEW) !== 0 && !isNeighborDiscovery(view))
          this.#options.sources?.onFlow(view, tap, time);
      }
      if (this.#bursts?.isNeeded === true) this.#bursts.onPacket(view, time, slot, table.fromOrig);
      if (isNeighborDiscovery(view)) this.#options.sources?.onNeighbor(data, view, tap, time);
      if ((view.layers & LAYER.PORTS) !== 0 && hasDnsPort(view)) {
        this.#dns.onPacket(data, view, time, tap, slot, table.fromOrig);
        this.#wakeAt(this.#dns.due);
      }
      if ((view.layers & (LAYER.ICMP | LAYER.ICMPV6)) !== 0 && this.#options.runner.wants.echo) {
        this.#echoes.onPacket(data, view, time, slot, (events & FLOW_EVENT.NEW) !== 0);
      }
    } else if ((view.layers & LAYER.ARP) !== 0) {
      this.#options.sources?.onArp(view, tap, time);
      if (this.#options.runner.wants.neighborRequest) this.#neighbors.onArp(view, tap, time);
    }
    if ((view.layers & ROUTER_LAYERS) !== 0 && this.#options.runner.wants.routerClaim)
      this.#routers.onPacket(data, view, tap, time);
    if ((view.layers & LAYER.ND_TARGET) !== 0 && this.#options.runner.wants.neighborRequest)
      this.#neighbors.onDiscovery(view, tap, time);
    if ((view.layers & LAYER.INNER) !== 0) this.#onPacket(data, view.inner!, tap, time);
  }

  #onFlowEvents(slot: number, events: number, data: DataView, view: PacketView, time: Micros): void {
    const { runner } = this.#options;
    if ((events & FLOW_EVENT.NEW) !== 0) {
      this.#records.begin(slot, view, this.#table.fromOrig);
      this.#openContent(slot, data, view, time);
      if (this.#concerns('flowStart', slot)) runner.flowStart(this.#records.record(slot, 'start'));
    }
    if ((events & FLOW_EVENT.CONTENT) !== 0) this.#readContent(slot, data, view, time);
    if ((events & FLOW_EVENT.FIRST_ANSWER) !== 0 && this.#concerns('flowAnswered', slot)) {
      runner.flowAnswered(this.#records.record(slot, 'answered'));
    }
  }

  /** What a flow says is read only for those who need it: it takes as long as all else about a new flow. */
  #openContent(slot: number, data: DataView, view: PacketView, time: Micros): void {
    if ((view.layers & (LAYER.TCP | LAYER.UDP)) === 0 || !this.#isContentNeeded(slot)) return;
    this.#table.openContent(slot);
    this.#readContent(slot, data, view, time);
  }

  #readContent(slot: number, data: DataView, view: PacketView, time: Micros): void {
    const { fromOrig } = this.#table;
    const logins = this.#logins;
    if (logins?.isAlone(slot) !== true) this.#content.onPacket(data, view, slot, fromOrig);
    logins?.onPacket(data, view, slot, fromOrig, time);
  }

  /** What the flow speaks is known as well as it ever will be. */
  #onContentDecided(slot: number): void {
    const { runner } = this.#options;
    const isKnown =
      this.#content.serviceOf(slot) !== undefined || this.#content.serverName(slot) !== undefined;
    if (isKnown && this.#concerns('flowRecognized', slot)) {
      runner.flowRecognized(this.#records.record(slot, 'active'));
    }
    if (this.#logins?.takesOver(slot) !== true) this.#table.closeContent(slot);
  }

  #watchLogins(): LoginWatch {
    return new LoginWatch({
      maxFlows: this.#table.maxFlows,
      serviceOf: (slot) => this.#content.serviceOf(slot),
      recordOf: (slot) => this.#records.record(slot, 'active'),
      onLogin: (login) => this.#options.runner.login(login),
      close: (slot) => this.#table.closeContent(slot),
    });
  }

  #watchBursts(dualHomed: DualHomed): BurstIntake {
    const table = this.#table;
    const { runner } = this.#options;
    return new BurstIntake({
      dualHomed,
      maxFlows: table.maxFlows,
      isWanted: () => runner.wants.burst,
      networkOf: (slot) => this.#records.networkOf(slot),
      endsOf: (slot) => ({ orig: table.origWords(slot), resp: table.respWords(slot) }),
      saidSoFar: (slot) =>
        table.startedMidstream(slot)
          ? undefined
          : {
              bytes: table.origBytes(slot) + table.respBytes(slot),
              packets: table.origPackets(slot) + table.respPackets(slot),
            },
      recordOf: (slot) => this.#records.record(slot, 'active'),
      onBurst: (burst) => runner.burst(burst),
    });
  }

  #isContentNeeded(slot: number): boolean {
    const { runner, wants } = this.#options;
    if (wants.flows) return true;
    const { flowStart, flowAnswered, flowRecognized, flowActive, flowEnd } = runner.wants;
    const isAnybodyThere =
      this.#logins !== undefined ||
      this.#mayConcern(flowEnd) ||
      this.#mayConcern(flowActive) ||
      this.#mayConcern(flowAnswered) ||
      this.#mayConcern(flowRecognized) ||
      this.#mayConcern(flowStart);
    return isAnybodyThere && runner.readsContent(this.#glancer.at(slot, 'start'));
  }

  #onFlowEnd(slot: number, reason: FlowEnd): void {
    this.#dns.onFlowEnd(slot);
    this.#echoes.onFlowEnd(slot);
    this.#bursts?.onFlowEnd(slot);
    if (this.#options.wants.traffic) this.#addToRollup(slot);
    this.#tellFlowEnd(slot, reason);
    this.#records.end(slot);
    this.#content.onFlowEnd(slot);
    this.#logins?.onFlowEnd(slot);
  }

  #tellFlowEnd(slot: number, reason: FlowEnd): void {
    const { runner, wants } = this.#options;
    const concernsRunner = this.#concerns('flowEnd', slot);
    if (!wants.flows && !concernsRunner) return;
    const record = this.#records.record(slot, reason);
    if (concernsRunner) runner.flowEnd(record);
    if (wants.flows) this.#options.emit(record);
  }

  #endFlowsOfTaps(atOnce: number): void {
    while (this.#ending.length > 0 && this.#table.endInterface(this.#ending[0]!, atOnce))
      this.#ending.shift();
  }

  readonly #onFlowActive = (slot: number): void => {
    const { runner, wants } = this.#options;
    const concernsRunner = this.#concerns('flowActive', slot);
    if (!wants.flows && !concernsRunner) return;
    const record = this.#records.record(slot, 'active');
    if (concernsRunner) runner.flowActive(record);
    if (wants.flows) this.#options.emit(record);
  };

  /** False spares the question for each flow. */
  #mayConcern(interest: FlowInterest): boolean {
    if (interest === 'internal-networks') return this.#records.hasInternalNetworks;
    return interest !== 'none';
  }

  /** Whether a record of this event is to be made. */
  #concerns(event: FlowEvent, slot: number): boolean {
    const { runner } = this.#options;
    const interest = runner.wants[event];
    if (interest === 'all') return true;
    if (interest !== 'chosen')
      return this.#mayConcern(interest) && this.#records.networkOf(slot)?.internal === true;
    return runner.choosesFlow(event, this.#glancer.at(slot, GLANCE_OF[event]));
  }

  #onDnsRecord(record: DnsRecord): void {
    this.#options.runner.dns(record);
    if (this.#options.wants.dns) this.#options.emit(record);
  }

  #tick(time: Micros): void {
    if (this.#releases.length > 0) this.#endReleased(time);
    this.#dns.settle(time);
    if (time >= this.#nextSecond) this.#everySecond(time);
    this.#nextTick = this.#nextSecond;
    for (const { at } of this.#releases) this.#wakeAt(at);
    this.#wakeAt(this.#dns.due);
  }

  /** Packet time stops there, if not sooner. */
  #wakeAt(time: Micros): void {
    if (time < this.#nextTick) this.#nextTick = time;
  }

  #endReleased(time: Micros): void {
    const due = this.#releases.filter(({ at }) => at <= time);
    if (due.length === 0) return;
    this.#releases = this.#releases.filter(({ at }) => at > time);
    const released = due.flatMap(({ networkId, ips }) =>
      [...this.#taps]
        .filter(({ network }) => network?.id === networkId)
        .flatMap(({ index }) => ips.map((ip) => ({ ifIndex: index, ip }))),
    );
    if (released.length > 0) this.#table.endFlowsOf(released);
  }

  /** Of packet time. */
  #everySecond(time: Micros): void {
    this.#nextSecond = time + MICROS_PER_SECOND;
    this.#endFlowsOfTaps(ENDED_AT_ONCE);
    this.#dns.expire(time);
    this.#options.sources?.tick(time);
    this.#content.tick();
    this.#echoes.tick(time);
    this.#bursts?.tick(time);
    this.#options.runner.tick(time);
    this.#options.findings.tick(time);
    const elapsed = time - this.#rollupStart;
    if (elapsed >= this.#options.flows.rollup_secs * MICROS_PER_SECOND) this.#endRollup(time);
  }

  /** The time of a frame; one frame alone that disagrees with the frames around it is counted with the last one. */
  #timeIn(batch: FrameBatch, i: number): Micros {
    const time = timeOf(batch, i);
    if (this.#isNear(time) || i + 1 === batch.count) return time;
    return this.#isNear(timeOf(batch, i + 1)) ? this.#now : time;
  }

  #isNear(time: Micros): boolean {
    return time >= this.#now - CLOCK_SET_BACK && time <= this.#now + CLOCK_SET_AHEAD;
  }

  #isClockSet(time: Micros): boolean {
    return time < this.#now - CLOCK_SET_BACK || (this.#isLive && time > this.#now + CLOCK_SET_AHEAD);
  }

  /**
   * Whoever keeps times moves them, so that nothing waits for an old time to come again. What was counted so far
   * belongs to the old clock.
   */
  #setClock(time: Micros): void {
    const step: ClockStep = { from: this.#now, to: time };
    this.#endRollup(this.#now);
    this.#table.clockSet(step);
    this.#dns.clockSet(step);
    this.#echoes.clockSet(step);
    this.#bursts?.clockSet(step);
    this.#options.outside?.clockSet(step);
    this.#options.sources?.clockSet();
    this.#neighbors.clockSet();
    this.#routers.clockSet();
    this.#overlays.clockSet();
    this.#options.onClockSet?.();
    this.#options.runner.clockSet(step);
    this.#options.findings.clockSet(step);
    this.#now = time;
    this.#rollupStart = time;
    this.#nextSecond = time;
    this.#nextTick = time;
    for (const release of this.#releases) release.at = time;
  }

  #endRollup(time: Micros): void {
    const { emit, runner, wants } = this.#options;
    // Visiting every flow that spoke is for roll-ups and long flows; a replay that wants neither does not pay for it.
    if (wants.traffic || wants.flows || this.#mayConcern(runner.wants.flowActive)) {
      this.#table.drainTouched(wants.traffic ? this.#addDelta : ignoreDelta, this.#onFlowActive);
    }
    const { folded } = this.#rollup.drain(this.#rollupStart, time, emit);
    if (folded > 0) this.#tellLoss('traffic-rollup', 'flows.max_edges', folded, time);
    this.#tellRise('flow-table', 'flows.max_flows', this.#table.evicted, time);
    this.#tellRise('dns-over-tcp', 'messages', this.#dns.lost, time);
    this.#tellRise('dns-pairing', 'dns.max_pending', this.#dns.givenUp, time);
    this.#tellRise('dns-views', 'dns.max_pending', this.#dns.hurried, time);
    this.#tellRise('router-claims', 'claims', this.#routers.lost, time);
    this.#tellRise('overlays', 'pairs of hosts', this.#overlays.lost, time);
    this.#tellRise('neighbor-requests', 'questions', this.#neighbors.lost, time);
    this.#tellRise('flow-content', 'server names', this.#content.lost, time);
    this.#tellRise('echo', 'flows and replies', this.#echoes.lost, time);
    this.#tellRise('bursts', 'flows', this.#bursts?.lost ?? 0, time);
    this.#tellRise('resolved-names', 'names.max_addresses', this.#options.outside?.evicted ?? 0, time);
    this.#counters.report(time, this.#taps);
    this.#rollupStart = time;
  }

  readonly #addDelta = (
    slot: number,
    origBytes: number,
    respBytes: number,
    origPackets: number,
    respPackets: number,
    isNew: boolean,
  ): void => {
    this.#rollup.add(this.#records.edge(slot), origBytes, respBytes, origPackets, respPackets, isNew ? 1 : 0);
  };

  #addToRollup(slot: number): void {
    this.#table.takeDelta(slot, this.#addDelta);
  }

  /** A counter that only grows, told by what it grew. */
  #tellRise(source: string, where: string, total: number, time: Micros): void {
    const told = this.#lossesTold.get(source) ?? 0;
    if (total > told) this.#tellLoss(source, where, total - told, time);
    this.#lossesTold.set(source, total);
  }

  #tellLoss(source: string, where: string, count: number, time: Micros): void {
    this.#options.emit({ kind: 'loss', time, source, where, count, first: this.#rollupStart, last: time });
  }
}

function timeOf({ tsSec, tsNsec }: FrameBatch, i: number): Micros {
  return tsSec[i]! * MICROS_PER_SECOND + Math.floor(tsNsec[i]! / 1000);
}
