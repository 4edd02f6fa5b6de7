/**
 * The public JSON form itself: every kind, every field, as docs/records.md describes it. A delivery's text is this
 * line already; to encode is for those who hold a record.
 */
import { printableJson } from '../../model/serialize.ts';
import type { Format } from './format.ts';

export const native: Format = { carries: () => true, encode: printableJson };
