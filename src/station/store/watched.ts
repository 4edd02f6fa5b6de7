/**
 * What of a stretch of time the agent really watched: that nothing is stored of a network says nothing while nobody
 * looked. By the engine's signs of life, the networks' coverage records and the leases.
 */
import type { Database } from 'better-sqlite3';
import { commonOf, type Span, secsOf, unionOf } from '../../model/spans.ts';
import type { Micros } from '../../model/time.ts';
import type { Membership, TrafficHistory } from '../../model/traffic-history.ts';
import type { KnownNetwork } from './lease-query.ts';
import type { Watch } from './watch-log.ts';

/** The newest that many; a network whose tap comes and goes each second would fill a day with them. */
const MAX_CHANGES = 100_000;
const MAX_LEASES = 200_000;
/** What a network may lack: a tap opens some seconds after the agent or the network comes, and may have to be opened again. */
const SPARED_SHARE = 0.05;
const SPARED_SECS = 30;

/** The engine's own, which no other network can be called: there is nothing to tap, on any host. */
export const NEVER_SEEN: ReadonlySet<string> = new Set(['host', 'none']);

interface CoverageChange {
  readonly network: string;
  readonly time: Micros;
  readonly state: 'covered' | 'uncovered';
}

interface Held {
  readonly network: string;
  readonly label: string;
  readonly from: Micros;
  /** Null while it is held. */
  readonly to: Micros | null;
}

export interface WatchRows {
  /** The oldest first. */
  readonly watches: readonly Watch[];
  readonly changes: readonly CoverageChange[];
  readonly held: readonly Held[];
}

export function readWatchRows(db: Database): WatchRows {
  return {
    watches: db
      .prepare('SELECT from_us AS "from", alive_us AS aliveAt FROM watches ORDER BY from_us')
      .all() as Watch[],
    changes: (
      db
        .prepare(
          `SELECT network, time_us AS time, json_extract(record, '$.state') AS state FROM events
           WHERE kind = 'coverage' AND network IS NOT NULL ORDER BY time_us DESC, seq DESC LIMIT ${MAX_CHANGES}`,
        )
        .all() as CoverageChange[]
    ).reverse(),
    held: db
      .prepare(
        `SELECT network, label, from_us AS "from", to_us AS "to" FROM leases ORDER BY from_us DESC LIMIT ${MAX_LEASES}`,
      )
      .all() as Held[],
  };
}

export type WatchedTime = Pick<
  TrafficHistory,
  'from' | 'until' | 'watchedSecs' | 'uncovered' | 'memberships'
>;

/** Undefined where the agent has watched nothing from `from` on. `talking`: networks of which flows are stored. */
export function watchedTime(
  { watches, changes, held }: WatchRows,
  networks: readonly Pick<KnownNetwork, 'name' | 'seenAt' | 'removedAt'>[],
  talking: ReadonlySet<string>,
  from: Micros,
): WatchedTime | undefined {
  const until = Math.max(...watches.map(({ aliveAt }) => aliveAt));
  if (!(until > from)) return undefined;
  const alive = watches.map((watch) => ({ from: watch.from, until: watch.aliveAt }));
  const watched = commonOf(alive, [{ from, until }]);
  const covered = coveredSpans(changes, until);
  const known = new Map<string, Span[]>();
  for (const { name, seenAt, removedAt } of networks) {
    if (NEVER_SEEN.has(name)) continue;
    known.set(name, [...(known.get(name) ?? []), { from: seenAt, until: removedAt ?? until }]);
  }
  const isCovered = (name: string, spans: readonly Span[]): boolean => {
    const seen = covered.get(name);
    // Its first record may have expired, as that of a network that has been watched for a year.
    if (seen === undefined) return talking.has(name);
    const wanted = commonOf(spans, watched);
    const had = secsOf(commonOf(wanted, seen));
    return had > 0 && secsOf(wanted) - had <= Math.max(SPARED_SECS, secsOf(wanted) * SPARED_SHARE);
  };
  return {
    from: watched[0]?.from ?? from,
    until,
    watchedSecs: secsOf(watched),
    uncovered: [...known].flatMap(([name, spans]) => (isCovered(name, spans) ? [] : [name])).sort(),
    memberships: membershipsOf(held, watched, until),
  };
}

function coveredSpans(changes: readonly CoverageChange[], until: Micros): Map<string, Span[]> {
  const spans = new Map<string, Span[]>();
  const since = new Map<string, Micros>();
  for (const { network, time, state } of changes) {
    const all = spans.get(network) ?? [];
    spans.set(network, all);
    const began = since.get(network);
    if (state === 'covered') {
      if (began === undefined) since.set(network, time);
    } else if (began !== undefined) {
      all.push({ from: began, until: time });
      since.delete(network);
    }
  }
  for (const [network, from] of since) spans.get(network)?.push({ from, until });
  return spans;
}

function membershipsOf(held: readonly Held[], watched: readonly Span[], until: Micros): Membership[] {
  const byPlace = new Map<string, { readonly network: string; readonly service: string; spans: Span[] }>();
  for (const { network, label, from, to } of held) {
    const key = JSON.stringify([network, label]);
    const known = byPlace.get(key) ?? { network, service: label, spans: [] };
    byPlace.set(key, known);
    known.spans.push({ from, until: to ?? until });
  }
  return [...byPlace.values()].map(({ network, service, spans }) => ({
    ...{ network, service },
    watchedSecs: secsOf(commonOf(unionOf(spans), watched)),
  }));
}
