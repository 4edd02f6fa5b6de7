/**
 * One question seen from two places is told once. An engine that asks from the container's own namespace (up to 27, and
 * later for `--dns` servers) sends the container's question on over the bridge: the bridge's view is then the way
 * `upstream` of the container's record. Taps deliver in turns, so either view may be read first: a bridge question of
 * a container whose namespace is tapped waits a moment before it is told as its own, and a finished record of a
 * container waits as long to learn its upstream. While containers start, a bridge question may come before it is known
 * whose it is, or before that container's tap delivers: it waits for both, but not for ever. Nothing else waits.
 */
import type { DnsRecord } from '../../model/dns.ts';
import type { Workload } from '../../model/network.ts';
import type { ClockStep, Micros } from '../../model/time.ts';
import type { DnsQuery } from '../analysis/analyzer.ts';
import type { Tap } from '../taps/tap.ts';
import type { ExpectedTaps } from './expected-taps.ts';
import {
  type Equals,
  type FromContainer,
  isSameAnswer,
  learnUpstream,
  type OverBridge,
  originOf,
  type Passage,
} from './passages.ts';
import { mayBeContainer, withEnds, withUpstream } from './record.ts';
import { WaitingLine } from './waiting-line.ts';

export interface ViewsOptions {
  /** Bridge questions, and as many finished records of containers, that wait. */
  readonly maxHeld: number;
  readonly expectedTaps: ExpectedTaps;
  /** The record with what is known of its ends by now. */
  readonly resolveAgain: (record: DnsRecord) => DnsRecord;
  /** A question, once. `labels` and `options` are borrowed for the call. */
  readonly onQuestion: (query: DnsQuery) => void;
  /** A question with its answer, or without when none came; an answer alone when its question was not seen. */
  readonly onRecord: (record: DnsRecord) => void;
}

/** Packet time. Taps hand over every 100 ms by default (capture.read_timeout_ms); batches are read in turns. */
export const GRACE: Micros = 300_000;
/**
 * Packet time. A dozen containers that start at once on a busy machine are told of by the engine up to 4 s after they
 * asked first.
 */
export const MAX_WAIT_FOR_TAP: Micros = 5_000_000;
/** Bridge questions that wait for a tap: looked through ten times a second. */
const MAX_EXPECTING = 1024;
const LOOK_EVERY: Micros = 100_000;
/** Equal questions of one container that are looked through; a program that repeats one name without end has more. */
const MAX_EQUAL = 256;
const EMBEDDED_RESOLVER = '127.0.0.11';

export class Views {
  /** Told before their time, for want of room: a question may have been told twice, or an upstream be missing. */
  hurried = 0;
  readonly #options: ViewsOptions;
  #due: Micros = Number.POSITIVE_INFINITY;
  /** Up to where all taps have been read; undefined where packets come in their order. */
  #heard: Micros | undefined;
  /** Containers whose namespace is tapped, by id, with the time since when. */
  #watched = new Map<string, Micros>();
  readonly #equals = new Map<string, Equals>();
  // In the order in which their grace ends.
  readonly #waiting = new WaitingLine<OverBridge>(({ state }) => state !== 'waits');
  /** Those of containers whose tap is still to come. */
  readonly #expecting = new Set<OverBridge>();
  #nextLook: Micros = Number.POSITIVE_INFINITY;
  readonly #finished = new WaitingLine<FromContainer>(({ isTold }) => isTold);

  constructor(options: ViewsOptions) {
    this.#options = options;
  }

  /** A namespace is tapped. */
  watch(tap: Tap): void {
    const workload = tap.asker?.().client.workload;
    if (workload === undefined || !asksEngine(workload)) return;
    this.#watched.set(workload.containerId, tap.since ?? Number.NEGATIVE_INFINITY);
  }

  /** All that are tapped: what a namespace is known for changes, so ask now and then. */
  watchOnly(taps: Iterable<Tap>): void {
    this.#watched = new Map();
    for (const tap of taps) this.watch(tap);
  }

