/**
 * A report as Markdown (CommonMark, tables as GitHub has them), for a ticket or a wiki. No text of a case may become
 * markup, a link, a mention, another column or another line.
 */
import type { CaseFinding, CaseReport, NextStep } from './case.ts';
import { type Block, type Cell, factsOf, factsOfFinding, sectionsOf } from './sections.ts';

export function renderMarkdown(report: CaseReport): string {
  const { title, verdict } = report;
  const severity = verdict.severity === undefined ? '' : `${verdict.severity.toUpperCase()}: `;
  const parts = [
    `# ${markdown(title)}`,
    `**${severity}${markdown(verdict.headline)}.** ${markdown(verdict.sentence)}`,
    ...(verdict.caution === undefined ? [] : [`> **!** ${markdown(verdict.caution)}`]),
    table(['', ''], factsOf(report), []),
    ...sectionsOf(report).flatMap(({ title: heading, blocks }) => [
      `## ${heading}`,
      ...blocks.map(blockText),
    ]),
  ];
  return `${parts.join('\n\n')}\n`;
}

function blockText(block: Block): string {
  switch (block.type) {
    case 'text':
      return markdown(block.text);
    case 'table':
      return `${markdown(block.caption)}:\n\n${table(
        block.columns.map(({ title }) => title),
        block.rows.map((row) => row.map(cellText)),
        block.columns.map(({ right }) => right === true),
      )}`;
    case 'steps':
      return block.steps.map(stepText).join('\n');
    case 'finding':
      return findingText(block.finding);
  }
}

/** Titles are ours; cells are escaped. */
function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly boolean[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(titles),
    line(titles.map((_, i) => (right[i] === true ? '---:' : '---'))),
    ...rows.map((row) => line(row.map(markdown))),
  ].join('\n');
}

function cellText(cell: Cell): string {
  if (typeof cell === 'string') return cell;
  return 'severity' in cell ? cell.severity : cell.refs.join(' ');
}

function stepText({ refs, what, commands, mend, page }: NextStep, i: number): string {
  const about = refs.length === 0 ? '' : `**${refs.join(' ')}** `;
  const block =
    commands.length === 0 ? [] : ['', '   ```sh', ...commands.map((one) => `   ${one}`), '   ```', ''];
  return [
    `${i + 1}. ${about}${markdown(what)}`,
    ...block,
    ...(mend === undefined ? [] : [`   Then: ${markdown(mend)}`]),
    ...(page === undefined ? [] : [`   More: \`${page}\``]),
    '',
  ].join('\n');
}

function findingText(finding: CaseFinding): string {
  const { ref, severity, analyzer, title, explanation, attack, remarks, communityIds, evidence } = finding;
  const facts = [
    ...factsOfFinding(finding),
    ...attack.map(({ id, name, tactic }) => ['ATT&CK', `${id} ${name} (${tactic})`] as const),
    ...communityIds.map((id) => ['Flow', id] as const),
    ...remarks.map((remark) => ['Note', remark] as const),
  ];
  return [
    `### ${ref}: ${severity}, ${markdown(`${analyzer}: ${title}`)}`,
    markdown(explanation),
    table(['', ''], facts, []),
    table(
      ['Evidence', ''],
      evidence.map(({ name, value }) => [name, value]),
      [],
    ),
  ].join('\n\n');
}

/**
 * Backslashes before all that is markup (CommonMark 2.4), in what would be a link to GitHub too (www., ://). What follows
 * an @ is a mention or an address wherever it stands, unless the @ is code.
 */
export function markdown(text: string): string {
  return text
    .replaceAll(/[\\`*_[\]<>#|~&$]/g, (char) => `\\${char}`)
    .replaceAll(/:(?=\/\/)/g, '\\:')
    .replaceAll(/(www)\./gi, '$1\\.')
    .replaceAll('@', '`@`')
    .replace(/^ +/, '')
    .replace(/^([-+=])/, '\\$1')
    .replace(/^(\d+)([.)])/, '$1\\$2');
}
