/**
 * Why a sum over stored flows may be too small: what was lost, which networks were not seen, and that nothing older is
 * stored. A total without that would be taken for all there was.
 */
import { type PublicCoverage, type PublicLoss, parseRecord } from '../../model/serialize.ts';
import { formatMicros, type Micros } from '../../model/time.ts';
import { microsOf } from '../../query/time-text.ts';
import type { StoreReader } from '../../station/store/reader.ts';
import { NEVER_SEEN } from '../../station/store/watched.ts';
import { clockText } from '../lib/output.ts';

interface Times {
  readonly since: Micros;
  readonly until?: Micros;
}

const MAX_RECORDS = 10_000;
/** Named in one line; there may be more. */
const NAMED = 3;
/** A quiet minute is no gap. */
const LEAST_GAP = 60_000_000;
const LEAST_SHARE = 0.05;

/** One line each. */
export function gapNotes(reader: StoreReader, times: Times, now: Micros): string[] {
  return [beginNote(reader, times, now), lossNote(reader, times), coverageNote(reader, times)].filter(
    (note) => note !== undefined,
  );
}

function beginNote(reader: StoreReader, { since, until }: Times, now: Micros): string | undefined {
  const oldest = reader.oldestFlow();
  const end = Math.min(until ?? now, now);
  // All of it was asked for.
  if (oldest === undefined || since <= 0 || oldest - since < Math.max(LEAST_GAP, (end - since) * LEAST_SHARE))
    return undefined;
  return `stored flows begin at ${timeText(oldest)}: nothing is known of the time before`;
}

function lossNote(reader: StoreReader, times: Times): string | undefined {
  const bySource = new Map<string, number>();
  for (const { text } of reader.queryEvents({ ...times, kinds: ['loss'], limit: MAX_RECORDS })) {
    const { source, where, count } = parseRecord(text) as PublicLoss;
    // What a sink or a detector lost is stored all the same.
    if (
      source.startsWith('sink') ||
      source.startsWith('analyzer') ||
      (source === 'store' && where !== 'flow')
    )
      continue;
    bySource.set(source, (bySource.get(source) ?? 0) + count);
  }
  if (bySource.size === 0) return undefined;
  const largest = [...bySource].sort(([, a], [, b]) => b - a);
  const named = largest.slice(0, NAMED).map(([source, count]) => `${source} ${count}`);
  const more = largest.length > NAMED ? ' and others' : '';
  return `packets or records of that time were lost (${named.join(', ')}${more}), so sums may be too small; events --all kind:loss tells more`;
}

/** Networks that were uncovered for some of the time, by the changes that are recorded. */
function coverageNote(reader: StoreReader, { since, until }: Times): string | undefined {
  const before = until === undefined ? {} : { until };
  const open = new Map<string, Micros>();
  const unseen = new Set<string>();
  for (const { text } of reader.queryEvents({ ...before, kinds: ['coverage'], limit: MAX_RECORDS })) {
    const { network, state, time } = parseRecord(text) as PublicCoverage;
    if (network === undefined || NEVER_SEEN.has(network)) continue;
    const at = microsOf(time) ?? 0;
    if (state === 'uncovered') open.set(network, at);
    else if (open.delete(network) && at >= since) unseen.add(network);
  }
  for (const network of open.keys()) unseen.add(network);
  if (unseen.size === 0) return undefined;
  const named = [...unseen].sort();
  const more = named.length > NAMED ? ` and ${named.length - NAMED} more` : '';
  return `not all of that time was seen on ${named.slice(0, NAMED).join(', ')}${more}; events --all kind:coverage tells when`;
}

function timeText(time: Micros): string {
  return clockText(formatMicros(time));
}
