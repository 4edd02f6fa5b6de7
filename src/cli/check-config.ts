import { ConfigError } from '../config/error.ts';
import type { Config } from '../config/schema.ts';
import { escapeText } from '../model/escape.ts';
import { printableJson } from '../model/serialize.ts';
import { EXIT } from './lib/exit-codes.ts';
import { explainFailure } from './lib/failure.ts';
import { complain, printLine } from './lib/output.ts';
import type { ConfigIssueRecord, ConfigRecord } from './lib/records.ts';
import { loadSettings } from './lib/settings.ts';

interface CheckConfigOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/**
 * Exit 0 when the configuration can be used, 1 when it cannot, with every problem and its place. A threat list that cannot
 * be used here is said and no more: the configuration may be meant for another machine.
 */
export async function checkConfigCommand(
  argument: string | undefined,
  options: CheckConfigOptions,
): Promise<void> {
  const file = argument ?? options.config;
  const what = file ?? 'environment and defaults';
  let config: Config;
  try {
    config = loadSettings(file === undefined ? {} : { config: file });
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
  await remarkOnThreatLists(config.threat_lists);
  const record: ConfigRecord = { kind: 'config', file: what, ok: true };
  printLine(options.json === true ? printableJson(record) : `${escapeText(what)}: ok`);
}

/** On stderr, and loaded only where there is one. */
async function remarkOnThreatLists(config: Config['threat_lists']): Promise<void> {
  if (config.lists.length === 0) return;
  const { diagnoseThreatLists } = await import('../sensor/threat-lists/doctor.ts');
  for (const { check, outcome, detail } of await diagnoseThreatLists(config, Date.now())) {
    if (outcome !== 'ok') complain(`${check}: ${detail}`);
  }
}
