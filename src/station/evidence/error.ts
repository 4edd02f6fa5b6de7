/** Why no packets were put aside for whoever asked. The message is for a person: what is the matter, and what to do. */
export type EvidenceErrorCode =
  /** No sensor is there to ask. */
  | 'AWAY'
  /** The sensor says no, and why. */
  | 'REFUSED'
  /** It was asked, and nothing came. */
  | 'SILENT'
  /** As many wait already as may. */
  | 'FULL';

export class EvidenceError extends Error {
  override readonly name = 'EvidenceError';
  readonly code: EvidenceErrorCode;

  constructor(code: EvidenceErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
