/**
 * What every recogniser of an application protocol is: two pure functions that look at the first bytes of one side.
 * They never see a port, never allocate, never throw and never read outside [at, end).
 *
 * A wrong name is worse than none. SURE means that random bytes pass with a chance below 2^-32, and that no other
 * known protocol begins so; what is weaker is MAYBE and counts only when the other side fits as well.
 */

export const VERDICT = { NO: 0, MAYBE: 1, SURE: 2 } as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

/** The first bytes of one side of a flow: one object, reused for every look. */
export interface FirstBytes {
  /** Borrowed for the call. */
  data: DataView;
  at: number;
  /** One past the last captured byte. */
  end: number;
  /** Bytes on the wire; more than `end - at` where the snaplen cut. */
  length: number;
  /**
   * 32 bits by which an answer names its request. A client rule that returns MAYBE may set it; the same recogniser's
   * server rule then finds it here. 0 when nothing was set.
   */
  token: number;
}

export type FirstBytesRule = (bytes: FirstBytes) => Verdict;

export interface Recognizer {
  /** As it stands in `FlowRecord.service`. */
  readonly service: string;
  /** Who speaks first; what is only MAYBE does not count the other way round. Absent where either may. */
  readonly opens?: 'client' | 'server';
  /** Of who opened the flow. */
  readonly client: FirstBytesRule;
  /** Of who was spoken to. */
  readonly server: FirstBytesRule;
}

/** For protocols that one side never speaks. */
export const never: FirstBytesRule = () => VERDICT.NO;
