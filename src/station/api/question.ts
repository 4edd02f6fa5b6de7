/** What the rooms may ask the database, and what it answers: plain data, because it crosses threads. */
import type { Severity } from '../../model/finding.ts';
import type { RecordKind } from '../../model/record.ts';
import type { Micros } from '../../model/time.ts';
import type { LeaseSubject } from '../store/lease-query.ts';
import type { RowPlace } from '../store/reader.ts';
import type { Gap } from '../store/who-held.ts';

export type PageOf = 'findings' | 'flows' | 'dns' | 'events';

export interface PageQuestion {
  readonly type: 'page';
  readonly of: PageOf;
  /** Of the filter language. */
  readonly filter?: string | undefined;
  readonly kinds: readonly RecordKind[];
  /** What the filter's `-1h` is counted from. */
  readonly now: Micros;
  readonly since?: Micros | undefined;
  readonly until?: Micros | undefined;
  readonly network?: string | undefined;
  readonly container?: string | undefined;
  readonly severity?: Severity | undefined;
  /** Every status record of findings instead of the state of each. */
  readonly history?: boolean | undefined;
  readonly limit: number;
  /** Where the page before ended. */
  readonly before?: RowPlace | undefined;
  /** Findings as they were when the first page was asked for; absent for the first page. */
  readonly asOf?: number | undefined;
}

export interface Page {
  /** Public JSON, the newest first. */
  readonly items: readonly string[];
  /** Where the next page begins; absent at the end. */
  readonly next?: RowPlace | undefined;
  readonly asOf: number;
}

export interface Doubt {
  /** Nobody was told of changes then. */
  readonly gap?: Gap | undefined;
  /** Until when what is open is known to be held; absent while an agent watches. */
  readonly knownUntil?: Micros | undefined;
}

export interface Holders extends Doubt {
  readonly holders: readonly string[];
  readonly containers: number;
  readonly before?: string | undefined;
  readonly after?: string | undefined;
}

export interface Inventory extends Doubt {
  readonly networks: readonly string[];
  readonly leases: readonly string[];
  /** There were more leases than are told. */
  readonly isCut: boolean;
}

export interface QuestionAnswers {
  readonly page: readonly [PageQuestion, Page];
  /** Every status record of one finding, the oldest first. */
  readonly finding: readonly [{ readonly type: 'finding'; readonly id: string }, readonly string[]];
  readonly holders: readonly [
    { readonly type: 'holders'; readonly subject: LeaseSubject; readonly at: Micros; readonly now: Micros },
    Holders,
  ];
  readonly inventory: readonly [
    { readonly type: 'inventory'; readonly at: Micros; readonly now: Micros },
    Inventory,
  ];
}

export type QuestionType = keyof QuestionAnswers;
export type Question = QuestionAnswers[QuestionType][0];

/** Why there is no answer. */
export type Fault =
  | {
      readonly reason: 'filter';
      readonly problem: string;
      readonly text: string;
      readonly from: number;
      readonly to: number;
    }
  | { readonly reason: 'store'; readonly code: string }
  | { readonly reason: 'fault'; readonly message: string };

export type Reply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly fault: Fault };
