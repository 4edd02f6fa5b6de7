/** `audit --compose` as a CI job runs it: no engine, exit codes, each form of the report. */
import { describe, expect, it } from 'vitest';
import type { AuditRecord } from '../../src/cli/lib/records.ts';
import { bridgewatch, NOT_BUILT } from '../cli/support/bridgewatch.ts';
import { folderOf } from '../compose/support.ts';
import { outputSchema } from '../support/output-schema.ts';

if (NOT_BUILT !== undefined) console.warn(`SKIPPED: Compose files before they are deployed: ${NOT_BUILT}`);

const folder = folderOf({
  'compose.yaml': `
services:
  db: { image: "postgres:17", ports: ["5432:5432"], networks: [front] }
  web: { image: nginx, cap_drop: [ALL], networks: [front], prots: [] }
  adm: { image: adminer, profiles: [debug], privileged: true }
networks: { front: {} }
`,
  'compose.override.yaml': 'services: {db: {ports: !override ["127.0.0.1:5432:5432"]}}',
  'broken.yaml': 'services:\n  web: { image: nginx, networks: [frnt] }\nnetworks: { front: {} }\n',
});
/** A socket that is none: who asked an engine would end with exit code 3. */
const NO_ENGINE = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };
const audit = (...args: readonly string[]) =>
  bridgewatch(['audit', '--compose', ...args], { cwd: folder, env: NO_ENGINE });

describe.skipIf(NOT_BUILT !== undefined)('audit --compose', () => {
  it('fails the job by what one file would open, and not by what its override mends', async () => {
    const [open, mended] = await Promise.all([
      audit('compose.yaml', '--fail-on', 'high'),
      audit('.', '--fail-on', 'high'),
    ]);

    expect([open.code, mended.code]).toEqual([1, 0]);
    expect(open.stdout).toMatch(/^\d+ checks over shop of compose\.yaml before it is deployed, 2 services: /);
    expect(open.stdout).toContain('HIGH  published-sensitive-port');
    expect(mended.stdout).toContain('compose.yaml, compose.override.yaml');
    expect(open.stdout).toMatch(
      /== not audited: services of other profiles, or scaled to nothing: 1\n\nadm\n/,
    );
    expect(open.stdout).toContain('"prots", which Compose does not know; did you mean ports?');
    expect(open.stdout).not.toContain('== not known');
  });

  it('prints records that the schema knows, with file and line; remarks go to stderr', async () => {
    const { stdout, stderr, code } = await audit('compose.yaml', '--profile', 'debug', '--json');
    const lines = stdout.trim().split('\n');
    const schema = outputSchema();
    const failed = lines
      .map((line) => JSON.parse(line) as AuditRecord)
      .filter(({ outcome }) => outcome === 'fail');

    expect(code).toBe(0);
    expect(lines.flatMap((line) => schema.problems(JSON.parse(line)))).toEqual([]);
    expect(failed.find(({ check }) => check === 'privileged')!.objects).toEqual([
      { kind: 'container', name: 'shop/adm', id: 'compose:shop/adm', at: { file: 'compose.yaml', line: 5 } },
    ]);
    expect(stderr).toContain('compose.yaml:4:60: the service web has "prots"');
  });

  it('says where a file is wrong, which is no failure of a check; and which one is not there', async () => {
    const [broken, gone, asked, both] = await Promise.all([
      audit('broken.yaml'),
      audit('gone.yaml'),
      audit('compose.yaml', '--check', 'engine-tcp'),
      audit('compose.yaml', '--save', 'state.json'),
    ]);

    expect([broken.code, broken.stderr]).toEqual([
      2,
      expect.stringContaining(
        'broken.yaml:2:3: the service web is on the network "frnt", which no networks: declares; did you mean front?',
      ),
    ]);
    expect([gone.code, gone.stderr]).toEqual([
      3,
      expect.stringContaining('cannot read gone.yaml: no such file'),
    ]);
    expect([asked.code, asked.stderr]).toEqual([
      2,
      expect.stringContaining('a Compose file does not tell what engine-tcp asks'),
    ]);
    expect(both.code).toBe(2);
  });
});
