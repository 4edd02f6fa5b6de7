/**
 * From reports to findings: one finding a key, opened once, updated when its evidence changes and the interval has
 * passed, closed when quiet, reopened when it returns in time, each with the reason. Packet time only, so that a
 * replayed file tells the same story. What stands until somebody changes it (an audit's failure) is closed when its
 * reporter settles it, and never because it is quiet.
 */
import { createHash } from 'node:crypto';
import { AUDIT_ANALYZER } from '../../model/audit.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import {
  type Confidence,
  type EvidenceValue,
  type Finding,
  SEVERITIES,
  type Severity,
} from '../../model/finding.ts';
import type { FlowRecord } from '../../model/flow.ts';
import { LossTally } from '../../model/loss-tally.ts';
import type { PastFinding } from '../../model/past-finding.ts';
import type { LossRecord } from '../../model/record.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros, spanText } from '../../model/time.ts';
import type { AnalyzerDefinition, Report } from '../analysis/analyzer.ts';
import type { FindingIntake } from '../analysis/runner.ts';
import { ClosedFindings, type Remembered } from './closed.ts';
import type { FindingsConfig } from './config.ts';
import { Exceptions } from './exceptions.ts';
import { renderSentence } from './explain.ts';
import { findingStorm } from './finding-storm.ts';
import { rankOf, Storm } from './storm.ts';
import { Storms, type StormWatch } from './storms.ts';

/** Reports run ahead of the last tick by a second, and by what taps reorder. */
const REORDER = 10 * MICROS_PER_SECOND;

type Evidence = Readonly<Record<string, EvidenceValue | undefined>>;

/** What was looked at and found so, rather than seen to happen: true until somebody changes it. */
export interface StandingReport extends Report<string, Evidence> {
  /** Instead of the message's sentence: its reporter has words of its own. */
  readonly explanation: string;
}

export interface FindingsOptions {
  readonly config: FindingsConfig;
  readonly onFinding: (finding: Finding) => void;
  readonly onLoss: (loss: LossRecord) => void;
  /** What the runs before this one told, in the order in which it was told last. */
  readonly past?: readonly PastFinding[];
}

interface OpenFinding {
  readonly id: string;
  readonly definition: AnalyzerDefinition;
  readonly key: string;
  readonly firstSeen: Micros;
  readonly flowUids: string[];
  readonly communityIds: string[];
  lastSeen: Micros;
  /** Last report by the clock as it is now; quiet is measured from here. */
  heardAt: Micros;
  count: number;
  message: string;
  severity: Severity;
  confidence: Confidence;
  network: string | undefined;
  subject: Endpoint;
  peers: readonly Endpoint[];
  evidence: Evidence;
  /** Evidence as last told, and whether any came since: most repeats bring the same. */
  told: string;
  fresh: boolean;
  toldAt: Micros;
  /** It was told as an exception that ends then. */
  exceptedUntil: Micros | undefined;
  /** As it was told last; absent before it was. */
  toldSeverity: Severity | undefined;
  /** Id of the storm's finding that tells of it. */
  foldedInto: string | undefined;
  /** That finding; absent where an earlier run folded it. */
  teller: OpenFinding | undefined;
  /** What it tells of, where it is itself of a storm. */
  readonly tells: { readonly storm: Storm; readonly watch: StormWatch } | undefined;
  /** Its own words, where it stands until it is settled. */
  standing: string | undefined;
}

export class FindingManager implements FindingIntake {
  readonly #options: FindingsOptions;
  readonly #updateInterval: Micros;
  readonly #closeAfter: Micros;
  readonly #exceptions: Exceptions;
  /** Ordered by last report, oldest first: a repeat re-inserts, so closing looks at the front only. */
  readonly #open = new Map<string, OpenFinding>();
  /** Those of them that are folded, in the same order: they go first where there is no room. */
  readonly #folded = new Set<string>();
  readonly #storms: Storms;
  readonly #losses = new LossTally();
  readonly #closed: ClosedFindings;
  #opened = 0;
  #now: Micros = 0;
  /** How far an old clock had come that was ahead of this one; until then records may carry its times. */
  #oldClock: Micros = Number.NEGATIVE_INFINITY;

