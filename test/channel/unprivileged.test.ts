import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { giveStore, type UnprivilegedOptions, unprivilegedCommand } from '../../src/channel/unprivileged.ts';

const USER = { name: 'keeper', uid: 4711, gid: 4712 };
const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn('SKIPPED: files given to another user: only root can');

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'bridgewatch-user-'));
  chmodSync(dir, 0o755);
  writeFileSync(join(dir, 'passwd'), 'root:x:0:0::/root:/bin/sh\nbroken\nkeeper:x:4711:4712::/:/bin/false\n');
  writeFileSync(join(dir, 'setpriv'), '');
  mkdirSync(join(dir, 'program'), { mode: 0o755 });
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function command(over: Partial<UnprivilegedOptions> = {}) {
  return unprivilegedCommand({
    file: join(dir, 'program/node'),
    args: [join(dir, 'program/main'), 'station'],
    users: ['nonesuch', 'keeper'],
    storePath: join(dir, 'state/x.db'),
    uid: 0,
    passwd: join(dir, 'passwd'),
    setprivPaths: [join(dir, 'setpriv')],
    ...over,
  });
}

describe('the process of the station', () => {
  it('is a user of its own, without groups and capabilities', () => {
    const { file, args, user, notice } = command();
    expect(file).toBe(join(dir, 'setpriv'));
    expect(args).toEqual([
      '--no-new-privs',
      '--inh-caps=-all',
      '--ambient-caps=-all',
      '--reuid=4711',
      '--regid=4712',
      '--clear-groups',
      '--bounding-set=-all',
      '--',
      join(dir, 'program/node'),
      join(dir, 'program/main'),
      'station',
    ]);
    expect(user).toEqual(USER);
    expect(notice).toBeUndefined();
  });

  it('is that user by the kernel alone where there is no setpriv', () => {
    const { file, uid, gid } = command({ setprivPaths: [] });
    expect({ file, uid, gid }).toEqual({ file: join(dir, 'program/node'), uid: 4711, gid: 4712 });
  });

  it('keeps the user of an agent that is not root', () => {
    const { args, user } = command({ uid: 1000 });
    expect(args.slice(0, 4)).toEqual(['--no-new-privs', '--inh-caps=-all', '--ambient-caps=-all', '--']);
    expect(user).toBeUndefined();
  });

  it.each<[string, () => Partial<UnprivilegedOptions>, string]>([
    ['there is no such user', () => ({ users: ['nonesuch'] }), 'no user nonesuch'],
    ['root is no user for it', () => ({ users: ['root'] }), 'no user root'],
    [
      'it could not enter the folder of the program',
      () => {
        chmodSync(join(dir, 'program'), 0o700);
        return {};
      },
      'keeper may not enter',
    ],
    [
      'it could not enter the folder above the database',
      () => {
        mkdirSync(join(dir, 'closed'), { mode: 0o700 });
        return { storePath: join(dir, 'closed/state/x.db') };
      },
      'where the database is',
    ],
    [
      'it could not write beside the database, and files of others are there',
      () => {
        mkdirSync(join(dir, 'state'), { mode: 0o755 });
        writeFileSync(join(dir, 'state/other'), '');
        return {};
      },
      'and other files are there',
    ],
  ])('stays root without capabilities, and says so, where %s', (_, prepare, words) => {
    const { args, user, notice } = command(prepare());
    expect(notice).toContain(words);
    expect(user).toBeUndefined();
    expect(args).toContain('--bounding-set=-all');
    expect(args.join(' ')).not.toContain('reuid');
  });

  it('may write into a folder of its group', () => {
    mkdirSync(join(dir, 'state'), { mode: 0o755 });
    writeFileSync(join(dir, 'state/other'), '');
    chmodSync(join(dir, 'state'), 0o777);
    expect(command().user).toEqual(USER);
  });
});

describe.skipIf(!isRoot)('the database of the station', () => {
  const owner = (path: string) => [statSync(path).uid, statSync(path).gid];

  it('is given to its user, with its folder, made where it is missing', () => {
    giveStore(join(dir, 'state/x.db'), USER);
    expect(owner(join(dir, 'state'))).toEqual([4711, 4712]);
    writeFileSync(join(dir, 'state/x.db-wal'), '');
    giveStore(join(dir, 'state/x.db'), USER);
    expect(owner(join(dir, 'state/x.db-wal'))).toEqual([4711, 4712]);
  });

  it('is given with the token that an agent of one process left beside it, and its folder then too', () => {
    mkdirSync(join(dir, 'state'), { mode: 0o750 });
    for (const name of ['x.db', 'api-token']) writeFileSync(join(dir, 'state', name), '');

    expect(command().user).toEqual(USER);
    giveStore(join(dir, 'state/x.db'), USER);

    for (const name of ['x.db', 'api-token', '.'])
      expect(statSync(join(dir, 'state', name)).uid).toBe(USER.uid);
  });

  it("is not a way to be given what is another's: neither by a symbolic link nor by a second name", () => {
    giveStore(join(dir, 'state/x.db'), USER);
    writeFileSync(join(dir, 'secret'), '');
    linkSync(join(dir, 'secret'), join(dir, 'state/x.db-hard'));
    symlinkSync(join(dir, 'secret'), join(dir, 'state/x.db-soft'));
    giveStore(join(dir, 'state/x.db'), USER);
    expect(owner(join(dir, 'secret'))).toEqual([0, 0]);
  });

  it('takes nothing from others: their files and their folder stay theirs', () => {
    mkdirSync(join(dir, 'state'));
    chownSync(join(dir, 'state'), 5, 5);
    writeFileSync(join(dir, 'state/x.db'), '');
    writeFileSync(join(dir, 'state/other'), '');
    giveStore(join(dir, 'state/x.db'), USER);
    expect(owner(join(dir, 'state/x.db'))).toEqual([4711, 4712]);
    expect(owner(join(dir, 'state/other'))).toEqual([0, 0]);
    expect(owner(join(dir, 'state'))).toEqual([5, 5]);
  });
});
