/**
 * The audits of the running agent: when the schedule says so the host is audited, what fails becomes findings that stand,
 * and one record says what came of it. Nothing here ends or holds up the agent: an audit that cannot be made is logged
 * once, counted, and made later.
 */
import {
  AUDIT_OUTCOMES,
  type AuditObject,
  type AuditOutcome,
  type AuditResult,
} from '../../../model/audit.ts';
import type { AuditRunRecord, AuditTrigger } from '../../../model/audit-run.ts';
import type { Endpoint } from '../../../model/endpoint.ts';
import { SEVERITIES, type Severity } from '../../../model/finding.ts';
import { type MetricFamily, sample, samplesBy } from '../../../model/metric.ts';
import { metric } from '../../../model/metric-catalogue.ts';
import { nearest } from '../../../model/nearest.ts';
import type { PastFinding } from '../../../model/past-finding.ts';
import { MICROS_PER_SECOND, type Micros, wallMicros } from '../../../model/time.ts';
import type { Logger } from '../../../telemetry/logger.ts';
import type { InventoryEvent } from '../../docker/inventory-event.ts';
import type { FindingManager } from '../../findings/manager.ts';
import type { CheckDefinition } from '../check.ts';
import { checks as allChecks } from '../checks.ts';
import type { AuditConfig } from '../config.ts';
import type { FactName } from '../facts.ts';
import { AuditFindings } from './audit-findings.ts';
import type { AuditAnswer, HostAudit } from './audit-request.ts';
import type { CheckBug } from './isolated-checks.ts';
import { AuditSchedule } from './schedule.ts';

export interface AuditWatchOptions {
  readonly config: AuditConfig;
  /** Makes one audit with the checks of these ids; rejects with why it cannot. */
  readonly audit: (checks: readonly string[]) => Promise<AuditAnswer>;
  readonly findings: Pick<FindingManager, 'reportStanding' | 'settle' | 'tellStanding'>;
  readonly subjectOf: (object: AuditObject) => Endpoint;
  /** While it is known to be away, that has been told already. */
  readonly isEngineThere: () => boolean;
  readonly emit: (record: AuditRunRecord) => void;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly past?: readonly PastFinding[] | undefined;
  /** For tests. */
  readonly checks?: readonly CheckDefinition[];
  readonly now?: () => Micros;
}

const HOUR: Micros = 3600 * MICROS_PER_SECOND;
/** Reasons that a record names; each keeps many checks from answering, so there are few. */
const MAX_REASONS = 32;
/** Of the database, which the privileged wing does not read: a check that needs it would be unknown for ever. */
const NEVER_GATHERED: readonly FactName[] = ['traffic'];

export class AuditWatch {
  readonly #options: AuditWatchOptions;
  readonly #checks: readonly CheckDefinition[];
  readonly #leftOut: readonly string[];
  readonly #findings: AuditFindings;
  readonly #schedule: AuditSchedule;
  readonly #now: () => Micros;
  readonly #runs = { done: 0, failed: 0 };
  /** Those whose bug was told. */
  readonly #broken = new Set<string>();
  #last: AuditRunRecord | undefined;
  /** When all that stood was told last, be it by being opened. */
  #toldAllAt: Micros | undefined;
  #isOverfull = false;
  /** Why the last one could not be made; undefined when it was. */
  #problem: string | undefined;
  #isStopped = false;

