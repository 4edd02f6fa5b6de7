/** docs/operations.md and docs/losses.md promise: each of their rows is held by a test. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const rows = ['docs/operations.md', 'docs/losses.md']
  .flatMap((page) => read(page).split('\n'))
  .filter((line) => line.startsWith('|') && !line.startsWith('|---') && !line.endsWith('| test |'))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
  .map(([happens, does, test]) => ({ happens: happens!, does: does!, test: test ?? '' }));

describe('the pages about what goes away and what is lost', () => {
  it('has rows', () => {
    expect(rows.length).toBeGreaterThan(30);
  });

  it.each(rows)('has a test for: $happens', ({ does, test }) => {
    const [, file, title] = /^`([^`]+)`: (.+)$/.exec(test) ?? [];

    expect(does).not.toBe('');
    expect(file, 'a file under test/, then a colon, then the name of the test').toBeDefined();
    expect(existsSync(join(ROOT, 'test', file!)), `test/${file}`).toBe(true);
    expect(read(`test/${file}`), `a test of that name in test/${file}`).toContain(`it('${title}'`);
  });
});
