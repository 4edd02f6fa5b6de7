/**
 * Which alerts are firing, and what to tell Alertmanager about them. What is planned becomes true only when it has
 * arrived (`commit`), so that a plan that failed can be made again. Alertmanager forgets what it is not told again, and
 * would never tell anybody about an alert that fires and ends while it waits to group it: so an alert that ended fires on
 * until it has fired for a while.
 */
import type { PublicFinding } from '../../../model/serialize.ts';
import { type Alert, type AlertOptions, alertOf, identityOf, labelText, posted } from './alert.ts';

export interface BookOptions extends AlertOptions {
  /** It ends by itself when it was not told again for so long. */
  readonly expireMs: number;
  readonly minFiringMs: number;
  /** Alerts of muted findings fire as others do. */
  readonly firesMuted: boolean;
}

interface Entry {
  readonly alert: Alert;
  /** When it was told first. */
  readonly firedMs: number;
  /** The finding is closed. */
  readonly isOver: boolean;
}

export type PostedAlert = ReturnType<typeof posted>;

/** Twice what findings are open at once by default; an entry is some 2 KiB. Beyond it the oldest are left to expire. */
const MAX_ENTRIES = 20_000;

export class AlertBook {
  readonly #options: BookOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: BookOptions) {
    this.#options = options;
  }

  plan(nowMs: number): AlertPlan {
    return new AlertPlan(this.#options, this.#entries, nowMs);
  }

  /** What was planned has arrived. */
  commit(plan: AlertPlan): void {
    for (const [identity, entry] of plan.changes) {
      this.#entries.delete(identity);
      if (entry !== undefined) this.#entries.set(identity, entry);
    }
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_ENTRIES) return;
      this.#entries.delete(oldest);
    }
  }
}

export class AlertPlan {
  readonly #options: BookOptions;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #nowMs: number;
  readonly #changes = new Map<string, Entry | undefined>();
  /** By labels: of one alert the latest word. */
  readonly #alerts = new Map<string, PostedAlert>();

  constructor(options: BookOptions, entries: ReadonlyMap<string, Entry>, nowMs: number) {
    this.#options = options;
    this.#entries = entries;
    this.#nowMs = nowMs;
  }

  get changes(): ReadonlyMap<string, Entry | undefined> {
    return this.#changes;
  }

  get alerts(): readonly PostedAlert[] {
    return [...this.#alerts.values()];
  }

  /** A report, in the order of reports. */
  tell(finding: PublicFinding): void {
    const identity = identityOf(finding);
    const alert = alertOf(finding, this.#options, this.#nowMs);
    const known = this.#entry(identity);
    // Graver now, or of another network: to Alertmanager that is another alert.
    if (known !== undefined && labelText(known.alert) !== labelText(alert)) this.#end(known.alert);
    if (finding.muted !== undefined && !this.#options.firesMuted) {
      // At once: who muted it does not want to be told first.
      this.#end(alert);
      this.#changes.set(identity, undefined);
      return;
    }
    const isOver = finding.status === 'closed';
    if (isOver && known === undefined) this.#end(alert);
    else this.#goOn(identity, { alert, firedMs: known?.firedMs ?? this.#nowMs, isOver });
  }

  /**
   * What fires beside those whose identities are given. `areOver`: by the store these are closed, and their end was not
   * told, or fires on for a while.
   */
  tellOthers(told: ReadonlySet<string>, areOver: boolean): void {
    for (const [identity, entry] of this.#entries) {
      if (!told.has(identity)) this.#goOn(identity, { ...entry, isOver: entry.isOver || areOver });
    }
  }

  #goOn(identity: string, entry: Entry): void {
    const { alert, firedMs, isOver } = entry;
    const { minFiringMs, expireMs } = this.#options;
    if (isOver && this.#nowMs >= firedMs + minFiringMs) {
      this.#end(alert);
      this.#changes.set(identity, undefined);
    } else {
      this.#alerts.set(labelText(alert), posted(alert, this.#nowMs + expireMs));
      this.#changes.set(identity, entry);
    }
  }

  #end(alert: Alert): void {
    this.#alerts.set(labelText(alert), posted(alert, this.#nowMs));
  }

  #entry(identity: string): Entry | undefined {
    return this.#changes.has(identity) ? this.#changes.get(identity) : this.#entries.get(identity);
  }
}
