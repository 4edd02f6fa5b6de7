/** For which findings packets are collected: so many at once, so many an hour, the severe first. It knows no packets. */
import { SEVERITIES, type Severity } from '../../model/finding.ts';
import type { EvidenceConfig } from './config.ts';

/** The option that kept a finding out. */
export type Refusal = 'evidence.max_at_once' | 'evidence.max_per_hour';

export type Admission<T> =
  | { readonly admitted: true /** It has to make room. */; readonly displaced?: T }
  | { readonly admitted: false; readonly because: Refusal };

const HOUR_SECS = 3600;
/** Of an hour's collections, one in so many is kept for the grave. */
const KEPT_FOR_GRAVE = 4;

export class Admissions {
  readonly #config: EvidenceConfig;
  /** When collections began, of the last hour, oldest first. */
  #begun: number[] = [];

  constructor(config: EvidenceConfig) {
    this.#config = config;
  }

  isWanted(severity: Severity): boolean {
    return rank(severity) >= rank(this.#config.min_severity);
  }

  /** `running`: what would be collected beside it. */
  admit<T extends { readonly severity: Severity }>(
    severity: Severity,
    running: readonly T[],
    nowSecs: number,
  ): Admission<T> {
    const { max_at_once: maxAtOnce, max_per_hour: maxPerHour } = this.#config;
    this.#begun = this.#begun.filter((secs) => nowSecs - secs < HOUR_SECS);
    const isGrave = rank(severity) >= rank('high');
    const kept = isGrave ? 0 : Math.floor(maxPerHour / KEPT_FOR_GRAVE);
    if (this.#begun.length >= maxPerHour - kept) return { admitted: false, because: 'evidence.max_per_hour' };
    let displaced: T | undefined;
    if (running.length >= maxAtOnce) {
      displaced = leastSevere(running);
      if (displaced === undefined || rank(displaced.severity) >= rank(severity))
        return { admitted: false, because: 'evidence.max_at_once' };
    }
    this.#begun.push(nowSecs);
    return displaced === undefined ? { admitted: true } : { admitted: true, displaced };
  }
}

/** Of equals the one that came first: it has had the most time. */
function leastSevere<T extends { readonly severity: Severity }>(running: readonly T[]): T | undefined {
  let least: T | undefined;
  for (const each of running)
    if (least === undefined || rank(each.severity) < rank(least.severity)) least = each;
  return least;
}

function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}
