/**
 * Runs the analyzers: plain arrays of functions, one call an analyzer and event. An analyzer that throws has a bug;
 * it is isolated, told once, and switched off after `maxFailures`, so that it can neither stop the others nor fill the
 * log. Nothing here reads a clock: time is what the records and `tick` say.
 */
import type { BlockedRecord } from '../../model/blocked.ts';
import type { FlowBurst } from '../../model/burst.ts';
import type { CaptureTally } from '../../model/capture-tally.ts';
import type { DnsRecord } from '../../model/dns.ts';
import { ZoneMemory } from '../../model/dns-zone.ts';
import type { EchoTally } from '../../model/echo.ts';
import type { Finding } from '../../model/finding.ts';
import type { FlowRecord } from '../../model/flow.ts';
import type { LearnedRecord } from '../../model/learned.ts';
import type { ListenerRecord } from '../../model/listener.ts';
import type { CleartextLogin } from '../../model/login.ts';
import { type MetricFamily, sample, samplesBy } from '../../model/metric.ts';
import { metric } from '../../model/metric-catalogue.ts';
import type { NeighborRequest, RouterClaim } from '../../model/neighbor.ts';
import type { OverlayTraffic } from '../../model/overlay.ts';
import type { LossRecord, NoRouteRecord } from '../../model/record.ts';
import type { SpoofRecord } from '../../model/spoof.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import type {
  AnalyzerContext,
  AnalyzerDefinition,
  BoundedMapOptions,
  DnsQuery,
  FlowGlance,
  FlowInterest,
  Handlers,
  LearnedMapOptions,
  NotDns,
  Report,
  Surroundings,
  Threats,
} from './analyzer.ts';
import { LruMap } from './bounded-map.ts';
import { SavedMap } from './learned-map.ts';
import { checkMessages } from './messages.ts';

/** Evictions are reported at most this often, so that a flood makes few records. */
const LOSS_INTERVAL = 10 * MICROS_PER_SECOND;
const DEFAULT_MAX_FAILURES = 10;

/** Where reports go; the findings manager in the agent. */
export interface FindingIntake {
  report(definition: AnalyzerDefinition, report: Report<string, Finding['evidence']>): void;
  isOpen(analyzer: string, key: string): boolean;
}

/** Where what was learned comes from and goes to. */
export interface AnalyzerMemory {
  /** By the runs before this one, in the order of their times. */
  readonly learned: readonly LearnedRecord[];
  /** Keeps it for the next run. */
  readonly remember: (learned: LearnedRecord) => void;
}

export interface RunnableAnalyzer {
  readonly definition: AnalyzerDefinition;
  /** Already validated by `definition.config`. */
  readonly config: unknown;
}

export interface AnalyzerFailure {
  readonly analyzer: string;
  /** Name of the handler that threw. */
  readonly handler: keyof Handlers;
  readonly error: unknown;
  readonly failures: number;
  /** True when this failure switched the analyzer off. */
  readonly disabled: boolean;
}

export interface RunnerOptions {
  readonly analyzers: readonly RunnableAnalyzer[];
  readonly findings: FindingIntake;
  /** State that analyzers had to give up. */
  readonly onLoss: (loss: LossRecord) => void;
  /** Called for the first failure of an analyzer and for the one that switches it off, never in between. */
  readonly onFailure: (failure: AnalyzerFailure) => void;
  readonly maxFailures?: number;
  /** Without it nothing that is learned outlives this run. */
  readonly memory?: AnalyzerMemory | undefined;
  /** Without it analyzers know of no network but those of the flows. */
  readonly surroundings?: Surroundings | undefined;
  /** The operator's lists; without it there are none. */
  readonly threats?: Threats | undefined;
}

const NOTHING_AROUND: Surroundings = {
  networkAt: () => undefined,
  isPublished: () => undefined,
  listensAt: () => undefined,
  publisherOf: () => undefined,
};

const NO_THREATS: Threats = {
  isConfigured: false,
  hasAddresses: false,
  hasNames: false,
  listsAddress: () => false,
  listsName: () => false,
  ofAddress: () => undefined,
  ofName: () => undefined,
};

/**
 * What anyone wants to hear, so that the pipeline makes no record for nobody. Read it per event: it changes. Of flows
 * the widest interest; `chosen` means that `choosesFlow` tells, also for those who want internal networks only.
 */
export interface Wants {
  flowStart: FlowInterest;
  flowAnswered: FlowInterest;
  flowRecognized: FlowInterest;
  flowActive: FlowInterest;
  flowEnd: FlowInterest;
  dns: boolean;
  dnsQuery: boolean;
  notDns: boolean;
  noRoute: boolean;
  neighborRequest: boolean;
  routerClaim: boolean;
  echo: boolean;
  login: boolean;
  burst: boolean;
}

