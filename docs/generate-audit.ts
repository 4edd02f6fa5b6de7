/**
 * The generated parts of docs/audit: the head of each page, and the list of checks in the README. They come from the
 * definitions, so that a page cannot promise another severity than the check gives. The prose is written by hand.
 */
import { readFileSync } from 'node:fs';
import type { CheckDefinition } from '../src/sensor/audit/check.ts';
import { checks } from '../src/sensor/audit/checks.ts';
import { FACT_WORDS } from '../src/sensor/audit/facts.ts';
import { between, type GeneratedFile, table } from './markdown.ts';

const PAGES = new URL('audit/', import.meta.url);

export const AUDIT_HEADINGS = ['When it fails', 'What it misses', 'Try it'] as const;

export function auditPages(): GeneratedFile[] {
  const pages = checks.map((check) => generated(`${check.id}.md`, 'head', headOf(check)));
  return [...pages, generated('README.md', 'checks', `\n${index()}\n`)];
}

function generated(name: string, part: string, text: string): GeneratedFile {
  const path = new URL(name, PAGES);
  return { path, text: between(readFileSync(path, 'utf8'), part, text, path.pathname) };
}

function headOf({
  id,
  title,
  group,
  severity,
  argument,
  needs,
  wants = [],
  cis,
  engines,
}: CheckDefinition): string {
  const reads = [
    ...needs.map((name) => FACT_WORDS[name]),
    ...wants.map((name) => `${FACT_WORDS[name]} (does without)`),
  ];
  return [
    `# ${id}: ${title}`,
    '',
    `- Group: ${group}; severity, unless the case says otherwise: ${severity}`,
    `- Reads: ${reads.join('; ')}. Where that cannot be read the answer is \`unknown\`, with the reason`,
    `- CIS Docker Benchmark 1.6.0: ${cis?.join(', ') ?? 'none'}${engines === undefined ? '' : `; engines: ${engines}`}`,
    '',
    `**Why ${severity}.** ${argument}`,
    '',
  ].join('\n');
}

function index(): string {
  const rows = checks.map(({ id, title, group, severity, cis }) => [
    `[${id}](${id}.md)`,
    title,
    group,
    severity,
    cis?.join(', ') ?? '',
  ]);
  return table([['check', 'what ought to be', 'group', 'severity', 'CIS'], ...rows]);
}
