/** One analyzer = one file = one test = one page = one line in the index, and all of them agree. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { analyzers } from '../../analyzers/index.ts';
import { analyzerPages, HEADINGS, sources } from '../../docs/generate-analyzers.ts';
import { isTagValid } from '../../src/model/attack.ts';
import { findingStorm } from '../../src/sensor/findings/finding-storm.ts';

const root = new URL('../../', import.meta.url);

function idsIn(folder: string, ending: string, except: readonly string[] = []): string[] {
  return readdirSync(new URL(folder, root))
    .filter((name) => name.endsWith(ending) && !except.includes(name))
    .map((name) => name.slice(0, -ending.length))
    .sort();
}

const ids = analyzers.map(({ id }) => id).sort();

describe('analyzers', () => {
  it('are the files of analyzers/', () => {
    expect(idsIn('analyzers/', '.ts', ['index.ts'])).toEqual(ids);
  });

  it('each have a test', () => {
    expect(idsIn('test/analyzers/', '.test.ts', []).filter((id) => !id.includes('.'))).toEqual(ids);
  });

  it('each have a page', () => {
    expect(idsIn('docs/analyzers/', '.md', ['README.md'])).toEqual([...ids, findingStorm.id].sort());
  });

  it('have an id each', () => {
    expect(new Set(sources.map(({ id }) => id)).size).toBe(ids.length + 1);
  });

  it('and their parts read no clock, no chance and no file', () => {
    const sources = readdirSync(new URL('analyzers/', root), { recursive: true, encoding: 'utf8' });
    const impure = sources.filter(
      (path) =>
        path.endsWith('.ts') &&
        /Date\.|Math\.random|performance\.|setTimeout|setInterval|from 'node:|process\./.test(
          readFileSync(new URL(`analyzers/${path}`, root), 'utf8'),
        ),
    );

    expect(sources).toContain('lib/dns-tunnel/client.ts');
    expect(impure).toEqual([]);
  });

  it('have pages as fresh as their definitions: else run `npm run docs`', () => {
    for (const { path, text } of analyzerPages()) expect(readFileSync(path, 'utf8')).toBe(text);
  });
});

describe.each(sources)('$id', (definition) => {
  const page = readFileSync(new URL(`docs/analyzers/${definition.id}.md`, root), 'utf8');

  it('is tagged with techniques that exist and have the tactic', () => {
    // A storm has those of the findings that it tells of.
    if (definition !== findingStorm) expect(definition.attack.length).toBeGreaterThan(0);
    expect(definition.attack.filter(({ technique, tactic }) => !isTagValid(technique, tactic))).toEqual([]);
  });

  it('refuses unknown options, and works without any', () => {
    expect(() => definition.config.parse({})).not.toThrow();
    expect(() => definition.config.parse({ no_such_option: 1 })).toThrow(/no_such_option/);
  });

  it('describes every option, with a default', () => {
    const { properties } = z.toJSONSchema(definition.config, { io: 'input' });
    const poor = Object.entries(properties ?? {}).filter(
      ([, option]) =>
        typeof option === 'boolean' || !option.description?.endsWith('.') || option.default === undefined,
    );

    expect(poor.map(([name]) => name)).toEqual([]);
  });

  it('has a page with the agreed headings in the agreed order', () => {
    expect([...page.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)).toEqual([...HEADINGS]);
  });

  it('has a page that names every message', () => {
    for (const message of Object.keys(definition.messages)) expect(page).toContain(`\`${message}\``);
  });
});
