/**
 * A container calls an outside place by the clock: as implants ask for orders, and as half of all honest programs ask for
 * news. Timing alone is therefore never more than low; what raises it is a place without a name that came after the
 * container's habits were known and that nobody else calls.
 */
import { z } from 'zod';
import type { FlowRecord } from '../src/model/flow.ts';
import { formatMicros, MICROS_PER_SECOND, type Micros } from '../src/model/time.ts';
import { type AnalyzerContext, defineAnalyzer } from '../src/sensor/analysis/analyzer.ts';
import { answerTo } from './lib/answer.ts';
import { clientKey } from './lib/asker.ts';
import { periodicity } from './lib/beacon/autocorrelation.ts';
import { BusyPairs } from './lib/beacon/busy.ts';
import { Contacts, type Series } from './lib/beacon/contacts.ts';
import { intervalScore, median, sizeScore } from './lib/beacon/rhythm.ts';
import { FewTexts } from './lib/few.ts';
import { isOpenedToInternet, mayLeave } from './lib/opened-by.ts';
import { isRegistry, outsideName } from './lib/outside-place.ts';
import { ownerKey } from './lib/owner.ts';

/** DNS has its own detectors, time servers are asked by the clock because they are clocks: 53, 123, 853. */
const REGULAR_BY_NATURE: ReadonlySet<number> = new Set([53, 123, 853]);
const MINUTE: Micros = 60 * MICROS_PER_SECOND;
const DAY: Micros = 86_400 * MICROS_PER_SECOND;
/** Both parts count half; the rhythm alone must be good as well, or constant sizes would carry any timing. */
const LEAST_RHYTHM = 0.8;
/** Distances between contacts, as a median: what comes faster is a conversation. */
const LEAST_PERIOD_SECS = 2;
/** So many containers must call outside before half of them is a crowd. */
const LEAST_CROWD = 4;
const MAX_CALLERS = 64;
/** cron starts at whole minutes, and a program needs a moment until it calls. */
const CRON_SECS = 5;

const config = z.strictObject({
  min_intervals: z
    .number()
    .int()
    .min(6)
    .max(60)
    .default(10)
    .describe('Intervals between contacts, within a day, that a rhythm takes at least.'),
  min_score: z
    .number()
    .min(0.5)
    .max(1)
    .default(0.9)
    .describe("Mean of the scores of timing and size (RITA's, 0 to 1) from which on it is told."),
  max_pairs: z
    .number()
    .int()
    .min(64)
    .max(1_000_000)
    .default(1500)
    .describe(
      'Pairs of a container and a destination remembered at once, 0.7 KB each, and 1 KB more for one with 64 connections and over.',
    ),
  max_places: z
    .number()
    .int()
    .min(64)
    .max(1_000_000)
    .default(1000)
    .describe('Destinations whose callers are counted at once, up to 5 KB each.'),
});

const evidence = z.object({
  destination: z.string().describe('The name that the container asked for, else address and port.'),
  contacts: z
    .number()
    .describe('Begins of connections that the score rests on; those within a second are one.'),
  periodSecs: z.number().describe('Median of the intervals, or the period of the autocorrelation.'),
  score: z.number(),
  threshold: z.number(),
  timingScore: z.number(),
  timingBy: z.enum(['intervals', 'autocorrelation']),
  sizeScore: z.number(),
  medianBytes: z.number().describe('IP bytes sent in a contact.'),
  answered: z.number().describe('Connections that were answered, of all since the first.'),
  connections: z.number().describe('All since the first.'),
  callers: z.number().describe('Containers that call the same place.'),
  containers: z.number().describe('Containers that call any outside place.'),
  isNamed: z.boolean().describe('Whether the place has a name, in the protocol or from DNS.'),
  isNew: z
    .boolean()
    .describe('First called by this service after it had been watched for a day, and within the last day.'),
  wholeMinutes: z.boolean().describe('Contacts begin at whole minutes, as those of cron do.'),
  firstContact: z.string(),
  lastContact: z.string(),
});

type Kind = 'regular' | 'regular-new-nameless';
type Context = AnalyzerContext<Kind, z.infer<typeof evidence>>;