  /** A question is seen. What is returned goes with it until it is finished; undefined when it has one view only. */
  asked(record: DnsRecord, labels: DnsQuery['labels'], options: DnsQuery['options']): Passage | undefined {
    if (record.protocol === 'dns') {
      const id = record.client.workload?.containerId;
      if (record.vantage === 'container') {
        if (id !== undefined) return this.#leaves(id, record, labels, options);
      } else if (id !== undefined && this.#watched.has(id)) {
        return this.#crosses(id, record, labels, options);
      } else if (this.#isTapExpected(record)) {
        return this.#crosses(undefined, record, labels, options);
      }
    }
    this.#options.onQuestion({ time: record.time, record, labels, options });
    return undefined;
  }

  /** Answered, or given up: then the record is the question's own. */
  finished(passage: Passage | undefined, record: DnsRecord, time: Micros): void {
    if (passage === undefined) this.#options.onRecord(record);
    else if (passage.kind === 'container') this.#holdRecord(passage, record, time);
    else if (passage.state === 'told') this.#options.onRecord(asKnownBy(passage, record));
    else {
      passage.record = asKnownBy(passage, record);
      const isAnswered = record.rcode !== undefined;
      if (passage.joinedTo !== undefined && isAnswered) this.#answeredUpstream(passage.joinedTo, passage);
    }
  }

  /** An answer whose question was not seen. */
  alone(record: DnsRecord): void {
    this.#options.onRecord(record);
  }

  /** Packet time at which `settle` has something to do. */
  get due(): Micros {
    return this.#heard === undefined ? this.#due : Number.POSITIVE_INFINITY;
  }

  /**
   * Every tap has been read up to this packet time. From the first call on nothing is told sooner: on a busy machine a
   * tap may be read a second after another, and a grace in packet time would be over before.
   */
  heardUpTo(time: Micros): void {
    this.#heard = time;
    this.#settle(time + GRACE);
  }

  /** Tells what has waited long enough. */
  settle(now: Micros): void {
    this.#settle(this.#heard === undefined ? now : Math.min(now, this.#heard + GRACE));
  }

  #settle(now: Micros): void {
    if (now < this.#due) return;
    this.#lookForTaps(now);
    for (let passage = this.#waiting.first(); passage !== undefined; passage = this.#waiting.first()) {
      if (passage.readyAt > now) break;
      this.#release(passage);
    }
    for (let passage = this.#finished.first(); passage !== undefined; passage = this.#finished.first()) {
      if (passage.readyAt > now) break;
      this.#tell(passage);
    }
    this.#setDue();
  }

  flush(): void {
    this.#settle(Number.POSITIVE_INFINITY);
  }

