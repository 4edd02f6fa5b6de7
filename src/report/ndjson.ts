/** A report for programs: one line a part, each with its `kind`, in the order of the report. docs/records.md has them. */
import { printableJson } from '../model/printable-json.ts';
import type {
  Actor,
  Amount,
  Amounts,
  BlindSpot,
  CaseFinding,
  CaseReport,
  Happening,
  LookedAt,
  LookUp,
  NextStep,
  NotShown,
  Sums,
  Verdict,
} from './case.ts';

/** `analyze --report ndjson`: the first line, what is said of the case as a whole. */
export interface CaseRecord extends Verdict, LookedAt {
  readonly kind: 'case';
  /** What it is about. */
  readonly title: string;
  /** `files`: packets were read again. `store`: what an agent has recorded. */
  readonly from: 'files' | 'store';
  /** Findings that no line tells of. */
  readonly findingsNotShown: NotShown;
  /** All flows, by direction. */
  readonly byDirection: Amounts['byDirection'];
  /** What detectors counted or estimated themselves. */
  readonly told: Amounts['told'];
  /** Flows of pairs that have no line of `case-amount`. */
  readonly leftRest: Sums;
  /** No inventory tells which addresses are containers: amounts are between any two. */
  readonly isUnattributed: boolean;
  /** How many more there were of each list than it has lines. */
  readonly more: {
    /** Of `case-actor`. */
    readonly actors: number;
    /** Of `case-amount`. */
    readonly amounts: number;
    /** Of `case-event`. */
    readonly events: number;
    /** Of `case-look-up`. */
    readonly lookUps: number;
  };
}

/** `analyze --report ndjson`: one line for each finding, the worst first. */
export interface CaseFindingRecord extends CaseFinding {
  readonly kind: 'case-finding';
}

/** `analyze --report ndjson`: one line for each thing to check next. */
export interface CaseStepRecord extends NextStep {
  readonly kind: 'case-step';
}

/** `analyze --report ndjson`: one line for each thing that happened, oldest first. */
export interface CaseEventRecord extends Happening {
  readonly kind: 'case-event';
}

/** `analyze --report ndjson`: one line for each who is part of a finding. */
export interface CaseActorRecord extends Actor {
  readonly kind: 'case-actor';
}

/** `analyze --report ndjson`: one line for each pair of a container and the outside, the most that left first. */
export interface CaseAmountRecord extends Amount {
  readonly kind: 'case-amount';
}

/** `analyze --report ndjson`: one line for each zone and who asked about it. */
export interface CaseLookUpRecord extends LookUp {
  readonly kind: 'case-look-up';
}

/** `analyze --report ndjson`: one line for each thing that could not be seen. */
export interface CaseBlindSpotRecord extends BlindSpot {
  readonly kind: 'case-blind-spot';
}

export type CasePart =
  | CaseRecord
  | CaseFindingRecord
  | CaseStepRecord
  | CaseEventRecord
  | CaseActorRecord
  | CaseAmountRecord
  | CaseLookUpRecord
  | CaseBlindSpotRecord;

export function renderNdjson(report: CaseReport): string {
  return partsOf(report)
    .map((part) => `${printableJson(part)}\n`)
    .join('');
}

function partsOf(report: CaseReport): CasePart[] {
  const { title, from, verdict, looked, findings, findingsNotShown, next, unseen } = report;
  const { timeline, actors, amounts, lookUps } = report;
  const { byDirection, told, left, leftRest, isUnattributed } = amounts;
  return [
    {
      kind: 'case',
      ...{
        title,
        from,
        ...verdict,
        ...looked,
        findingsNotShown,
        byDirection,
        told,
        leftRest,
        isUnattributed,
      },
      more: { actors: actors.more, amounts: left.more, events: timeline.more, lookUps: lookUps.more },
    },
    ...findings.map((one): CasePart => ({ kind: 'case-finding', ...one })),
    ...next.map((one): CasePart => ({ kind: 'case-step', ...one })),
    ...timeline.items.map((one): CasePart => ({ kind: 'case-event', ...one })),
    ...actors.items.map((one): CasePart => ({ kind: 'case-actor', ...one })),
    ...left.items.map((one): CasePart => ({ kind: 'case-amount', ...one })),
    ...lookUps.items.map((one): CasePart => ({ kind: 'case-look-up', ...one })),
    ...unseen.map((one): CasePart => ({ kind: 'case-blind-spot', ...one })),
  ];
}
