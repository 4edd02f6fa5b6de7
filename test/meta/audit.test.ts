/** One check = one file = one test = one page, and the tables of docs/audit/README.md name checks that exist. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AUDIT_HEADINGS, auditPages } from '../../docs/generate-audit.ts';
import { checks } from '../../src/sensor/audit/checks.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const ids = checks.map(({ id }) => id).sort();

function idsIn(folder: string, ending: string): string[] {
  return readdirSync(new URL(folder, root))
    .filter((name) => name.endsWith(ending) && name !== 'README.md')
    .map((name) => name.slice(0, -ending.length))
    .sort();
}

/** What of the CIS Docker Benchmark 1.6.0 is about networks, or about rights that defeat them. */
const CIS = '2.2 2.4 2.7 2.15 2.16 5.4 5.5 5.6 5.8 5.9 5.10 5.14 5.16 5.30 5.32 7.2 7.3 7.5 7.7'.split(' ');

describe('checks of the audit', () => {
  it('are the files of src/sensor/audit/checks, each once', () => {
    expect(idsIn('src/sensor/audit/checks/', '.ts')).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('each have a test and a page', () => {
    expect(idsIn('test/sensor/audit/checks/', '.test.ts')).toEqual(ids);
    expect(idsIn('docs/audit/', '.md')).toEqual(ids);
  });

  it('read no clock, no chance, no file, and no engine', () => {
    const folders = ['checks', 'lib', 'assurance'].map((name) => `src/sensor/audit/${name}/`);
    const sources = folders.flatMap((folder) =>
      readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => folder + name),
    );
    const impure = sources.filter((path) =>
      /Date\.|Math\.random|performance\.|setTimeout|from 'node:|process\.|client\.ts|gather\.ts/.test(
        read(path),
      ),
    );

    expect(sources).toContain('src/sensor/audit/lib/engine-cves.ts');
    expect(impure).toEqual([]);
  });

  it('have pages as fresh as their definitions: else run `npm run docs`', () => {
    for (const { path, text } of auditPages()) expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it.each(ids)('%s has all sections on its page, none of them empty', (id) => {
    const page = read(`docs/audit/${id}.md`);

    for (const heading of AUDIT_HEADINGS) expect(page).toMatch(new RegExp(`\n## ${heading}\n\n[^#\n]`));
    expect([...page.matchAll(/\]\(([a-z./-]+\.(?:md|ts))\)/g)].map(([, path]) => path!)).toSatisfy(
      (paths: string[]) =>
        paths.every(
          (path) =>
            read(new URL(path, new URL('docs/audit/', root)).pathname.slice(root.pathname.length)) !== '',
        ),
    );
  });
});

describe('docs/audit/README.md', () => {
  const page = read('docs/audit/README.md');
  const table = (heading: string): { readonly item: string; readonly checks: readonly string[] }[] => {
    const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
    return section
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| --'))
      .slice(1)
      .map((line) => {
        const [item = '', cell = ''] = line
          .slice(1, -1)
          .split('|')
          .map((text) => text.trim());
        return {
          item,
          checks: cell
            .replaceAll(/\([^)]*\)/g, '')
            .split(/[,;]/)
            .map((text) => text.trim()),
        };
      });
  };
  const mistakes = table('The ten common misconfigurations');
  const checklist = table('The usual hardening checklist');
  const rows = [...mistakes, ...checklist];

  it('has the ten, and the checklist', () => {
    expect(mistakes).toHaveLength(10);
    expect(checklist.length).toBeGreaterThan(20);
  });

  it.each(rows)('says which check is about: $item', ({ checks: named }) => {
    expect(named.filter((name) => !ids.includes(name))).toEqual([]);
  });

  it('has a check that says so for each recommendation of the benchmark', () => {
    const cisOf = (name: string) => checks.find(({ id }) => id === name)?.cis ?? [];
    const numbered = checklist.flatMap(({ item, checks: named }) => {
      const number = /^\d+\.\d+/.exec(item)?.[0];
      return number === undefined ? [] : [{ number, said: named.flatMap(cisOf) }];
    });

    expect(numbered.map(({ number }) => number)).toEqual(CIS);
    expect(numbered.filter(({ number, said }) => !said.includes(number))).toEqual([]);
  });

  it('leaves out no check, and no recommendation that a check says it answers', () => {
    const named = new Set(rows.flatMap((row) => row.checks));
    const items = new Set(checklist.map(({ item }) => item.split(' ')[0]));

    expect(ids.filter((id) => !named.has(id))).toEqual([]);
    expect(checks.flatMap(({ cis = [] }) => cis).filter((id) => !items.has(id))).toEqual([]);
  });
});
