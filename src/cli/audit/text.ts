/**
 * The report of an audit for a person: scores, then what fails, by place and the gravest first, each with how to mend it;
 * what is not known with how to know it; what is right in a line, unless few checks were asked for. A result that counts
 * against several networks is told once, under the first.
 */
import { remarkText } from '../../compose/problem.ts';
import type { AuditOutcome, AuditRemedy, AuditResult, AuditScore } from '../../model/audit.ts';
import { escapeText } from '../../model/escape.ts';
import { SEVERITIES } from '../../model/finding.ts';
import { counted } from '../../model/readable.ts';
import type { Audit } from '../../sensor/audit/audit.ts';
import type { CheckDefinition } from '../../sensor/audit/check.ts';
import { listed } from '../../sensor/audit/lib/verdicts.ts';
import { type Column, paintSeverity, renderTable } from '../lib/output.ts';
import { assuranceSections } from './assurance-text.ts';

const WIDTH = 110;
const INDENT = '    ';
const HOST = 'host';
const MAX_CHARS = 1000;
/** Up to so many are told with what they say, also where it is right. */
const FEW_CHECKS = 4;
/** The sentences of checks name no more (`listed`). */
const MAX_NAMED = 5;

export function auditText(audit: Audit, checks: readonly CheckDefinition[]): string {
  const { results, scores } = audit;
  const sections = failureSections(results, scores);
  return [
    headline(audit, checks),
    '',
    renderTable(scores, SCORE_COLUMNS),
    ...sections,
    ...assuranceSections(audit.assurances),
    ...unknownSection(results),
    ...restSection(results, checks),
    ...composedSection(audit.composed),
  ].join('\n');
}

