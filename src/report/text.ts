/**
 * A report for a terminal, or a mail. Texts of a case are printable ASCII already; nothing here adds a control character
 * but line feeds, so that what a packet says cannot act on the terminal.
 */
import type { Severity } from '../model/finding.ts';
import type { CaseFinding, CaseReport, NextStep } from './case.ts';
import { type Block, type Cell, factsOf, factsOfFinding, sectionsOf } from './sections.ts';
import { textTable, wrap } from './text-table.ts';

const INDENT = '  ';
/** Beyond that, lines are hard to read. */
const WIDEST = 140;
const NARROWEST = 60;

/** `width`: columns of the terminal; undefined where it is not one, and then no line is broken. */
export function renderText(report: CaseReport, width?: number): string {
  const room = width === undefined ? undefined : Math.min(WIDEST, Math.max(NARROWEST, width));
  const { title, verdict } = report;
  const lines = [
    title,
    '='.repeat(title.length),
    '',
    ...wrap(
      `${verdict.severity === undefined ? '' : `${severityText(verdict.severity)}: `}${verdict.headline}.`,
      room,
    ),
    ...wrap(verdict.sentence, room),
    ...(verdict.caution === undefined ? [] : wrap(`! ${verdict.caution}`, room)),
    '',
    ...factsOf(report).flatMap(([word, value]) => fact(word, value, room)),
  ];
  for (const section of sectionsOf(report)) {
    lines.push('', '', section.title, '-'.repeat(section.title.length));
    for (const block of section.blocks) lines.push('', ...blockLines(block, room));
  }
  return `${lines.join('\n')}\n`;
}

function blockLines(block: Block, width: number | undefined): string[] {
  switch (block.type) {
    case 'text':
      return wrap(block.text, width);
    case 'table':
      return [
        ...wrap(`${block.caption}:`, width),
        ...textTable(
          block.columns,
          block.rows.map((row) => row.map(cellText)),
          width,
        ),
      ];
    case 'steps':
      return block.steps.flatMap((step, i) => stepLines(step, i + 1, width));
    case 'finding':
      return findingLines(block.finding, width);
  }
}

function cellText(cell: Cell): string {
  if (typeof cell === 'string') return cell;
  return 'severity' in cell ? severityText(cell.severity) : cell.refs.join(' ');
}

function severityText(severity: Severity): string {
  return severity.toUpperCase();
}

function fact(word: string, value: string, width: number | undefined): string[] {
  const [first = '', ...others] = wrap(value, width === undefined ? undefined : width - 11);
  return [`${word.padEnd(11)}${first}`, ...others.map((line) => `${' '.repeat(11)}${line}`)];
}

function stepLines(
  { refs, what, commands, mend, page }: NextStep,
  n: number,
  width: number | undefined,
): string[] {
  const about = refs.length === 0 ? '' : ` [${refs.join(' ')}]`;
  return [
    ...wrap(`${n}.${about} ${what}`, width),
    // Never broken: they are to be pasted.
    ...commands.map((command) => `${INDENT}${INDENT}${command}`),
    ...(mend === undefined ? [] : wrap(`Then: ${mend}`, width, INDENT)),
    ...(page === undefined ? [] : [`${INDENT}More: ${page}`]),
    '',
  ];
}

function findingLines(finding: CaseFinding, width: number | undefined): string[] {
  const { ref, severity, analyzer, title, explanation, attack, remarks, communityIds } = finding;
  const room = width === undefined ? undefined : width - INDENT.length;
  const pairs = factsOfFinding(finding);
  return [
    ...wrap(`${ref}  ${severityText(severity)}  ${analyzer}: ${title}`, width),
    ...wrap(explanation, width, INDENT),
    ...pairs.flatMap(([word, value]) => fact(word, value, room)).map((line) => INDENT + line),
    ...attack.map(({ id, name, tactic }) => `${INDENT}ATT&CK     ${id} ${name} (${tactic})`),
    ...remarks.flatMap((remark) => wrap(`Note: ${remark}`, width, INDENT)),
    ...communityIds.map((id) => `${INDENT}Flow       ${id}`),
    `${INDENT}Evidence:`,
    ...textTable(
      [{ title: 'Name' }, { title: 'Value', isProse: true }],
      finding.evidence.map(({ name, value }) => [name, value]),
      room,
    )
      .slice(1)
      .map((line) => `${INDENT}${INDENT}${line}`),
    '',
  ];
}