export default defineAnalyzer({
  id: 'beacon',
  title: 'Container calls an outside place by the clock',
  attack: [
    { technique: 'T1071', tactic: 'command-and-control' },
    { technique: 'T1029', tactic: 'exfiltration' },
  ],
  severity: 'low',
  confidence: 'low',
  maturity: 'incubating',
  flows: 'chosen',
  config,
  evidence,
  messages: {
    regular:
      '{subject} calls {destination} every {periodSecs} s ({contacts} contacts, {medianBytes} bytes each; score {score}, threshold {threshold}). Polls, metrics and keep-alives do so too: see whether {destination} belongs to what {subject} is for.',
    'regular-new-nameless':
      '{subject} calls {destination} every {periodSecs} s ({contacts} contacts, {medianBytes} bytes each; score {score}, threshold {threshold}). The place has no name, nobody else calls it ({callers} of {containers} containers), and it is new: see whose address it is, and which process calls.',
  },
  create(ctx, options) {
    const pairs = ctx.boundedMap<Contacts>({
      name: 'pairs',
      maxKeys: options.max_pairs,
      worth: ({ connections }) => connections,
    });
    const places = ctx.boundedMap<FewTexts>({ name: 'places', maxKeys: options.max_places });
    const since = { save: ({ first }: Since) => first, load: sinceOf };
    const owners = ctx.learnedMap<Since>({ name: 'owners', maxKeys: options.max_places, ...since });
    /** When a service first called a place; its containers come and go. */
    const calls = ctx.learnedMap<Since>({ name: 'calls', maxKeys: options.max_pairs, ...since });
    const containers = ctx.boundedMap<true>({ name: 'containers', maxKeys: options.max_places });

    const busy = new BusyPairs();
    let minuteBegan: Micros = Number.NEGATIVE_INFINITY;

    function onFlowEnd(flow: FlowRecord): void {
      const { orig, resp, network, start } = flow;
      if (REGULAR_BY_NATURE.has(resp.port ?? 0) || !isOpenedToInternet(flow)) return;
      const name = outsideName(flow);
      if (name !== undefined && isRegistry(name)) return;
      const place = name ?? addressText(flow);
      const owner = ownerKey(orig, network);
      const client = clientKey(orig, network);
      const ownerSince = owners.ensure(owner, () => ({ first: start }));
      const placeSince = calls.ensure(`${owner} ${place}`, () => ({ first: start }));
      containers.ensure(client, () => true);
      const callers = places.ensure(place, () => new FewTexts());
      if (callers.size < MAX_CALLERS) callers.add(client);
      const key = `${client} ${place}`;
      const contacts = pairs.ensure(key, () => new Contacts(start));
      if (!contacts.add(start, flow.origBytes, answerTo(flow) === 'data')) return;
      if (isCrowd(callers.size, containers.size)) return;
      const found = judge(contacts.series(flow.end - DAY), options.min_intervals, options.min_score);
      if (found === undefined) return;
      // Older than a day for the service as a whole, and not for this place.
      const isNew = start - placeSince.first < DAY && placeSince.first - ownerSince.first >= DAY;
      tell(ctx, flow, key, found, contacts, {
        destination: place,
        threshold: options.min_score,
        callers: callers.size,
        containers: containers.size,
        isNamed: name !== undefined,
        isNew,
      });
    }

    return {
      choosesFlow(flow) {
        const port = flow.respPort ?? 0;
        if (!mayLeave(flow) || REGULAR_BY_NATURE.has(port)) return false;
        return !busy.isBusy(flow.origWords, flow.respWords, port);
      },
      readsContent: (flow) => mayLeave(flow) && !REGULAR_BY_NATURE.has(flow.respPort ?? 0),
      onFlowEnd,
      onTick(now) {
        if (now - minuteBegan < MINUTE) return;
        minuteBegan = now;
        busy.clear();
      },
      onClockSet(step) {
        minuteBegan += step.to - step.from;
        for (const [, contacts] of pairs.entries()) contacts.clockSet(step);
        for (const map of [owners, calls]) {
          for (const [key, known] of map.entries()) {
            known.first += step.to - step.from;
            map.changed(key);
          }
        }
      },
    };
  },
});

