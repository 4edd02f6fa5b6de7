/** `audit --save` and `--against`, over an engine that answers as one does. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { auditCommand } from '../../../src/cli/audit.ts';
import { type FakeEngine, fakeEngine } from '../../support/fake-engine.ts';
import { CONTAINER_ID, smallEngine } from '../support/small-engine.ts';

describe('audit --save and --against', () => {
  let engine: FakeEngine;
  let folder: string;
  let file: string;
  let stdout: string;
  let stderr: string;

  beforeEach(async () => {
    engine = fakeEngine(smallEngine());
    await engine.listen();
    folder = mkdtempSync(join(tmpdir(), 'bw-audit-state-'));
    file = join(folder, 'state.json');
    [stdout, stderr] = ['', ''];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      stdout += text;
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      stderr += text;
      return true;
    });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
    await engine.remove();
    rmSync(folder, { recursive: true });
  });

  const audit = (options: Parameters<typeof auditCommand>[0]) =>
    auditCommand({ socket: engine.socket, check: ['baseline-drift'], json: true, ...options });
  const answers = () =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; outcome?: string; explanation?: string })
      .filter(({ kind }) => kind === 'audit')
      .map(({ outcome }) => outcome);

  it('keeps the state, and finds nothing against it while nothing changes', async () => {
    await audit({ save: file });
    expect(answers()).toEqual(['not-applicable']);
    expect(stderr).toContain(`the state of 1 network and 1 service is saved in ${file}`);

    stdout = '';
    await audit({ against: file, failOn: 'informational' });
    expect(answers()).toEqual(['pass']);
    expect(process.exitCode).toBeUndefined();
  });

  it('finds what changed, fails by it, and says it once where the state is saved anew', async () => {
    await audit({ save: file });
    engine.setAnswer(smallEngine({ networkMode: 'host' }));

    stdout = '';
    await audit({ against: file, save: file, failOn: 'medium' });
    expect(answers()).toEqual(['fail']);
    expect(stdout).toContain("shop/db is on the host's own network.");
    expect(process.exitCode).toBe(1);

    stdout = '';
    await audit({ against: file });
    expect(answers()).toEqual(['pass']);
  });

  it('says which host a state is of, where it is of another', async () => {
    await audit({ save: file });
    writeFileSync(file, readFileSync(file, 'utf8').replace(JSON.stringify(hostname()), '"vps9"'));

    await audit({ against: file });

    expect(stderr).toContain(`was saved on vps9, and this is ${hostname()}`);
  });

  it('does nothing at all where the file is none, or is no state', async () => {
    await expect(audit({ against: file })).rejects.toThrow('it does not exist');
    writeFileSync(file, 'services: {}');
    await expect(audit({ against: file })).rejects.toThrow('is no saved state of bridgewatch');
    await expect(audit({ save: file })).rejects.toThrow('is not written over');
    expect([stdout, readFileSync(file, 'utf8')]).toEqual(['', 'services: {}']);
    expect(engine.requests).toEqual([]);
  });

  it('keeps nothing where a container could not be looked at', async () => {
    const answer = smallEngine();
    engine.setAnswer((request, response) => {
      if (request.url?.includes(`/containers/${CONTAINER_ID}/json`) !== true)
        return answer(request, response);
      response.writeHead(500, { 'content-type': 'application/json' });
      response.end('{"message":"the disk is gone"}');
    });

    await expect(audit({ save: file })).rejects.toThrow(/is not saved in .*shop-db-1 could not be looked at/);
    expect(() => readFileSync(file)).toThrow('ENOENT');
  });
});