  constructor(options: FindingsOptions) {
    this.#options = options;
    this.#updateInterval = options.config.update_interval_secs * MICROS_PER_SECOND;
    this.#closeAfter = options.config.close_after_secs * MICROS_PER_SECOND;
    this.#exceptions = new Exceptions(options.config.exceptions);
    this.#storms = new Storms({
      perMinute: options.config.storm_per_minute,
      totalPerMinute: options.config.storm_total_per_minute,
      criticalPerMinute: options.config.storm_critical_per_minute,
    });
    this.#closed = new ClosedFindings({
      max: options.config.max_open,
      within: options.config.reopen_within_secs * MICROS_PER_SECOND,
    });
    for (const { analyzer, key, lastSeen, ...rest } of options.past ?? [])
      this.#closed.remember(tableKey(analyzer, key), {
        ...rest,
        heardAt: lastSeen,
        isStanding: analyzer === AUDIT_ANALYZER,
      });
  }

  /** Findings opened since the start. */
  get opened(): number {
    return this.#opened;
  }

  get openNow(): number {
    return this.#open.size;
  }

  /** Closed findings that were forgotten before their time, because there were too many: they return as new ones. */
  get forgotten(): number {
    return this.#closed.forgotten;
  }

  isOpen(analyzer: string, key: string): boolean {
    return this.#open.has(tableKey(analyzer, key));
  }

  report(definition: AnalyzerDefinition, given: Report<string, Evidence>): void {
    this.#hear(definition, given, undefined);
  }

  /** It is so, and stays so until `settle`. A milder severity counts too: what is true now is told. */
  reportStanding(definition: AnalyzerDefinition, report: StandingReport): void {
    this.#hear(definition, report, report.explanation);
  }

  /** What stood is so no longer, be it open or left behind by an earlier run. */
  settle(analyzer: string, key: string, time: Micros, reason: string): void {
    const at = tableKey(analyzer, key);
    this.#closed.ended(at);
    const finding = this.#open.get(at);
    if (finding?.standing === undefined) return;
    this.#now = Math.max(this.#now, time);
    finding.lastSeen = Math.max(finding.lastSeen, time);
    finding.heardAt = this.#now;
    this.#close(at, finding, reason);
  }

  /** Says of all of an analyzer's that stand that they still do: who looks at them later sees that somebody looked. */
  tellStanding(analyzer: string, reason: string): void {
    for (const finding of this.#open.values()) {
      if (finding.standing === undefined || finding.definition.id !== analyzer) continue;
      if (finding.toldAt < this.#now) this.#tell(finding, 'update', reason);
    }
  }

  #hear(definition: AnalyzerDefinition, given: Report<string, Evidence>, standing: string | undefined): void {
    const report = this.#onThisClock(given);
    const tableAt = tableKey(definition.id, report.key);
    const known = this.#open.get(tableAt);
    this.#now = Math.max(this.#now, report.time);
    if (known === undefined) {
      const before = this.#closed.take(tableAt, this.#now);
      const opened = this.#openFinding(definition, report, before, { standing });
      this.#enter(opened);
      if (before !== undefined) {
        this.#tell(opened, 'reopened', whyReopened(before, this.#now));
        return;
      }
      this.#opened += 1;
      this.#tell(opened, 'open', 'first report');
      return;
    }
    this.#touch(known);
    if (known.teller !== undefined) this.#hearAgain(known.teller);
    known.standing = standing;
    const rise = this.#merge(known, report);
    if (rise !== undefined) this.#tell(known, 'update', rise);
    else this.#tellIfDue(known, this.#now);
  }

  /** Packet time has come to `now`: tells updates that waited for their interval, closes what is quiet. */
  tick(now: Micros): void {
    this.#now = Math.max(this.#now, now);
    this.#closed.forgetUntil(this.#now);
    for (const watch of this.#storms.calmed(this.#now)) this.#tellCalm(watch);
    for (const [at, finding] of this.#open) {
      const quiet = this.#now - finding.heardAt;
      if (quiet < this.#closeAfter || finding.standing !== undefined) {
        // A storm is not over while what it tells of stands.
        if (finding.standing !== undefined && finding.teller !== undefined)
          finding.teller.heardAt = this.#now;
        if (this.#now >= (finding.exceptedUntil ?? Number.POSITIVE_INFINITY)) {
          this.#tell(finding, 'update', 'its exception has ended');
        } else this.#tellIfDue(finding, this.#now);
        continue;
      }
      this.#close(at, finding, `quiet for ${this.#options.config.close_after_secs} s`);
    }
    this.#tellLosses();
  }

  /**
   * The clock was set. Every finding stays as quiet as it was, so that none closes early and none stays open late;
   * what was told is not told again. `firstSeen` remains as it was recorded, and `lastSeen` is never before it.
   */
  clockSet({ from, to }: ClockStep): void {
    const shift = to - from;
    this.#now = to;
    this.#oldClock = Math.max(this.#oldClock, from);
    this.#storms.clockSet(shift);
    for (const finding of this.#open.values()) {
      finding.heardAt += shift;
      finding.toldAt += shift;
      finding.lastSeen = Math.max(finding.firstSeen, finding.lastSeen + shift);
    }
    this.#closed.clockSet(shift);
  }

  /** Input has ended. What changed since it was last told is told now; nothing is closed, because nothing is over. */
  finish(): void {
    for (const finding of this.#open.values()) {
      this.#takeStock(finding);
      if (isChanged(finding)) this.#tell(finding, 'update', 'end of input');
    }
    this.#tellLosses();
  }

  /** A flow from before the clock was set back ends with a time that is still to come: it is told as of now. */
  #onThisClock(report: Report<string, Evidence>): Report<string, Evidence> {
    const isAhead = report.time > this.#now + REORDER && report.time <= this.#oldClock + REORDER;
    return isAhead ? { ...report, time: this.#now } : report;
  }

  #openFinding(
    definition: AnalyzerDefinition,
    report: Report<string, Evidence>,
    before: Remembered | undefined,
    { tells, standing }: Partial<Pick<OpenFinding, 'tells' | 'standing'>>,
  ): OpenFinding {
    const firstSeen = before?.firstSeen ?? Math.min(report.since ?? report.time, report.time);
    const severity = report.severity ?? definition.severity;
    const finding: OpenFinding = {
      id: before?.id ?? findingId(definition.id, report.key, firstSeen),
      definition,
      key: report.key,
      firstSeen,
      flowUids: [],
      communityIds: [],
      lastSeen: Math.max(firstSeen, report.time),
      // What is told late was not quiet until now.
      heardAt: Math.max(report.time, this.#now),
      count: (before?.count ?? 0) + 1,
      message: report.message,
      // One that only the end of the agent interrupted does not become milder by it; what stands is as it is now.
      severity:
        before?.wasOpen === true && standing === undefined ? graver(before.severity, severity) : severity,
      confidence: report.confidence ?? definition.confidence,
      network: report.network,
      subject: report.subject,
      peers: report.peers ?? [],
      evidence: report.evidence,
      told: '',
      fresh: true,
      toldAt: report.time,
      exceptedUntil: undefined,
      toldSeverity: undefined,
      foldedInto: undefined,
      teller: undefined,
      tells,
      standing,
    };
    this.#addFlows(finding, report.flows);
    return finding;
  }

  /**
   * Returns why the change must be told at once, when it must. A finding never becomes milder while it is open, unless it
   * stands: then it is what it is now.
   */
  #merge(finding: OpenFinding, report: Report<string, Evidence>): string | undefined {
    finding.count += 1;
    finding.lastSeen = Math.max(finding.lastSeen, report.time);
    finding.heardAt = Math.max(finding.heardAt, report.time);
    this.#addFlows(finding, report.flows);
    const severity = report.severity ?? finding.definition.severity;
    const rank = SEVERITIES.indexOf(severity) - SEVERITIES.indexOf(finding.severity);
    if (rank < 0 && finding.standing === undefined) return undefined;
    finding.evidence = report.evidence;
    finding.fresh = true;
    finding.subject = report.subject;
    finding.peers = report.peers ?? finding.peers;
    finding.network = report.network ?? finding.network;
    finding.confidence = report.confidence ?? finding.definition.confidence;
    const before = { message: finding.message, severity: finding.severity };
    finding.message = report.message;
    finding.severity = severity;
    if (rank > 0) return `severity rose from ${before.severity} to ${severity}`;
    if (rank < 0) return `severity fell from ${before.severity} to ${severity}`;
    if (report.message !== before.message) return `now ${report.message}, before ${before.message}`;
    return undefined;
  }

  #addFlows(finding: OpenFinding, flows: readonly FlowRecord[] | undefined): void {
    const max = this.#options.config.max_flows_per_finding;
    for (const { uid, communityId } of flows ?? []) {
      addBounded(finding.flowUids, uid, max);
      if (communityId !== undefined) addBounded(finding.communityIds, communityId, max);
    }
  }

  #tellIfDue(finding: OpenFinding, now: Micros): void {
    if (now - finding.toldAt < this.#updateInterval) return;
    this.#takeStock(finding);
    if (isChanged(finding)) this.#tell(finding, 'update', 'evidence changed');
  }

  /** It is open from now on. */
  #enter(finding: OpenFinding): void {
    if (this.#open.size >= this.#options.config.max_open) this.#closeQuietest();
    this.#open.set(tableKeyOf(finding), finding);
  }

  /** It was heard of last. */
  #touch(finding: OpenFinding): void {
    const at = tableKeyOf(finding);
    this.#open.delete(at);
    this.#open.set(at, finding);
    if (this.#folded.delete(at)) this.#folded.add(at);
  }

  /**
   * The quietest of the folded, where there are any: a storm must not close what is told by itself. What stands is quiet by
   * nature, and few: it goes last.
   */
  #closeQuietest(): void {
    const stands = (at: string) => this.#open.get(at)?.standing !== undefined;
    const [openAt = ''] = this.#open.keys();
    const at = firstOf(this.#folded, stands) ?? firstOf(this.#open.keys(), stands) ?? openAt;
    const finding = this.#open.get(at);
    if (finding === undefined) return;
    const max = this.#options.config.max_open;
    this.#close(at, finding, `closed early: ${max} findings are open (findings.max_open)`);
    const last = Math.min(finding.lastSeen, this.#now);
    this.#losses.add('findings-table', finding.definition.id, 1, last, this.#now);
  }

  /** Summed up until the next tick: in a storm each finding may close another. */
  #tellLosses(): void {
    for (const loss of this.#losses.drain(this.#now)) this.#options.onLoss(loss);
  }

  #close(at: string, finding: OpenFinding, reason: string): void {
    const { id, firstSeen, heardAt, count, severity } = finding;
    this.#open.delete(at);
    this.#folded.delete(at);
    const isStanding = finding.standing !== undefined;
    this.#closed.remember(at, { id, firstSeen, heardAt, count, severity, wasOpen: false, isStanding });
    this.#tell(finding, 'closed', reason);
  }

  #tell(finding: OpenFinding, status: Finding['status'], reason: string): void {
    this.#takeStock(finding);
    finding.told = contentOf(finding);
    finding.toldAt = this.#now;
    finding.fresh = false;
    const { record, until } = this.#exceptions.apply(toRecord(finding, status, reason), this.#now);
    finding.exceptedUntil = until;
    if (this.#isArrival(finding, record)) this.#foldOrNot(finding, record);
    finding.toldSeverity = record.severity;
    if (status === 'closed') this.#isOver(finding);
    const { foldedInto } = finding;
    this.#options.onFinding(foldedInto === undefined ? record : { ...record, foldedInto });
  }

  /** Something that is told to people: it opens, or is graver than it was when it was folded. */
  #isArrival({ tells, foldedInto, toldSeverity }: OpenFinding, { status, severity }: Finding): boolean {
    // What tells of others is never folded.
    if (tells !== undefined || status === 'closed') return false;
    if (status !== 'update') return true;
    return foldedInto !== undefined && toldSeverity !== undefined && rankOf(severity) > rankOf(toldSeverity);
  }

  #foldOrNot(finding: OpenFinding, record: Finding): void {
    const { analyzer, severity, exception } = record;
    const watch = this.#storms.admit({ analyzer, severity, isException: exception !== undefined }, this.#now);
    const before = finding.teller;
    if (watch === undefined) {
      before?.tells?.storm.left();
      finding.teller = undefined;
      finding.foldedInto = undefined;
      this.#folded.delete(tableKeyOf(finding));
      return;
    }
    finding.teller = this.#fold(watch, finding, record);
    finding.foldedInto = finding.teller.id;
    this.#folded.add(tableKeyOf(finding));
  }

  /** Returns the finding that tells of it, opened where there was none. */
  #fold(watch: StormWatch, finding: OpenFinding, record: Finding): OpenFinding {
    const known = this.#open.get(tableKey(findingStorm.id, watch.key));
    const storm = known?.tells?.storm ?? this.#newStorm(watch, record);
    const before = finding.teller;
    if (known !== undefined && known === before) storm.rose(finding.toldSeverity!, record.severity);
    else {
      before?.tells?.storm.left();
      storm.fold(record);
    }
    if (known === undefined) return this.#openStorm(watch, storm);
    this.#hearAgain(known);
    known.count += 1;
    if (known.severity === storm.severity) this.#tellIfDue(known, this.#now);
    else this.#tell(known, 'update', `severity rose from ${known.severity} to ${storm.severity}`);
    return known;
  }

  #newStorm(watch: StormWatch, { severity }: Finding): Storm {
    const storm = new Storm(severity, watch.limit);
    watch.storm = storm;
    return storm;
  }

  #openStorm(watch: StormWatch, storm: Storm): OpenFinding {
    const { message, subject, evidence } = storm.view(true);
    const report = { message, subject, evidence, time: this.#now, key: watch.key };
    const teller = this.#openFinding(findingStorm, report, undefined, { tells: { storm, watch } });
    this.#enter(teller);
    this.#opened += 1;
    this.#tell(teller, 'open', `more than ${watch.limit} findings opened within a minute: ${watch.key}`);
    return teller;
  }

  /** A storm is not quiet while anything is heard of what it tells of; so it closes after them. */
  #hearAgain(teller: OpenFinding): void {
    if (this.#open.get(tableKeyOf(teller)) !== teller) return;
    teller.lastSeen = Math.max(teller.lastSeen, this.#now);
    teller.heardAt = this.#now;
    teller.fresh = true;
    this.#touch(teller);
  }

  #tellCalm({ key, rate }: StormWatch): void {
    const teller = this.#open.get(tableKey(findingStorm.id, key));
    if (teller === undefined) return;
    this.#tell(
      teller,
      'update',
      `no more than ${rate.calm} opened within the last minute: each is told again`,
    );
  }

  #isOver({ teller, tells }: OpenFinding): void {
    teller?.tells?.storm.left();
    if (tells !== undefined) tells.watch.storm = undefined;
  }

  /** What a storm tells of is put together only when it is told. */
  #takeStock(finding: OpenFinding): void {
    if (finding.tells === undefined) return;
    const { storm, watch } = finding.tells;
    finding.severity = storm.severity;
    Object.assign(finding, storm.view(watch.rate.isStorm));
  }
}

