/**
 * From records, in any order and number, to a case. Bounded by construction: each book it keeps says how much it holds
 * and counts what it let go, some 20 MiB in all at the very worst, and some KiB as a rule. It reads no clock, so that the
 * same records make the same report, byte for byte.
 */
import { escapeText } from '../model/escape.ts';
import type { PublicRecord, PublicSummary } from '../model/serialize.ts';
import { actorsOf } from './actors.ts';
import { amountsOf } from './amounts.ts';
import { BlindSpots } from './blind-spots.ts';
import type { CaseReport, Listed, LookedAt, LookUp } from './case.ts';
import { listed } from './ends.ts';
import { EventLines } from './event-lines.ts';
import { FindingBook } from './finding-book.ts';
import { FlowSums } from './flow-sums.ts';
import { LookUpBook } from './look-up-book.ts';
import { nextSteps } from './next-steps.ts';
import { timelineOf } from './timeline.ts';
import { verdictOf } from './verdict.ts';

const MAX_INPUTS = 40;
const MAX_REMARKS = 20;
const SHOWN_LOOK_UPS = 25;

export interface CaseAbout {
  readonly title: string;
  readonly from: CaseReport['from'];
  /** `bridgewatch 0.1.0`. */
  readonly versions: readonly string[];
  /** The time that was asked for, where one was; else that of the records. ISO 8601 as in records. */
  readonly first?: string;
  readonly last?: string;
}

/** Smaller ones are for tests. */
export interface CaseBounds {
  readonly findings?: number;
  readonly pairs?: number;
  readonly zones?: number;
  readonly events?: number;
}

export class CaseBuilder {
  readonly #about: CaseAbout;
  readonly #findings: FindingBook;
  readonly #flows: FlowSums;
  readonly #lookUps: LookUpBook;
  readonly #events: EventLines;
  readonly #blind = new BlindSpots();
  readonly #inputs: string[] = [];
  readonly #remarks: string[] = [];
  #moreInputs = 0;
  #first: string | undefined;
  #last: string | undefined;
  #summary: PublicSummary | undefined;

  constructor(about: CaseAbout, bounds: CaseBounds = {}) {
    this.#about = about;
    this.#findings = new FindingBook(bounds.findings);
    this.#flows = new FlowSums(bounds.pairs);
    this.#lookUps = new LookUpBook(bounds.zones);
    this.#events = new EventLines(bounds.events);
  }

  add(record: PublicRecord): void {
    this.#blind.add(record);
    switch (record.kind) {
      case 'finding':
        this.#span(record.firstSeen, record.lastSeen);
        this.#findings.add(record);
        return;
      case 'flow':
        this.#span(record.start, record.end);
        this.#flows.add(record);
        return;
      case 'dns':
        this.#span(record.time, record.time);
        this.#lookUps.add(record);
        return;
      case 'summary':
        this.#summary = record;
        if (record.first !== undefined) this.#span(record.first, record.last ?? record.first);
        return;
      default:
        this.#events.add(record);
    }
  }

  /** What was looked at: a file, a database. */
  input(name: string): void {
    if (this.#inputs.length < MAX_INPUTS) this.#inputs.push(escapeText(name, 300));
    else this.#moreInputs += 1;
  }

  /** What bears on the answers and is no problem: a filter, an inventory. */
  remark(text: string): void {
    if (this.#remarks.length < MAX_REMARKS) this.#remarks.push(escapeText(text, 400));
  }

  /** What could not be looked at, though it should have been. */
  problem(what: string, detail: string): void {
    this.#blind.problem(what, detail);
  }

  build(): CaseReport {
    const { title, from } = this.#about;
    const findings = this.#findings.findings();
    const findingsNotShown = this.#findings.notShown();
    const unseen = this.#blind.spots(from);
    const pairs = this.#flows.pairs();
    const lookUps = this.#lookUpsOf(new Set(findings.map(({ subject }) => subject.label)));
    const looked = this.#lookedAt();
    return {
      title: escapeText(title, 200),
      from,
      verdict: verdictOf(findings, findingsNotShown, unseen),
      looked,
      findings,
      findingsNotShown,
      actors: actorsOf(findings),
      amounts: amountsOf(this.#flows, findings),
      timeline: timelineOf({
        findings,
        moments: this.#findings.happenings(findings),
        pairs,
        lookUps: lookUps.items,
        events: this.#events.events,
        leftOut: this.#events.leftOut,
      }),
      lookUps,
      next: nextSteps(findings, { from, inputs: this.#inputs, first: looked.first, last: looked.last }),
      unseen,
    };
  }

  #span(first: string, last: string): void {
    if (this.#first === undefined || first < this.#first) this.#first = first;
    if (this.#last === undefined || last > this.#last) this.#last = last;
  }

  #lookedAt(): LookedAt {
    const first = this.#about.first ?? this.#first;
    const last = this.#about.last ?? this.#last;
    const summary = this.#summary;
    return {
      inputs: listed(this.#inputs, MAX_INPUTS, this.#moreInputs),
      ...(first === undefined ? {} : { first }),
      ...(last === undefined ? {} : { last }),
      ...(summary === undefined ? {} : { packets: summary.packets, bytes: summary.bytes }),
      flows: summary?.flows ?? this.#flows.flows,
      lookUps: summary?.dnsQuestions ?? this.#lookUps.questions,
      remarks: this.#remarks,
      versions: this.#about.versions.map((text) => escapeText(text, 100)),
    };
  }

  /** Those of whom the findings are about; where there is none, of everybody. */
  #lookUpsOf(subjects: ReadonlySet<string>): Listed<LookUp> {
    const all = this.#lookUps.lookUps();
    const theirs = subjects.size === 0 ? all : all.filter(({ who }) => subjects.has(who));
    const { forgotten } = this.#lookUps;
    return listed(theirs, SHOWN_LOOK_UPS, forgotten, forgotten > 0);
  }
}
