import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asSinkUser, makeSinkFolders } from '../../../src/cli/run/sink-files.ts';
import type { Diagnosis } from '../../../src/model/diagnosis.ts';
import { sinksConfig } from '../../../src/station/sinks/index.ts';
import { temporaryDirectory } from '../../station/support/harness.ts';

const USER = { name: 'bridgewatch', uid: 64_321, gid: 64_321 };
const isRoot = process.getuid?.() === 0;
if (!isRoot)
  console.warn('*** not root: files cannot be given to another user, sink-files.test.ts is skipped');

describe.skipIf(!isRoot)('files of sinks, for a station that is not root', () => {
  let directory: ReturnType<typeof temporaryDirectory>;

  beforeEach(() => {
    directory = temporaryDirectory();
    chmodSync(directory.path, 0o755);
  });

  afterEach(() => directory.remove());

  const at = (...parts: readonly string[]) => join(directory.path, ...parts);
  const config = (path: string) => ({ sinks: sinksConfig.parse([{ type: 'file', name: 'log', path }]) });
  const ok: Diagnosis = { check: 'sink log', outcome: 'ok', detail: 'fine' };
  const verdict = (path: string) => asSinkUser([ok], config(path), USER)[0]!;

  it('makes a directory that is missing, and leaves one that is there to its owner', () => {
    makeSinkFolders(config(at('new', 'deep', 'x.log')), USER);
    mkdirSync(at('old'));
    makeSinkFolders(config(at('old', 'x.log')), USER);
    makeSinkFolders(config('-'), USER);

    expect(statSync(at('new'))).toMatchObject({ uid: USER.uid, gid: USER.gid });
    expect(statSync(at('new')).mode & 0o777).toBe(0o750);
    expect(statSync(at('old')).uid).toBe(0);
    expect(statSync(at('new', 'deep')).uid).toBe(USER.uid);
    expect(statSync(directory.path).uid).toBe(0);
    expect(verdict(at('new', 'deep', 'x.log'))).toEqual(ok);
  });

  it('says that the station may not write where root may, and what to do', () => {
    mkdirSync(at('old'), { mode: 0o755 });

    expect(verdict(at('old', 'x.log'))).toEqual({
      check: 'sink log',
      outcome: 'fail',
      detail: `bridgewatch may not write to ${at('old')}`,
      advice: `make a directory for it: install -d -o bridgewatch -m 0750 ${at('old')}`,
    });
    expect(verdict(at('missing', 'x.log'))).toEqual(ok);
  });

  it('looks at the file too, and at every directory on the way', () => {
    mkdirSync(at('own'));
    chownSync(at('own'), USER.uid, USER.gid);
    writeFileSync(at('own', 'x.log'), '', { mode: 0o644 });
    expect(verdict(at('own', 'x.log')).detail).toBe(`bridgewatch may not write to ${at('own', 'x.log')}`);
    chownSync(at('own', 'x.log'), USER.uid, USER.gid);
    expect(verdict(at('own', 'x.log'))).toEqual(ok);
    chmodSync(directory.path, 0o700);
    expect(verdict(at('own', 'x.log')).detail).toMatch(/^bridgewatch may not enter /);
  });

  it('changes nothing of what failed already, of other sinks, and where there is no other user', () => {
    mkdirSync(at('old'), { mode: 0o755 });
    const failed: Diagnosis = { ...ok, outcome: 'fail' };
    const other: Diagnosis = { ...ok, check: 'sink other' };

    expect(asSinkUser([failed, other], config(at('old', 'x.log')), USER)).toEqual([failed, other]);
    expect(asSinkUser([ok], config(at('old', 'x.log')), undefined)).toEqual([ok]);
  });
});