  /** What waits goes on waiting as long as it would have. */
  clockSet({ from, to }: ClockStep): void {
    const shift = to - from;
    for (const [id, since] of this.#watched) this.#watched.set(id, since + shift);
    this.#nextLook += shift;
    if (this.#heard !== undefined) this.#heard += shift;
    for (const { asked, waiting } of this.#equals.values()) {
      for (const passage of waiting) {
        passage.time += shift;
        passage.readyAt += shift;
      }
      for (const passage of asked) {
        passage.time += shift;
        passage.readyAt += shift;
        if (passage.finishedAt !== undefined) passage.finishedAt += shift;
      }
    }
    this.#setDue();
  }

  /** Held at the moment, of both kinds. */
  get held(): number {
    return this.#waiting.size + this.#expecting.size + this.#finished.size;
  }

  /** The container's own view: told at once. */
  #leaves(
    containerId: string,
    question: DnsRecord,
    labels: DnsQuery['labels'],
    options: DnsQuery['options'],
  ): FromContainer {
    if (!this.#watched.has(containerId)) this.#watched.set(containerId, question.time);
    const equals = this.#equalsOf(containerId, question);
    const passage: FromContainer = {
      kind: 'container',
      equals,
      question,
      time: question.time,
      record: undefined,
      finishedAt: undefined,
      readyAt: Number.POSITIVE_INFINITY,
      tries: 0,
      upstream: undefined,
      hasUpstreamAnswer: false,
      upstreamAnswers: [],
      isTold: false,
    };
    if (equals.asked.length === MAX_EQUAL) this.#hurryAsked(equals.asked[0]!);
    equals.asked.push(passage);
    this.#equals.set(equals.key, equals);
    this.#options.onQuestion({ time: question.time, record: question, labels, options });
    return passage;
  }

  /** Its container is known, or it may become known whose it is. */
  #isTapExpected({ client, network }: DnsRecord): boolean {
    const { expectedTaps } = this.#options;
    const { workload } = client;
    if (workload !== undefined) return expectedTaps.expects(workload.containerId);
    return network !== undefined && mayBeContainer(client) && expectedTaps.mayExpectOn(network);
  }

  /**
   * The bridge's view of a container that is watched, or will be: waits, because only what comes later tells where it
   * belongs.
   */
  #crosses(
    watchedId: string | undefined,
    question: DnsRecord,
    labels: DnsQuery['labels'],
    options: DnsQuery['options'],
  ): OverBridge {
    const { time } = question;
    const equals = this.#equalsOf(holderOf(question), question);
    const passage: OverBridge = {
      kind: 'bridge',
      equals,
      question,
      time,
      readyAt: watchedId === undefined ? time + MAX_WAIT_FOR_TAP : this.#readyAt(watchedId, time),
      labels: labels.map((label) => label.slice()),
      options: options.map(({ code, data }) => ({ code, data: data.slice() })),
      record: undefined,
      state: 'waits',
      joinedTo: undefined,
    };
    if (equals.waiting.length === MAX_EQUAL) this.#hurryWaiting(equals.waiting[0]!);
    if (watchedId === undefined) this.#expect(passage);
    else {
      if (this.#waiting.size >= this.#options.maxHeld) this.#hurryWaiting(this.#waiting.first()!);
      this.#waiting.push(passage);
      this.#due = Math.min(this.#due, passage.readyAt);
    }
    equals.waiting.push(passage);
    this.#equals.set(equals.key, equals);
    return passage;
  }

  #expect(passage: OverBridge): void {
    const [first] = this.#expecting;
    if (this.#expecting.size >= MAX_EXPECTING) this.#hurryWaiting(first!);
    if (this.#expecting.size === 0) this.#nextLook = passage.time + LOOK_EVERY;
    this.#expecting.add(passage);
    this.#due = Math.min(this.#due, this.#nextLook);
  }

  /** What a tap held back until it was attached comes late, and all of it within the grace. */
  #readyAt(watchedId: string, time: Micros): Micros {
    const since = this.#watched.get(watchedId) ?? time;
    return Math.min(Math.max(time, since) + GRACE, time + MAX_WAIT_FOR_TAP);
  }

  /** Whose tap has come, or will not. */
  #lookForTaps(now: Micros): void {
    if (now < this.#nextLook) return;
    for (const passage of this.#expecting) {
      if (mayBeContainer(passage.question.client)) this.#identify(passage);
      const { time, question } = passage;
      const id = question.client.workload?.containerId;
      if (id === undefined || this.#options.expectedTaps.expects(id))
        passage.readyAt = time + MAX_WAIT_FOR_TAP;
      else passage.readyAt = this.#readyAt(id, time);
      if (passage.readyAt <= now) this.#release(passage);
    }
    this.#nextLook = this.#expecting.size === 0 ? Number.POSITIVE_INFINITY : now + LOOK_EVERY;
  }

  #identify(passage: OverBridge): void {
    passage.question = this.#options.resolveAgain(passage.question);
    if (passage.record !== undefined) passage.record = asKnownBy(passage, passage.record);
    if (passage.question.client.workload === undefined) return;
    remove(passage.equals.waiting, passage);
    this.#dropIfEmpty(passage.equals);
    const equals = this.#equalsOf(holderOf(passage.question), passage.question);
    equals.waiting.push(passage);
    this.#equals.set(equals.key, equals);
    passage.equals = equals;
  }

  #holdRecord(passage: FromContainer, record: DnsRecord, time: Micros): void {
    passage.record = record;
    passage.finishedAt = time;
    // Too many equal ones: nothing can join it any more.
    if (!passage.equals.asked.includes(passage)) {
      this.#emit(passage);
      return;
    }
    if (this.#finished.size >= this.#options.maxHeld) this.#hurryAsked(this.#finished.first()!);
    passage.readyAt = this.#readyAt(holderOf(passage.question), time);
    this.#finished.push(passage);
    this.#due = Math.min(this.#due, passage.readyAt);
  }

  #join(passage: OverBridge, origin: FromContainer): void {
    this.#endWait(passage, 'joined');
    passage.joinedTo = origin;
    origin.tries++;
    if (passage.record?.rcode === undefined) learnUpstream(origin, passage);
    else this.#answeredUpstream(origin, passage);
  }

