/**
 * Asks the engine for what its events leave out: an event of a connect names the network and the container, not the
 * address. One question a network at a time, so that of two answers the later is the newer one; the connects that come
 * meanwhile share the next question. Nothing here waits for anything else: a question that is never answered costs its
 * own answer.
 */
import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Micros } from '../../model/time.ts';
import type { Arrival } from './arrivals.ts';
import type { DockerClient } from './client.ts';
import { DockerError } from './docker-error.ts';
import {
  type EngineContainer,
  type EngineEvent,
  type EngineNetwork,
  readContainer,
  readListedContainer,
  readNetwork,
} from './engine-json.ts';
import type { InventoryState } from './inventory-state.ts';

/** Each answer takes a thread of the engine; more at once make it slower for all. */
const PARALLEL_QUESTIONS = 8;
/** A Swarm's manager takes some 10 ms for a new network, on a busy host seconds; without a free address pool for ever. */
const FIRST_PAUSE_MS = 50;
const LAST_PAUSE_MS = 2000;

/** The resolvers a container was given, as far as this host tells; never rejects. */
export type ResolversOf = (facts: EngineContainer) => Promise<readonly string[] | undefined>;

interface NetworkQuestions {
  /** Connects since the question under way was sent. */
  waiting: Arrival[];
  /** Time of a `create` that nobody has looked up yet. */
  createdAt: Micros | undefined;
  isAsking: boolean;
}

export class Lookups {
  readonly #client: DockerClient;
  readonly #state: InventoryState;
  readonly #clock: () => Micros;
  readonly #signal: AbortSignal;
  readonly #resolversOf: ResolversOf | undefined;
  readonly #networks = new Map<string, NetworkQuestions>();
  readonly #running = new Set<Promise<void>>();
  readonly #queue: (() => void)[] = [];
  #asking = 0;
  /** Of containers started by an event: their latest event, so that an answer from before it is known to be old. */
  readonly #lastEvent = new Map<string, number>();
  #eventCount = 0;

  constructor(
    client: DockerClient,
    state: InventoryState,
    clock: () => Micros,
    signal: AbortSignal,
    resolversOf?: ResolversOf,
  ) {
    this.#client = client;
    this.#state = state;
    this.#clock = clock;
    this.#signal = signal;
    this.#resolversOf = resolversOf;
  }

  /** Settles when nothing is being asked any more; never rejects. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled([...this.#running]);
  }

  /** Something happened to a container: answers that are under way may be from before it. */
  mark(containerId: string): void {
    if (this.#lastEvent.has(containerId)) this.#lastEvent.set(containerId, ++this.#eventCount);
  }

  ended(containerId: string): void {
    this.#lastEvent.delete(containerId);
  }

  network({ id, time }: { readonly id: string; readonly time: Micros }): void {
    const questions = this.#questionsOf(id);
    questions.createdAt = time;
    this.#ask(id, questions);
  }

  networkGone(id: string): void {
    this.#networks.delete(id);
  }

  /**
   * Comes before the container runs. `docker inspect` would now wait for the whole start (0.35 s measured on 20.10);
   * the network's own description and the list of containers answer in milliseconds.
   */
  connected(event: EngineEvent, containerId: string): void {
    const arrival = this.#state.connecting(event.id, containerId, event.time);
    if (arrival === undefined) return;
    const questions = this.#questionsOf(event.id);
    questions.waiting.push(arrival);
    this.#ask(event.id, questions);
  }

  /** Learns the process and the namespace, and whatever the earlier look-ups missed. */
  started(event: EngineEvent): void {
    const mark = ++this.#eventCount;
    this.#lastEvent.set(event.id, mark);
    this.#run(async () => {
      const facts = await this.#patiently(
        inspectContainer(this.#client, event.id, this.#signal, this.#resolversOf),
      );
      // It has ended meanwhile: then the answer tells of another life than the map.
      if (facts?.running !== true || !this.#lastEvent.has(event.id)) return;
      this.#state.containerSeen(facts, event.time);
      if (this.#lastEvent.get(event.id) !== mark) return;
      for (const endpoint of facts.endpoints) this.#state.connected(endpoint, event.time);
    });
  }

  #questionsOf(networkId: string): NetworkQuestions {
    let questions = this.#networks.get(networkId);
    if (questions === undefined) {
      questions = { waiting: [], createdAt: undefined, isAsking: false };
      this.#networks.set(networkId, questions);
    }
    return questions;
  }

