/** A record on its way to many: what it costs to look at it and to write it down is paid once for all of them. */
import type { RecordKind } from '../../../model/record.ts';
import { type SentRecord, sentKind, sentText } from '../../../model/sent-record.ts';
import { type PublicRecord, parseRecord } from '../../../model/serialize.ts';
import type { LogRow } from '../../store/log-page.ts';
import { type NameColumns, nameColumns } from '../../store/rows.ts';
import { eventFrame } from './frame.ts';

export class Told {
  readonly kind: RecordKind;
  /** Index of SEVERITIES; absent for what is no finding. */
  readonly severity: number | undefined;
  readonly #text: () => string;
  readonly #names: () => NameColumns;
  readonly #seq: number | undefined;
  #frame: string | undefined;
  #record: PublicRecord | undefined;

  private constructor(
    kind: RecordKind,
    text: () => string,
    names: () => NameColumns,
    { severity, seq }: { readonly severity?: number | undefined; readonly seq?: number },
  ) {
    this.kind = kind;
    this.severity = severity;
    this.#text = text;
    this.#names = names;
    this.#seq = seq;
  }

  static ofRow(row: LogRow): Told {
    const { seq, severity } = row;
    return new Told(
      row.kind,
      () => row.text,
      () => row,
      { severity: severity ?? undefined, seq },
    );
  }

  /** Of a kind that is not in the log. */
  static ofRecord(record: SentRecord): Told {
    let text: string | undefined;
    let names: NameColumns | undefined;
    return new Told(
      sentKind(record),
      () => {
        text ??= sentText(record);
        return text;
      },
      () => {
        names ??= nameColumns(record);
        return names;
      },
      {},
    );
  }

  get frame(): string {
    this.#frame ??= eventFrame(this.kind, this.#text(), this.#seq);
    return this.#frame;
  }

  get record(): PublicRecord {
    this.#record ??= parseRecord(this.#text());
    return this.#record;
  }

  get names(): NameColumns {
    return this.#names();
  }
}
