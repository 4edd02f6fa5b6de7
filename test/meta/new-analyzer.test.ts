/** The scaffold, in a copy of what it writes to: what it makes passes as it is, by the same tests that all others must. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newAnalyzer } from '../../scripts/new-analyzer.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = ['analyzers', 'docs', 'test/analyzers', 'test/meta/analyzers.test.ts', 'test/support'];
const LINKED = ['src', 'capture', 'node_modules'];
const CONFIGURED = ['package.json', 'tsconfig.json', 'vitest.config.ts'];

describe('npm run new:analyzer', () => {
  let copy: string;

  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), 'bridgewatch-new-analyzer-'));
    mkdirSync(join(copy, 'test/meta'), { recursive: true });
    for (const path of [...COPIED, ...CONFIGURED])
      cpSync(join(ROOT, path), join(copy, path), { recursive: true });
    for (const path of LINKED) symlinkSync(join(ROOT, path), join(copy, path));
  });
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  const run = (tool: string, ...words: string[]) =>
    spawnSync(join(ROOT, 'node_modules/.bin', tool), words, { cwd: copy, encoding: 'utf8' });

  it('makes an analyzer that passes its own tests and those for all, and is formatted', () => {
    const written = newAnalyzer(copy, 'no-such-port');
    const pages = 'const { analyzerPages: p } = await import("./docs/generate-analyzers.ts");';
    const write = 'for (const { path, text } of p()) (await import("node:fs")).writeFileSync(path, text);';
    expect(run('tsx', '--eval', `(async () => { ${pages} ${write} })()`)).toMatchObject({ status: 0 });

    const tests = ['test/analyzers/no-such-port.test.ts', 'test/meta/analyzers.test.ts'];
    const { status, stdout, stderr } = run('vitest', 'run', '--project', 'unit', ...tests);

    expect(status, `${stdout}\n${stderr}`).toBe(0);
    expect(stdout).toMatch(/no-such-port\.test\.ts/);
    for (const path of written.filter((each) => each.endsWith('.ts'))) {
      const input = readFileSync(join(copy, path), 'utf8');
      const biome = join(ROOT, 'node_modules/.bin/biome');
      const formatted = spawnSync(biome, ['format', `--stdin-file-path=${path}`], {
        cwd: ROOT,
        encoding: 'utf8',
        input,
      });
      expect(formatted).toMatchObject({ status: 0, stdout: input });
    }
  });

  it('keeps the index in order', () => {
    newAnalyzer(copy, 'a-first');
    newAnalyzer(copy, 'zz-last');
    const index = readFileSync(join(copy, 'analyzers/index.ts'), 'utf8');

    expect(index).toMatch(/^import aFirst from '\.\/a-first\.ts';\nimport /m);
    expect(index).toMatch(/\nimport zzLast from '\.\/zz-last\.ts';\n\n/);
    expect(index).toMatch(/\[\n {2}aFirst,\n(?:.*\n)* {2}zzLast,\n\];\n$/);
  });

  it('overwrites nothing', () => {
    expect(() => newAnalyzer(copy, 'dns-tunnel')).toThrow(/analyzers\/dns-tunnel\.ts, .* exists already/);
  });

  it.each(['DnsTunnel', '../escape', 'two--hyphens', '', '9th'])('refuses %o, which is no id', (id) => {
    expect(() => newAnalyzer(copy, id)).toThrow(/is no id/);
  });
});
