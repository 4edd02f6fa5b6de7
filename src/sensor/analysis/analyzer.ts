/**
 * The contract of a detector: one file in analyzers/, one test, one page. Handlers are synchronous, total and
 * deterministic: time, windows and bounded maps come from the context, nothing else does. No I/O, so that a
 * replayed file gives the findings the live traffic gave.
 */
import type { z } from 'zod';
import type { BlockedRecord } from '../../model/blocked.ts';
import type { FlowBurst } from '../../model/burst.ts';
import type { CaptureTally } from '../../model/capture-tally.ts';
import type { DnsClientNetworks, DnsRecord } from '../../model/dns.ts';
import type { ZoneOfName } from '../../model/dns-zone.ts';
import type { EchoTally } from '../../model/echo.ts';
import type { Endpoint, Scope } from '../../model/endpoint.ts';
import type { AttackTechnique, Confidence, EvidenceValue, Severity } from '../../model/finding.ts';
import type { FlowRecord } from '../../model/flow.ts';
import type { IpWords } from '../../model/ip.ts';
import type { Json } from '../../model/learned.ts';
import type { ListenerRecord } from '../../model/listener.ts';
import type { CleartextLogin } from '../../model/login.ts';
import type { NeighborRequest, RouterClaim } from '../../model/neighbor.ts';
import type { Network, Workload } from '../../model/network.ts';
import type { Opening } from '../../model/opening.ts';
import type { OverlayTraffic } from '../../model/overlay.ts';
import type { LossRecord, NoRouteRecord } from '../../model/record.ts';
import type { SpoofRecord } from '../../model/spoof.ts';
import type { ClockStep, Micros } from '../../model/time.ts';

/**
 * Which flows a detector is told about. Making a record costs microseconds and most flows concern nobody, so the
 * pipeline makes none that nobody asked for.
 */
export type FlowInterest = 'none' | 'internal-networks' | 'chosen' | 'all';

/**
 * A flow before a record of it is made: what the flow table knows without a string. Borrowed for the call: the next
 * flow is read through the same object.
 */
export interface FlowGlance {
  readonly event: 'start' | 'answered' | 'recognized' | 'active' | 'end';
  /** As in a record: `tcp`, `udp`, ... */
  readonly protocol: string;
  readonly origWords: IpWords;
  readonly respWords: IpWords;
  readonly respPort: number | undefined;
  /** What came of its first packet so far; undefined where the opening was not seen, or nothing answers by nature. */
  readonly opening: Opening | undefined;
  /** What it speaks, as far as its bytes have told yet; they are read where `readsContent` asked for it. */
  readonly service: string | undefined;
  /** Whom the client asked for, as far as its bytes have told yet. */
  readonly serverName: string | undefined;
  /** Seen on an internal network. */
  readonly isInternal: boolean;
  /** False while no network is known, as in a file without an inventory: then no end can be a container. */
  readonly mayHaveContainer: boolean;
  /** False when no end can be of scope `internet`, or none can be a container; true when that is not known yet. */
  readonly mayCross: boolean;
  /** Where the responder's address lives. Costs about a microsecond, unlike the others: ask for it last. */
  readonly respScope: Scope;
}

/** What the inventory knows of the host beyond the ends of a flow, as of now. */
export interface Surroundings {
  /** The network on a bridge of this host in whose subnets the address lies, its gateway's included. */
  networkAt(ip: IpWords): Network | undefined;
  /** Whether the host gives a port of its own to this port of the container; undefined when that is not known. */
  isPublished(containerId: string, protocol: string, port: number | undefined): boolean | undefined;
  /**
   * Whether somebody in the container listens on the port, on an address that others can reach; undefined when that is not
   * known, as in a file or of containers that cannot be looked into.
   */
  listensAt(containerId: string, protocol: string, port: number | undefined): boolean | undefined;
  /** Whom a port of the host leads to; undefined when to nobody, or when that is not known. */
  publisherOf(protocol: string, hostIp: string, hostPort: number | undefined): Workload | undefined;
}

/** What an operator's list says of an address or a name. */
export interface ThreatMatch {
  /** Name of the list; the gravest of those that have it. */
  readonly list: string;
  readonly severity: Severity;
  readonly confidence: Confidence;
  /** As the list means it: `198.51.100.0/24`, `bad.example`, `*.bad.example`. */
  readonly indicator: string;
  /** `host` is itself only, `domain` all below it too. `url`: the list names a page on that host. */
  readonly kind: 'address' | 'network' | 'host' | 'domain' | 'url';
  /** The port that is listed with it; absent when any is meant. */
  readonly port?: number;
  /** Malware family or comment; raw bytes of the list. */
  readonly note?: string;
  /** Line of the file. */
  readonly line: number;
  /** When the file was last changed, as its file system has it. */
  readonly fileChanged: Micros;
  /** Other lists that have it too. */
  readonly alsoIn: readonly string[];
}

