export type BundleErrorCode =
  /** The archive cannot be written where it was asked for, or not be read. */
  | 'BUNDLE_FILE'
  /** What should go into it cannot be opened. */
  | 'BUNDLE_SOURCE'
  /** The key that was given cannot sign, or check a signature. */
  | 'BUNDLE_KEY';

/** The message says what was tried, with what, and what to do. */
export class BundleError extends Error {
  override readonly name = 'BundleError';
  readonly code: BundleErrorCode;

  constructor(code: BundleErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
