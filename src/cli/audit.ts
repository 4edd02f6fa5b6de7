import { remarkText } from '../compose/problem.ts';
import { type AuditResult, byGravity } from '../model/audit.ts';
import { SEVERITIES, type Severity } from '../model/finding.ts';
import { nearest } from '../model/nearest.ts';
import { type Audit, auditHost } from '../sensor/audit/audit.ts';
import type { CheckDefinition } from '../sensor/audit/check.ts';
import { checks } from '../sensor/audit/checks.ts';
import { assertSavable } from '../sensor/audit/drift/saved-state.ts';
import type { AuditSources } from '../sensor/audit/gather.ts';
import { auditComposeFiles, type ComposeAuditOptions } from './audit/compose.ts';
import { type AuditFormat, printAudit } from './audit/formats.ts';
import { baselineFrom, keepState } from './audit/state.ts';
import { enoughSecsOf, readTraffic } from './audit/traffic.ts';
import { EXIT } from './lib/exit-codes.ts';
import { UsageError } from './lib/failure.ts';
import { complain } from './lib/output.ts';
import { loadSettings, type SettingsOptions } from './lib/settings.ts';

interface AuditOptions extends SettingsOptions, ComposeAuditOptions {
  readonly network?: string;
  readonly check?: readonly string[];
  readonly failOn?: Severity;
  readonly history?: string;
  readonly save?: string;
  readonly against?: string;
  readonly format?: AuditFormat;
  readonly json?: boolean;
}

/** Exit 1 when a check fails that is at least as severe as --fail-on says; without it the report is the answer. */
export async function auditCommand(options: AuditOptions): Promise<void> {
  const chosen = chosenChecks(options.check);
  const { docker, store } = loadSettings(options);
  const enoughSecs = enoughSecsOf(options.history);
  const { save, against } = options;
  if (save !== undefined) await assertSavable(save);
  const sources: AuditSources = {
    ...(against === undefined ? {} : { baseline: await baselineFrom(against) }),
    traffic: (networks) =>
      readTraffic({ path: store.path, isNamed: options.db !== undefined, enoughSecs }, networks),
  };
  const whole =
    options.compose === undefined
      ? await auditHost(docker, chosen, sources)
      : auditComposeFiles(options, chosen);
  const audit = onlyOn(whole, options.network);
  const format = options.json === true ? 'json' : (options.format ?? 'text');
  await printAudit(audit, chosen, format);
  // The report has a section for them; the other forms have no place.
  const { remarks = [] } = audit.composed ?? {};
  if (format !== 'text' && remarks.length > 0) complain(...remarks.map(remarkText));
  if (save !== undefined) await keepState(save, audit);
  if (options.failOn !== undefined) judge(audit.results, options.failOn);
}

function chosenChecks(ids: readonly string[] | undefined): readonly CheckDefinition[] {
  if (ids === undefined) return checks;
  for (const id of ids) {
    if (checks.some((check) => check.id === id)) continue;
    const known = checks.map((check) => check.id);
    const meant = nearest(id, known);
    throw new UsageError(
      `there is no check ${JSON.stringify(id)}${meant === undefined ? `; these are: ${known.join(', ')}` : `; did you mean ${meant}?`}`,
    );
  }
  return checks.filter(({ id }) => ids.includes(id));
}

function onlyOn(audit: Audit, network: string | undefined): Audit {
  if (network === undefined) return audit;
  if (!audit.networks.includes(network)) {
    const meant = nearest(network, audit.networks);
    const whose = audit.composed === undefined ? 'the engine has' : 'the services of these files are on';
    throw new UsageError(
      `${whose} no network ${JSON.stringify(network)}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    );
  }
  return {
    ...audit,
    results: audit.results.filter(({ networks }) => networks.includes(network)).sort(byGravity),
    scores: audit.scores.filter((score) => score.network === network),
    assurances: audit.assurances.filter((assurance) => assurance.network === network),
  };
}

function judge(results: readonly AuditResult[], least: Severity): void {
  const grave = results.filter(({ severity }) => SEVERITIES.indexOf(severity) >= SEVERITIES.indexOf(least));
  if (grave.some(({ outcome }) => outcome === 'fail')) process.exitCode = EXIT.negative;
  const blind = new Set(grave.filter(({ outcome }) => outcome === 'unknown').map(({ check }) => check));
  if (blind.size > 0) complain(`--fail-on ${least}: could not be answered: ${[...blind].join(', ')}`);
}
