/**
 * Findings that an earlier run left open: their watcher is gone, so nobody would ever close them. They are closed
 * when the next station starts, with a reason that claims no more than is known; those that its sensor sees again reopen.
 */
import type { Database } from 'better-sqlite3';
import type { Finding } from '../../model/finding.ts';
import { openPage } from './stored-findings.ts';

/** Of those whose end nobody saw. */
export const ABANDONED = 'the agent that watched it ended; whether it went on was not seen';

export interface LeftFinding {
  /** As it was told last, now closed. */
  readonly finding: Finding;
  /** Ties below this one are taken at its time. */
  readonly freeTie: number;
}

/** In the order in which they were told last, a page at a time: writing between two pages is fine. */
export function* leftOpenFindings(db: Database, pageRows = 50): Generator<LeftFinding> {
  for (let after = 0; ; ) {
    const page = openPage(db, { after, rows: pageRows });
    for (const { finding, freeTie } of page)
      yield { finding: { ...finding, status: 'closed', reason: ABANDONED }, freeTie };
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}