interface Since {
  first: Micros;
}

function sinceOf(saved: unknown): Since | undefined {
  const { data } = z.number().safeParse(saved);
  return data === undefined ? undefined : { first: data };
}

function addressText({ resp, protocol }: FlowRecord): string {
  const { ip, port } = resp;
  return `${ip.includes(':') ? `[${ip}]` : ip}:${port ?? ''}/${protocol}`;
}

/** What more than half of many containers call is the platform's: telemetry, a proxy, an update server. */
function isCrowd(callers: number, containers: number): boolean {
  return callers >= MAX_CALLERS || (containers >= LEAST_CROWD && callers * 2 > containers);
}

interface Beat {
  readonly series: Series;
  readonly periodSecs: number;
  readonly score: number;
  readonly timingScore: number;
  readonly timingBy: 'intervals' | 'autocorrelation';
  readonly sizeScore: number;
}

function judge(series: Series, minIntervals: number, minScore: number): Beat | undefined {
  const { times, sizes } = series;
  if (times.length <= minIntervals) return undefined;
  const intervals = times.slice(1).map((time, i) => time - times[i]!);
  const usual = median(intervals);
  if (usual < LEAST_PERIOD_SECS) return undefined;
  const size = sizeScore(sizes);
  const timing = intervalScore(intervals);
  const beat = beatOf(series, { periodSecs: usual, score: timing }, 'intervals', size);
  if (isBeat(beat, minScore)) return beat;
  // Sizes are not worth the dearer look.
  if ((1 + size) / 2 < minScore) return undefined;
  const other = beatOf(series, periodicity(times), 'autocorrelation', size);
  return isBeat(other, minScore) && other.periodSecs >= LEAST_PERIOD_SECS ? other : undefined;
}

function beatOf(
  series: Series,
  timing: { readonly periodSecs: number; readonly score: number },
  timingBy: Beat['timingBy'],
  size: number,
): Beat {
  const score = (timing.score + size) / 2;
  return {
    series,
    periodSecs: timing.periodSecs,
    score,
    timingScore: timing.score,
    timingBy,
    sizeScore: size,
  };
}

function isBeat({ score, timingScore }: Beat, minScore: number): boolean {
  return score >= minScore && timingScore >= LEAST_RHYTHM;
}

function startsAtWholeMinutes({ first, times }: Series): boolean {
  const start = first / MICROS_PER_SECOND;
  const whole = times.filter((time) => (start + time) % 60 < CRON_SECS).length;
  return whole >= 0.9 * times.length;
}

type Circumstances = Pick<
  z.infer<typeof evidence>,
  'destination' | 'threshold' | 'callers' | 'containers' | 'isNamed' | 'isNew'
>;

function tell(
  ctx: Context,
  flow: FlowRecord,
  key: string,
  beat: Beat,
  contacts: Contacts,
  circumstances: Circumstances,
): void {
  const { series } = beat;
  const isGraver = circumstances.isNew && !circumstances.isNamed && circumstances.callers === 1;
  ctx.report({
    message: isGraver ? 'regular-new-nameless' : 'regular',
    time: flow.end,
    since: series.first,
    key,
    subject: flow.orig,
    peers: [flow.resp],
    ...(flow.network === undefined ? {} : { network: flow.network.name }),
    flows: [flow],
    severity: isGraver ? 'medium' : 'low',
    confidence: isGraver ? 'medium' : 'low',
    evidence: {
      ...circumstances,
      contacts: series.times.length,
      periodSecs: beat.periodSecs,
      score: beat.score,
      timingScore: beat.timingScore,
      timingBy: beat.timingBy,
      sizeScore: beat.sizeScore,
      medianBytes: median(series.sizes),
      answered: contacts.answered,
      connections: contacts.connections,
      wholeMinutes: startsAtWholeMinutes(series),
      firstContact: formatMicros(series.first),
      lastContact: formatMicros(series.last),
    },
  });
}
