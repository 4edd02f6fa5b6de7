/** The case of a bundle as people read it, made of the same records that lie beside it. */
import type { RecordKind } from '../../model/record.ts';
import { type PublicFinding, parseRecord } from '../../model/serialize.ts';
import { formatMicros } from '../../model/time.ts';
import { CaseBuilder } from '../../report/case-builder.ts';
import { renderHtml } from '../../report/html.ts';
import { renderMarkdown } from '../../report/markdown.ts';
import type { StoreReader } from '../../station/store/reader.ts';
import { version } from '../../version.ts';
import { type CaseWindow, eventsOf } from './records.ts';
import type { BundleSubject } from './subject.ts';

export interface CaseTexts {
  readonly markdown: string;
  readonly html: string;
}

const KINDS: readonly RecordKind[] = [
  'decision',
  'evidence',
  'inventory',
  'no-route',
  'blocked',
  'listener',
  'spoof',
  'audit-run',
];

export interface ReportedCase {
  readonly reader: StoreReader;
  readonly subject: BundleSubject;
  readonly window: CaseWindow;
  readonly findings: readonly PublicFinding[];
  /** What could be seen, and what was lost, as lines. */
  readonly coverage: readonly string[];
  /** Times in which nobody was watching. */
  readonly gaps: readonly string[];
  readonly storePath: string;
}

/** Reads every flow and look-up of the window once. */
export function caseTexts(of: ReportedCase): CaseTexts {
  const { reader, subject, window, findings, coverage, gaps, storePath } = of;
  const { since, until, filter, onStopped } = window;
  const builder = new CaseBuilder({
    title: `Incident bundle: ${subject.kind} ${subject.asked}`,
    from: 'store',
    versions: [`bridgewatch ${version()}`],
    first: formatMicros(since),
    last: formatMicros(until),
  });
  builder.input(storePath);
  for (const gap of gaps) builder.problem('the time', gap);
  for (const finding of findings) builder.add(finding);
  for (const text of coverage) builder.add(parseRecord(text));
  for (const { text } of eventsOf(reader, KINDS, window)) builder.add(parseRecord(text));
  const scan = { since, until, matching: { ...(filter === undefined ? {} : { filter }), onStopped } };
  for (const { text } of reader.scanDns(scan)) builder.add(parseRecord(text));
  for (const { text } of reader.scanFlows(scan)) builder.add(parseRecord(text));
  const report = builder.build();
  return { markdown: renderMarkdown(report), html: renderHtml(report) };
}
