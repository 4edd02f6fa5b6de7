/**
 * The composition root of the privileged wing: engine, taps, pipeline, detectors, wired and kept alive. Nothing
 * that the world does ends it; it reports and goes on.
 */
import { randomInt } from 'node:crypto';
import { hostname, machine, release, type as systemType } from 'node:os';
import { readInNamespace } from '../../capture/native/index.ts';
import { openNetfilter } from '../../capture/netfilter.ts';
import { openLiveTap } from '../../capture/open.ts';
import type { LiveOptions, PacketSource } from '../../capture/source.ts';
import type { RecordSender } from '../channel/ports.ts';
import type { Config } from '../config/schema.ts';
import { AUDIT_ANALYZER } from '../model/audit.ts';
import type { CaptureVantage } from '../model/capture-tally.ts';
import type { EvidenceRequest } from '../model/evidence.ts';
import type { LearnedRecord } from '../model/learned.ts';
import type { LeaseHistory } from '../model/lease.ts';
import type { MetricFamily } from '../model/metric.ts';
import type { PastFinding } from '../model/past-finding.ts';
import type { AgentRecord } from '../model/record.ts';
import { MICROS_PER_SECOND, wallMicros } from '../model/time.ts';
import type { Logger } from '../telemetry/logger.ts';
import { ProcessMeter } from '../telemetry/process-meter.ts';
import { version } from '../version.ts';
import { AuditThread } from './audit/watch/audit-thread.ts';
import { AuditWatch } from './audit/watch/audit-watch.ts';
import { auditSubject } from './audit/watch/subject.ts';
import { clientOptions } from './config.ts';
import { createDetection, type Detection } from './detection.ts';
import { ANALYZERS } from './detectors.ts';
import { Attribution, type HostAddresses } from './docker/attribution.ts';
import { DockerDualHomed } from './docker/dual-homed.ts';
import { engineDataRoot } from './docker/engine-root.ts';
import { Inventory } from './docker/inventory.ts';
import { type ContainerState, type InventoryEvent, toInventoryRecord } from './docker/inventory-event.ts';
import { DockerSurroundings } from './docker/surroundings.ts';
import { swarmAddress } from './docker/swarm-address.ts';
import { EvidenceCollector } from './evidence/collector.ts';
import { ContainerResolvers } from './host/container-resolvers.ts';
import { NETNS_DIRS, netnsDirs } from './host/docker-netns.ts';
import { BlockedWatch } from './host/firewall/blocked-watch.ts';
import { FirewallReader } from './host/firewall/read.ts';
import { hostMacs } from './host/host-macs.ts';
import { type HostInterfaces, readHostInterfaces } from './host/interfaces.ts';
import { LinkWatch } from './host/link-watch.ts';
import { ListenerWatch } from './host/listeners.ts';
import { NoRouteWatch } from './host/no-route.ts';
import { HostSockets } from './host/sockets.ts';
import { type Counted, sensorMetrics } from './metrics.ts';
import { createOutside, type Outside } from './names/outside.ts';
import { createNat, type Nat } from './nat/nat.ts';
import { Pipeline } from './pipeline.ts';
import { CountedSender } from './record-counts.ts';
import { SourceCheck } from './source-check.ts';
import { CaptureCounts } from './taps/capture-counts.ts';
import { ContainerTaps } from './taps/container-taps.ts';
import { NetworkTaps } from './taps/network-taps.ts';
import { ReadingRounds } from './taps/reading-rounds.ts';
import type { Tap } from './taps/tap.ts';
import type { AttachedTap } from './taps/tap-life.ts';
import { tapPlace } from './taps/tap-place.ts';
import { UplinkTaps } from './taps/uplink-taps.ts';
import { logNews } from './threat-lists/news.ts';
import { ThreatLists } from './threat-lists/threat-lists.ts';