  #answeredUpstream(origin: FromContainer, passage: OverBridge): void {
    learnUpstream(origin, passage);
    const record = passage.record!;
    if (record.answers.length === 0) return;
    if (!origin.isTold) origin.upstreamAnswers.push(record);
    else if (!isSameAnswer(record, origin.record!)) this.#options.onRecord(record);
  }

  /** Its grace is over: what the container asked meanwhile is known, and perhaps when it was answered. */
  #release(passage: OverBridge): void {
    if (mayBeContainer(passage.question.client)) this.#identify(passage);
    const { question, time, labels, options } = passage;
    const origin = originOf(passage.equals.asked, question, time);
    if (origin !== undefined) {
      this.#join(passage, origin);
      return;
    }
    this.#endWait(passage, 'told');
    // By the clock as it is now; what was recorded keeps its time.
    this.#options.onQuestion({ time, record: question, labels, options });
    if (passage.record !== undefined) this.#options.onRecord(passage.record);
  }

  #tell(passage: FromContainer): void {
    this.#takeLate(passage);
    remove(passage.equals.asked, passage);
    this.#dropIfEmpty(passage.equals);
    this.#finished.leave();
    this.#emit(passage);
  }

  #emit(passage: FromContainer): void {
    const { record, upstream, upstreamAnswers } = passage;
    passage.isTold = true;
    this.#options.onRecord(upstream === undefined ? record! : withUpstream(record!, upstream));
    for (const answer of upstreamAnswers) if (!isSameAnswer(answer, record!)) this.#options.onRecord(answer);
  }

  /** Read so late that its own grace is not over yet. */
  #takeLate(passage: FromContainer): void {
    const { equals, finishedAt } = passage;
    const late = equals.waiting.filter(({ time }) => time <= finishedAt!);
    for (const waiting of late) {
      if (originOf(equals.asked, waiting.question, waiting.time) === passage) this.#join(waiting, passage);
    }
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

  #endWait(passage: OverBridge, state: 'joined' | 'told'): void {
    passage.state = state;
    if (!this.#expecting.delete(passage)) this.#waiting.leave();
    remove(passage.equals.waiting, passage);
    this.#dropIfEmpty(passage.equals);
  }

  #equalsOf(holder: string, { query, qtype }: DnsRecord): Equals {
    const key = `${holder} ${qtype} ${query.toLowerCase()}`;
    return this.#equals.get(key) ?? { key, asked: [], waiting: [] };
  }

  #dropIfEmpty(equals: Equals): void {
    if (equals.asked.length === 0 && equals.waiting.length === 0) this.#equals.delete(equals.key);
  }

  #setDue(): void {
    const waiting = this.#waiting.first()?.readyAt ?? Number.POSITIVE_INFINITY;
    const finished = this.#finished.first()?.readyAt ?? Number.POSITIVE_INFINITY;
    const expecting = this.#expecting.size === 0 ? Number.POSITIVE_INFINITY : this.#nextLook;
    this.#due = Math.min(waiting, finished, expecting);
  }
}

/** The container's id, or an address of a network where that is not known. */
function holderOf({ client, network }: DnsRecord): string {
  return client.workload?.containerId ?? `${network?.id} ${client.ip}`;
}

/** The record of a question whose ends became known after it was asked. */
function asKnownBy({ question }: OverBridge, record: DnsRecord): DnsRecord {
  return record.client === question.client ? record : withEnds(record, question);
}

/** A container on the default bridge has no embedded resolver: what it asks on the bridge is its own. */
function asksEngine({ resolvers }: Workload): boolean {
  return resolvers === undefined || resolvers.includes(EMBEDDED_RESOLVER);
}

function remove<T>(entries: T[], entry: T): void {
  const at = entries.indexOf(entry);
  if (at >= 0) entries.splice(at, 1);
}
