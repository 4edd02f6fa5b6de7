/**
 * The fact `traffic` of an audit: what the agent's database tells of all flows it holds, and for how much of that time
 * somebody watched. It only reads, and where no agent ever ran it costs one look for a file.
 */
import { existsSync } from 'node:fs';
import { formatMicros, MICROS_PER_SECOND, type Micros, spanText } from '../../model/time.ts';
import { parseDuration } from '../../query/quantities.ts';
import { type AuditFacts, known, notKnown } from '../../sensor/audit/facts.ts';
import type { StoreReader } from '../../station/store/reader.ts';
import { UsageError } from '../lib/failure.ts';
import { clockText } from '../lib/output.ts';
import { readSigns } from './signs.ts';

/**
 * What people do has the rhythm of a week: backups of the weekend, a report on Mondays. Whoever has not come in one whole
 * week may still come once a month, and the sentences of the checks say so.
 */
const ENOUGH_HISTORY = '7d';

export interface TrafficOptions {
  /** Of the database. */
  readonly path: string;
  /** Somebody named that file: that it is missing is then an error. */
  readonly isNamed: boolean;
  readonly enoughSecs: number;
}

/** `--history`. */
export function enoughSecsOf(text = ENOUGH_HISTORY): number {
  const micros = parseDuration(text, true);
  if (micros === undefined || micros < MICROS_PER_SECOND)
    throw new UsageError(`--history "${text}" is no length of time: give 7d, 36h or 90m`);
  return Math.ceil(micros / MICROS_PER_SECOND);
}

/** Throws a StoreError where the database was named and is not there. */
export async function readTraffic(
  { path, isNamed, enoughSecs }: TrafficOptions,
  networks: AuditFacts['networks'],
): Promise<AuditFacts['traffic']> {
  if (!isNamed && !existsSync(path)) {
    return notKnown(
      `no agent has kept any here (${path} is not there)`,
      `Run the agent for ${spanText(enoughSecs * MICROS_PER_SECOND)} (bridgewatch run), or name its database with --db.`,
    );
  }
  const { openStoreReadOnly } = await import('../../station/store/reader.ts');
  let reader: StoreReader | undefined;
  try {
    reader = await openStoreReadOnly(path);
    return await trafficIn(reader, path, enoughSecs, networks);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error) || (isNamed && error.code === 'STORE_MISSING'))
      throw error;
    return notKnown(error.message, 'Make it readable, or name another database with --db.');
  } finally {
    reader?.close();
  }
}

async function trafficIn(
  reader: StoreReader,
  path: string,
  enoughSecs: number,
  networks: AuditFacts['networks'],
): Promise<AuditFacts['traffic']> {
  const stored = reader.networks();
  const ids = new Set(stored.map(({ id }) => id));
  if (networks.ok && ids.size > 0 && !networks.value.some(({ id }) => ids.has(id))) {
    return notKnown(
      `${path} is of another engine: it knows none of the networks that are here`,
      "Name the database of this engine's agent with --db.",
    );
  }
  const oldest = reader.oldestFlow();
  const never = notKnown(
    `${path} holds no flows yet`,
    `Let the agent run for ${spanText(enoughSecs * MICROS_PER_SECOND)}.`,
  );
  if (oldest === undefined) return never;
  const { sumTalks } = await import('../../station/store/talks.ts');
  const { watchedTime } = await import('../../station/store/watched.ts');
  const { talks, isPartial, onlyFrom } = sumTalks(reader);
  const from: Micros = Math.max(oldest, onlyFrom ?? oldest);
  const talking = new Set(talks.map(({ network }) => network));
  const watched = watchedTime(reader.watchRows(), stored, talking, from);
  if (watched === undefined) {
    return notKnown(
      `${path} does not say when the agent watched after ${clockText(formatMicros(from))}`,
      'Let the agent of this version run on it.',
    );
  }
  return known({ ...watched, enoughSecs, talks, isPartial, signs: readSigns(reader, watched.from) });
}