/** Packet time follows the wall clock this far behind when no packet comes; taps deliver sooner than that. */
const QUIET_LAG = MICROS_PER_SECOND;
const TICK_MS = 1000;
/** What several taps see of one question is joined as late as this, and what the kernel holds back. */
const ROUND_MS = 100;
/** Addresses of the host come and go without the engine (DHCP, a VPN); reading them takes about a millisecond. */
const HOST_ADDRESSES_EVERY_TICKS = 10;
/** Publishers of .mmdb files have a new one twice a week at most. */
const GEO_EVERY_TICKS = 60;
/** A file is taken once it has stayed the same for as long, so a changed list counts within twice this. */
const THREATS_EVERY_TICKS = 5;
/** How much of what came was lost is judged over this. */
const CAPTURE_TALLY_EVERY_TICKS = 60;
/** How addresses were named, into the log. */
const COUNTS_EVERY_TICKS = 600;

/** What the runs before this one knew. */
export interface Memory {
  readonly leases: LeaseHistory;
  readonly learned: readonly LearnedRecord[];
  readonly findings: readonly PastFinding[];
}

export class Agent {
  readonly #config: Config;
  readonly #channel: CountedSender;
  readonly #log: Logger;
  readonly #inventory: Inventory;
  readonly #macs = hostMacs();
  readonly #attribution: Attribution;
  readonly #outside: Outside;
  readonly #threats: ThreatLists;
  readonly #nat: Nat;
  readonly #sockets = new HostSockets();
  readonly #pipeline: Pipeline;
  readonly #detection: Detection;
  readonly #captured = new CaptureCounts();
  /** Absent when it is switched off. */
  readonly #evidence: EvidenceCollector | undefined;
  readonly #meter = new ProcessMeter('sensor');
  readonly #taps: NetworkTaps;
  /** Absent when it is switched off. */
  readonly #uplinks: UplinkTaps | undefined;
  /** Absent when it is switched off. */
  readonly #containerTaps: ContainerTaps | undefined;
  readonly #noRoute: NoRouteWatch;
  /** Absent when it is switched off. */
  readonly #listeners: ListenerWatch | undefined;
  /** Absent when it is switched off. */
  readonly #blocked: BlockedWatch | undefined;
  /** Absent when it is switched off. */
  readonly #audit: AuditWatch | undefined;
  readonly #auditThread = new AuditThread();
  readonly #links: LinkWatch;
  readonly #reading: ReadingRounds;
  #timer: NodeJS.Timeout | undefined;
  #rounds: NodeJS.Timeout | undefined;
  #ticks = 0;
  #isStopping = false;
  #hostAddresses = '';
  /** Where the engine binds namespaces, as that looks from here. */
  #netnsDirs = NETNS_DIRS;