function headline(audit: Audit, checks: readonly CheckDefinition[]): string {
  const { results, composed } = audit;
  const failed = results.filter(({ outcome }) => outcome === 'fail');
  const bySeverity = [...SEVERITIES].reverse().flatMap((severity) => {
    const count = failed.filter((result) => result.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}`];
  });
  const asked = checks.filter(({ id }) => composed?.notAsked.includes(id) !== true);
  const what = `${counted(asked.length, 'check')} over ${subject(audit)}`;
  const blind = new Set(results.filter(({ outcome }) => outcome === 'unknown').map(({ check }) => check))
    .size;
  return [
    `${escapeText(what)}:`,
    failed.length === 0 ? 'nothing fails' : `${counted(failed.length, 'failure')} (${bySeverity.join(', ')})`,
    ...(blind === 0 ? [] : [`and ${counted(blind, 'check')} that could not answer`]),
  ].join(' ');
}

function subject({ engineVersion, containers, composed }: Audit): string {
  if (composed !== undefined) {
    return `${composed.project} of ${composed.files.join(', ')} before it is deployed, ${counted(containers, 'service')}`;
  }
  const engine = engineVersion === undefined ? 'an engine of unknown version' : `engine ${engineVersion}`;
  return `${engine}, ${counted(containers, 'running container')}`;
}

const SCORE_COLUMNS: readonly Column<AuditScore>[] = [
  { title: 'WHERE', cell: ({ network }) => network ?? HOST, maxWidth: 40 },
  {
    title: 'SCORE',
    right: true,
    cell: ({ score, unknown }) => `${unknown > 0 ? 'at most ' : ''}${score}`,
  },
  { title: 'FAIL', right: true, cell: ({ failed }) => String(failed) },
  { title: 'UNKNOWN', right: true, cell: ({ unknown }) => String(unknown) },
];

function failureSections(results: readonly AuditResult[], scores: readonly AuditScore[]): string[] {
  const toldAt = new Map<AuditResult, string>();
  return scores.flatMap(({ network }) => {
    const here = results.filter(
      ({ outcome, networks }) =>
        outcome === 'fail' && (network === undefined ? networks.length === 0 : networks.includes(network)),
    );
    if (here.length === 0) return [];
    const place = network ?? HOST;
    const lines = here.flatMap((result) => {
      const told = toldAt.get(result);
      if (told !== undefined) {
        return [`${severityText(result)}  ${result.check}: as under ${escapeText(told, 40)}`, ''];
      }
      toldAt.set(result, place);
      return [...failureLines(result), ''];
    });
    return ['', `== ${escapeText(place, 40)}`, '', ...lines.slice(0, -1)];
  });
}

function failureLines(result: AuditResult): string[] {
  const { check, explanation, objects, remedy, cis } = result;
  const names = [...new Set(objects.map(({ name }) => name))];
  const reference = cis === undefined ? '' : `  (CIS ${cis.join(', ')})`;
  return [
    `${severityText(result)}  ${check}${reference}`,
    ...wrapped(explanation, INDENT),
    // A few the sentence names itself.
    ...(names.length > MAX_NAMED ? wrapped(names.join(', '), `${INDENT}   `) : []),
    ...(remedy === undefined ? [] : remedyLines(remedy)),
  ];
}

function remedyLines({ what, compose, daemonJson, commands }: AuditRemedy): string[] {
  const block = (title: string, text: string) => [
    `${INDENT}   ${title}`,
    ...text.split('\n').map((line) => `${INDENT}     ${escapeText(line, MAX_CHARS)}`),
  ];
  const [first = '', ...rest] = wrapped(what, `${INDENT}   `);
  return [
    `${INDENT}-> ${first.trimStart()}`,
    ...rest,
    ...(compose === undefined ? [] : block('compose.yaml:', compose)),
    ...(daemonJson === undefined ? [] : block('daemon.json:', daemonJson)),
    ...(commands === undefined ? [] : block('shell:', commands.join('\n'))),
  ];
}

/** One reason keeps many checks from answering, as a rule: told once, with all that it keeps. */
function unknownSection(results: readonly AuditResult[]): string[] {
  const byReason = new Map<string, AuditResult[]>();
  for (const result of results) {
    if (result.outcome !== 'unknown') continue;
    const known = byReason.get(result.explanation);
    if (known === undefined) byReason.set(result.explanation, [result]);
    else known.push(result);
  }
  if (byReason.size === 0) return [];
  const lines = [...byReason].flatMap(([explanation, same]) => [
    ...wrapped([...new Set(same.map(({ check }) => check))].join(', '), ''),
    ...wrapped(explanation, INDENT),
    ...unnamedIn(explanation, same),
    ...(same[0]?.remedy === undefined ? [] : remedyLines(same[0].remedy)),
    '',
  ]);
  return ['', '== not known', '', ...lines.slice(0, -1)];
}

/** Whom a sentence is about that names nobody. */
function unnamedIn(explanation: string, results: readonly AuditResult[]): string[] {
  const names = results.flatMap(({ objects }) => objects.map(({ name }) => name));
  const unnamed = [...new Set(names)].filter((name) => !explanation.includes(name));
  return unnamed.length === 0 ? [] : wrapped(listed(unnamed, MAX_NAMED), `${INDENT}   `);
}

function restSection(results: readonly AuditResult[], checks: readonly CheckDefinition[]): string[] {
  if (checks.length <= FEW_CHECKS) {
    return [
      ...spelled('right', results, 'pass'),
      ...spelled('nothing here that they are about', results, 'not-applicable'),
    ];
  }
  const outcomesOf = (id: string) =>
    new Set(results.filter(({ check }) => check === id).map(({ outcome }) => outcome));
  const only = (outcome: AuditOutcome) =>
    checks
      .map(({ id }) => id)
      .filter((id) => {
        const outcomes = outcomesOf(id);
        return outcomes.has(outcome) && !outcomes.has('fail') && !outcomes.has('unknown');
      });
  const passed = only('pass');
  const empty = only('not-applicable').filter((id) => !passed.includes(id));
  const line = (title: string, ids: readonly string[]) =>
    ids.length === 0 ? [] : ['', `== ${title}: ${ids.length}`, '', ...wrapped(ids.join(', '), '')];
  return [...line('right', passed), ...line('nothing here that they are about', empty)];
}

/** Whoever asks for a check by name wants its answer, whatever it is. */
function spelled(title: string, results: readonly AuditResult[], outcome: AuditOutcome): string[] {
  const told = results.filter((result) => result.outcome === outcome);
  if (told.length === 0) return [];
  const lines = told.flatMap((result) => [
    result.check,
    ...wrapped(result.explanation, INDENT),
    ...unnamedIn(result.explanation, [result]),
  ]);
  return ['', `== ${title}`, '', ...lines];
}

/** What was left out, each with why: nothing of a file is dropped in silence. */
function composedSection(composed: Audit['composed']): string[] {
  if (composed === undefined) return [];
  const { notStarted, notAsked, remarks } = composed;
  const section = (title: string, lines: readonly unknown[]) =>
    lines.length === 0 ? [] : ['', `== ${title}: ${lines.length}`, ''];
  return [
    ...section('not audited: services of other profiles, or scaled to nothing', notStarted),
    ...(notStarted.length === 0 ? [] : wrapped(notStarted.join(', '), '')),
    ...section('not asked: an engine and its host tell it, a file does not', notAsked),
    ...(notAsked.length === 0 ? [] : wrapped(notAsked.join(', '), '')),
    ...section('remarks about the files', remarks),
    ...remarks.flatMap((remark) => wrapped(remarkText(remark), '')),
  ];
}

function severityText({ severity }: AuditResult): string {
  return paintSeverity(severity);
}

function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of escapeText(text, MAX_CHARS).split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > WIDTH) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, indent + line];
}
