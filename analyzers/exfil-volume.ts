/**
 * A container sends much more to an outside place than it is its habit, to a place that is new or never got anything
 * like it. Volume alone is no crime: backups, image pushes and video do it every day. It must never page for what a
 * service has always done, nor on the first day, when nobody knows what that is.
 */
import { z } from 'zod';
import type { Severity } from '../src/model/finding.ts';
import type { FlowRecord } from '../src/model/flow.ts';
import type { Json } from '../src/model/learned.ts';
import { type ClockStep, formatMicros, MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { Destination, FIVE_MINUTES, HOUR } from './lib/exfil-volume/destination.ts';
import { History, type Usual } from './lib/exfil-volume/history.ts';
import { FlowDeltas } from './lib/flow-deltas.ts';
import { isOpenedToInternet, mayLeave } from './lib/opened-by.ts';
import { isRegistry, outsideName, prefixText } from './lib/outside-place.ts';
import { ownerKey } from './lib/owner.ts';

/** A day of five minutes, a week of hours. */
const FIVES = 288;
const HOURS = 168;
/** The owner's habits are known after a day: what it does each night was seen once. */
const LEARNS_FOR: Micros = 86_400 * MICROS_PER_SECOND;
/** New is what was first seen within a day; four hours less, so that a nightly job's second night finds it known. */
const NEW_FOR: Micros = 72_000 * MICROS_PER_SECOND;
/** Rare is a place that never got this part of the threshold within an hour. */
const RARE_SHARE = 0.1;
/** An owner that sent a quarter of it to anybody within an hour before is one that uploads. */
const UPLOADER_SHARE = 0.25;
/** This many times the threshold, from who never uploads, is high. */
const HIGH_TIMES = 10;
/** Of normal data nothing in a lifetime lies beyond; of real traffic, with its long tails, little does. */
const DEVIATIONS = 8;
/** More destinations of one owner than this at once are one finding: peer-to-peer programs seed to hundreds. */
const MAX_TOLD = 8;
/** Habits change slowly, and each upload changes them. */
const SAVE_SECS = 600;

const config = z.strictObject({
  floor_bytes: z
    .number()
    .int()
    .min(10_000)
    .max(1_000_000_000_000)
    .default(50_000_000)
    .describe('IP bytes to one destination within 5 minutes, or an hour, below which nothing is ever told.'),
  out_in_ratio: z
    .number()
    .min(1)
    .max(1000)
    .default(3)
    .describe('Bytes out for each byte back, from which on it is an upload.'),
  max_owners: z
    .number()
    .int()
    .min(16)
    .max(100_000)
    .default(250)
    .describe('Services (else images) whose habits are remembered at once, 4 KB each after a week.'),
  max_destinations: z
    .number()
    .int()
    .min(64)
    .max(1_000_000)
    .default(1500)
    .describe(
      'Destinations of owners remembered at once, 1 KB each, and 1.5 KB more for one that is busy all the time; of the oldest the least used go.',
    ),
  max_flows: z
    .number()
    .int()
    .min(256)
    .max(1_000_000)
    .default(3000)
    .describe('Connections that go on and are followed at once, 200 bytes each.'),
});

const evidence = z.object({
  destination: z.string().describe("The registered zone of the name, else the address's /24 or /48."),
  servers: z.array(z.string()).describe('Addresses behind it, at most eight.'),
  windowSecs: z.number().describe('300 or 3600: the window that crossed by more.'),
  bytes: z.number().describe('IP bytes out within it.'),
  answerBytes: z.number().describe('IP bytes back.'),
  ratio: z.number().describe('Out for each one back.'),
  thresholdBytes: z
    .number()
    .describe('The larger of the floor, and median + 8 deviations of the past of the same service.'),
  floorBytes: z.number(),
  medianBytes: z.number().describe('Of finished windows: what went to the busiest destination.'),
  deviationBytes: z.number().describe('1.4826 x their median absolute deviation.'),
  intervals: z.number().describe('Finished windows that this rests on.'),
  novelty: z.enum(['new', 'rare']),
  destinationSince: z.string(),
  largestHourThere: z.number().describe('The most that went there in any hour before, bytes.'),
  largestHourAnywhere: z.number().describe('The most that went anywhere in an hour before, bytes.'),
  watchedSecs: z.number().describe('How long this service has been known.'),
  connections: z.number(),
});

type Evidence = z.infer<typeof evidence>;
type Kind = 'while-learning' | 'by-an-uploader' | 'unlike-before';

export default defineAnalyzer({
  id: 'exfil-volume',
  title: 'Container sends unusually much to an unusual place',
  attack: [
    { technique: 'T1048', tactic: 'exfiltration' },
    { technique: 'T1567', tactic: 'exfiltration' },
  ],
  severity: 'low',
  confidence: 'medium',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    'while-learning':
      '{subject} sent {bytes} bytes to {destination} in {windowSecs} s, {ratio} for each byte back (threshold: {thresholdBytes}). It has been watched for {watchedSecs} s only, so its habits are not known: see whether {subject} is meant to upload there.',
    'by-an-uploader':
      '{subject} sent {bytes} bytes to {destination}, a {novelty} place for it, in {windowSecs} s, {ratio} for each byte back (threshold: {thresholdBytes}). Uploads are its habit (up to {largestHourAnywhere} bytes in an hour before), or it is a registry: see whether this place is meant.',
    'unlike-before':
      '{subject} sent {bytes} bytes to {destination}, a {novelty} place for it, in {windowSecs} s, {ratio} for each byte back (threshold: {thresholdBytes}). It never sent the like anywhere: {largestHourAnywhere} bytes in an hour at most. See what was sent and by which process; if in doubt, disconnect the container.',
  },
  create(ctx, options) {
    const owners = ctx.learnedMap<Owner>({
      name: 'owners',
      maxKeys: options.max_owners,
      save: (owner) => owner.save(),
      load: Owner.load,
      saveSecs: SAVE_SECS,
    });
    const destinations = ctx.learnedMap<Destination>({
      name: 'destinations',
      maxKeys: options.max_destinations,
      save: (destination) => destination.save(),
      load: Destination.load,
      saveSecs: SAVE_SECS,
      worth: ({ largestHour, outInHour }) => Math.max(largestHour, outInHour),
    });
    const deltas = new FlowDeltas((map) => ctx.boundedMap(map), options.max_flows);
    /** What the run before this one learned has not been brought to the present yet. */
    let isResuming = true;

    /** Under a suffix that nobody lists (`.lan`) each name is a place of its own. */
    function placeOf(flow: FlowRecord): string {
      const name = outsideName(flow);
      if (name === undefined) return prefixText(flow.resp.ip);
      const zone = ctx.zoneOf(name);
      return zone?.kind === 'registered' ? zone.zone : name;
    }

    function onFlow(flow: FlowRecord): void {
      if (!isOpenedToInternet(flow)) return;
      const { isFirst, origBytes, respBytes } = deltas.of(flow);
      const now = flow.end;
      const ownerAt = ownerKey(flow.orig, flow.network);
      const owner = owners.ensure(ownerAt, () => new Owner(flow.start));
      const place = placeOf(flow);
      const at = `${ownerAt} ${place}`;
      const destination = destinations.ensure(at, () => new Destination(flow.start));
      if (isFirst) destination.flows += 1;
      destination.add(flow.resp, now, origBytes, respBytes);
      owner.fives.note(now, destination.outInFive);
      owner.hours.note(now, destination.outInHour);
      owner.seen(now);
      owners.changed(ownerAt);
      destinations.changed(at);
      judge(flow, at, ownerAt, place, owner, destination);
    }

    function judge(
      flow: FlowRecord,
      at: string,
      ownerAt: string,
      place: string,
      owner: Owner,
      destination: Destination,
    ): void {
      const now = flow.end;
      // Nearly always too little: nothing more is asked then.
      if (destination.hour.out <= options.floor_bytes) return;
      const usual = owner.hours.usual(now);
      const crossed = worse(
        crossing(destination, 5, options.floor_bytes, owner.fives.usual(now)),
        crossing(destination, 60, options.floor_bytes, usual),
      );
      if (crossed === undefined || crossed.out <= options.out_in_ratio * crossed.back) return;
      const novelty = noveltyOf(destination, crossed, now);
      if (novelty === undefined) return;
      const kind = kindOf(owner, crossed, usual, place, now);
      const key = owner.keyFor(ownerAt, at, now);
      ctx.report({
        message: kind,
        time: now,
        since: Math.max(destination.first, now - crossed.minutes * 60 * MICROS_PER_SECOND),
        key,
        subject: flow.orig,
        peers: destination.peers,
        ...(flow.network === undefined ? {} : { network: flow.network.name }),
        flows: [flow],
        severity: severityOf(kind, crossed),
        evidence: {
          destination: place,
          servers: destination.peers.map(({ ip }) => ip),
          windowSecs: crossed.minutes * 60,
          bytes: crossed.out,
          answerBytes: crossed.back,
          ratio: crossed.out / Math.max(1, crossed.back),
          thresholdBytes: crossed.threshold,
          floorBytes: options.floor_bytes,
          medianBytes: crossed.usual.median,
          deviationBytes: crossed.usual.deviation,
          intervals: crossed.usual.intervals,
          novelty,
          destinationSince: formatMicros(destination.first),
          largestHourThere: destination.largestHour,
          largestHourAnywhere: usual.largest,
          watchedSecs: Math.round((now - owner.first) / MICROS_PER_SECOND),
          connections: destination.flows,
        },
      });
    }

    return {
      choosesFlow: mayLeave,
      readsContent: mayLeave,
      onFlowActive: onFlow,
      onFlowEnd: onFlow,
      onTick(now) {
        if (!isResuming) return;
        isResuming = false;
        for (const [, owner] of owners.entries()) owner.resume(now);
      },
      onEnd(now) {
        for (const [at, owner] of owners.entries()) {
          owner.finish(now);
          owners.changed(at);
        }
      },
      onClockSet(step) {
        deltas.clockSet(step);
        for (const [at, owner] of owners.entries()) {
          owner.clockSet(step);
          owners.changed(at);
        }
        for (const [at, destination] of destinations.entries()) {
          destination.clockSet(step);
          destinations.changed(at);
        }
      },
    };
  },
});

