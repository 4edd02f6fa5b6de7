/**
 * When the running agent audits: once at its start, when changes have settled, and now and then. However often things
 * change, audits keep a pause; one that fails is tried again. It knows a timer and nothing of what an audit is.
 */
import type { AuditTrigger } from '../../../model/audit-run.ts';

export interface AuditScheduleOptions {
  readonly settleMs: number;
  readonly everyMs: number;
  readonly pauseMs: number;
  /** Resolves to whether it could be made; never rejects. */
  readonly run: (trigger: AuditTrigger) => Promise<boolean>;
}

/** While changes go on and on, the first of them waits no longer than this many quiet times. */
const MOST_SETTLES = 6;
/** An audit that took a second is not followed by another for changes within this many. */
const PAUSE_BY_DURATION = 5;
const RETRY_MS = 60_000;

export class AuditSchedule {
  readonly #options: AuditScheduleOptions;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isRunning = false;
  /** What the next one is for, whatever happens until then: the first, and one that failed. */
  #owed: AuditTrigger | undefined = 'start';
  /** The first and the latest change that no audit has seen; undefined when there is none. */
  #changes: { readonly first: number; last: number } | undefined;
  /** Of the last one, by a clock that nobody sets. */
  #ended: { readonly atMs: number; readonly tookMs: number; readonly isDone: boolean } | undefined;

  constructor(options: AuditScheduleOptions) {
    this.#options = options;
  }

  start(): void {
    this.changed();
  }

  /** Something is other than it was, or may be. */
  changed(): void {
    if (this.#isStopped) return;
    const now = performance.now();
    if (this.#changes === undefined) this.#changes = { first: now, last: now };
    else this.#changes.last = now;
    this.#plan();
  }

  /** One that is under way goes on to its end, and nothing follows. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Each change moves the one timer. */
  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#isStopped || this.#isRunning) return;
    const dueMs = this.#dueMs();
    if (dueMs === undefined) return;
    this.#timer = setTimeout(() => void this.#run(), Math.max(0, Math.round(dueMs - performance.now())));
  }

  #dueMs(): number | undefined {
    const { everyMs, settleMs, pauseMs } = this.#options;
    const ended = this.#ended;
    const due: number[] = [];
    if (ended !== undefined) due.push(ended.atMs + (ended.isDone ? everyMs : RETRY_MS));
    if (this.#changes !== undefined) {
      const { first, last } = this.#changes;
      const settled = Math.min(last + settleMs, first + MOST_SETTLES * settleMs);
      // After a failure there is nothing to rest from: the engine may just have come back.
      const rested = ended?.isDone === true ? Math.max(pauseMs, PAUSE_BY_DURATION * ended.tookMs) : 0;
      due.push(Math.max(settled, (ended?.atMs ?? 0) + rested));
    }
    return due.length === 0 ? undefined : Math.min(...due);
  }

  async #run(): Promise<void> {
    const trigger = this.#owed ?? (this.#changes === undefined ? 'schedule' : 'change');
    // What changes from now on may not be seen any more.
    this.#changes = undefined;
    this.#isRunning = true;
    const beganMs = performance.now();
    const isDone = await this.#options.run(trigger);
    const atMs = performance.now();
    this.#isRunning = false;
    this.#ended = { atMs, tookMs: atMs - beganMs, isDone };
    this.#owed = isDone ? undefined : trigger;
    this.#plan();
  }
}
