/** One audit of the running agent, in the words of the event feed and of `doctor`. Plain: who prints it escapes it. */
import { SEVERITIES } from '../../model/finding.ts';
import { counted } from '../../model/readable.ts';
import type { PublicAuditRun } from '../../model/serialize.ts';

const WHY: Readonly<Record<PublicAuditRun['trigger'], string>> = {
  start: 'at the start',
  change: 'after a change',
  schedule: 'as scheduled',
};
const LOWEST_NETWORKS = 3;

/** `after a change: 31 checks over 12 containers: 3 failures (1 high, 2 medium), 2 findings; host 64, shop_data 70` */
export function auditRunText(record: PublicAuditRun): string {
  const { trigger, checks, containers } = record;
  const parts = [failuresText(record), unknownText(record), scoresText(record)].filter((part) => part !== '');
  return `${WHY[trigger]}: ${counted(checks, 'check')} over ${counted(containers, 'container')}: ${parts.join('; ')}`;
}

export function failuresText({ failures, findings }: PublicAuditRun): string {
  const told = [...SEVERITIES]
    .reverse()
    .flatMap((severity) => ((failures[severity] ?? 0) > 0 ? [`${failures[severity]} ${severity}`] : []));
  const sum = Object.values(failures).reduce((all, count) => all + count, 0);
  if (sum === 0) return 'nothing fails';
  return `${counted(sum, 'failure')} (${told.join(', ')}), ${counted(findings, 'finding')}`;
}

/** Empty where all could be looked at. */
export function unknownText({ unknown }: PublicAuditRun): string {
  const checks = new Set(unknown.flatMap((each) => each.checks));
  return checks.size === 0
    ? ''
    : `${counted(checks.size, 'check')} could not answer (${[...checks].join(', ')})`;
}

/** The host's, and the worst. */
function scoresText({ scores }: PublicAuditRun): string {
  const networks = scores.filter(({ network }) => network !== undefined).sort((a, b) => a.score - b.score);
  const shown = [
    ...scores.filter(({ network }) => network === undefined),
    ...networks.slice(0, LOWEST_NETWORKS),
  ];
  return shown.map(({ network, score }) => `${network ?? 'host'} ${score}`).join(', ');
}
