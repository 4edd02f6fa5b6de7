/**
 * Findings as they were told last, read back from the database as the records they were: to tell them once more, closed or
 * with other marks.
 */
import type { Database } from 'better-sqlite3';
import type { Endpoint } from '../../model/endpoint.ts';
import { type Finding, SEVERITIES, type Severity } from '../../model/finding.ts';
import type { Workload } from '../../model/network.ts';
import {
  type PublicEndpoint,
  type PublicFinding,
  type PublicWorkload,
  parseRecord,
} from '../../model/serialize.ts';
import { type Micros, parseMicros } from '../../model/time.ts';

interface Row {
  readonly seq: number;
  readonly record: string;
  readonly containers: string | null;
  readonly time: Micros;
}

export interface StoredFinding {
  /** Of its latest record. */
  readonly seq: number;
  readonly finding: Finding;
  /** Ties below this one are taken at its time. */
  readonly freeTie: number;
}

const COLUMNS = 'events.seq, events.record, events.containers, events.time_us AS time';
const LATEST = 'findings JOIN events ON events.seq = findings.seq';

/** Of those that are open, told last after place `after` of the log and not after `upTo`, in that order. */
export function openPage(
  db: Database,
  { after, upTo = Number.MAX_SAFE_INTEGER, rows }: { after: number; upTo?: number; rows: number },
): readonly StoredFinding[] {
  const found = db
    .prepare<[number, number, number], Row>(
      `SELECT ${COLUMNS} FROM ${LATEST}
       WHERE findings.is_open = 1 AND findings.seq > ? AND findings.seq <= ? ORDER BY findings.seq LIMIT ?`,
    )
    .all(after, upTo, rows);
  return found.map((row) => stored(db, row));
}

export function storedFinding(db: Database, id: string): StoredFinding | undefined {
  const row = db.prepare<[string], Row>(`SELECT ${COLUMNS} FROM ${LATEST} WHERE findings.id = ?`).get(id);
  return row && stored(db, row);
}

/** How grave it is, as it was told last; undefined for one that is not kept. */
export function severityNow(db: Database, id: string): Severity | undefined {
  const rank = db
    .prepare<[string], number>(`SELECT events.severity FROM ${LATEST} WHERE findings.id = ?`)
    .pluck()
    .get(id);
  return rank === undefined ? undefined : SEVERITIES[rank];
}

/** Ids of those that are open and whose last record is muted. */
export function openMuted(db: Database): readonly string[] {
  return db
    .prepare<[], string>(
      `SELECT findings.id FROM ${LATEST}
       WHERE findings.is_open = 1 AND json_valid(record) AND json_extract(record, '$.muted.id') IS NOT NULL`,
    )
    .pluck()
    .all();
}

/** Ids that begin so, `max` of them at most. */
export function idsBeginning(db: Database, prefix: string, max: number): readonly string[] {
  return db
    .prepare<[string, number, string, number], string>(
      'SELECT id FROM findings WHERE id >= ? AND substr(id, 1, ?) = ? ORDER BY id LIMIT ?',
    )
    .pluck()
    .all(prefix, prefix.length, prefix, max);
}

function stored(db: Database, { seq, record, containers, time }: Row): StoredFinding {
  const freeTie = db
    .prepare<[Micros], number>("SELECT max(tie) + 1 FROM events WHERE kind = 'finding' AND time_us = ?")
    .pluck()
    .get(time)!;
  return { seq, finding: revive(parseRecord(record) as PublicFinding, containers ?? ''), freeTie };
}

/** From the public form back to the record; what that form leaves out of a workload stays unknown. */
function revive(told: PublicFinding, containers: string): Finding {
  const endpoint = (end: PublicEndpoint): Endpoint => reviveEndpoint(end, containers);
  const { network, acknowledged, muted, ...rest } = told;
  return {
    ...rest,
    ...(acknowledged === undefined
      ? {}
      : { acknowledged: { ...acknowledged, at: parseMicros(acknowledged.at)! } }),
    ...(muted === undefined
      ? {}
      : { muted: { ...muted, until: muted.until === undefined ? undefined : parseMicros(muted.until) } }),
    firstSeen: parseMicros(told.firstSeen)!,
    lastSeen: parseMicros(told.lastSeen)!,
    ...(network === undefined ? {} : { network }),
    subject: endpoint(told.subject),
    peers: told.peers.map(endpoint),
  };
}

function reviveEndpoint(end: PublicEndpoint, containers: string): Endpoint {
  const { method, confidence, reason, candidates } = end.attribution;
  return {
    ...end,
    workload: end.workload && reviveWorkload(end.workload, containers),
    attribution: {
      method,
      confidence,
      ...(reason === undefined ? {} : { reason }),
      ...(candidates === undefined ? {} : { candidates }),
    },
  };
}

/** The column one filters by holds whole ids (see `tokens` in rows.ts), the public form their first 12 digits. */
function reviveWorkload(told: PublicWorkload, containers: string): Workload {
  const { containerId, name, image, composeProject, composeService, composeNumber, swarmService } = told;
  const whole = containers
    .split('\n')
    .find((token) => /^#[0-9a-f]{64}$/.test(token) && token.startsWith(`#${containerId}`));
  return {
    containerId: whole?.slice(1) ?? containerId,
    name,
    image,
    ...(composeProject === undefined ? {} : { composeProject }),
    ...(composeService === undefined ? {} : { composeService }),
    ...(composeNumber === undefined ? {} : { composeNumber }),
    ...(swarmService === undefined ? {} : { swarmService }),
    labels: {},
    networkMode: 'unknown',
    networks: [],
  };
}