function toRecord(finding: OpenFinding, status: Finding['status'], reason: string): Finding {
  const { definition, network, tells } = finding;
  const sentence = definition.messages[finding.message];
  if (sentence === undefined) throw new Error(`analyzer ${definition.id} has no message ${finding.message}`);
  return {
    kind: 'finding',
    id: finding.id,
    analyzer: definition.id,
    message: finding.message,
    title: definition.title,
    severity: finding.severity,
    confidence: finding.confidence,
    attack: tells === undefined ? definition.attack : [...tells.storm.attack],
    firstSeen: finding.firstSeen,
    lastSeen: finding.lastSeen,
    count: finding.count,
    ...(network === undefined ? {} : { network }),
    subject: finding.subject,
    peers: finding.peers,
    flowUids: [...finding.flowUids],
    communityIds: [...finding.communityIds],
    evidence: withoutUndefined(finding.evidence),
    explanation:
      finding.standing ??
      renderSentence(sentence, {
        subject: finding.subject,
        peers: finding.peers,
        evidence: finding.evidence,
        ...(network === undefined ? {} : { network }),
      }),
    status,
    reason,
    key: finding.key,
  };
}

/** 64 bits of SHA-256: the same for the same traffic, whoever replays it. */
export function findingId(analyzer: string, key: string, firstSeen: Micros): string {
  return createHash('sha256').update(`${analyzer}\0${key}\0${firstSeen}`).digest('hex').slice(0, 16);
}

