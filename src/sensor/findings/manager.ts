/**
 * From reports to findings: one finding a key, opened once, updated when its evidence changes and the interval has
 * passed, closed when quiet, each with the reason. Packet time only, so that a replayed file tells the same story.
 */
import { createHash } from 'node:crypto';
import type { Endpoint } from '../../model/endpoint.ts';
import {
  type Confidence,
  type EvidenceValue,
  type Finding,
  SEVERITIES,
  type Severity,
} from '../../model/finding.ts';
import type { FlowRecord } from '../../model/flow.ts';
import type { LossRecord } from '../../model/record.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import type { AnalyzerDefinition, Report } from '../analysis/analyzer.ts';
import type { FindingIntake } from '../analysis/runner.ts';
import type { FindingsConfig } from './config.ts';
import { Exceptions } from './exceptions.ts';
import { renderSentence } from './explain.ts';

/** Reports run ahead of the last tick by a second, and by what taps reorder. */
const REORDER = 10 * MICROS_PER_SECOND;

type Evidence = Readonly<Record<string, EvidenceValue | undefined>>;

export interface FindingsOptions {
  readonly config: FindingsConfig;
  readonly onFinding: (finding: Finding) => void;
  readonly onLoss: (loss: LossRecord) => void;
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
}

export class FindingManager implements FindingIntake {
  readonly #options: FindingsOptions;
  readonly #updateInterval: Micros;
  readonly #closeAfter: Micros;
  readonly #exceptions: Exceptions;
  /** Ordered by last report, oldest first: a repeat re-inserts, so closing looks at the front only. */
  readonly #open = new Map<string, OpenFinding>();
  #opened = 0;
  #now: Micros = 0;
  /** How far an old clock had come that was ahead of this one; until then records may carry its times. */
  #oldClock: Micros = Number.NEGATIVE_INFINITY;

  constructor(options: FindingsOptions) {
    this.#options = options;
    this.#updateInterval = options.config.update_interval_secs * MICROS_PER_SECOND;
    this.#closeAfter = options.config.close_after_secs * MICROS_PER_SECOND;
    this.#exceptions = new Exceptions(options.config.exceptions);
  }

  /** Findings opened since the start. */
  get opened(): number {
    return this.#opened;
  }

  get openNow(): number {
    return this.#open.size;
  }

  isOpen(analyzer: string, key: string): boolean {
    return this.#open.has(tableKey(analyzer, key));
  }