  constructor(options: AuditWatchOptions) {
    this.#options = options;
    const { config, checks = allChecks, findings, subjectOf, past, log, now } = options;
    const unknown = config.leave_out.filter((id) => !checks.some((check) => check.id === id));
    for (const id of unknown) {
      const meant = nearest(
        id,
        checks.map((check) => check.id),
      );
      log.warn({ id, ...(meant === undefined ? {} : { meant }) }, 'audit.leave_out names no check');
    }
    this.#checks = checks.filter((check) => !config.leave_out.includes(check.id) && canRun(check));
    this.#leftOut = checks.filter((check) => !this.#checks.includes(check)).map(({ id }) => id);
    this.#findings = new AuditFindings({ findings, least: config.min_severity, subjectOf, past });
    this.#now = now ?? wallMicros;
    this.#schedule = new AuditSchedule({
      settleMs: config.settle_secs * 1000,
      pauseMs: config.pause_secs * 1000,
      everyMs: config.every_hours * 3_600_000,
      run: (trigger) => this.#run(trigger),
    });
  }

  start(): void {
    this.#schedule.start();
  }

  /** What is under way ends by itself, and tells nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#schedule.stop();
  }

  /** All but the loss of the engine can change an answer; with it there is nobody to ask. */
  onInventory({ type }: InventoryEvent): void {
    if (type !== 'engine-lost') this.#schedule.changed();
  }

  /** Other rules hold packets back than before: of that the engine tells nothing. */
  onFirewall(): void {
    this.#schedule.changed();
  }

  /** What a person should know now. */
  problems(): string[] {
    return this.#problem === undefined ? [] : [`the host cannot be audited: ${this.#problem}`];
  }

  metrics(): MetricFamily[] {
    const runs = metric('bridgewatch_audit_runs_total', samplesBy('outcome', Object.entries(this.#runs)));
    const last = this.#last;
    if (last === undefined) return [runs];
    return [
      runs,
      metric(
        'bridgewatch_audit_failures',
        SEVERITIES.map((severity) => sample(last.failures[severity] ?? 0, { severity })),
      ),
      metric('bridgewatch_audit_findings', last.findings),
      metric('bridgewatch_audit_unknown_checks', unknownChecks(last)),
      metric('bridgewatch_audit_duration_seconds', last.tookSecs),
      metric('bridgewatch_audit_last_timestamp_seconds', last.time / MICROS_PER_SECOND),
    ];
  }

  async #run(trigger: AuditTrigger): Promise<boolean> {
    const began = performance.now();
    try {
      const { audit, bugs } = await this.#options.audit(this.#checks.map(({ id }) => id));
      if (this.#isStopped) return true;
      for (const bug of bugs) this.#tellBug(bug);
      this.#tell(audit, trigger, (performance.now() - began) / 1000);
    } catch (error) {
      this.#failed(error);
      return false;
    }
    if (this.#problem !== undefined) this.#options.log.info({}, 'the host can be audited again');
    this.#problem = undefined;
    this.#runs.done += 1;
    return true;
  }

  #tellBug({ check, error }: CheckBug): void {
    if (this.#broken.has(check)) return;
    this.#broken.add(check);
    this.#options.log.error({ check, error }, 'a check of the audit has a bug; the others go on');
  }

  #failed(error: unknown): void {
    if (this.#isStopped) return;
    this.#runs.failed += 1;
    const reason = error instanceof Error ? error.message : String(error);
    const { isEngineThere, log } = this.#options;
    if (!isEngineThere()) return;
    if (this.#problem === undefined)
      log.warn({ reason }, 'the host cannot be audited; it is tried again each minute');
    this.#problem = reason;
  }

  #tell(audit: HostAudit, trigger: AuditTrigger, tookSecs: number): void {
    const time = this.#now();
    const { engineVersion, containers, networks, results, scores } = audit;
    // Also on a host where something changes all the time, and no audit is ever made because it is due.
    const tellsAll = time - (this.#toldAllAt ?? time) >= this.#options.config.every_hours * HOUR;
    if (tellsAll || this.#toldAllAt === undefined) this.#toldAllAt = time;
    const { standing, untold } = this.#findings.take(results, time, tellsAll);
    if (untold > 0 && !this.#isOverfull)
      this.#options.log.warn({ untold }, 'more failures than are told as findings; the gravest are');
    this.#isOverfull = untold > 0;
    const failed = results.filter(({ outcome }) => outcome === 'fail');
    this.#last = {
      kind: 'audit-run',
      ...{ time, trigger, tookSecs: Math.round(tookSecs * 1000) / 1000 },
      ...(engineVersion === undefined ? {} : { engineVersion }),
      ...{ containers, networks: networks.length, checks: this.#checks.length, leftOut: this.#leftOut },
      outcomes: counts<AuditOutcome>(
        AUDIT_OUTCOMES,
        results.map(({ outcome }) => outcome),
      ),
      failures: counts<Severity>(
        SEVERITIES,
        failed.map(({ severity }) => severity),
      ),
      findings: standing,
      scores,
      unknown: reasonsOf(results),
    };
    this.#options.emit(this.#last);
  }
}

function canRun({ needs }: CheckDefinition): boolean {
  return !needs.some((name) => NEVER_GATHERED.includes(name));
}

function counts<Word extends string>(words: readonly Word[], said: readonly Word[]): Record<string, number> {
  return Object.fromEntries(words.map((word) => [word, said.filter((each) => each === word).length]));
}

/** One reason keeps many checks from answering, as a rule. */
function reasonsOf(results: readonly AuditResult[]): AuditRunRecord['unknown'] {
  const byReason = new Map<string, Set<string>>();
  for (const { outcome, check, explanation } of results) {
    if (outcome !== 'unknown') continue;
    const known = byReason.get(explanation);
    if (known !== undefined) known.add(check);
    else if (byReason.size < MAX_REASONS) byReason.set(explanation, new Set([check]));
  }
  return [...byReason].map(([reason, checks]) => ({ checks: [...checks], reason }));
}

function unknownChecks({ unknown }: AuditRunRecord): number {
  return new Set(unknown.flatMap(({ checks }) => checks)).size;
}
