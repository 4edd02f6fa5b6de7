/** One thing that `doctor` looked at. */
export interface Diagnosis {
  /** What was looked at. */
  readonly check: string;
  /** `warn`: works, and something is not seen. `fail`: does not work. */
  readonly outcome: 'ok' | 'warn' | 'fail';
  /** What was tried, and what came of it. */
  readonly detail: string;
  /** What to do; absent when there is nothing to do. */
  readonly advice?: string;
}