  report(definition: AnalyzerDefinition, given: Report<string, Evidence>): void {
    const report = this.#onThisClock(given);
    const tableAt = tableKey(definition.id, report.key);
    const known = this.#open.get(tableAt);
    this.#now = Math.max(this.#now, report.time);
    if (known === undefined) {
      if (this.#open.size >= this.#options.config.max_open) this.#closeQuietest();
      const opened = this.#openFinding(definition, report);
      this.#open.set(tableAt, opened);
      this.#opened += 1;
      this.#tell(opened, 'open', 'first report');
      return;
    }
    this.#open.delete(tableAt);
    this.#open.set(tableAt, known);
    const rise = this.#merge(known, report);
    if (rise !== undefined) this.#tell(known, 'update', rise);
    else this.#tellIfDue(known, this.#now);
  }

  /** Packet time has come to `now`: tells updates that waited for their interval, closes what is quiet. */
  tick(now: Micros): void {
    this.#now = Math.max(this.#now, now);
    for (const [at, finding] of this.#open) {
      const quiet = this.#now - finding.heardAt;
      if (quiet < this.#closeAfter) {
        if (this.#now >= (finding.exceptedUntil ?? Number.POSITIVE_INFINITY)) {
          this.#tell(finding, 'update', 'its exception has ended');
        } else this.#tellIfDue(finding, this.#now);
        continue;
      }
      this.#open.delete(at);
      this.#tell(finding, 'closed', `quiet for ${this.#options.config.close_after_secs} s`);
    }
  }

  /**
   * The clock was set. Every finding stays as quiet as it was, so that none closes early and none stays open late;
   * what was told is not told again. `firstSeen` remains as it was recorded, and `lastSeen` is never before it.
   */
  clockSet({ from, to }: ClockStep): void {
    const shift = to - from;
    this.#now = to;
    this.#oldClock = Math.max(this.#oldClock, from);
    for (const finding of this.#open.values()) {
      finding.heardAt += shift;
      finding.toldAt += shift;
      finding.lastSeen = Math.max(finding.firstSeen, finding.lastSeen + shift);
    }
  }

  /** Input has ended. What changed since it was last told is told now; nothing is closed, because nothing is over. */
  finish(): void {
    for (const finding of this.#open.values()) {
      if (isChanged(finding)) this.#tell(finding, 'update', 'end of input');
    }
  }

  /** A flow from before the clock was set back ends with a time that is still to come: it is told as of now. */
  #onThisClock(report: Report<string, Evidence>): Report<string, Evidence> {
    const isAhead = report.time > this.#now + REORDER && report.time <= this.#oldClock + REORDER;
    return isAhead ? { ...report, time: this.#now } : report;
  }

  #openFinding(definition: AnalyzerDefinition, report: Report<string, Evidence>): OpenFinding {
    const firstSeen = Math.min(report.since ?? report.time, report.time);
    const finding: OpenFinding = {
      id: findingId(definition.id, report.key, firstSeen),
      definition,
      key: report.key,
      firstSeen,
      flowUids: [],
      communityIds: [],
      lastSeen: report.time,
      // What is told late was not quiet until now.
      heardAt: Math.max(report.time, this.#now),
      count: 1,
      message: report.message,
      severity: report.severity ?? definition.severity,
      confidence: report.confidence ?? definition.confidence,
      network: report.network,
      subject: report.subject,
      peers: report.peers ?? [],
      evidence: report.evidence,
      told: '',
      fresh: true,
      toldAt: report.time,
      exceptedUntil: undefined,
    };
    this.#addFlows(finding, report.flows);
    return finding;
  }

  /** Returns why the change must be told at once, when it must. A finding never becomes milder while it is open. */
  #merge(finding: OpenFinding, report: Report<string, Evidence>): string | undefined {
    finding.count += 1;
    finding.lastSeen = Math.max(finding.lastSeen, report.time);
    finding.heardAt = Math.max(finding.heardAt, report.time);
    this.#addFlows(finding, report.flows);
    const severity = report.severity ?? finding.definition.severity;
    const rank = SEVERITIES.indexOf(severity) - SEVERITIES.indexOf(finding.severity);
    if (rank < 0) return undefined;
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
    if (isChanged(finding)) this.#tell(finding, 'update', 'evidence changed');
  }

  #closeQuietest(): void {
    const first = this.#open.entries().next();
    if (first.done === true) return;
    const [at, finding] = first.value;
    this.#open.delete(at);
    const max = this.#options.config.max_open;
    this.#tell(finding, 'closed', `closed early: ${max} findings are open (findings.max_open)`);
    this.#options.onLoss({
      kind: 'loss',
      time: this.#now,
      source: 'findings-table',
      where: finding.definition.id,
      count: 1,
      first: Math.min(finding.lastSeen, this.#now),
      last: this.#now,
    });
  }

  #tell(finding: OpenFinding, status: Finding['status'], reason: string): void {
    finding.told = JSON.stringify(finding.evidence);
    finding.toldAt = this.#now;
    finding.fresh = false;
    const { record, until } = this.#exceptions.apply(toRecord(finding, status, reason), this.#now);
    finding.exceptedUntil = until;
    this.#options.onFinding(record);
  }
}

function toRecord(finding: OpenFinding, status: Finding['status'], reason: string): Finding {
  const { definition, network } = finding;
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
    attack: definition.attack,
    firstSeen: finding.firstSeen,
    lastSeen: finding.lastSeen,
    count: finding.count,
    ...(network === undefined ? {} : { network }),
    subject: finding.subject,
    peers: finding.peers,
    flowUids: [...finding.flowUids],
    communityIds: [...finding.communityIds],
    evidence: withoutUndefined(finding.evidence),
    explanation: renderSentence(sentence, {
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

function tableKey(analyzer: string, key: string): string {
  return `${analyzer}\0${key}`;
}

function isChanged(finding: OpenFinding): boolean {
  if (!finding.fresh) return false;
  finding.fresh = JSON.stringify(finding.evidence) !== finding.told;
  return finding.fresh;
}

function addBounded(list: string[], item: string, max: number): void {
  if (list.length < max && !list.includes(item)) list.push(item);
}

function withoutUndefined(evidence: Evidence): Record<string, EvidenceValue> {
  const out: Record<string, EvidenceValue> = {};
  for (const [name, value] of Object.entries(evidence)) if (value !== undefined) out[name] = value;
  return out;
}
