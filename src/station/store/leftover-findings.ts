/**
 * Findings that an earlier run left open: their watcher is gone, so nobody would ever close them. They are closed
 * when the next station starts, with a reason that claims no more than is known.
 */
import type { Database } from 'better-sqlite3';
import type { Endpoint } from '../../model/endpoint.ts';
import type { Finding } from '../../model/finding.ts';
import type { Workload } from '../../model/network.ts';
import {
  type PublicEndpoint,
  type PublicFinding,
  type PublicWorkload,
  parseRecord,
} from '../../model/serialize.ts';
import { type Micros, parseMicros } from '../../model/time.ts';

const REASON = 'the agent that watched it ended; whether it went on was not seen';

interface Row {
  readonly seq: number;
  readonly record: string;
  readonly containers: string | null;
  readonly time: Micros;
}

export interface LeftFinding {
  /** As it was told last, now closed. */
  readonly finding: Finding;
  /** Ties below this one are taken at its time. */
  readonly freeTie: number;
}

/** In the order in which they were told last, a page at a time: writing between two pages is fine. */
export function* leftOpenFindings(db: Database, pageRows = 50): Generator<LeftFinding> {
  const page = db.prepare<[number, number], Row>(
    `SELECT events.seq, events.record, events.containers, events.time_us AS time
     FROM findings JOIN events ON events.seq = findings.seq
     WHERE findings.is_open = 1 AND findings.seq > ? ORDER BY findings.seq LIMIT ?`,
  );
  const freeTie = db
    .prepare<[Micros], number>("SELECT max(tie) + 1 FROM events WHERE kind = 'finding' AND time_us = ?")
    .pluck();
  let after = 0;
  for (;;) {
    const rows = page.all(after, pageRows);
    for (const { record, containers, time } of rows) {
      const told = parseRecord(record) as PublicFinding;
      const finding = { ...revive(told, containers ?? ''), status: 'closed', reason: REASON } as const;
      yield { finding, freeTie: freeTie.get(time)! };
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}

/** From the public form back to the record; what that form leaves out of a workload stays unknown. */
function revive(told: PublicFinding, containers: string): Finding {
  const endpoint = (end: PublicEndpoint): Endpoint => reviveEndpoint(end, containers);
  const { network, ...rest } = told;
  return {
    ...rest,
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
