/**
 * One question seen from two places is told once. An engine that asks from the container's own namespace (up to 27, and
 * later for `--dns` servers) sends the container's question on over the bridge: the bridge's view is then the way
 * `upstream` of the container's record. Taps deliver in turns, so either view may be read first: a bridge question of
 * a container whose namespace is tapped waits a moment before it is told as its own, and a finished record of a
 * container waits as long to learn its upstream. Nothing else waits.
 *
 * They belong together when container, name and type are the same and the bridge saw it between the container's
 * question and its answer; where several fit, the same id, then the one that has no upstream yet.
 */
import type { DnsRecord, DnsUpstream } from '../../model/dns.ts';
import type { Workload } from '../../model/network.ts';
import type { ClockStep, Micros } from '../../model/time.ts';
import type { DnsQuery } from '../analysis/analyzer.ts';
import type { Tap } from '../tap.ts';
import { withUpstream } from './record.ts';

export interface ViewsOptions {
  /** Bridge questions, and as many finished records of containers, that wait. */
  readonly maxHeld: number;
  /** A question, once. `labels` and `options` are borrowed for the call. */
  readonly onQuestion: (query: DnsQuery) => void;
  /** A question with its answer, or without when none came; an answer alone when its question was not seen. */
  readonly onRecord: (record: DnsRecord) => void;
}

/** Packet time. Taps hand over every 100 ms by default (capture.read_timeout_ms); batches are read in turns. */
export const GRACE: Micros = 300_000;
/** By how much the timestamps of two interfaces may contradict what must have come first. */
const CLOCK_SLACK: Micros = 1000;
/** Equal questions of one container that are looked through; a program that repeats one name without end has more. */
const MAX_EQUAL = 32;
/** The engine asks three servers at most, anew each time that the client asks again. What goes beyond is told. */
const MAX_TRIES = 12;
const EMBEDDED_RESOLVER = '127.0.0.11';

/** A question of a container, as its own namespace saw it. */
interface FromContainer {
  readonly kind: 'container';
  readonly equals: Equals;
  readonly question: DnsRecord;
  time: Micros;
  /** Set when it waits to be told. */
  record: DnsRecord | undefined;
  finishedAt: Micros | undefined;
  tries: number;
  upstream: DnsUpstream | undefined;
  hasUpstreamAnswer: boolean;
}

/** The question on a bridge: perhaps the same one on its way. */
interface OverBridge {
  readonly kind: 'bridge';
  readonly equals: Equals;
  readonly question: DnsRecord;
  time: Micros;
  readonly labels: DnsQuery['labels'];
  readonly options: DnsQuery['options'];
  /** With its answer, which came while the question waited. */
  record: DnsRecord | undefined;
  state: 'waits' | 'joined' | 'told';
  joinedTo: FromContainer | undefined;
}

/** One view of a question, from when it was asked to when it was answered or given up. */
export type Passage = FromContainer | OverBridge;

/** Questions of one container for one name and type, oldest first. */
interface Equals {
  readonly key: string;
  readonly asked: FromContainer[];
  readonly waiting: OverBridge[];
}

export class Views {
  /** Told before their time, for want of room: a question may have been told twice, or an upstream be missing. */
  hurried = 0;
  /** Packet time at which `settle` has something to do. */
  due: Micros = Number.POSITIVE_INFINITY;
  readonly #options: ViewsOptions;
  /** Containers whose namespace is tapped, by id. */
  #watched = new Set<string>();
  readonly #equals = new Map<string, Equals>();
  // In the order in which their grace ends.
  readonly #waiting = new Set<OverBridge>();
  readonly #finished = new Set<FromContainer>();

  constructor(options: ViewsOptions) {
    this.#options = options;
  }

  /** Which containers' namespaces are tapped; they change their ids and networks under us, so ask again now and then. */
  watch(taps: Iterable<Tap>): void {
    const watched = new Set<string>();
    for (const tap of taps) {
      const workload = tap.asker?.().client.workload;
      if (workload !== undefined && asksEngine(workload)) watched.add(workload.containerId);
    }
    this.#watched = watched;
  }

