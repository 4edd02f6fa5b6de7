/** Names as an attacker would choose them, in every place of a report where one can stand, in every form. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { AgentRecord } from '../../src/model/record.ts';
import type { CaseReport } from '../../src/report/case.ts';
import { renderHtml } from '../../src/report/html.ts';
import { STYLE, STYLE_HASH } from '../../src/report/html-style.ts';
import { markdown, renderMarkdown } from '../../src/report/markdown.ts';
import { renderNdjson } from '../../src/report/ndjson.ts';
import { renderText } from '../../src/report/text.ts';
import {
  coverage,
  dns,
  endpoint,
  finding,
  flow,
  inventory,
  loss,
  outside,
} from '../station/support/records.ts';
import { caseOf } from './support/reported.ts';

/** Each would act in one of the forms. */
const NAMES = [
  `<script>document.title='owned'</script>`,
  `"><img src=x onerror="document.title='owned'">`,
  `' onmouseover='document.title=1' x='`,
  `</style></title></svg><script>document.title='owned'</script>`,
  `<a href="javascript:document.title='owned'">here</a>`,
  '&lt;script&gt;alert(1)&lt;/script&gt;&#60;b&#62;',
  '| cell | [link](https://evil.example) ![i](https://evil.example/x.png) `code` **bold** <b>',
  'see https://evil.example/ or www.evil.example, ask admin@evil.example @everyone #1',
  '```\n# heading\n```\n- [ ] item\n\n<details>',
  '\u001b[2J\u001b]0;owned\u0007\u009b31m\r\n\u0000',
  'a\u202egnp.exe\u2066\u200f\u2028\ufeff',
  "=cmd|'/c calc'!A1",
  'x'.repeat(5000),
];

function hostileCase(name: string): CaseReport {
  const workload = { ...endpoint().workload!, name, image: name, composeProject: name, composeService: name };
  const subject = endpoint({
    workload,
    attribution: { method: 'ip@time', confidence: 'likely', reason: name },
  });
  const unknown = { method: 'none', confidence: 'none', reason: name } as const;
  const peer = outside({
    names: [name],
    geo: { country: name, asn: 64_500, asOrganization: name },
    attribution: unknown,
  });
  const network = { ...flow(1).network!, name };
  const records: AgentRecord[] = [
    finding(1, {
      ...{ id: name, analyzer: name, title: name, network: name, subject, peers: [peer] },
      ...{ explanation: name, evidence: { [name]: name, list: [name, name] }, communityIds: [name] },
      attack: [{ technique: name, tactic: name }],
      exception: { reason: name, severity: 'high' },
      muted: { id: name, reason: name },
      acknowledged: { at: 0, by: name, note: name },
    }),
    flow(1, { network, interface: name, orig: subject, resp: peer, service: name }),
    dns(1, { client: subject, query: name }),
    inventory(1, { name }),
    coverage(1, { state: 'uncovered', network: name, reason: name }),
    loss(1, { source: name, where: name }),
  ];
  return caseOf(records, {}, name);
}

const reports = NAMES.map((name) => [JSON.stringify(name).slice(0, 60), hostileCase(name)] as const);