interface Crossing {
  readonly minutes: number;
  readonly out: number;
  readonly back: number;
  readonly threshold: number;
  readonly usual: Usual;
}

function crossing({ hour }: Destination, minutes: number, floor: number, usual: Usual): Crossing | undefined {
  const { out, back } = hour.sum(minutes);
  const threshold = Math.max(floor, usual.median + DEVIATIONS * usual.deviation);
  return out > threshold ? { minutes, out, back, threshold, usual } : undefined;
}

function worse(one: Crossing | undefined, other: Crossing | undefined): Crossing | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.out / other.threshold > one.out / one.threshold ? other : one;
}

function noveltyOf(
  { first, largestHour }: Destination,
  { threshold }: Crossing,
  now: Micros,
): Evidence['novelty'] | undefined {
  if (now - first < NEW_FOR) return 'new';
  return largestHour < RARE_SHARE * threshold ? 'rare' : undefined;
}

function kindOf(owner: Owner, { out }: Crossing, usual: Usual, place: string, now: Micros): Kind {
  if (now - owner.first < LEARNS_FOR) return 'while-learning';
  return usual.largest >= UPLOADER_SHARE * out || isRegistry(place) ? 'by-an-uploader' : 'unlike-before';
}

/** Argued in docs/analyzers/exfil-volume.md. */
function severityOf(kind: Kind, { out, threshold }: Crossing): Severity {
  if (kind !== 'unlike-before') return 'low';
  return out >= HIGH_TIMES * threshold ? 'high' : 'medium';
}

