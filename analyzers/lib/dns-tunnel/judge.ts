/** When a pair of client and zone is judged, and what is told of it while that goes on. */
import { leastFactor, type Surroundings, type Weight, weigh } from './circumstances.ts';
import type { ClientZone } from './client-zone.ts';
import type { Contacts } from './contacts.ts';
import { type Context, carriersOf, evidenceOf, messageOf } from './evidence.ts';
import type { Clock, Memory } from './memory.ts';
import { type Options, overSpans } from './options.ts';
import type { QuietZones } from './quiet-zones.ts';
import type { Resolvers } from './resolvers.ts';
import { type PerSpan, SPANS, type Span } from './spans.ts';
import { GRAVE_RATIO, gravity, judgeDownlink, judgeUplink, type Verdict } from './thresholds.ts';

/** Connections are looked at from this share of a threshold on; below it nobody needs to know. */
export const WATCH_CONTACTS_FROM = 0.25;
/** What a pair must have grown by to be judged again while it is far below its thresholds. */
const GROWTH = 1.05;

export class Judge {
  readonly #ctx: Context;
  readonly #clock: Clock;
  readonly #memory: Memory;
  readonly #resolvers: Resolvers;
  readonly #contacts: Contacts;
  readonly #quietZones: QuietZones;
  readonly #knownZones: readonly string[];
  readonly #uplink: PerSpan;
  readonly #downlink: PerSpan;
  /** Address look-ups just over the threshold, judged at the next tick: a connection may follow and explain them. */
  readonly #due = new Set<ClientZone>();
  /** Findings of them may be open: while they go on, the numbers are told anew. */
  readonly #told = new Set<ClientZone>();

  constructor(
    ctx: Context,
    options: Options,
    parts: {
      clock: Clock;
      memory: Memory;
      resolvers: Resolvers;
      contacts: Contacts;
      quietZones: QuietZones;
    },
  ) {
    this.#ctx = ctx;
    this.#clock = parts.clock;
    this.#memory = parts.memory;
    this.#resolvers = parts.resolvers;
    this.#contacts = parts.contacts;
    this.#quietZones = parts.quietZones;
    this.#knownZones = options.known_zones;
    this.#uplink = [options.window_10min_bytes, options.window_1h_bytes, options.window_24h_bytes];
    this.#downlink = overSpans(options.answers_10min_bytes);
  }

  /** How near its thresholds it can be, circumstances aside: never below what a verdict says, and cheap. */
  nearness(pair: ClientZone): number {
    const { now } = this.#clock;
    const { downlink } = pair;
    let nearest = 0;
    for (const span of SPANS) {
      nearest = Math.max(nearest, pair.upperBound(span, now) / this.#uplink[span]);
      if (downlink === undefined) continue;
      nearest = Math.max(nearest, downlink.upperBound(span, now) / this.#downlink[span]);
    }
    return nearest;
  }

  /** Something was said or answered that may have crossed a threshold. */
  judge(pair: ClientZone): void {
    // It cannot get graver; the numbers are told again at the next tick.
    if (pair.reportedRatio >= GRAVE_RATIO) return;
    const near = this.nearness(pair);
    if (near > WATCH_CONTACTS_FROM && pair.hasAddresses) this.#contacts.watch(pair);
    if (near < leastFactor(pair)) return;
    if (near < pair.judged) pair.judged = 0;
    if (!pair.hasManyCarriers && near < pair.judged * GROWTH) return;
    this.#judgeNow(pair, near, false);
  }

  tick(): void {
    for (const pair of this.#due) this.#judgeNow(pair, this.nearness(pair), true);
    this.#due.clear();
    for (const pair of this.#told) {
      if (!this.#ctx.isOpen(pair.key)) this.#told.delete(pair);
      else if (pair.last > pair.reportedAt!) this.#judgeNow(pair, this.nearness(pair), true);
    }
  }

  /** A finding of it is open that was told elsewhere. */
  noteTold(pair: ClientZone): void {
    this.#told.add(pair);
  }

  forget(pair: ClientZone): void {
    this.#due.delete(pair);
    this.#told.delete(pair);
  }

  isDeclared({ zone, parent }: ClientZone): boolean {
    return (
      this.#knownZones.length > 0 && (this.#knownZones.includes(zone) || this.#knownZones.includes(parent))
    );
  }

  /** Nothing that is known speaks for what was said to it. */
  isUnexplained(pair: ClientZone): boolean {
    const { circumstances } = this.#weightOf(pair, this.#surroundings(pair), 'up', 2);
    return circumstances.every(({ factor }) => factor <= 1);
  }

  #judgeNow(pair: ClientZone, near: number, isFinal: boolean): void {
    const { now } = this.#clock;
    const around = this.#surroundings(pair);
    const habits = { mixesCase: pair.client.caseHabit.isRandomOutside(pair.zone, pair) };
    const up = judgeUplink(pair, now, this.#uplink, this.#weights(pair, around, 'up', pair.toldUp), habits);
    const down = judgeDownlink(pair, now, this.#downlink, this.#weights(pair, around, 'down', pair.toldDown));
    // Far below, the next look can wait until the sum has grown; near it, every name is looked at.
    pair.judged = Math.max(up.ratio, down?.ratio ?? 0) < 0.5 ? near : 0;
    const verdict = up.ratio >= 1 || down === undefined ? up : down;
    if (verdict.ratio < 1) return;
    if (pair.hasAddresses && !isFinal && verdict.ratio < GRAVE_RATIO) this.#due.add(pair);
    else this.#tell(pair, verdict);
  }

  #surroundings(pair: ClientZone): Surroundings {
    return {
      now: this.#clock.now,
      isDeclared: this.isDeclared(pair),
      isResolver: this.#resolvers.isResolver(pair),
      alike: this.#memory.alikeTo(pair),
    };
  }

  /** Of each span when it is asked for; the same for all where one server carried all. */
  #weights(
    pair: ClientZone,
    around: Surroundings,
    direction: 'up' | 'down',
    told: Weight | undefined,
  ): (span: Span) => Weight {
    let latest: Weight | undefined;
    return (span) => {
      if (latest === undefined || pair.isSpread(direction))
        latest = lower(this.#weightOf(pair, around, direction, span), told);
      return latest;
    };
  }

  #weightOf(pair: ClientZone, around: Surroundings, direction: 'up' | 'down', span: Span): Weight {
    const ways = this.#resolvers.waysOf(pair, direction, span, around.now);
    // What makes an upload likelier (types that carry data) is how a download looks in any case.
    return weigh(pair, around, ways, { isLenient: direction === 'down' });
  }

  #tell(pair: ClientZone, verdict: Verdict): void {
    const { now } = this.#clock;
    pair.noteReport(verdict, now);
    this.#quietZones.noteReport(pair);
    this.#told.add(pair);
    this.#ctx.report({
      message: messageOf(pair, verdict.channel),
      time: pair.last,
      since: pair.first,
      key: pair.key,
      subject: pair.subject,
      peers: carriersOf(pair, verdict, now),
      ...(pair.network === undefined ? {} : { network: pair.network }),
      ...gravity(pair.reportedRatio),
      evidence: evidenceOf(pair, verdict, now),
    });
  }
}

/** Of what holds now and what held when the finding was told, what makes the lower threshold. */
function lower(weight: Weight, told: Weight | undefined): Weight {
  return told === undefined || weight.factor <= told.factor ? weight : told;
}
