/**
 * Keeps the inventory current: subscribes to the engine's events, lists everything, then follows. Whenever the stream
 * ends it lists everything again, because the engine keeps few past events. An engine that is absent is waited for;
 * nothing here ever throws at the agent or exits.
 */
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { LeaseHistory, LeaseRecord } from '../../model/lease.ts';
import type { Network } from '../../model/network.ts';
import { type Micros, wallMicros } from '../../model/time.ts';
import { Backoff } from './backoff.ts';
import { type DockerClient, type DockerClientOptions, openDocker } from './client.ts';
import { DockerError } from './docker-error.ts';
import { type EngineEvent, readListedContainer, readNetwork } from './engine-json.ts';
import { EventQueue } from './event-queue.ts';
import type { ContainerState, InventoryEvent } from './inventory-event.ts';
import { InventoryState, type InventoryStateOptions } from './inventory-state.ts';
import { inspectContainer, inspectNetwork, Lookups, optional, type ResolversOf } from './lookups.ts';

export interface InventoryOptions extends DockerClientOptions, InventoryStateOptions {
  /** What an earlier run knew, so that packets and flows from before this start still find their container. */
  readonly history?: LeaseHistory;
  readonly backoffBaseMs?: number;
  readonly backoffMaxMs?: number;
  /** A quiet engine is asked whether it still lives this often. */
  readonly pingIntervalMs?: number;
  /** For tests. */
  readonly clock?: () => Micros;
  /** A clock that nobody sets; follows `clock` where that is given. */
  readonly steadyMs?: () => number;
  readonly random?: () => number;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly openClient?: (options: DockerClientOptions) => Promise<DockerClient>;
  /** Asked once for each container that is inspected; without it nobody's resolvers are known. */
  readonly resolversOf?: ResolversOf;
}

export type InventoryStatus =
  | { readonly state: 'connecting' }
  | { readonly state: 'current'; readonly engine: string; readonly version: string; readonly since: Micros }
  /** What is known is from before `since`; undefined when nothing was ever known. */
  | { readonly state: 'stale'; readonly since: Micros; readonly error: DockerError };

export type InventoryListener = (event: InventoryEvent) => void;
export type LeaseListener = (lease: LeaseRecord) => void;

const DEFAULTS = { backoffBaseMs: 200, backoffMaxMs: 5_000, pingIntervalMs: 15_000 } as const;
/** Only these can change the map; exec and health events come by the thousand. */
const EVENT_FILTERS = {
  type: ['network', 'container'],
  event: ['create', 'connect', 'disconnect', 'destroy', 'remove', 'start', 'die', 'rename'],
};
const CONTAINER_FILTERS = { status: ['created', 'restarting', 'running', 'paused'] };
const PARALLEL_INSPECTS = 8;
/** Slewing never gets this far between two looks; smaller steps are within what events are late. */
const CLOCK_STEP_MS = 250;

export class Inventory {
  readonly state: InventoryState;
  /** Settles when everything was listed for the first time; never rejects. */
  readonly ready: Promise<void>;
  readonly #options: InventoryOptions;
  readonly #clock: () => Micros;
  readonly #listeners = new Set<InventoryListener>();
  readonly #leaseListeners = new Set<LeaseListener>();
  readonly #stop = new AbortController();
  readonly #backoff: Backoff;
  readonly #steadyMs: () => number;
  /** Wall clock less the steady one, when last looked at. */
  #clockOffsetMs: number;
  #setReady: () => void = () => {};
  #running: Promise<void> | undefined;
  #status: InventoryStatus = { state: 'connecting' };

