/** What the live feed needs of the station. */
import type { DurableLane } from '../../../model/lane.ts';
import type { RecordKind } from '../../../model/record.ts';
import type { SentRecord } from '../../../model/sent-record.ts';
import type { Micros } from '../../../model/time.ts';
import type { LogPage, LogRequest } from '../../store/log-page.ts';

/** The store, as far as the feed may use it: it reads. */
export interface FeedLog {
  /** The highest place given so far. */
  readonly lastSeq: number;
  /** The disk refuses. */
  readonly isFailing: boolean;
  /** Everything of these lanes up to here is in the database or was given up; a restart gives it to no other record. */
  readableUpTo(lanes: readonly DurableLane[]): number;
  /** Undefined while nothing can be read. */
  readLog(request: LogRequest): LogPage | undefined;
  /** The place before the first record of that time or later; undefined when there is none, or nothing can be read. */
  placeBefore(since: Micros, kinds: readonly RecordKind[]): number | undefined;
}

export interface FeedSource {
  readonly log: FeedLog;
  /** Calls with each flow, look-up and roll-up as it comes; returns what ends that. */
  readonly onBulk: (call: (record: SentRecord) => void) => () => void;
  /** The station stops: every stream is to end. */
  readonly stopping: AbortSignal;
}
