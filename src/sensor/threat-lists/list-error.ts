/** Why a list cannot be taken. The message names the file and says what to do. */
export type ListErrorCode =
  | 'LIST_MISSING'
  | 'LIST_UNREADABLE'
  | 'LIST_TOO_BIG'
  | 'LIST_DAMAGED'
  | 'LIST_CHANGED'
  | 'LIST_EMPTY';

export class ListError extends Error {
  override readonly name = 'ListError';
  readonly code: ListErrorCode;

  constructor(code: ListErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