  #ask(networkId: string, questions: NetworkQuestions): void {
    if (questions.isAsking) return;
    questions.isAsking = true;
    this.#run(async () => {
      let pauseMs = FIRST_PAUSE_MS;
      try {
        while (questions.waiting.length > 0 || questions.createdAt !== undefined) {
          const isPending = await this.#limited(() => this.#askOnce(networkId, questions));
          if (isPending) {
            await this.#pause(pauseMs);
            pauseMs = Math.min(LAST_PAUSE_MS, 2 * pauseMs);
          }
          if (this.#signal.aborted || this.#networks.get(networkId) !== questions) return;
        }
        this.#networks.delete(networkId);
      } finally {
        questions.isAsking = false;
      }
    });
  }

  /** Whether there is nothing to tell yet: then it has to be asked again. */
  async #askOnce(networkId: string, questions: NetworkQuestions): Promise<boolean> {
    const { waiting: arrivals, createdAt } = questions;
    questions.waiting = [];
    questions.createdAt = undefined;
    const unknown = new Set(arrivals.map(({ holder }) => holder.id).filter((id) => !this.#isKnown(id)));
    const [seen, facts] = await Promise.all([
      this.#patiently(inspectNetwork(this.#client, networkId, this.#signal)),
      this.#listed([...unknown]),
    ]);
    // Removed meanwhile, or no answer: those who came stay without an address.
    if (seen === undefined || this.#signal.aborted || this.#networks.get(networkId) !== questions)
      return false;
    const since = createdAt ?? arrivals[0]?.from ?? this.#clock();
    if (seen.isPending === true) {
      questions.createdAt ??= since;
      questions.waiting.unshift(...arrivals);
      return true;
    }
    this.#state.networkSeen(seen, since);
    for (const arrival of arrivals) this.#settle(arrival, seen, facts.get(arrival.holder.id));
    return false;
  }

  async #pause(ms: number): Promise<void> {
    try {
      await sleepFor(ms, undefined, { signal: this.#signal });
    } catch {
      // Aborted: who asks looks at the signal.
    }
  }

  #settle(arrival: Arrival, seen: EngineNetwork, facts: EngineContainer | undefined): void {
    const { driver, id: networkId, name: networkName } = seen.network;
    const containerId = arrival.holder.id;
    const endpoint = seen.endpoints.find((entry) => entry.containerId === containerId);
    if (endpoint !== undefined && (endpoint.ips.length > 0 || endpoint.mac !== undefined)) {
      this.#state.arrived(arrival, endpoint, facts);
    } else if (driver === 'host' || driver === 'null') {
      const none = { networkId, networkName, containerId, ips: [], gateways: [] };
      if (arrival.to === Number.POSITIVE_INFINITY) this.#state.arrived(arrival, endpoint ?? none, facts);
      else this.#state.arrivedWithoutAddress(arrival);
    } else {
      this.#state.absent(arrival, this.#clock());
    }
  }

  #isKnown(containerId: string): boolean {
    return this.#state.container(containerId) !== undefined;
  }

  async #listed(ids: readonly string[]): Promise<ReadonlyMap<string, EngineContainer>> {
    const found = new Map<string, EngineContainer>();
    if (ids.length === 0) return found;
    const query = { all: true, filters: { id: ids } };
    const answer = await this.#patiently(this.#client.get('/containers/json', query, this.#signal));
    for (const entry of Array.isArray(answer) ? answer : []) {
      const facts = readListedContainer(entry);
      if (facts !== undefined) found.set(facts.id, facts);
    }
    return found;
  }

  /** Undefined when there is no answer for whatever reason; a connection that ended is noticed elsewhere. */
  #patiently<T>(work: Promise<T>): Promise<T | undefined> {
    return optional(work, this.#signal).catch(() => undefined);
  }

  async #limited<T>(work: () => Promise<T>): Promise<T> {
    if (this.#asking >= PARALLEL_QUESTIONS) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#asking++;
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#asking--;
      else next();
    }
  }

  #run(work: () => Promise<void>): void {
    const running = work().finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}

export async function inspectNetwork(
  client: DockerClient,
  id: string,
  signal: AbortSignal,
): Promise<EngineNetwork | undefined> {
  return readNetwork(await client.get(`/networks/${encodeURIComponent(id)}`, undefined, signal));
}

export async function inspectContainer(
  client: DockerClient,
  id: string,
  signal: AbortSignal,
  resolversOf?: ResolversOf,
): Promise<EngineContainer | undefined> {
  const path = `/containers/${encodeURIComponent(id)}/json`;
  const facts = readContainer(await client.get(path, undefined, signal));
  const resolvers = facts === undefined ? undefined : await resolversOf?.(facts);
  return facts === undefined || resolvers === undefined ? facts : { ...facts, resolvers };
}

/** Undefined when the thing is gone or the engine could not answer for it alone; the connection goes on. */
export async function optional<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (signal.aborted || !(error instanceof DockerError)) throw error;
    return undefined;
  }
}
