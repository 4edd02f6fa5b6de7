/** Where a report goes, and what is refused before anything is read. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { REPORT_FORMS, type ReportOptions, reportSink } from '../../../src/cli/analyze/report-file.ts';
import { explainFailure } from '../../../src/cli/lib/failure.ts';
import { program } from '../../../src/cli/program.ts';
import type { CaseInput } from '../../../src/model/case-input.ts';
import type { SummaryRecord } from '../../../src/model/record.ts';
import { finding } from '../../station/support/records.ts';

const folder = mkdtempSync(join(tmpdir(), 'bridgewatch-report-file-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SUMMARY: SummaryRecord = {
  kind: 'summary',
  ...{ packets: 1, bytes: 60, flows: 1, dnsQuestions: 0, findings: 1 },
  ...{ anomalies: {}, notUnderstood: {}, losses: {} },
};
const INPUT: CaseInput = {
  files: [
    { path: 'whole.pcap', end: 'whole', packets: 1 },
    { path: 'cut.pcap', end: 'cut', detail: 'cut.pcap stops inside of a packet', packets: 0 },
  ],
  ...{ unlisted: 0, notCaptures: 2, duplicates: 0, alike: 0, openedLate: 0 },
  ends: { whole: 1, cut: 1, corrupt: 0, unreadable: 0, copy: 0, outside: 0 },
  filter: 'tcp',
  inventory: { kind: 'database', source: 'bridgewatch.db' },
};

function refusal(options: ReportOptions) {
  try {
    reportSink(['a.pcap'], options);
  } catch (error) {
    return explainFailure(error);
  }
  return undefined;
}

describe('analyze --report', () => {
  it('knows the forms that the command line offers', () => {
    const analyze = program().commands.find((command) => command.name() === 'analyze');
    const option = analyze?.options.find(({ long }) => long === '--report');

    expect(option?.argChoices).toEqual(REPORT_FORMS);
  });

  it('writes a new file that others cannot read, with what was not read in it', async () => {
    const output = join(folder, 'case.md');
    const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const sink = reportSink(['/evidence'], { report: 'markdown', output })!;
    sink.add(finding(1));
    await sink.end(SUMMARY, INPUT);
    const words = said.mock.calls.map(([text]) => String(text)).join('');
    said.mockRestore();

    const text = readFileSync(output, 'utf8');
    expect(statSync(output).mode & 0o777).toBe(0o600);
    expect(text).toMatch(/^# Case report: evidence\n/);
    expect(text).toContain('cut.pcap stops inside of a packet');
    expect(text).toContain('only packets that match the capture filter: tcp');
    expect(text).toContain('Not everything was seen');
    expect(text).not.toContain('No inventory');
    expect(words).toBe(`bridgewatch: ${output} is written: 1 high finding about shop/db\n`);
  });

  it('refuses to overwrite, and a folder that is not there, before it reads anything', () => {
    const there = join(folder, 'there.html');
    writeFileSync(there, 'mine');

    expect(refusal({ report: 'html', output: there })).toMatchObject({
      exitCode: 3,
      lines: [expect.stringMatching(/there\.html: it exists already, and is not overwritten/)],
    });
    expect(refusal({ report: 'html', output: join(folder, 'no', 'such.html') })).toMatchObject({
      exitCode: 3,
      lines: [expect.stringMatching(/its folder does not exist/)],
    });
    expect(readFileSync(there, 'utf8')).toBe('mine');
    expect(refusal({ report: 'html', output: join(folder, 'new.html') })).toBeUndefined();
    expect(existsSync(join(folder, 'new.html'))).toBe(false);
  });

  it.each([
    [{ output: 'x.html' }, /--report/],
    [{ report: 'text', json: true }, /--json/],
    [{ report: 'text', where: 'severity:high' }, /must not leave anything out/],
  ] as const)('refuses %j, and says what to do', (options, words) => {
    expect(refusal(options)).toMatchObject({ exitCode: 2, lines: [expect.stringMatching(words)] });
  });
});
