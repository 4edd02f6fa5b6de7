/** `analyze --report`: records in, one report out at the end, to stdout or to a new file. */
import { accessSync, constants, existsSync, writeFileSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { CaseInput } from '../../model/case-input.ts';
import type { AgentRecord, SummaryRecord } from '../../model/record.ts';
import { parseRecord, serializeRecord } from '../../model/serialize.ts';
import type { CaseReport } from '../../report/case.ts';
import { CaseBuilder } from '../../report/case-builder.ts';
import { addInput } from '../../report/inputs.ts';
import { version } from '../../version.ts';
import { UsageError } from '../lib/failure.ts';
import { complain } from '../lib/output.ts';

export const REPORT_FORMS = ['text', 'markdown', 'html', 'ndjson'] as const;
export type ReportForm = (typeof REPORT_FORMS)[number];

export interface ReportOptions {
  readonly report?: ReportForm;
  readonly output?: string;
  readonly json?: boolean;
  readonly where?: string;
}

/** For a person who reads it elsewhere: in a mail, in a file. */
const USUAL_WIDTH = 100;

export class ReportFileError extends Error {
  override readonly name = 'ReportFileError';
  readonly code = 'REPORT_FILE';
}

export class ReportSink {
  readonly #form: ReportForm;
  readonly #output: string | undefined;
  readonly #case: CaseBuilder;

  constructor(title: string, form: ReportForm, output?: string) {
    this.#form = form;
    this.#output = output;
    this.#case = new CaseBuilder({ title, from: 'files', versions: [`bridgewatch ${version()}`] });
  }

  readonly add = (record: AgentRecord): void => {
    this.#case.add(parseRecord(serializeRecord(record)));
  };

  /** The report is made, and goes where it belongs. */
  async end(summary: SummaryRecord, input: CaseInput): Promise<void> {
    this.add(summary);
    addInput(this.#case, input);
    const report = this.#case.build();
    const width = this.#output === undefined ? process.stdout.columns : undefined;
    const text = await render(report, this.#form, width ?? USUAL_WIDTH);
    if (this.#output === undefined) {
      process.stdout.write(text);
      return;
    }
    write(this.#output, text);
    complain(`${this.#output} is written: ${report.verdict.headline}`);
  }
}

/** Undefined where no report is asked for. What cannot be written in the end is said before anything is read. */
export function reportSink(paths: readonly string[], options: ReportOptions): ReportSink | undefined {
  const { report, output, json, where } = options;
  if (report === undefined) {
    if (output !== undefined)
      throw new UsageError('--output is where a report goes: say which with --report');
    return undefined;
  }
  if (json === true)
    throw new UsageError('--report and --json exclude each other; --report ndjson is a report');
  if (where !== undefined)
    throw new UsageError(
      '--where chooses what is printed, and a report must not leave anything out: choose packets with --filter, --since, --until',
    );
  if (output !== undefined) mustBeWritable(output);
  return new ReportSink(titleOf(paths), report, output);
}

function titleOf(paths: readonly string[]): string {
  const [path] = paths;
  if (paths.length !== 1 || path === undefined) return `Case report: ${paths.length} captures`;
  return `Case report: ${path === '-' ? 'stdin' : basename(path)}`;
}

/** Only the form that is asked for is loaded. */
async function render(report: CaseReport, form: ReportForm, width: number): Promise<string> {
  switch (form) {
    case 'text':
      return (await import('../../report/text.ts')).renderText(report, width);
    case 'markdown':
      return (await import('../../report/markdown.ts')).renderMarkdown(report);
    case 'html':
      return (await import('../../report/html.ts')).renderHtml(report);
    case 'ndjson':
      return (await import('../../report/ndjson.ts')).renderNdjson(report);
  }
}

function mustBeWritable(path: string): void {
  if (existsSync(path)) throw new ReportFileError(`cannot write ${path}: ${EXISTS}`);
  try {
    accessSync(dirname(resolve(path)), constants.W_OK);
  } catch (error) {
    throw new ReportFileError(`cannot write ${path}: ${whyNot(error)}`, { cause: error });
  }
}

function write(path: string, text: string): void {
  try {
    // Whom it accuses, and of what, is for nobody else to read.
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new ReportFileError(`cannot write ${path}: ${whyNot(error)}`, { cause: error });
  }
}

const EXISTS = 'it exists already, and is not overwritten; give another name, or remove it';

function whyNot(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EEXIST':
      return EXISTS;
    case 'ENOENT':
      return 'its folder does not exist';
    case 'EACCES':
      return `no permission to write there as user ${process.geteuid?.()}`;
    case 'ENOSPC':
      return 'the disk is full';
    default:
      return message;
  }
}
