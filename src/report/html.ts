/**
 * A report as one HTML file: it loads nothing, runs nothing and prints well. Every text of the case goes through `html`;
 * the content security policy would stop a script or a foreign style that came through all the same.
 */
import { SEVERITIES, type Severity } from '../model/finding.ts';
import type { CaseFinding, CaseReport, NextStep } from './case.ts';
import { chart } from './html-chart.ts';
import { html } from './html-escape.ts';
import { STYLE, STYLE_HASH } from './html-style.ts';
import { type Block, type Cell, factsOf, factsOfFinding, type Section, sectionsOf } from './sections.ts';

/** Characters. */
const MAX_SHORT = 26;
const POLICY = `default-src 'none'; style-src '${STYLE_HASH}'; base-uri 'none'; form-action 'none'`;

export function renderHtml(report: CaseReport): string {
  const { title, verdict, looked } = report;
  const sections = sectionsOf(report);
  const links = new Set(sections.flatMap(({ blocks }) => blocks.flatMap(anchorOf)));
  const { severity } = verdict;
  return [
    '<!DOCTYPE html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${html(POLICY)}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="referrer" content="no-referrer">',
    `<title>${html(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    '<header>',
    `<h1>${html(title)}</h1>`,
    `<div class="verdict ${severity === undefined ? '' : severityClass(severity)}">`,
    `<p class="headline">${severity === undefined ? '' : `${badge(severity)} `}${html(verdict.headline)}</p>`,
    `<p>${html(verdict.sentence)}</p>`,
    verdict.caution === undefined ? '' : `<p class="caution">${html(verdict.caution)}</p>`,
    '</div>',
    facts(factsOf(report)),
    `<nav aria-label="Sections"><ul>${sections.map(({ id, title: name }) => `<li><a href="#${id}">${html(name)}</a></li>`).join('')}</ul></nav>`,
    '</header>',
    ...sections.map((section) => sectionHtml(section, report, links)),
    `<footer><p>${html(looked.versions.join(', '))}. Times are UTC. Made from ${report.from === 'files' ? 'packets' : 'records'} alone: the same input gives the same report.</p></footer>`,
    '</main>',
    '</body>',
    '</html>',
    '',
  ]
    .filter((line, i, all) => line !== '' || i === all.length - 1)
    .join('\n');
}

function sectionHtml({ id, title, blocks }: Section, report: CaseReport, links: ReadonlySet<string>): string {
  return [
    `<section id="${id}" aria-labelledby="h-${id}">`,
    `<h2 id="h-${id}">${html(title)}</h2>`,
    ...(id === 'findings' ? [chart(report)] : []),
    ...blocks.map((block) => blockHtml(block, links)),
    '</section>',
  ].join('\n');
}

function blockHtml(block: Block, links: ReadonlySet<string>): string {
  switch (block.type) {
    case 'text':
      return `<p>${html(block.text)}</p>`;
    case 'table':
      return tableHtml(block, links);
    case 'steps':
      return `<ol class="steps">${block.steps.map((step) => stepHtml(step, links)).join('\n')}</ol>`;
    case 'finding':
      return findingHtml(block.finding);
  }
}

/** Findings that have a place of their own to go to. */
function anchorOf(block: Block): string[] {
  return block.type === 'finding' ? [block.finding.ref] : [];
}

function tableHtml(
  { caption, columns, rows }: Extract<Block, { type: 'table' }>,
  links: ReadonlySet<string>,
): string {
  const head = columns.map(
    ({ title, right }) => `<th scope="col"${right === true ? ' class="right"' : ''}>${html(title)}</th>`,
  );
  const body = rows.map((row) => {
    const cells = row.map((cell, i) => {
      const { right, isProse } = columns[i]!;
      const kind = right === true ? 'right' : isProse === true ? 'prose' : kindOf(cell);
      const attribute = kind === '' ? '' : ` class="${kind}"`;
      const content = cellHtml(cell, links);
      return i === 0 ? `<th scope="row"${attribute}>${content}</th>` : `<td${attribute}>${content}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  return `<div class="scroll" tabindex="0" role="region" aria-label="${html(caption)}"><table><caption>${html(caption)}</caption><thead><tr>${head.join('')}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table></div>`;
}

/** What is short is not broken; what could be long may break anywhere, or one name would push the rest off the page. */
function kindOf(cell: Cell): string {
  if (typeof cell !== 'string') return 'severity' in cell ? 'short' : 'refs';
  if (/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?Z$/.test(cell)) return 'time';
  return cell.length <= MAX_SHORT ? 'short' : '';
}

function cellHtml(cell: Cell, links: ReadonlySet<string>): string {
  if (typeof cell === 'string') return html(cell);
  return 'severity' in cell ? badge(cell.severity) : refsHtml(cell.refs, links);
}

function refsHtml(refs: readonly string[], links: ReadonlySet<string>): string {
  return refs
    .map((ref) => (links.has(ref) ? `<a href="#${html(ref)}">${html(ref)}</a>` : html(ref)))
    .join(' ');
}

function badge(severity: Severity): string {
  return `<span class="badge ${severityClass(severity)}">${html(severity)}</span>`;
}

/** A record of a database could say anything. */
function severityClass(severity: Severity): string {
  return SEVERITIES.includes(severity) ? severity : '';
}

function facts(pairs: readonly (readonly [string, string])[]): string {
  return `<dl>${pairs.map(([word, value]) => `<dt>${html(word)}</dt><dd>${html(value)}</dd>`).join('\n')}</dl>`;
}

function stepHtml({ refs, what, commands, mend, page }: NextStep, links: ReadonlySet<string>): string {
  const about = refs.length === 0 ? '' : `<strong>${refsHtml(refs, links)}</strong> `;
  const list = commands.length === 0 ? '' : `<pre><code>${commands.map(html).join('\n')}</code></pre>`;
  const then = mend === undefined ? '' : `<p>Then: ${html(mend)}</p>`;
  const more = page === undefined ? '' : `<p class="soft">More: <code>${html(page)}</code></p>`;
  return `<li><p>${about}${html(what)}</p>${list}${then}${more}</li>`;
}

function findingHtml(finding: CaseFinding): string {
  const { ref, severity, analyzer, title, explanation, attack, remarks, communityIds, evidence } = finding;
  const pairs = [
    ...factsOfFinding(finding),
    ...attack.map(({ id, name, tactic }) => ['ATT&CK', `${id} ${name} (${tactic})`] as const),
    ...communityIds.map((id) => ['Flow', `Community ID ${id}`] as const),
    ...remarks.map((remark) => ['Note', remark] as const),
  ];
  const rows = evidence.map(
    ({ name, value }) => `<tr><th scope="row">${html(name)}</th><td class="prose">${html(value)}</td></tr>`,
  );
  return [
    `<article id="${html(ref)}" aria-labelledby="h-${html(ref)}">`,
    `<h3 id="h-${html(ref)}">${html(ref)} ${badge(severity)} ${html(`${analyzer}: ${title}`)}</h3>`,
    `<p>${html(explanation)}</p>`,
    facts(pairs),
    rows.length === 0
      ? ''
      : `<div class="scroll" tabindex="0" role="region" aria-label="Evidence of ${html(ref)}"><table class="evidence"><caption>Evidence</caption><tbody>${rows.join('\n')}</tbody></table></div>`,
    '</article>',
  ].join('\n');
}