describe('a hostile name', () => {
  it.each(reports)('%s cannot act on a terminal, whatever its width', (_, report) => {
    for (const width of [undefined, 60, 200]) expect(renderText(report, width)).toMatch(/^[\n -~]+$/);
  });

  it.each(reports)('%s is text in NDJSON', (_, report) => {
    const lines = renderNdjson(report).trimEnd().split('\n');

    for (const line of lines) {
      expect(line).toMatch(/^[ -~]+$/);
      expect((JSON.parse(line) as { kind: string }).kind).toMatch(/^case/);
    }
  });

  it.each(reports)('%s is no element and no attribute in HTML', (_, report) => {
    const quiet = hostileCase('plain words');

    expect(renderHtml(report)).toMatch(/^[\n -~]+$/);
    expect(tagsOf(renderHtml(report))).toEqual(tagsOf(renderHtml(quiet)));
  });

  it.each(reports)('%s is no markup in Markdown', (_, report) => {
    const text = renderMarkdown(report);

    expect(text).toMatch(/^[\n -~]+$/);
    // Every line begins as the renderer's own do, and each table has as many columns in each row.
    for (const line of text.split('\n').filter((one) => one.startsWith('|')))
      expect(bare(line).split('|').length).toBe(bare(headOf(text, line)).split('|').length);
    expect(bare(text)).not.toMatch(/<|\]\(|!\[|https?:\/\/|www\./i);
    const fences = text.split('\n').filter((line) => /^\s*```/.test(line));
    expect(fences.length % 2).toBe(0);
    expect(new Set(fences.map((line) => line.trim()))).toEqual(new Set(['```sh', '```']));
  });
});

describe('Markdown text', () => {
  it.each([
    ['a_b*c', 'a\\_b\\*c'],
    ['- item', '\\- item'],
    ['1. item', '1\\. item'],
    ['    code', 'code'],
    ['http://x', 'http\\://x'],
    ['www.x', 'www\\.x'],
    ['plain words, 10:30 (so).', 'plain words, 10:30 (so).'],
  ])('%j becomes %j', (text, written) => {
    expect(markdown(text)).toBe(written);
  });
});

describe('the policy of the page', () => {
  it('names the one style by its hash: else put this hash into html-style.ts', () => {
    expect(STYLE_HASH).toBe(`sha256-${createHash('sha256').update(STYLE).digest('base64')}`);
  });

  it('lets nothing in from elsewhere, and no script', () => {
    const page = renderHtml(hostileCase('plain words'));

    expect(page).toContain(`content="default-src &#39;none&#39;; style-src &#39;${STYLE_HASH}&#39;;`);
    expect(page.match(/<style/g)).toHaveLength(1);
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\son\w+=|url\(|@import|style="/i);
    expect(page.match(/(?:href|src)="([^"]*)"/g)?.filter((one) => !one.startsWith('href="#'))).toEqual([]);
  });

  it('holds for readers who do not see: language, a title, captions, headers, one first heading', () => {
    const page = renderHtml(hostileCase('plain words'));

    expect(page).toContain('<html lang="en">');
    expect(page.match(/<h1>/g)).toHaveLength(1);
    expect(page.match(/<table/g)!.length).toBe(page.match(/<caption>/g)!.length);
    for (const [, id] of page.matchAll(/aria-labelledby="([^" ]+)/g)) expect(page).toContain(`id="${id}"`);
    for (const [, id] of page.matchAll(/href="#([^"]+)"/g)) expect(page).toContain(`id="${id}"`);
  });
});

const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (program) => spawnSync(program, ['--version']).status === 0,
);
if (CHROMIUM === undefined)
  process.stderr.write('SKIPPED: no Chromium here, so no browser opened the hostile reports\n');

describe('a real browser', () => {
  it.skipIf(CHROMIUM === undefined)(
    'sees the hostile names as text: no script ran, no element came of them',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'bridgewatch-chromium-'));
      try {
        // All names in one page: each as a finding.
        const page = renderHtml(hostileCase(NAMES.slice(0, 6).join(' ')));
        const path = join(folder, 'report.html');
        writeFileSync(path, page);
        // A browser calls home by itself; as root it is given no network to do that on.
        const alone = process.getuid?.() === 0 ? ['unshare', '--net'] : [];
        const [program = '', ...argv] = [...alone, CHROMIUM!];
        const { stdout, status } = spawnSync(
          program,
          [
            ...argv,
            ...['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${folder}/profile`],
            ...['--no-first-run', '--disable-background-networking', '--disable-sync'],
            ...['--dump-dom', pathToFileURL(path).href],
          ],
          { encoding: 'utf8', timeout: 60_000 },
        );

        expect(status).toBe(0);
        expect(stdout).toContain('</html>');
        expect(stdout).not.toMatch(/<script|<img|<b>/i);
        expect(/<title>([^<]*)<\/title>/.exec(stdout)?.[1]).not.toBe('owned');
        expect(tagsOf(stdout).length).toBe(tagsOf(page).length);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    90_000,
  );
});

/** The start tags with the names of their attributes, as a browser would read them; classes depend on lengths. */
function tagsOf(page: string): string[] {
  const body = page.replace(/<!DOCTYPE[^>]*>/i, '').replace(/(<style>)[^<]*/, '$1');
  return [...body.matchAll(/<([a-z][a-z0-9]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*\/?>/gi)].map(
    ([, name, rest]) =>
      [
        name,
        ...[...rest!.matchAll(/([\w:-]+)=?(?:"[^"]*")?/g)]
          .map(([, attribute]) => attribute)
          .filter((attribute) => attribute !== 'class'),
      ].join(' '),
  );
}

/** Without what is escaped, and without code. */
function bare(text: string): string {
  return text
    .replaceAll(/\\[!-/:-@[-`{-~]/g, '')
    .replaceAll(/```sh\n[\s\S]*?\n *```\n/g, '')
    .replaceAll(/`[^`\n]*`/g, '');
}

/** The first line of the table that a line stands in. */
function headOf(text: string, line: string): string {
  const lines = text.split('\n');
  let at = lines.indexOf(line);
  while (lines[at - 1]?.startsWith('|') === true) at--;
  return lines[at]!;
}