function whyReopened({ heardAt, wasOpen, isStanding }: Remembered, now: Micros): string {
  const quiet = spanText(Math.max(0, now - heardAt));
  if (wasOpen) return `goes on: it was told ${quiet} ago, before the agent started again`;
  return isStanding
    ? `it is so again, ${quiet} after it was closed`
    : `returned after being quiet for ${quiet}`;
}

function graver(one: Severity, other: Severity): Severity {
  return SEVERITIES.indexOf(one) > SEVERITIES.indexOf(other) ? one : other;
}

function tableKey(analyzer: string, key: string): string {
  return `${analyzer}\0${key}`;
}

function tableKeyOf({ definition, key }: OpenFinding): string {
  return tableKey(definition.id, key);
}

function isChanged(finding: OpenFinding): boolean {
  if (!finding.fresh) return false;
  finding.fresh = contentOf(finding) !== finding.told;
  return finding.fresh;
}

/** What an update is told for; the sentence of all others is made of the evidence. */
function contentOf({ evidence, standing }: OpenFinding): string {
  const text = JSON.stringify(evidence);
  return standing === undefined ? text : `${text} ${standing}`;
}

function firstOf(keys: Iterable<string>, except: (key: string) => boolean): string | undefined {
  for (const key of keys) if (!except(key)) return key;
  return undefined;
}

function addBounded(list: string[], item: string, max: number): void {
  if (list.length < max && !list.includes(item)) list.push(item);
}

function withoutUndefined(evidence: Evidence): Record<string, EvidenceValue> {
  const out: Record<string, EvidenceValue> = {};
  for (const [name, value] of Object.entries(evidence)) if (value !== undefined) out[name] = value;
  return out;
}