export type FlowEvent = 'flowStart' | 'flowAnswered' | 'flowRecognized' | 'flowActive' | 'flowEnd';

type EventOf<H extends keyof Handlers> = Parameters<NonNullable<Handlers[H]>>[0];

const HANDLER_OF = {
  flowStart: 'onFlowStart',
  flowAnswered: 'onFlowAnswered',
  flowRecognized: 'onFlowRecognized',
  flowActive: 'onFlowActive',
  flowEnd: 'onFlowEnd',
} as const;

const FLOW_EVENTS = Object.keys(HANDLER_OF) as FlowEvent[];

/** Who decides about an event of a flow; kept apart, because it is asked three times a flow. */
interface Choice {
  readonly choosers: readonly Chooser[];
  readonly isInternalWanted: boolean;
}

interface Chooser {
  readonly slot: Slot;
  readonly choosesFlow: (flow: FlowGlance) => boolean;
}

/**
 * Bound, and out of the analyzer's own object: each of those has a shape of its own, and looking into thirty for every
 * flow costs more than most of what they then do.
 */
interface Listener<Event> {
  readonly slot: Slot;
  readonly tell: (event: Event) => void;
}

/** Who may want a flow's bytes to be read. */
interface Reader {
  readonly slot: Slot;
  readonly readsContent: ((flow: FlowGlance) => boolean) | undefined;
}

const NO_CHOICE: Choice = { choosers: [], isInternalWanted: false };

interface Eviction {
  readonly where: string;
  /** Since the start. */
  total: number;
  /** Since it was last told. */
  count: number;
  first: Micros;
  last: Micros;
}

interface Slot {
  readonly id: string;
  handlers: Handlers;
  interest: FlowInterest;
  failures: number;
}

