/** The example of docs/report.md: the report of a capture of test/cases, made as `analyze --report` makes them. */
import { renderHtml } from '../src/report/html.ts';
import { renderMarkdown } from '../src/report/markdown.ts';
import { renderText } from '../src/report/text.ts';
import { replayed, reportOf } from '../test/report/support/reported.ts';
import type { GeneratedFile } from './markdown.ts';

export async function reportPages(): Promise<GeneratedFile[]> {
  const report = reportOf(await replayed('dns-tunnel-names'), 'Case report: dns-tunnel-names.pcap');
  const page = (name: string, text: string) => ({ path: new URL(`examples/${name}`, import.meta.url), text });
  return [
    page('case-report.html', renderHtml(report)),
    page('case-report.md', renderMarkdown(report)),
    page('case-report.txt', renderText(report, 100)),
  ];
}
