/** Look-ups that were stored since the last look, each once and in the order of storing, however many there are. */
import { parseRecord } from '../../model/serialize.ts';
import type { Filter } from '../../query/filter.ts';
import type { StoredRecord, StoreReader } from '../../station/store/reader.ts';

/** Rows of one question; bounds the memory of a look, not what is told. */
const PAGE_ROWS = 1000;

export interface FollowedFilters {
  readonly network?: string;
  readonly container?: string;
  readonly filter?: Filter | undefined;
}

export class FollowedDns {
  readonly #reader: StoreReader;
  readonly #filters: FollowedFilters;
  readonly #pageRows: number;
  #seen: number;

  constructor(reader: StoreReader, filters: FollowedFilters, pageRows = PAGE_ROWS) {
    this.#reader = reader;
    this.#filters = filters;
    this.#pageRows = pageRows;
    this.#seen = reader.lastSeq('dns');
  }

  /** The place of the newest row that was told or passed over. */
  get seen(): number {
    return this.#seen;
  }

  *next(): Generator<StoredRecord> {
    const { filter, ...where } = this.#filters;
    // What comes while this goes on is left to the next look, so that a busy host cannot keep it here for ever.
    const newest = this.#reader.lastSeq('dns');
    while (this.#seen < newest) {
      const page = this.#reader.queryDns({ ...where, afterSeq: this.#seen, limit: this.#pageRows });
      const upTo = page.length === this.#pageRows ? Math.min(newest, page.at(-1)!.seq) : newest;
      for (const row of page) {
        if (row.seq <= upTo && (filter === undefined || filter.matches(parseRecord(row.text)))) yield row;
      }
      this.#seen = upTo;
    }
  }
}
