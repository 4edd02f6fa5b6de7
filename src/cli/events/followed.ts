/**
 * What was stored since the last look, each row once and in the order of storing, whatever another process writes
 * meanwhile and however much of it there is.
 */
import { parseRecord } from '../../model/serialize.ts';
import type { StoredRecord, StoreReader } from '../../station/store/reader.ts';
import type { EventFilters } from '../events.ts';

/** Rows of one question; bounds the memory of a look, not what is told. */
const PAGE_ROWS = 1000;

export class FollowedEvents {
  readonly #reader: StoreReader;
  readonly #filters: EventFilters;
  readonly #pageRows: number;
  #seen: number;

  constructor(reader: StoreReader, filters: EventFilters, pageRows = PAGE_ROWS) {
    this.#reader = reader;
    this.#filters = filters;
    this.#pageRows = pageRows;
    this.#seen = reader.lastSeq('events');
  }

  /** The place of the newest row that was told or passed over. */
  get seen(): number {
    return this.#seen;
  }

  *next(): Generator<StoredRecord> {
    const { filter } = this.#filters;
    const matches = (text: string) => filter === undefined || filter.matches(parseRecord(text));
    // Places are given in the order of commits, so up to the newest of this moment both questions see the same rows.
    const newest = this.#reader.lastSeq('events');
    while (this.#seen < newest) {
      const pages = this.#pages();
      // A full page may have successors that the other one's rows must not overtake.
      const upTo = Math.min(
        newest,
        ...pages.filter(({ length }) => length === this.#pageRows).map((page) => page.at(-1)!.seq),
      );
      yield* pages
        .flat()
        .filter(({ seq, text }) => seq <= upTo && matches(text))
        .sort((a, b) => a.seq - b.seq);
      this.#seen = upTo;
    }
  }

  #pages(): StoredRecord[][] {
    const { severity, analyzer, network, workload, all, leavesOutFolded } = this.#filters;
    const where = {
      afterSeq: this.#seen,
      limit: this.#pageRows,
      ...(network === undefined ? {} : { network }),
      ...(workload === undefined ? {} : { container: workload }),
    };
    const findings = this.#reader.queryFindings({
      ...where,
      history: true,
      ...(severity === undefined ? {} : { severity }),
      ...(analyzer === undefined ? {} : { analyzer }),
      ...(leavesOutFolded === true ? { folded: 'left-out' as const } : {}),
    });
    return all === true ? [findings, this.#reader.queryEvents(where)] : [findings];
  }
}
