/**
 * Whether it means anything that nothing was seen. A port that nobody reached in twenty minutes is not useless, and a
 * network that nobody looked at is not quiet: then the answer is `unknown`.
 */
import { clockText } from '../../../model/readable.ts';
import { formatMicros, MICROS_PER_SECOND, type Micros, spanText } from '../../../model/time.ts';
import type { TrafficHistory } from '../../../model/traffic-history.ts';
import type { Verdict } from '../check.ts';
import { listed } from './verdicts.ts';

/** What has to have been watched. */
export interface Watchful {
  /** Names of networks. */
  readonly networks: readonly string[];
  /** What is judged exists since then; absent: not known, and the whole time is taken. */
  readonly since?: Micros | undefined;
  /** How long it was seen to be there, where that is known better. */
  readonly seenSecs?: number | undefined;
}

export type Doubt = Pick<Verdict, 'explanation'> & { readonly remedy: { readonly what: string } };

/** Undefined where silence counts. The sentence names nobody, so that many objects share it: who reads it is told whom it is about. */
export function doubtOf(history: TrafficHistory, { networks, since, seenSecs }: Watchful): Doubt | undefined {
  const { from, until, watchedSecs, enoughSecs, isPartial, uncovered } = history;
  const enough = spanText(enoughSecs * MICROS_PER_SECOND);
  const wait = `Let the agent run for ${enough}, and ask again; or say with --history that less is enough.`;
  if (watchedSecs < enoughSecs) {
    return {
      explanation: `Stored flows tell of ${watchedText(history)} only, since ${timeText(from)}; that something never came means little before ${enough}.`,
      remedy: { what: `${wait} Flows are kept for store.flow_retention_days.` },
    };
  }
  if (isPartial) {
    return {
      explanation:
        'There are more different talks in the stored flows than can be summed up, as after the scan of many ports: what is not among them may have been all the same.',
      remedy: {
        what: 'Find who scans (bridgewatch flows --by src,dst --sum flows), and ask again when those flows have expired.',
      },
    };
  }
  const unseen = uncovered.filter((name) => networks.includes(name));
  if (unseen.length > 0) {
    return {
      explanation: `Not all of the time since ${timeText(from)} was seen on ${listed(unseen)}, so what never came there is not known.`,
      remedy: {
        what: 'See why with `bridgewatch events --all kind:coverage`, and ask again when it was covered for long enough.',
      },
    };
  }
  const awaySecs = (until - from) / MICROS_PER_SECOND - watchedSecs;
  const livedSecs = since === undefined ? watchedSecs : (until - since) / MICROS_PER_SECOND - awaySecs;
  if (Math.min(livedSecs, seenSecs ?? watchedSecs) < enoughSecs) {
    return {
      explanation: `It is so for less than ${enough} of watching; that something never came means little before.`,
      remedy: { what: wait },
    };
  }
  return undefined;
}

/** `9 d 2 h`. */
export function watchedText({ watchedSecs }: TrafficHistory): string {
  return spanText(watchedSecs * MICROS_PER_SECOND);
}

/** `in 9 d 2 h of watching until 2026-11-23 14:02:07Z`. */
export function inThatTime(history: TrafficHistory): string {
  return `in ${watchedText(history)} of watching until ${timeText(history.until)}`;
}

function timeText(time: Micros): string {
  return clockText(formatMicros(time));
}
