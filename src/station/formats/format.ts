/**
 * What every output format has in common. A format is a pure function from a record's public form to one line of
 * text, without its line end: no clock, no configuration, no state, so that the same record always gives the same line.
 */
import type { RecordKind } from '../../model/record.ts';
import type { PublicRecord } from '../../model/serialize.ts';

export const VENDOR = 'Bridgewatch';
export const PRODUCT = 'bridgewatch';

/** Who tells: the same for all records of one agent. */
export interface Emitter {
  /** Name of the Docker host. */
  readonly host: string;
  /** Of Bridgewatch. */
  readonly version: string;
}

export interface Format {
  /** Whether it has a form for records of this kind. */
  readonly carries: (kind: RecordKind) => boolean;
  /**
   * Undefined where the format has no form for this record: another kind, a flow that still runs in a format that
   * knows only ended ones, a time that no date can hold. docs/formats.md says which.
   */
  readonly encode: (record: PublicRecord, emitter: Emitter) => string | undefined;
}
