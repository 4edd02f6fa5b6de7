/**
 * An audit as JUnit XML, for CI: a suite for each group, a case for each check. What could not be answered is an error and
 * not skipped, because CI shows a run with skipped cases as green, and the audit never passes in silence; skipped is what
 * there is nothing for. Text is ASCII: names are escaped as everywhere, which leaves nothing that XML 1.0 cannot hold.
 */
import { AUDIT_GROUPS, type AuditResult } from '../../model/audit.ts';
import { escapeText } from '../../model/escape.ts';
import { gravest } from '../../model/finding.ts';
import { counted } from '../../model/readable.ts';
import type { Audit } from '../../sensor/audit/audit.ts';
import type { CheckDefinition } from '../../sensor/audit/check.ts';

const MAX_CHARS = 4000;

interface Case {
  readonly group: CheckDefinition['group'];
  readonly verdict: 'failure' | 'error' | 'skipped' | 'passed';
  readonly lines: readonly string[];
}

export function auditJunit({ results }: Audit, checks: readonly CheckDefinition[]): string {
  const cases = checks.map((check) =>
    caseOf(
      check,
      results.filter((result) => result.check === check.id),
    ),
  );
  const suites = AUDIT_GROUPS.flatMap((group) => {
    const its = cases.filter((each) => each.group === group);
    if (its.length === 0) return [];
    const lines = its.flatMap((each) => each.lines.map((line) => `    ${line}`));
    return [`  <testsuite name="${group}"${counts(its)}>`, ...lines, '  </testsuite>'];
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="bridgewatch audit"${counts(cases)}>`,
    ...suites,
    '</testsuites>',
  ].join('\n');
}

function counts(cases: readonly Case[]): string {
  const of = (verdict: Case['verdict']) => cases.filter((each) => each.verdict === verdict).length;
  return ` tests="${cases.length}" failures="${of('failure')}" errors="${of('error')}" skipped="${of('skipped')}"`;
}

/** A case has one verdict: where a check fails by some and could not look at others it is a failure, and tells both. */
function caseOf({ id, title, group }: CheckDefinition, results: readonly AuditResult[]): Case {
  const failed = results.filter(({ outcome }) => outcome === 'fail');
  const unknown = results.filter(({ outcome }) => outcome === 'unknown');
  const passed = results.filter(({ outcome }) => outcome === 'pass');
  const open = `<testcase classname="bridgewatch.audit.${group}" name="${xml(`${id}: ${title}`)}"`;
  if (failed.length > 0) {
    const severity = gravest(failed.map((result) => result.severity));
    const summary = failed.length === 1 ? failed[0]!.explanation : counted(failed.length, 'failure');
    return {
      group,
      verdict: 'failure',
      lines: element(open, 'failure', severity, summary, [...failed, ...unknown]),
    };
  }
  if (unknown.length > 0) {
    return {
      group,
      verdict: 'error',
      lines: element(open, 'error', 'unknown', unknown[0]!.explanation, unknown),
    };
  }
  if (passed.length > 0) return { group, verdict: 'passed', lines: [`${open}/>`] };
  const message = xml(results[0]?.explanation ?? 'nothing here counts against what was asked for');
  return { group, verdict: 'skipped', lines: [`${open}><skipped message="${message}"/></testcase>`] };
}

function element(
  open: string,
  name: 'failure' | 'error',
  type: string,
  summary: string,
  results: readonly AuditResult[],
): readonly string[] {
  const text = results.flatMap(textOf).map(xml).join('\n');
  return [`${open}>`, `  <${name} type="${type}" message="${xml(summary)}">${text}</${name}>`, '</testcase>'];
}

function textOf({ outcome, severity, objects, explanation, remedy }: AuditResult): string[] {
  const places = objects.flatMap(({ name, at }) =>
    at === undefined ? [] : [`  ${name}: ${at.file}:${at.line}`],
  );
  const block = (title: string, text: string | undefined) =>
    text === undefined ? [] : [`  ${title}`, ...text.split('\n').map((line) => `    ${line}`)];
  return [
    `${outcome === 'fail' ? severity.toUpperCase() : 'UNKNOWN'}: ${explanation}`,
    ...places,
    ...(remedy === undefined ? [] : [`  -> ${remedy.what}`]),
    ...block('compose.yaml:', remedy?.compose),
    ...block('daemon.json:', remedy?.daemonJson),
    ...block('shell:', remedy?.commands?.join('\n')),
  ];
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** One line, for an attribute and between tags alike: `]]>` cannot come of it, either. */
function xml(text: string): string {
  return escapeText(text, MAX_CHARS).replace(/[&<>"']/g, (char) => ENTITIES[char]!);
}