export class AnalyzerRunner {
  readonly wants: Wants = {
    flowStart: 'none',
    flowAnswered: 'none',
    flowRecognized: 'none',
    flowActive: 'none',
    flowEnd: 'none',
    dns: false,
    dnsQuery: false,
    notDns: false,
    noRoute: false,
    neighborRequest: false,
    routerClaim: false,
    echo: false,
    login: false,
    burst: false,
  };
  readonly #options: Omit<RunnerOptions, 'memory'>;
  readonly #slots: Slot[] = [];
  /** Who is asked about each event, as of the last change. */
  readonly #choices: Record<FlowEvent, Choice> = {
    flowStart: NO_CHOICE,
    flowAnswered: NO_CHOICE,
    flowRecognized: NO_CHOICE,
    flowActive: NO_CHOICE,
    flowEnd: NO_CHOICE,
  };
  readonly #flowListeners: Record<FlowEvent, readonly Listener<FlowRecord>[]> = {
    flowStart: [],
    flowAnswered: [],
    flowRecognized: [],
    flowActive: [],
    flowEnd: [],
  };
  #dnsListeners: readonly Listener<DnsRecord>[] = [];
  #dnsQueryListeners: readonly Listener<DnsQuery>[] = [];
  #readers: readonly Reader[] = [];
  readonly #evictions: Eviction[] = [];
  readonly #learned: SavedMap<never>[] = [];
  readonly #maps: { readonly analyzer: string; readonly map: { readonly size: number } }[] = [];
  readonly #remember: (learned: LearnedRecord) => void;
  /** While analyzers are made; then each has its own. */
  #history: readonly LearnedRecord[];
  readonly #zones = new ZoneMemory();
  #now: Micros = 0;
  #lastTick: Micros | undefined;
  #lastLoss: Micros = Number.NEGATIVE_INFINITY;

  constructor({ memory, ...options }: RunnerOptions) {
    this.#options = options;
    this.#history = memory?.learned ?? [];
    this.#remember = memory?.remember ?? (() => {});
    for (const { definition, config } of options.analyzers) {
      checkMessages(definition);
      const slot: Slot = {
        id: definition.id,
        handlers: {},
        interest: definition.flows ?? 'all',
        failures: 0,
      };
      slot.handlers = definition.create(this.#contextFor(definition, slot), config as never);
      if (definition.flows === 'chosen' && slot.handlers.choosesFlow === undefined)
        throw new Error(`analyzer ${definition.id}: asks for chosen flows and has no choosesFlow`);
      this.#slots.push(slot);
    }
    this.#history = [];
    this.#updateWants();
  }

  /** Where `wants` says `chosen`: whether a record of this event is to be made. */
  choosesFlow(event: FlowEvent, glance: FlowGlance): boolean {
    const { choosers, isInternalWanted } = this.#choices[event];
    let isChosen = isInternalWanted && glance.isInternal;
    // Each is asked, even when one has said yes: some count what they decline.
    for (const { slot, choosesFlow } of choosers) {
      try {
        if (choosesFlow(glance)) isChosen = true;
      } catch (error) {
        this.#failed(slot, 'choosesFlow', error);
      }
    }
    return isChosen;
  }

  /** Whether anybody needs to know what the flow that begins says; its records may be made without. */
  readsContent(glance: FlowGlance): boolean {
    for (const { slot, readsContent } of this.#readers) {
      if (slot.interest === 'all') return true;
      if (slot.interest === 'internal-networks' && glance.isInternal) return true;
      if (readsContent === undefined) continue;
      try {
        if (readsContent(glance)) return true;
      } catch (error) {
        this.#failed(slot, 'readsContent', error);
      }
    }
    return false;
  }

  flowStart(flow: FlowRecord): void {
    this.#tellFlow('flowStart', flow);
  }

  flowAnswered(flow: FlowRecord): void {
    this.#tellFlow('flowAnswered', flow);
  }

  flowRecognized(flow: FlowRecord): void {
    this.#tellFlow('flowRecognized', flow);
  }

  flowActive(flow: FlowRecord): void {
    this.#tellFlow('flowActive', flow);
  }

  flowEnd(flow: FlowRecord): void {
    this.#tellFlow('flowEnd', flow);
  }

  dns(record: DnsRecord): void {
    this.#tellListeners(this.#dnsListeners, 'onDns', record);
  }

  dnsQuery(query: DnsQuery): void {
    this.#tellListeners(this.#dnsQueryListeners, 'onDnsQuery', query);
  }

  notDns(event: NotDns): void {
    this.#tellAll('onNotDns', event);
  }

  noRoute(record: NoRouteRecord): void {
    this.#tellAll('onNoRoute', record);
  }

  listener(record: ListenerRecord): void {
    this.#tellAll('onListener', record);
  }

  blocked(record: BlockedRecord): void {
    this.#tellAll('onBlocked', record);
  }

  overlay(traffic: OverlayTraffic): void {
    this.#tellAll('onOverlay', traffic);
  }

  spoof(record: SpoofRecord): void {
    this.#tellAll('onSpoof', record);
  }

  neighborRequest(request: NeighborRequest): void {
    this.#tellAll('onNeighborRequest', request);
  }

  routerClaim(claim: RouterClaim): void {
    this.#tellAll('onRouterClaim', claim);
  }

  echo(echo: EchoTally): void {
    this.#tellAll('onEcho', echo);
  }

  login(login: CleartextLogin): void {
    this.#tellAll('onLogin', login);
  }

  burst(burst: FlowBurst): void {
    this.#tellAll('onBurst', burst);
  }

  capture(tally: CaptureTally): void {
    this.#tellAll('onCapture', tally);
  }

  loss(loss: LossRecord): void {
    this.#tellAll('onLoss', loss);
  }

  metrics(): MetricFamily[] {
    return [
      metric('bridgewatch_analyzer_entries', samplesBy('analyzer', this.#entries())),
      metric(
        'bridgewatch_analyzer_evictions_total',
        this.#evictions.map(({ where, total }) => {
          const dot = where.indexOf('.');
          return sample(total, { analyzer: where.slice(0, dot), window: where.slice(dot + 1) });
        }),
      ),
      metric(
        'bridgewatch_analyzer_failures_total',
        this.#slots.map(({ id, failures }) => sample(failures, { analyzer: id })),
      ),
    ];
  }

  /**
   * Packet time has come to `now`. Call it as often as convenient: analyzers hear of it at most once a second, and
   * never of time that runs backwards, unless `clockSet` said so.
   */
  tick(now: Micros): void {
    this.#now = Math.max(this.#now, now);
    if (this.#lastTick !== undefined && now - this.#lastTick < MICROS_PER_SECOND) return;
    this.#lastTick = now;
    this.#tellAll('onTick', now);
    for (const map of this.#learned) map.tick(now);
    if (now - this.#lastLoss >= LOSS_INTERVAL) this.#emitLosses(now);
  }

  /** What was lost so far is told in the old clock's time; ticks go on by the new one at once. */
  clockSet(step: ClockStep): void {
    this.#emitLosses(this.#now);
    this.#now = step.to;
    this.#lastLoss = step.to;
    this.#lastTick = undefined;
    for (const map of this.#learned) map.clockSet();
    this.#tellAll('onClockSet', step);
  }

  /** Input has ended: pending decisions are taken and losses told. */
  finish(now: Micros): void {
    this.#now = Math.max(this.#now, now);
    this.#tellAll('onTick', this.#now);
    this.#tellAll('onEnd', this.#now);
    for (const map of this.#learned) map.save(this.#now);
    this.#emitLosses(this.#now);
  }

  #tellFlow(event: FlowEvent, flow: FlowRecord): void {
    for (const { slot, tell } of this.#flowListeners[event]) {
      if (!concerns(slot.interest, flow)) continue;
      try {
        tell(flow);
      } catch (error) {
        this.#failed(slot, HANDLER_OF[event], error);
      }
    }
  }

  #tellListeners<Event>(listeners: readonly Listener<Event>[], handler: keyof Handlers, event: Event): void {
    for (const { slot, tell } of listeners) {
      try {
        tell(event);
      } catch (error) {
        this.#failed(slot, handler, error);
      }
    }
  }

  /** What comes seldom. */
  #tellAll<H extends keyof Handlers>(handler: H, event: EventOf<H>): void {
    for (const slot of this.#slots) {
      const tell = slot.handlers[handler] as ((event: EventOf<H>) => void) | undefined;
      if (tell === undefined) continue;
      try {
        tell.call(slot.handlers, event);
      } catch (error) {
        this.#failed(slot, handler, error);
      }
    }
  }

  #contextFor(definition: AnalyzerDefinition, slot: Slot): AnalyzerContext<string, Finding['evidence']> {
    return {
      report: (report) => this.#options.findings.report(definition, report),
      isOpen: (key) => this.#options.findings.isOpen(definition.id, key),
      setFlowInterest: (interest) => {
        if (slot.interest === interest) return;
        slot.interest = interest;
        this.#updateWants();
      },
      boundedMap: <V>({ name, maxKeys, worth, onEvict }: BoundedMapOptions<V>) => {
        const eviction = this.#evictionOf(`${definition.id}.${name}`);
        const evicted = (value: V) => {
          this.#noteEviction(eviction, 1);
          onEvict?.(value);
        };
        const map = new LruMap(maxKeys, evicted, worth);
        this.#maps.push({ analyzer: definition.id, map });
        return map;
      },
      learnedMap: <V>(options: LearnedMapOptions<V>) => this.#learnedMap(definition.id, options),
      lost: (what, count = 1) => this.#noteEviction(this.#evictionOf(`${definition.id}.${what}`), count),
      zoneOf: (query) => this.#zones.ofText(query),
      surroundings: this.#options.surroundings ?? NOTHING_AROUND,
      threats: this.#options.threats ?? NO_THREATS,
    } as AnalyzerContext<string, Finding['evidence']>;
  }

  #learnedMap<V>(analyzer: string, options: LearnedMapOptions<V>): SavedMap<V> {
    const where = `${analyzer}.${options.name}`;
    const eviction = this.#evictionOf(where);
    const history = this.#history.filter(
      (record) => record.analyzer === analyzer && record.map === options.name,
    );
    const map = new SavedMap(options, {
      analyzer,
      history,
      remember: this.#remember,
      onEvict: () => this.#noteEviction(eviction, 1),
      onUnreadable: () => this.#noteEviction(this.#evictionOf(`${where}.unreadable`), 1),
    });
    this.#learned.push(map as unknown as SavedMap<never>);
    this.#maps.push({ analyzer, map });
    return map;
  }

  #failed(slot: Slot, handler: keyof Handlers, error: unknown): void {
    slot.failures += 1;
    const disabled = slot.failures >= (this.#options.maxFailures ?? DEFAULT_MAX_FAILURES);
    if (disabled) {
      slot.handlers = {};
      this.#updateWants();
    }
    if (slot.failures === 1 || disabled) {
      this.#options.onFailure({ analyzer: slot.id, handler, error, failures: slot.failures, disabled });
    }
  }

  #updateWants(): void {
    const wants = this.wants;
    for (const event of FLOW_EVENTS) {
      this.#choices[event] = choiceOf(this.#slots, HANDLER_OF[event]);
      this.#flowListeners[event] = listeners(this.#slots, ({ handlers }) => handlers[HANDLER_OF[event]]);
    }
    wants.flowStart = widest(this.#slots, 'onFlowStart');
    wants.flowAnswered = widest(this.#slots, 'onFlowAnswered');
    wants.flowRecognized = widest(this.#slots, 'onFlowRecognized');
    wants.flowActive = widest(this.#slots, 'onFlowActive');
    wants.flowEnd = widest(this.#slots, 'onFlowEnd');
    this.#readers = readersAmong(this.#slots);
    this.#dnsListeners = listeners(this.#slots, ({ handlers }) => handlers.onDns);
    this.#dnsQueryListeners = listeners(this.#slots, ({ handlers }) => handlers.onDnsQuery);
    wants.dns = this.#dnsListeners.length > 0;
    wants.dnsQuery = this.#dnsQueryListeners.length > 0;
    wants.notDns = this.#slots.some((slot) => slot.handlers.onNotDns !== undefined);
    wants.noRoute = this.#slots.some((slot) => slot.handlers.onNoRoute !== undefined);
    wants.neighborRequest = this.#slots.some((slot) => slot.handlers.onNeighborRequest !== undefined);
    wants.routerClaim = this.#slots.some((slot) => slot.handlers.onRouterClaim !== undefined);
    wants.echo = this.#slots.some((slot) => slot.handlers.onEcho !== undefined);
    wants.login = this.#slots.some((slot) => slot.handlers.onLogin !== undefined);
    wants.burst = this.#slots.some((slot) => slot.handlers.onBurst !== undefined);
  }

  #entries(): Map<string, number> {
    const entries = new Map<string, number>();
    for (const { analyzer, map } of this.#maps)
      entries.set(analyzer, (entries.get(analyzer) ?? 0) + map.size);
    return entries;
  }

  #evictionOf(where: string): Eviction {
    let eviction = this.#evictions.find((other) => other.where === where);
    if (eviction === undefined) {
      eviction = { where, total: 0, count: 0, first: 0, last: 0 };
      this.#evictions.push(eviction);
    }
    return eviction;
  }

  #noteEviction(eviction: Eviction, count: number): void {
    if (eviction.count === 0) eviction.first = this.#now;
    eviction.count += count;
    eviction.total += count;
    eviction.last = this.#now;
  }

  #emitLosses(now: Micros): void {
    this.#lastLoss = now;
    for (const eviction of this.#evictions) {
      if (eviction.count === 0) continue;
      const { where, count, first, last } = eviction;
      this.#options.onLoss({ kind: 'loss', time: now, source: 'analyzer-window', where, count, first, last });
      eviction.count = 0;
    }
  }
}

