/** docs/attribution.md promises: each of its rows is held by a test, and it leaves no method and no kind out. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const page = read('docs/attribution.md');

/** The cells of each row of the table under a heading, without its head. */
function rowsUnder(heading: string): string[][] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

/** Words of the method union, or of the confidence union, of src/model/endpoint.ts. */
function unionOf(field: string): string[] {
  const source = read('src/model/endpoint.ts');
  const declaration = new RegExp(`readonly ${field}:([^;]*);`).exec(source)![1]!;
  return [...declaration.matchAll(/'([^']+)'/g)].map(([, word]) => word!);
}

const cases = rowsUnder('Cases').map(([name, method, certainty, limits, test]) => ({
  name: name!,
  method: method!,
  certainty: certainty!,
  limits: limits!,
  test: test ?? '',
}));

describe('the page about attribution', () => {
  it('explains each method, and no other', () => {
    const explained = rowsUnder('Methods').map(([method]) => method!.replaceAll('`', ''));

    expect(explained.toSorted()).toEqual(unionOf('method').toSorted());
  });

  it.each(cases)('has a test for: $name', ({ test }) => {
    const [, file, title] = /^`([^`]+)`: (.+)$/.exec(test) ?? [];

    expect(file, 'a file under test/, then a colon, then the name of the test').toBeDefined();
    expect(existsSync(join(ROOT, 'test', file!)), `test/${file}`).toBe(true);
    expect(read(`test/${file}`).replace(/%s/g, ''), `a test of that name in test/${file}`).toContain(
      `'${title}'`,
    );
  });

  it.each(cases)('speaks of certainty in the words of the records: $name', ({ method, certainty }) => {
    const methods = [...method.matchAll(/`([^`]+)`/g)].map(([, word]) => word!);
    const words = certainty.match(/certain|likely|ambiguous/g) ?? [];

    for (const word of methods) expect(unionOf('method')).toContain(word);
    // What cannot be seen has neither.
    if (method !== '') expect(certainty === 'as the container' ? ['likely'] : words).not.toEqual([]);
    else expect(certainty).toBe('');
  });

  it('has a row for each kind of container that is tested', () => {
    const source = read('test/integration/identity-kinds.test.ts');
    const plain = [...source.matchAll(/^\s+it\('([^']+)'/gm)].map(([, title]) => title!);

    expect(plain.length).toBeGreaterThan(10);
    expect(plain.filter((title) => !page.includes(title))).toEqual([]);
  });

  it('says what its reader must know of what cannot be seen', () => {
    for (const { method, limits } of cases) if (method === '') expect(limits).not.toBe('');
  });
});