const ownerForm = z.strictObject({ first: z.number(), seen: z.number(), fives: z.json(), hours: z.json() });

/** A service, or an image, with its habits. */
class Owner {
  first: Micros;
  /** Until then it was watched, as far as is known; for what is kept. */
  #seen: Micros;
  fives: History;
  hours: History;
  /** Destinations that were told of within a day. */
  readonly #told = new Set<string>();
  #toldSince: Micros;

  constructor(first: Micros) {
    this.first = first;
    this.#toldSince = first;
    this.#seen = first;
    this.fives = new History(first, FIVE_MINUTES, FIVES);
    this.hours = new History(first, HOUR, HOURS);
  }

  /** A finding for each destination, and one for all beyond the first few. */
  keyFor(ownerAt: string, at: string, now: Micros): string {
    if (now - this.#toldSince > LEARNS_FOR) {
      this.#told.clear();
      this.#toldSince = now;
    }
    if (this.#told.size >= MAX_TOLD && !this.#told.has(at)) return `${ownerAt} others`;
    this.#told.add(at);
    return at;
  }

  /** After a pause of the agent, in which nobody watched: nothing is known of it, and it is no time of watching. */
  resume(now: Micros): void {
    this.first += now - this.#seen;
    this.#seen = now;
    this.fives.resume(now);
    this.hours.resume(now);
  }

  seen(now: Micros): void {
    this.#seen = Math.max(this.#seen, now);
  }

  finish(now: Micros): void {
    this.#seen = now;
    this.fives.finish(now);
    this.hours.finish(now);
  }

  save(): Json {
    return { first: this.first, seen: this.#seen, fives: this.fives.save(), hours: this.hours.save() };
  }

  static load(saved: Json): Owner | undefined {
    const { data } = ownerForm.safeParse(saved);
    if (data === undefined) return undefined;
    const fives = History.load(data.fives, FIVE_MINUTES, FIVES);
    const hours = History.load(data.hours, HOUR, HOURS);
    if (fives === undefined || hours === undefined) return undefined;
    const owner = new Owner(data.first);
    owner.#seen = data.seen;
    owner.fives = fives;
    owner.hours = hours;
    return owner;
  }

  clockSet(step: ClockStep): void {
    this.first += step.to - step.from;
    this.#seen += step.to - step.from;
    this.#toldSince += step.to - step.from;
    this.fives.clockSet(step);
    this.hours.clockSet(step);
  }
}
