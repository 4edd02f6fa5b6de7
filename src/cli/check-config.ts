import { ConfigError } from '../config/error.ts';
import { escapeText } from '../model/escape.ts';
import { printableJson } from '../model/serialize.ts';
import { EXIT } from './exit-codes.ts';
import { explainFailure } from './failure.ts';
import { complain, printLine } from './output.ts';
import type { ConfigIssueRecord, ConfigRecord } from './records.ts';
import { loadSettings } from './settings.ts';

interface CheckConfigOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** Exit 0 when the configuration can be used, 1 when it cannot, with every problem and its place. */
export function checkConfigCommand(argument: string | undefined, options: CheckConfigOptions): void {
  const file = argument ?? options.config;
  const what = file ?? 'environment and defaults';
  try {
    loadSettings(file === undefined ? {} : { config: file });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.exitCode = EXIT.negative;
    if (options.json === true) {
      for (const issue of error.issues) {
        const record: ConfigIssueRecord = { kind: 'config-issue', ...issue };
        printLine(printableJson(record));
      }
      return;
    }
    complain(...explainFailure(error).lines);
    return;
  }
  const record: ConfigRecord = { kind: 'config', file: what, ok: true };
  printLine(options.json === true ? printableJson(record) : `${escapeText(what)}: ok`);
}
