/** The filter that a command was given as words, and what it means for the range of time that is looked at. */
import type { RecordKind } from '../../model/record.ts';
import { formatMicros, type Micros, wallMicros } from '../../model/time.ts';
import { compileFilter, type Filter } from '../../query/filter.ts';
import { clockText, complain } from './output.ts';

/** Undefined without words. They are joined, so that quoting the whole for the shell, or only its parts, is the same. */
export function filterOf(words: readonly string[], kinds: readonly RecordKind[]): Filter | undefined {
  const text = words.join(' ');
  return text.trim() === '' ? undefined : compileFilter(text, { kinds, now: wallMicros() });
}

/** How far back to look: what was asked for; else all of it when the filter speaks of time, else the command's own. */
export function sinceOf(asked: string | undefined, filter: Filter | undefined, usual: string): string {
  return asked ?? (filter?.asksForTime === true ? '1970-01-01' : usual);
}

/** What the store is asked with; a search that ended early is told, because what it did not find may be there. */
export function matchingOf(filter: Filter | undefined) {
  return filter === undefined ? {} : { matching: { filter, onStopped: tellStopped } };
}

export function tellStopped(at: Micros): void {
  complain(
    `stopped after many records, back at ${clockText(formatMicros(at))}: older ones were not looked at; look there with --until, or narrow --since`,
  );
}