  /** A question is seen. What is returned goes with it until it is finished; undefined when it has one view only. */
  asked(record: DnsRecord, labels: DnsQuery['labels'], options: DnsQuery['options']): Passage | undefined {
    const id = record.client.workload?.containerId;
    if (id !== undefined && record.protocol === 'dns') {
      if (record.vantage === 'container') return this.#leaves(id, record, labels, options);
      if (this.#watched.has(id)) return this.#crosses(id, record, labels, options);
    }
    this.#options.onQuestion({ time: record.time, record, labels, options });
    return undefined;
  }

  /** Answered, or given up: then the record is the question's own. */
  finished(passage: Passage | undefined, record: DnsRecord, time: Micros): void {
    if (passage === undefined) this.#options.onRecord(record);
    else if (passage.kind === 'container') this.#holdRecord(passage, record, time);
    else if (passage.state === 'told') this.#options.onRecord(record);
    else {
      passage.record = record;
      const isAnswered = record.rcode !== undefined;
      if (passage.joinedTo !== undefined && isAnswered) learnUpstream(passage.joinedTo, passage);
    }
  }

  /** An answer whose question was not seen. */
  alone(record: DnsRecord): void {
    this.#options.onRecord(record);
  }

  /** Tells what has waited long enough. */
  settle(now: Micros): void {
    if (now < this.due) return;
    for (const passage of this.#waiting) {
      if (passage.time + GRACE > now) break;
      this.#release(passage);
    }
    for (const passage of this.#finished) {
      if (passage.finishedAt! + GRACE > now) break;
      this.#tell(passage);
    }
    this.#setDue();
  }

  flush(): void {
    this.settle(Number.POSITIVE_INFINITY);
  }

  /** What waits goes on waiting as long as it would have. */
  clockSet({ from, to }: ClockStep): void {
    const shift = to - from;
    for (const { asked, waiting } of this.#equals.values()) {
      for (const passage of waiting) passage.time += shift;
      for (const passage of asked) {
        passage.time += shift;
        if (passage.finishedAt !== undefined) passage.finishedAt += shift;
      }
    }
    this.#setDue();
  }

  /** Held at the moment, of both kinds. */
  get held(): number {
    return this.#waiting.size + this.#finished.size;
  }

  /** The container's own view: told at once. */
  #leaves(
    containerId: string,
    question: DnsRecord,
    labels: DnsQuery['labels'],
    options: DnsQuery['options'],
  ): FromContainer {
    this.#watched.add(containerId);
    const equals = this.#equalsOf(containerId, question);
    const passage: FromContainer = {
      kind: 'container',
      equals,
      question,
      time: question.time,
      record: undefined,
      finishedAt: undefined,
      tries: 0,
      upstream: undefined,
      hasUpstreamAnswer: false,
    };
    if (equals.asked.length === MAX_EQUAL) this.#hurryAsked(equals.asked[0]!);
    equals.asked.push(passage);
    this.#equals.set(equals.key, equals);
    const seenBefore = earliest(equals.waiting, passage);
    if (seenBefore !== undefined) this.#join(seenBefore, passage);
    this.#options.onQuestion({ time: question.time, record: question, labels, options });
    return passage;
  }