/** What was chosen is not asked again: a choice spares the record, and here it is made. */
function concerns(interest: FlowInterest, flow: FlowRecord): boolean {
  if (interest === 'all' || interest === 'chosen') return true;
  return interest === 'internal-networks' && flow.network?.internal === true;
}

function choiceOf(slots: readonly Slot[], handler: keyof Handlers): Choice {
  const listeners = slots.filter(({ handlers }) => handlers[handler] !== undefined);
  return {
    choosers: listeners.flatMap((slot) => {
      const { interest, handlers } = slot;
      if (interest !== 'chosen' || handlers.choosesFlow === undefined) return [];
      return [{ slot, choosesFlow: handlers.choosesFlow.bind(handlers) }];
    }),
    isInternalWanted: listeners.some(({ interest }) => interest === 'internal-networks'),
  };
}

function listeners<Event>(
  slots: readonly Slot[],
  handlerOf: (slot: Slot) => ((event: Event) => void) | undefined,
): readonly Listener<Event>[] {
  return slots.flatMap((slot) => {
    const tell = handlerOf(slot)?.bind(slot.handlers);
    return tell === undefined ? [] : [{ slot, tell }];
  });
}

function readersAmong(slots: readonly Slot[]): readonly Reader[] {
  return slots.flatMap((slot) => {
    const { handlers, interest } = slot;
    const isOfLogins = handlers.onLogin !== undefined;
    if (!isOfLogins && (interest === 'none' || !listensToFlows(handlers))) return [];
    const isAsked = interest === 'chosen' || isOfLogins;
    const readsContent = isAsked ? handlers.readsContent?.bind(handlers) : undefined;
    return [{ slot, readsContent }];
  });
}

function listensToFlows(handlers: Handlers): boolean {
  const { onFlowStart, onFlowAnswered, onFlowRecognized, onFlowActive, onFlowEnd } = handlers;
  return (onFlowStart ?? onFlowAnswered ?? onFlowRecognized ?? onFlowActive ?? onFlowEnd) !== undefined;
}

/** From the narrowest to the widest. */
const INTERESTS: readonly FlowInterest[] = ['none', 'internal-networks', 'chosen', 'all'];

function widest(slots: readonly Slot[], handler: keyof Handlers): FlowInterest {
  let rank = 0;
  for (const slot of slots) {
    if (slot.handlers[handler] !== undefined) rank = Math.max(rank, INTERESTS.indexOf(slot.interest));
  }
  return INTERESTS[rank]!;
}
