import { ConfigError } from '../config/error.ts';
import { escapeText } from '../model/escape.ts';
import { printableJson } from '../model/serialize.ts';
import { EXIT } from './exit-codes.ts';
import { explainFailure } from './failure.ts';
import { complain, printLine } from './output.ts';
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
      for (const issue of error.issues) printLine(printableJson({ kind: 'config-issue', ...issue }));
      return;
    }
    complain(explainFailure(error).message);
    return;
  }
  printLine(
    options.json === true
      ? printableJson({ kind: 'config', file: what, ok: true })
      : `${escapeText(what)}: ok`,
  );
}
