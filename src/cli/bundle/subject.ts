/** What a bundle is about: a finding, whoever timeline takes, or a moment; and which time around it. */
import { FINDING_STORM } from '../../model/finding.ts';
import { type PublicEndpoint, type PublicFinding, parseRecord } from '../../model/serialize.ts';
import { formatMicros, MICROS_PER_SECOND, type Micros, parseMicros } from '../../model/time.ts';
import { parseDuration } from '../../query/quantities.ts';
import { parseClockTime } from '../../query/time-text.ts';
import type { StoreReader } from '../../station/store/reader.ts';
import { UsageError } from '../lib/failure.ts';
import { parseTime } from '../lib/time-range.ts';

export interface BundleSubject {
  readonly kind: 'finding' | 'subject' | 'time';
  /** As it was asked for. */
  readonly asked: string;
  /** For the name of the file. */
  readonly name: string;
  /** As it was told last; absent for all but findings. */
  readonly finding?: PublicFinding;
  /** Words of the filter language: whose events, flows and look-ups; empty: all. */
  readonly words: readonly string[];
  readonly since: Micros;
  readonly until: Micros;
  /** What is left out already, one sentence each. */
  readonly notices: readonly string[];
}

export interface RangeOptions {
  readonly since?: string;
  readonly until?: string;
  readonly around: string;
}

/** As `timeline`, which looks back a day where nothing else is asked for. */
const USUAL_BEFORE = 24 * 3600 * MICROS_PER_SECOND;
const ID_BEGINNING = /^[0-9a-f]{4,16}$/;
/** A finding with more tells of many; its filter would be slower than reading everything. */
const MAX_PEERS = 60;

export function bundleSubject(
  reader: Pick<StoreReader, 'findingsBeginning' | 'queryFindings'>,
  words: readonly string[],
  options: RangeOptions,
  now: Micros,
): BundleSubject {
  const around = parseDuration(options.around);
  if (around === undefined)
    throw new UsageError(`--around "${options.around}" is no duration: give it as 10m, 90s or 1h30m`);
  const asked = words.join(' ');
  if (asked.trim() === '')
    throw new UsageError(
      'a bundle of what? Give the id of a finding, a container, a network, an address or a time',
    );
  const found = ofFinding(reader, asked, around) ?? ofTime(asked, around) ?? ofWords(asked, words, now);
  const since = options.since === undefined ? found.since : parseTime(options.since, '--since', now);
  // What has not happened yet is not missing.
  const until =
    options.until === undefined ? Math.min(found.until, now) : parseTime(options.until, '--until', now);
  if (until <= since)
    throw new UsageError(
      `--until (${formatMicros(until)}) is not after --since (${formatMicros(since)}): nothing lies between`,
    );
  return { ...found, since, until };
}

function ofFinding(
  reader: Pick<StoreReader, 'findingsBeginning' | 'queryFindings'>,
  asked: string,
  around: Micros,
): BundleSubject | undefined {
  if (!ID_BEGINNING.test(asked)) return undefined;
  const [id, other] = reader.findingsBeginning(asked, 2);
  if (id === undefined) {
    // Shorter ones may be the beginning of a container's id.
    if (asked.length < 16) return undefined;
    throw new UsageError(`no finding ${asked} is recorded; \`bridgewatch events\` lists them`);
  }
  if (other !== undefined)
    throw new UsageError(
      `${asked} is the beginning of more than one finding, as ${id} and ${other}: give more of it`,
    );
  const [row] = reader.queryFindings({ id });
  const finding = row === undefined ? undefined : parseRecord(row.text);
  if (finding?.kind !== 'finding') return undefined;
  const ends = [finding.subject, ...finding.peers];
  const words = [...new Set(ends.slice(0, MAX_PEERS + 1).map(endWord))];
  // A storm's subject is only the first of many.
  const isStorm = finding.analyzer === FINDING_STORM;
  return {
    kind: 'finding',
    asked,
    name: finding.id,
    finding,
    words: isStorm ? [] : [words.join(' or ')],
    since: parseMicros(finding.firstSeen)! - around,
    until: parseMicros(finding.lastSeen)! + around,
    notices:
      ends.length > MAX_PEERS + 1 && !isStorm
        ? [`it has ${finding.peers.length} peers: flows, look-ups and events are of the first ${MAX_PEERS}`]
        : [],
  };
}

function endWord({ workload, ip }: PublicEndpoint): string {
  return workload === undefined ? ip : JSON.stringify(workload.name);
}

function ofTime(asked: string, around: Micros): BundleSubject | undefined {
  const time = parseClockTime(asked);
  if (time === undefined) return undefined;
  const { at, widthMicros } = time;
  return {
    kind: 'time',
    asked,
    name: formatMicros(at).slice(0, 19).replaceAll(/[-:]/g, ''),
    words: [],
    since: at - around,
    until: at + widthMicros + around,
    notices: [],
  };
}

function ofWords(asked: string, words: readonly string[], now: Micros): BundleSubject {
  return { kind: 'subject', asked, name: asked, words, since: now - USUAL_BEFORE, until: now, notices: [] };
}