  /** The bridge's view of a container that is watched: waits, unless it is known where it comes from. */
  #crosses(
    containerId: string,
    question: DnsRecord,
    labels: DnsQuery['labels'],
    options: DnsQuery['options'],
  ): OverBridge {
    const equals = this.#equalsOf(containerId, question);
    const origin = originOf(equals.asked, question.time, question.id);
    const passage: OverBridge = {
      kind: 'bridge',
      equals,
      question,
      time: question.time,
      labels: origin === undefined ? labels.map((label) => label.slice()) : [],
      options: origin === undefined ? options.map(({ code, data }) => ({ code, data: data.slice() })) : [],
      record: undefined,
      state: 'waits',
      joinedTo: undefined,
    };
    if (origin !== undefined) {
      this.#join(passage, origin);
      return passage;
    }
    if (equals.waiting.length === MAX_EQUAL) this.#hurryWaiting(equals.waiting[0]!);
    if (this.#waiting.size >= this.#options.maxHeld) this.#hurryWaiting(first(this.#waiting));
    equals.waiting.push(passage);
    this.#equals.set(equals.key, equals);
    this.#waiting.add(passage);
    this.due = Math.min(this.due, passage.time + GRACE);
    return passage;
  }

  #holdRecord(passage: FromContainer, record: DnsRecord, time: Micros): void {
    passage.record = record;
    passage.finishedAt = time;
    // Too many equal ones: nothing can join it any more.
    if (!passage.equals.asked.includes(passage)) {
      this.#options.onRecord(told(passage));
      return;
    }
    if (this.#finished.size >= this.#options.maxHeld) this.#hurryAsked(first(this.#finished));
    this.#finished.add(passage);
    this.due = Math.min(this.due, time + GRACE);
  }

  #join(passage: OverBridge, origin: FromContainer): void {
    this.#forget(passage);
    passage.state = 'joined';
    passage.joinedTo = origin;
    origin.tries++;
    learnUpstream(origin, passage);
  }

  /** Its grace is over: one more try for a question that it did not come first for, or a question of its own. */
  #release(passage: OverBridge): void {
    const { question, time, labels, options } = passage;
    const origin = originOf(passage.equals.asked, time, question.id);
    if (origin !== undefined) {
      this.#join(passage, origin);
      return;
    }
    this.#forget(passage);
    passage.state = 'told';
    this.#options.onQuestion({ time: question.time, record: question, labels, options });
    if (passage.record !== undefined) this.#options.onRecord(passage.record);
  }

  #tell(passage: FromContainer): void {
    this.#finished.delete(passage);
    remove(passage.equals.asked, passage);
    this.#dropIfEmpty(passage.equals);
    this.#options.onRecord(told(passage));
  }

  #hurryWaiting(passage: OverBridge): void {
    this.hurried++;
    this.#release(passage);
  }

  /** An open one cannot be told yet; it just cannot learn of an upstream any more. */
  #hurryAsked(passage: FromContainer): void {
    this.hurried++;
    if (passage.record !== undefined) this.#tell(passage);
    else remove(passage.equals.asked, passage);
  }

  #forget(passage: OverBridge): void {
    if (!this.#waiting.delete(passage)) return;
    remove(passage.equals.waiting, passage);
    this.#dropIfEmpty(passage.equals);
  }

  #equalsOf(containerId: string, { query, qtype }: DnsRecord): Equals {
    const key = `${containerId} ${qtype} ${query.toLowerCase()}`;
    return this.#equals.get(key) ?? { key, asked: [], waiting: [] };
  }

  #dropIfEmpty(equals: Equals): void {
    if (equals.asked.length === 0 && equals.waiting.length === 0) this.#equals.delete(equals.key);
  }

  #setDue(): void {
    const waiting = this.#waiting.size === 0 ? Number.POSITIVE_INFINITY : first(this.#waiting).time;
    const finished = this.#finished.size === 0 ? Number.POSITIVE_INFINITY : first(this.#finished).finishedAt!;
    this.due = Math.min(waiting, finished) + GRACE;
  }
}

/** A container on the default bridge has no embedded resolver: what it asks on the bridge is its own. */
function asksEngine({ resolvers }: Workload): boolean {
  return resolvers === undefined || resolvers.includes(EMBEDDED_RESOLVER);
}

/** The container's question that this one on a bridge may be: asked before it, and not yet answered then. */
function originOf(asked: readonly FromContainer[], time: Micros, id: number): FromContainer | undefined {
  let best: FromContainer | undefined;
  for (const passage of asked) {
    if (passage.tries === MAX_TRIES || time < passage.time - CLOCK_SLACK) continue;
    if (passage.finishedAt !== undefined && time > passage.finishedAt + CLOCK_SLACK) continue;
    if (passage.question.id === id) return passage;
    if (best === undefined || passage.tries < best.tries) best = passage;
  }
  return best;
}

/** The bridge's question that came of this one, when the bridge's tap was read first. */
function earliest(waiting: readonly OverBridge[], { question, time }: FromContainer): OverBridge | undefined {
  const after = waiting.filter((passage) => passage.time >= time - CLOCK_SLACK);
  return after.find((passage) => passage.question.id === question.id) ?? after[0];
}

/** The last one that was answered stands; before there is one, the last that was asked. */
function learnUpstream(origin: FromContainer, { question, record }: OverBridge): void {
  const isAnswered = record?.rcode !== undefined;
  if (!isAnswered && origin.hasUpstreamAnswer) return;
  origin.hasUpstreamAnswer = isAnswered;
  const { server, network, interface: name } = question;
  origin.upstream = { server, network: network?.name, interface: name, rtt: record?.rtt };
}

function told({ record, upstream }: FromContainer): DnsRecord {
  return upstream === undefined ? record! : withUpstream(record!, upstream);
}

function first<T>(entries: Set<T>): T {
  return entries.values().next().value!;
}

function remove<T>(entries: T[], entry: T): void {
  const at = entries.indexOf(entry);
  if (at >= 0) entries.splice(at, 1);
}
