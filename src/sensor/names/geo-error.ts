/** Why a .mmdb file cannot be used. The message names the file and says what to do. */
export type GeoErrorCode =
  | 'GEO_MISSING'
  | 'GEO_UNREADABLE'
  | 'GEO_NOT_MMDB'
  | 'GEO_DAMAGED'
  | 'GEO_UNSUPPORTED';

export class GeoError extends Error {
  override readonly name = 'GeoError';
  readonly code: GeoErrorCode;

  constructor(code: GeoErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