  constructor(config: Config, channel: RecordSender, log: Logger, memory?: Memory) {
    this.#config = config;
    this.#channel = new CountedSender(channel, (loss) => this.#detection.runner.loss(loss));
    this.#log = log;
    const { docker } = config;
    const resolvers = new ContainerResolvers();
    this.#inventory = new Inventory({
      ...clientOptions(docker),
      localAddresses: () => readHostInterfaces().addresses,
      resolversOf: (facts) => resolvers.of(facts),
      ...(memory === undefined ? {} : { history: memory.leases }),
    });
    this.#links = new LinkWatch({ state: this.#inventory.state });
    this.#attribution = new Attribution(this.#inventory.state, { host: this.#hostOf(readHostInterfaces()) });
    this.#outside = createOutside(config);
    for (const problem of this.#outside.problems()) log.warn({ problem }, 'a geo database cannot be used');
    this.#threats = new ThreatLists(config.threat_lists, (news) => logNews(log, news));
    const emit = (record: AgentRecord): void => {
      this.#channel.send(record);
      // No packets tell of a configuration.
      if (record.kind === 'finding' && record.analyzer !== AUDIT_ANALYZER) this.#evidence?.onFinding(record);
    };
    if (config.evidence.enabled) this.#evidence = this.#createEvidence();
    const detection = createDetection({
      analyzers: ANALYZERS,
      options: config.analyzers,
      findings: config.findings,
      emit,
      log,
      surroundings: new DockerSurroundings(this.#inventory.state, {
        knowsPorts: true,
        listensAt: (...asked) => this.#listeners?.listensAt(...asked),
      }),
      threats: this.#threats,
      memory: {
        learned: memory?.learned ?? [],
        remember: channel.remember.bind(channel),
      },
      past: memory?.findings,
    });
    this.#detection = detection;
    this.#nat = createNat({
      names: this.#attribution,
      containers: () => this.#inventory.state.containers(),
      open: (groups) => openNetfilter({ groups }),
      maxConnections: config.nat.max_connections,
      closedSecs: config.nat.keep_closed_secs,
      emit,
      log,
    });
    const sources = new SourceCheck({
      state: this.#inventory.state,
      host: this.#macs,
      onSpoof: (record) => {
        emit(record);
        detection.runner.spoof(record);
      },
      onLoss: emit,
    });
    this.#pipeline = new Pipeline({
      sources,
      expectedTaps: {
        expects: (containerId) => this.#containerTaps?.expects(containerId) ?? false,
        mayExpectOn: (network) => this.#containerTaps?.mayExpectOn(network) ?? false,
      },
      onClockSet: () => this.#inventory.checkClock(),
      flows: config.flows,
      dns: config.dns,
      names: this.#attribution,
      nat: this.#nat.unfolder,
      outside: this.#outside,
      sockets: this.#sockets,
      dualHomed: new DockerDualHomed(this.#inventory.state),
      ...detection,
      emit,
      wants: { flows: true, dns: true, traffic: true },
      seed: randomInt(2 ** 31),
    });
    this.#taps = new NetworkTaps({
      open: (options) => this.#openTap(options),
      placeOf: (network) => tapPlace(network, { dockerNetns: this.#netnsDirs }),
      live: {
        snaplenBytes: config.capture.snaplen_bytes,
        bufferBytes: config.capture.buffer_bytes,
        promiscuous: config.capture.promiscuous,
        filter: config.capture.filter,
        readTimeoutMs: config.capture.read_timeout_ms,
      },
      include: config.capture.networks,
      exclude: config.capture.exclude_networks,
      attach: (network, source) => this.#attach(source, { network, vantage: 'bridge' }),
      emit: this.#countingDrops('bridge'),
      log,
    });
    if (config.overlays.uplink_tap) {
      this.#uplinks = new UplinkTaps({
        open: (options) => this.#openTap(options),
        live: {
          snaplenBytes: config.capture.snaplen_bytes,
          bufferBytes: config.capture.buffer_bytes,
          readTimeoutMs: config.capture.read_timeout_ms,
        },
        interfaces: config.overlays.interfaces,
        swarmAddress: () => swarmAddress(clientOptions(docker)),
        interfaceOf: (address) => interfaceOf(readHostInterfaces(), address),
        attach: (source) => this.#attach(source, { vantage: 'bridge', isUplink: true }),
        emit: this.#countingDrops('uplink'),
        log,
      });
    }
    if (config.dns.container_taps) {
      this.#containerTaps = new ContainerTaps({
        inventory: this.#inventory.state,
        open: (options) => this.#openTap(options),
        bufferBytes: config.dns.container_buffer_bytes,
        readTimeoutMs: config.capture.read_timeout_ms,
        maxTaps: config.dns.max_container_taps,
        netnsDirs: () => this.#netnsDirs,
        isWatched: (network) => isWatched(config, network),
        attach: (tap, source) => this.#attach(source, { ...tap, vantage: 'container', since: wallMicros() }),
        emit: this.#countingDrops('container'),
        log,
      });
    }
    this.#reading = new ReadingRounds(config.capture.read_timeout_ms);
    this.#noRoute = new NoRouteWatch({
      inventory: this.#inventory.state,
      readInNamespace,
      pollIntervalMs: config.no_route.poll_ms,
      emit: (record) => {
        emit(record);
        detection.runner.noRoute(record);
      },
      onUnreadable: (container, reason) =>
        log.warn(
          { container: container.workload.name, reason },
          "a container's kernel counters cannot be read",
        ),
    });
    if (config.firewall.enabled) {
      this.#blocked = new BlockedWatch({
        reader: new FirewallReader(),
        networks: () => this.#inventory.networks(),
        pollIntervalMs: config.firewall.poll_ms,
        emit: (record) => {
          emit(record);
          detection.runner.blocked(record);
        },
        onProblem: (reason) => log.warn({ reason }, "the firewall's counters cannot be read"),
        onRulesChanged: () => this.#audit?.onFirewall(),
      });
    }
    if (config.listeners.enabled) {
      this.#listeners = new ListenerWatch({
        inventory: this.#inventory.state,
        readInNamespace,
        pollIntervalMs: config.listeners.poll_ms,
        maxPerNamespace: config.listeners.max_per_container,
        emit: (record) => {
          emit(record);
          if (record.kind === 'listener') detection.runner.listener(record);
        },
        onUnreadable: (container, reason) =>
          log.warn(
            { container: container.workload.name, reason },
            'which ports a container listens on cannot be read',
          ),
      });
    }
    if (config.audit.enabled) {
      this.#audit = new AuditWatch({
        config: config.audit,
        audit: (checks) => this.#auditThread.run({ docker, checks, baseline: config.audit.baseline }),
        findings: detection.findings,
        subjectOf: (object) => auditSubject(object, (id) => this.#inventory.state.container(id)),
        isEngineThere: () => this.#inventory.status.state === 'current',
        emit,
        log,
        past: memory?.findings,
      });
    }
  }

  /** Returns at once; what is missing in the world is waited for. */
  start(): void {
    this.#inventory.onChange((event) => this.#onInventory(event));
    this.#inventory.onLease((lease) => this.#channel.send(lease));
    this.#containerTaps?.watchNew();
    this.reloadThreatLists();
    this.#inventory.start();
    this.#nat.watch.start();
    this.#noRoute.start();
    this.#blocked?.start();
    this.#listeners?.start();
    this.#audit?.start();
    this.#links.start();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#rounds = setInterval(() => this.#beginRound(), ROUND_MS);
  }

  /** Stops the input first, so that everything seen is still recorded. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#rounds);
    this.#isStopping = true;
    this.#threats.stop();
    this.#audit?.stop();
    this.#auditThread.stop();
    await Promise.all([this.#taps.stop(), this.#containerTaps?.stop(), this.#uplinks?.stop()]);
    await Promise.all([
      this.#noRoute.stop(),
      this.#blocked?.stop(),
      this.#listeners?.stop(),
      this.#links.stop(),
      this.#inventory.stop(),
      this.#sockets.stop(),
    ]);
    this.#tellCaptured();
    this.#pipeline.finish();
    await this.#evidence?.stop();
    this.#logCounts();
    this.#meter.stop();
    this.#nat.watch.stop();
  }

  /** Somebody wants the packets of the last moments; the answer goes to the station. */
  collect(asked: EvidenceRequest): void {
    if (this.#evidence !== undefined) {
      this.#evidence.collect(asked);
      return;
    }
    const reason = 'the agent remembers no packets: evidence.enabled is false in its configuration';
    this.#channel.sendEvidence({ type: 'refused', request: asked.request, reason });
  }

  /** Looks at the operator's lists now; they are looked at each few seconds anyway. */
  reloadThreatLists(): void {
    void this.#threats.reload();
  }

  /** What a person should know now, one line each; empty when all is well. */
  problems(): string[] {
    const { status } = this.#inventory;
    const engine = status.state === 'stale' ? [status.error.message] : [];
    const taps = [
      ...this.#taps.problems(),
      ...(this.#containerTaps?.problems() ?? []),
      ...(this.#uplinks?.problems() ?? []),
    ];
    return [
      ...engine,
      ...taps,
      ...this.#outside.problems(),
      ...this.#threats.problems(Date.now()),
      ...(this.#audit?.problems() ?? []),
    ];
  }

  /** What it has counted and how it is; a few hundred samples at most. */
  metrics(): MetricFamily[] {
    const parts: Counted[] = [
      this.#captured,
      this.#pipeline,
      this.#channel,
      this.#detection.runner,
      ...(this.#evidence === undefined ? [] : [this.#evidence]),
      ...(this.#audit === undefined ? [] : [this.#audit]),
      this.#meter,
    ];
    return sensorMetrics({
      parts,
      attribution: this.#attribution.counts(),
      findingsOpen: this.#detection.findings.openNow,
      isEngineConnected: this.#inventory.status.state === 'current',
      problems: this.problems().length,
      inventory: {
        network: this.#inventory.networks().length,
        container: this.#inventory.containers().length,
      },
    });
  }

  #createEvidence(): EvidenceCollector {
    const { evidence, capture } = this.#config;
    return new EvidenceCollector({
      config: evidence,
      channel: this.#channel,
      world: () => ({
        networks: this.#inventory.networks(),
        containers: this.#inventory.containers(),
        // Any interface that is surely there: without it the answer would be unknown.
        isHostMac: (mac) => this.#macs.ownsMac(mac, 'lo') === true,
      }),
      snaplenBytes: capture.snaplen_bytes,
      section: {
        application: `Bridgewatch ${version()}`,
        os: `${systemType()} ${release()}`,
        hardware: machine(),
        comments: [`host ${hostname()}`],
      },
      problems: () => this.problems(),
      emit: (loss) => this.#channel.send(loss),
      clock: { steadySecs: () => performance.now() / 1000, wallMicros },
    });
  }

  async #openTap(options: LiveOptions): Promise<PacketSource> {
    const { source, notice } = await openLiveTap(options, this.#config.capture.backend);
    if (notice !== undefined) this.#log.warn({ interface: options.interface, notice }, 'portable capture');
    return source;
  }

  /** `place.interface`: what it is called here, where its own name would not tell. */
  #attach(
    source: PacketSource,
    place: Pick<Tap, 'network' | 'vantage' | 'asker' | 'since' | 'isUplink'> & { interface?: string },
  ): AttachedTap {
    const { name, linkType } = source.interfaces[0]!;
    const tap = this.#pipeline.attach({ interface: name, linkType, ...place });
    const taps = [tap];
    const { count, ended } = this.#captured.begin(vantageOf(place), place.network?.name);
    const evidence = this.#evidence;
    const remembered = evidence?.attach({
      interface: tap.interface,
      linkType,
      network: place.network,
      askerId: place.asker && (() => place.asker!().client.workload?.containerId),
      openedAt: wallMicros(),
      stats: () => source.stats(),
    });
    return {
      onBatch: (batch) => {
        // First, so that what a finding is about is there when it is told.
        if (evidence !== undefined) evidence.append(remembered!, batch);
        const before = this.#pipeline.bytes;
        this.#pipeline.onBatch(batch, taps);
        count.packets += batch.count;
        count.bytes += this.#pipeline.bytes - before;
      },
      // What is still open when the agent stops is ended by that.
      detach: () => {
        ended();
        if (remembered !== undefined) evidence?.detach(remembered);
        if (!this.#isStopping) this.#pipeline.detach(tap);
      },
    };
  }

  /** What the taps of one kind tell, on its way out. */
  #countingDrops(vantage: CaptureVantage): (record: AgentRecord) => void {
    return (record) => {
      if (record.kind === 'loss') this.#captured.lost(vantage, record);
      this.#channel.send(record);
    };
  }

  #tellCaptured(): void {
    const { runner } = this.#detection;
    for (const tally of this.#captured.tallies(this.#pipeline.now)) runner.capture(tally);
  }

  #onInventory(event: InventoryEvent): void {
    this.#channel.send(toInventoryRecord(event));
    this.#nat.inventoryChanged();
    this.#audit?.onInventory(event);
    switch (event.type) {
      case 'network-added':
        this.#networksChanged();
        this.#taps.add(event.network);
        return;
      case 'network-changed':
        this.#networksChanged();
        return;
      case 'network-removed':
        this.#networksChanged();
        this.#taps.remove(event.network.id);
        return;
      case 'engine-connected':
        this.#log.info({ engine: event.engine, version: event.version }, 'the Docker engine answers');
        void this.#findNamespaces();
        return;
      case 'engine-lost':
        this.#log.warn({ reason: event.reason }, 'no Docker engine; waiting for it');
        return;
      case 'endpoint-removed': {
        const { networkId, ips, to } = event.endpoint;
        this.#pipeline.addressesReleased(networkId, ips, to ?? event.time);
        return;
      }
      case 'endpoint-added': {
        this.#taps.joined(event.endpoint.networkId);
        const container = this.#inventory.state.container(event.workload.containerId);
        if (container !== undefined) this.#containerSeen(container);
        return;
      }
      case 'container-added':
      case 'container-changed':
      case 'container-removed':
        if (event.type === 'container-removed') this.#containerEnded(event.container.workload.containerId);
        else this.#containerSeen(event.container);
        this.#sockets.setContainers(
          this.#inventory.containers().filter(({ workload }) => workload.networkMode === 'host'),
        );
        return;
    }
  }

  /** Another engine process may have another file system. */
  async #findNamespaces(): Promise<void> {
    this.#netnsDirs = await netnsDirs(() => engineDataRoot(clientOptions(this.#config.docker)));
    this.#containerTaps?.watchNew();
  }

  #containerSeen(container: ContainerState): void {
    this.#noRoute.containerSeen(container);
    this.#containerTaps?.seen(container);
  }

  #containerEnded(containerId: string): void {
    this.#noRoute.containerEnded(containerId);
    this.#listeners?.containerEnded(containerId);
    this.#containerTaps?.ended(containerId);
  }

  /** A new network brings a new gateway address of this host. */
  #networksChanged(): void {
    this.#readHostAddresses();
    this.#pipeline.setNetworks(this.#inventory.networks());
    this.#uplinks?.networksChanged(this.#inventory.networks());
  }

  #readHostAddresses(): void {
    const host = readHostInterfaces();
    const known = [...host.addresses].sort().join(' ');
    if (known === this.#hostAddresses) return;
    this.#hostAddresses = known;
    this.#attribution.setHost(this.#hostOf(host));
  }

  /** MACs are read anew when they are asked for: a bridge shows its own only once it runs. */
  #hostOf(host: HostInterfaces): HostAddresses {
    return { ...host, ownsMac: this.#macs.ownsMac };
  }

  /** By method and confidence: many that are ambiguous or unknown say that something is amiss. */
  #logCounts(): void {
    this.#log.info({ answers: this.#attribution.counts() }, 'addresses named so far');
  }

  #beginRound(): void {
    const heard = this.#reading.begin(wallMicros());
    if (heard !== undefined) this.#pipeline.heardUpTo(heard);
  }

  #tick(): void {
    this.#inventory.checkClock();
    this.#pipeline.advanceTo(wallMicros() - QUIET_LAG);
    this.#taps.readStatistics();
    this.#containerTaps?.readStatistics();
    this.#uplinks?.readStatistics();
    if (++this.#ticks % HOST_ADDRESSES_EVERY_TICKS === 0) this.#readHostAddresses();
    if (this.#ticks % CAPTURE_TALLY_EVERY_TICKS === 1) this.#tellCaptured();
    if (this.#ticks % COUNTS_EVERY_TICKS === 0) this.#logCounts();
    if (this.#ticks % THREATS_EVERY_TICKS === 0) void this.#threats.refresh();
    if (this.#ticks % GEO_EVERY_TICKS === 0) void this.#outside.refresh();
  }
}

function vantageOf({ vantage, isUplink }: Pick<Tap, 'vantage' | 'isUplink'>): CaptureVantage {
  if (isUplink === true) return 'uplink';
  return vantage === 'container' ? 'container' : 'bridge';
}

/** The first interface that has the address. */
function interfaceOf(host: HostInterfaces, address: string): string | undefined {
  return host.names.find((name) => host.onInterface(name, address));
}

function isWatched({ capture }: Config, network: string): boolean {
  const { networks: include, exclude_networks: exclude } = capture;
  return !exclude.includes(network) && (include.length === 0 || include.includes(network));
}
