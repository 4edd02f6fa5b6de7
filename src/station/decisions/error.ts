/** Why a decision about findings was not taken. The message is for a person: what is the matter, and what to do. */
export type DecisionErrorCode =
  /** No finding, or no mute, of that id. */
  | 'UNKNOWN'
  /** The beginning of several ids. */
  | 'AMBIGUOUS'
  /** As things are it would change nothing, or not what was meant. */
  | 'POINTLESS'
  /** A text or a time is not what it must be. */
  | 'INVALID'
  /** There are as many as there may be. */
  | 'FULL'
  /** The database cannot be written now. */
  | 'UNKEPT';

export class DecisionError extends Error {
  override readonly name = 'DecisionError';
  readonly code: DecisionErrorCode;

  constructor(code: DecisionErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