/** The operator's lists of addresses, networks and domains. They may change between any two calls. */
export interface Threats {
  /** False where the configuration names no list: then nothing will ever match. */
  readonly isConfigured: boolean;
  /** Whether anything of that kind is loaded now. */
  readonly hasAddresses: boolean;
  readonly hasNames: boolean;
  /** Cheap enough for each flow: some 20 ns a list where nothing matches. */
  listsAddress(ip: IpWords): boolean;
  /** The same by name, in presentation form; some 200 ns. */
  listsName(name: string): boolean;
  ofAddress(ip: IpWords): ThreatMatch | undefined;
  ofName(name: string): ThreatMatch | undefined;
}

/** What a detector listens to. Records are borrowed for the call where the comment says so, else they may be kept. */
export interface Handlers {
  /**
   * For the interest `chosen`: whether this event of the flow is to be told. Asked often, so it must be cheap. It spares
   * work and decides nothing: what another analyzer asked for is told as well.
   */
  choosesFlow?(flow: FlowGlance): boolean;
  /**
   * For the interest `chosen`, and for who listens to logins: whether the flow's bytes are to be read for its service and
   * server name, because it can be chosen by them or its records are judged by them, or for a login. Asked once, at the
   * first packet; without it nothing is read.
   */
  readsContent?(flow: FlowGlance): boolean;
  /** First packet of a flow. */
  onFlowStart?(flow: FlowRecord): void;
  /** First packet of the responder. */
  onFlowAnswered?(flow: FlowRecord): void;
  /**
   * What the flow speaks, and whom its client asked for, are known as well as they ever will be: when both sides have
   * spoken, as a rule. Only for flows whose bytes are read, and only where they have told anything.
   */
  onFlowRecognized?(flow: FlowRecord): void;
  /** The flow goes on: called each time it is recorded while it lives (`flows.active_secs`). */
  onFlowActive?(flow: FlowRecord): void;
  /** The flow ended; called exactly once a flow. */
  onFlowEnd?(flow: FlowRecord): void;
  /** A question with its answer, or a question whose answer never came (then after the pairing time-out). */
  onDns?(dns: DnsRecord): void;
  /** A question at the moment it is seen, before any answer. */
  onDnsQuery?(query: DnsQuery): void;
  /** Bytes on port 53, or to Docker's embedded resolver, that are no DNS message. */
  onNotDns?(event: NotDns): void;
  onNoRoute?(record: NoRouteRecord): void;
  /** A rule of the host's firewall held back packets since its counters were last read. Only live. */
  onBlocked?(record: BlockedRecord): void;
  /** A process of a container began to listen on a port, was found to, or does no longer. */
  onListener?(record: ListenerRecord): void;
  /** A source that disagrees with the inventory of its bridge: when first seen, then once a minute while it goes on. */
  onSpoof?(record: SpoofRecord): void;
  /** Somebody asks a network who holds an address. */
  onNeighborRequest?(request: NeighborRequest): void;
  /** Somebody says that it is a router, or gives out addresses and routers. */
  onRouterClaim?(claim: RouterClaim): void;
  /** Frames of an overlay network in clear between two hosts: when first seen, then once a minute while they go on. */
  onOverlay?(traffic: OverlayTraffic): void;
  /** The echo messages of a flow. */
  onEcho?(echo: EchoTally): void;
  /** A login whose secret crossed the wire in clear. */
  onLogin?(login: CleartextLogin): void;
  /** A flow of a dual-homed container spoke, and is silent again; each second of it where it goes on. */
  onBurst?(burst: FlowBurst): void;
  /** What was captured on a network and what was lost there: each minute live, once for a file. */
  onCapture?(tally: CaptureTally): void;
  /** Something was lost; what was lost of packets comes with `onCapture` too. Reporting from here is fine. */
  onLoss?(loss: LossRecord): void;
  /** Packet time has advanced by at least a second. */
  onTick?(now: Micros): void;
  /** Input has ended, of a file or of the agent: what waited for more to come is decided now. */
  onEnd?(now: Micros): void;
  /**
   * The clock was set, by NTP or because the machine slept: move every time you keep by `to - from`. Records of flows
   * that began before may still carry times of the old clock.
   */
  onClockSet?(step: ClockStep): void;
}

/** A question as it passed. `labels` and `options` are borrowed: valid during the call only. */
export interface DnsQuery {
  readonly time: Micros;
  readonly record: DnsRecord;
  /** The labels' bytes, leftmost first, as they stood on the wire (case kept). */
  readonly labels: readonly Uint8Array[];
  /** EDNS options with their data, in the order of the message, at most 32. */
  readonly options: readonly { readonly code: number; readonly data: Uint8Array }[];
}

/** One packet's, or one stretch of a stream's, payload where DNS was to be expected. */
export interface NotDns {
  readonly time: Micros;
  readonly client: Endpoint;
  readonly server: Endpoint;
  readonly network?: Network | undefined;
  readonly networks?: DnsClientNetworks | undefined;
  readonly transport: DnsRecord['transport'];
  readonly fromClient: boolean;
  /** Of payload. */
  readonly bytes: number;
}

