/** What every format's parser is to the reader: text comes in pieces, values go out, nothing is thrown. */
import type { IndicatorSet } from '../indicator-set.ts';

export interface ListParser {
  push(text: string): void;
  /** The end of the file. Why what was read is no whole list; undefined when it is. */
  end(): string | undefined;
}

export type MakeParser = (into: IndicatorSet) => ListParser;