  constructor(options: InventoryOptions = {}) {
    this.#options = options;
    this.#clock = options.clock ?? wallMicros;
    const ownClock = options.clock;
    const steady = ownClock === undefined ? () => performance.now() : () => ownClock() / 1000;
    this.#steadyMs = options.steadyMs ?? steady;
    this.#clockOffsetMs = this.#offsetMs();
    this.state = new InventoryState((event) => this.#tell(event), {
      ...options,
      onLease: (lease) => {
        for (const listener of this.#leaseListeners) listener(lease);
      },
    });
    if (options.history !== undefined) this.state.remember(options.history);
    this.ready = new Promise((resolve) => {
      this.#setReady = resolve;
    });
    this.#backoff = new Backoff({
      baseMs: options.backoffBaseMs ?? DEFAULTS.backoffBaseMs,
      maxMs: options.backoffMaxMs ?? DEFAULTS.backoffMaxMs,
      random: options.random ?? Math.random,
    });
  }

  /** Returns at once; `ready` and the listeners say what happens. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Settles when no request is under way any more. The last known state stays readable. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  get status(): InventoryStatus {
    return this.#status;
  }

  networks(): Network[] {
    return this.state.networks();
  }

  containers(): ContainerState[] {
    return this.state.containers();
  }

  /** Listeners are called synchronously, in the order of the changes. Returns what takes the listener away. */
  onChange(listener: InventoryListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Told when a container comes to hold addresses, when more is known of that, and when it ends. */
  onLease(listener: LeaseListener): () => void {
    this.#leaseListeners.add(listener);
    return () => this.#leaseListeners.delete(listener);
  }

  /**
   * Whether somebody set the wall clock back: then times come a second time, and what is known of them holds for the
   * first pass only. Call it each second, and when packet time jumps; every event does.
   */
  checkClock(): void {
    const offset = this.#offsetMs();
    const step = offset - this.#clockOffsetMs;
    this.#clockOffsetMs = offset;
    if (step < -CLOCK_STEP_MS) this.state.clockSetBack(this.#clock());
  }

  #offsetMs(): number {
    return this.#clock() / 1000 - this.#steadyMs();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const sleep = this.#options.sleep ?? defaultSleep;
    while (!signal.aborted) {
      const session = new AbortController();
      const endSession = (): void => session.abort();
      signal.addEventListener('abort', endSession, { once: true });
      try {
        await this.#follow(session);
      } catch (error) {
        if (!signal.aborted) this.#lost(error);
      } finally {
        session.abort();
        signal.removeEventListener('abort', endSession);
      }
      if (!signal.aborted) await sleep(this.#backoff.nextMs(), signal);
    }
  }

  /** One connection: returns or throws when it is over. */
  async #follow(session: AbortController): Promise<void> {
    const open = this.#options.openClient ?? openDocker;
    const client = await open(this.#options);
    // Subscribed before listing: what happens in between is then told twice instead of never.
    const events = await client.events(EVENT_FILTERS, session.signal);
    const queue = new EventQueue();
    const reading = queue.fillFrom(events, session.signal);
    const { version, pending } = await this.#list(client, session.signal);
    this.#backoff.reset();
    this.#current(client.label, version);
    const pinging = this.#ping(client, session, queue);
    const { resolversOf } = this.#options;
    const lookups = new Lookups(client, this.state, this.#clock, session.signal, resolversOf);
    for (const id of pending) lookups.network({ id, time: this.#clock() });
    try {
      for (;;) {
        const event = await queue.next();
        if (event === undefined) break;
        this.#apply(event, lookups);
      }
    } finally {
      session.abort();
      await Promise.allSettled([reading, pinging, lookups.settled()]);
    }
    throw (
      queue.error ??
      new DockerError(
        'DOCKER_NOT_ANSWERING',
        `the engine at ${client.label} closed the event stream; did dockerd stop?`,
      )
    );
  }

  /** Lists everything there is and puts it into the state; `pending`: networks to be asked for again. */
  async #list(
    client: DockerClient,
    signal: AbortSignal,
  ): Promise<{ readonly version: string; readonly pending: readonly string[] }> {
    const version = (await client.get('/version', undefined, signal)) as { Version?: unknown };
    const time = this.#clock();
    const listed = wholeList(client, '/networks', await client.get('/networks', undefined, signal)).map(
      readNetwork,
    );
    const described = await mapLimited(defined(listed), async (entry) => {
      if (entry.network.driver === 'host' || entry.network.driver === 'null') return entry;
      // It may have been removed since.
      return (await optional(inspectNetwork(client, entry.network.id, signal), signal)) ?? entry;
    });
    const query = { all: true, filters: CONTAINER_FILTERS };
    const summaries = wholeList(
      client,
      '/containers/json',
      await client.get('/containers/json', query, signal),
    );
    const containers = await mapLimited(defined(summaries.map(readListedContainer)), async (summary) => {
      // A container that is starting makes the engine hold this answer back; the summary must then do.
      const { resolversOf } = this.#options;
      const inspected = await optional(inspectContainer(client, summary.id, signal, resolversOf), signal);
      return inspected ?? summary;
    });
    signal.throwIfAborted();
    const networks = described.filter(({ isPending }) => isPending !== true);
    this.state.replaceAll(networks, containers, time);
    return {
      version: typeof version?.Version === 'string' ? version.Version : 'unknown',
      pending: described.filter((each) => each.isPending).map(({ network }) => network.id),
    };
  }

  /**
   * What an event says by itself is applied at once; what it leaves open is looked up beside, so that one question
   * without an answer holds up nothing. An address whose holder left is free from then on, never still his.
   */
  #apply(event: EngineEvent, lookups: Lookups): void {
    this.checkClock();
    const { state } = this;
    if (event.type === 'network') {
      const containerId = event.attributes['container'];
      if (containerId !== undefined) lookups.mark(containerId);
      switch (event.action) {
        case 'create':
          lookups.network(event);
          return;
        case 'destroy':
        case 'remove':
          lookups.networkGone(event.id);
          state.networkRemoved(event.id, event.time);
          return;
        case 'connect':
          if (containerId !== undefined) lookups.connected(event, containerId);
          return;
        case 'disconnect':
          if (containerId !== undefined) state.disconnected(event.id, containerId, event.time);
          return;
        default:
          return;
      }
    }
    switch (event.action) {
      case 'create':
        state.introduced(event.id, event.attributes);
        return;
      case 'start':
        state.introduced(event.id, event.attributes);
        lookups.started(event);
        return;
      case 'die':
      case 'destroy':
        state.introduced(event.id, event.attributes);
        lookups.ended(event.id);
        state.containerGone(event.id, event.time);
        return;
      case 'rename':
        state.renamed(event.id, event.attributes['name'] ?? event.id.slice(0, 12), event.time);
        return;
      default:
        return;
    }
  }

  /** A unix socket to a hanging engine stays open and silent; only a question finds out. */
  async #ping(client: DockerClient, session: AbortController, queue: EventQueue): Promise<void> {
    const sleep = this.#options.sleep ?? defaultSleep;
    const intervalMs = this.#options.pingIntervalMs ?? DEFAULTS.pingIntervalMs;
    try {
      while (!session.signal.aborted) {
        await sleep(intervalMs, session.signal);
        if (!session.signal.aborted) await client.get('/version', undefined, session.signal);
      }
    } catch (error) {
      if (!session.signal.aborted) queue.end(error);
    }
  }

  #current(engine: string, version: string): void {
    const time = this.#clock();
    this.#status = { state: 'current', engine, version, since: time };
    this.#tell({ type: 'engine-connected', time, engine, version });
    this.#setReady();
  }

  #lost(error: unknown): void {
    const failure = error instanceof DockerError ? error : unexpected(error);
    const time = this.#clock();
    const before = this.#status;
    const since = before.state === 'stale' ? before.since : time;
    this.state.engineLost(time);
    this.#status = { state: 'stale', since, error: failure };
    if (before.state === 'stale' && before.error.message === failure.message) return;
    const engine = before.state === 'current' ? before.engine : (this.#options.socket ?? 'docker');
    this.#tell({ type: 'engine-lost', time, engine, reason: failure.message, code: failure.code });
  }

  #tell(event: InventoryEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

async function mapLimited<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_INSPECTS, items.length) }, worker));
  return results;
}

function unexpected(error: unknown): DockerError {
  const message = error instanceof Error ? error.message : String(error);
  return new DockerError('DOCKER_NOT_ANSWERING', `following the engine failed: ${message}`, { cause: error });
}

/** "No network" and "no list of networks" are different things: the second is no engine. */
function wholeList(client: DockerClient, path: string, answer: unknown): readonly unknown[] {
  if (Array.isArray(answer)) return answer;
  throw new DockerError(
    'DOCKER_BAD_ANSWER',
    `${client.label} answered GET ${path} with something that is no list; is it a Docker engine?`,
  );
}

function defined<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter((value) => value !== undefined);
}

async function defaultSleep(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleepFor(ms, undefined, { signal });
  } catch {
    // Aborted: the caller looks at the signal.
  }
}