export interface Report<MessageId extends string, Evidence> {
  readonly message: MessageId;
  readonly time: Micros;
  /** When the behaviour began, where that was before `time`: becomes the finding's `firstSeen`. */
  readonly since?: Micros;
  /** Makes two reports the same finding. The analyzer id is added by the runner. */
  readonly key: string;
  readonly subject: Endpoint;
  readonly peers?: readonly Endpoint[];
  readonly network?: string;
  readonly flows?: readonly FlowRecord[];
  readonly evidence: Evidence;
  /** Overrides the analyzer's own where the case is graver or milder. */
  readonly severity?: Severity;
  readonly confidence?: Confidence;
}

export interface BoundedMapOptions<V> {
  readonly name: string;
  readonly maxKeys: number;
  /**
   * Where what is asked for can be an attacker's choice: of eight of the oldest entries the one worth least goes, so that
   * a flood of new keys takes the place of other keys of the flood.
   */
  readonly worth?: (value: V) => number;
  readonly onEvict?: (value: V) => void;
}

/** A map that cannot grow past its bound: the entry touched longest ago goes, and the loss is counted. */
export interface BoundedMap<V> {
  readonly size: number;
  get(key: string): V | undefined;
  /** Returns the entry, made by `create` when absent; touching it makes it the youngest. */
  ensure(key: string, create: () => V): V;
  delete(key: string): void;
  entries(): IterableIterator<[string, V]>;
}

/**
 * What was learned over days and must outlive a restart of the agent. Where nothing is kept (a capture file) it begins
 * empty each time.
 */
export interface LearnedMapOptions<V> {
  readonly name: string;
  /** Of what an earlier run learned, no more than that is taken up either. */
  readonly maxKeys: number;
  /** As in `BoundedMapOptions`. */
  readonly worth?: (value: V) => number;
  readonly save: (value: V) => Json;
  /**
   * Undefined for what this version cannot read: it is forgotten, and counted as a loss of `<id>.<name>.unreadable`. Check
   * it with a schema; it was written by an earlier version, long ago perhaps, and by another clock.
   */
  readonly load: (saved: Json) => V | undefined;
  /** How often what changed is kept, in packet time; default 60. A crash costs as much. */
  readonly saveSecs?: number;
}

/** Values may be changed in place, if `changed` says so afterwards. */
export interface LearnedMap<V> extends BoundedMap<V> {
  /** The entry is another than it was: it will be kept, or forgotten where it is gone. Cheap. */
  changed(key: string): void;
}

export interface AnalyzerContext<MessageId extends string, Evidence> {
  report(report: Report<MessageId, Evidence>): void;
  /**
   * Whether a finding of this key is open. When it is not, totals kept for it belong to the past: start them anew,
   * so that evidence never mixes two findings.
   */
  isOpen(key: string): boolean;
  /** From now on: which flows the flow handlers are called for. */
  setFlowInterest(interest: FlowInterest): void;
  boundedMap<V>(options: BoundedMapOptions<V>): BoundedMap<V>;
  learnedMap<V>(options: LearnedMapOptions<V>): LearnedMap<V>;
  /** Something was not looked at, or forgotten, for want of room: told as a loss of `<id>.<what>`. */
  lost(what: string, count?: number): void;
  /** The zone of a name in presentation form; all analyzers share the work. Undefined for the root. */
  zoneOf(query: string): ZoneOfName | undefined;
  readonly surroundings: Surroundings;
  readonly threats: Threats;
}

export interface AnalyzerDefinition<
  Config extends z.ZodObject = z.ZodObject,
  Evidence extends z.ZodType = z.ZodType,
  MessageId extends string = string,
> {
  /** = file name = test name = page name. */
  readonly id: string;
  readonly title: string;
  readonly attack: readonly AttackTechnique[];
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly maturity: 'stable' | 'incubating' | 'sandbox';
  /** The interest it starts with; `all` when absent. */
  readonly flows?: FlowInterest;
  /** strictObject; every key described, with unit suffix, default and bounds. */
  readonly config: Config;
  readonly evidence: Evidence;
  /**
   * Sentence per message id; `{subject}`, `{peers}`, `{network}` and every evidence key may stand in braces, so that
   * the sentence cannot contradict the data. Checked when the runner is made.
   */
  readonly messages: Readonly<Record<MessageId, string>>;
  create(
    ctx: AnalyzerContext<NoInfer<MessageId>, z.infer<NoInfer<Evidence>>>,
    config: z.infer<Config>,
  ): Handlers;
}

/** Infers the types: an unknown message, wrong evidence or an unknown option is a compile error. */
export function defineAnalyzer<
  Config extends z.ZodObject,
  Evidence extends z.ZodType<Readonly<Record<string, EvidenceValue | undefined>>>,
  const MessageId extends string,
>(
  definition: AnalyzerDefinition<Config, Evidence, MessageId>,
): AnalyzerDefinition<Config, Evidence, MessageId> {
  return definition;
}
