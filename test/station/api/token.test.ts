/** The file of the token: made once, for its owner alone; one that others could know is refused, and said to be. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiToken } from '../../../src/station/api/token.ts';
import { temporaryDirectory } from '../support/harness.ts';

const GOOD = 'a-token-of-the-operator';

let directory: ReturnType<typeof temporaryDirectory>;
let path: string;
let clockMs: number;

beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory.path, 'api-token');
  clockMs = 0;
});

afterEach(() => {
  directory.remove();
});

function token(file?: string): ApiToken {
  return new ApiToken({ storePath: join(directory.path, 'bridgewatch.db'), file, clock: () => clockMs });
}

function write(text: string, mode = 0o600, to = path): void {
  writeFileSync(to, text);
  chmodSync(to, mode);
}

describe('without api.token_file', () => {
  it('is made at the first start: 256 bits, for its owner alone, and nothing else is left there', () => {
    expect(token().problem).toBeUndefined();

    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(/^[A-Za-z0-9_-]{43}\n$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory.path)).toEqual(['api-token']);
    expect(token().matches(text.trim())).toBe(true);
    expect(token().matches(text)).toBe(false);
    expect(token().matches('')).toBe(false);
  });

  it('is another one elsewhere, and the same one at the next start', () => {
    void token().problem;
    const first = readFileSync(path, 'utf8');
    void token().problem;
    expect(readFileSync(path, 'utf8')).toBe(first);

    rmSync(path);
    void token().problem;
    expect(readFileSync(path, 'utf8')).not.toBe(first);
  });

  it('is made anew when somebody removes it while the agent runs, and the old one is worth nothing then', () => {
    const kept = token();
    expect(kept.problem).toBeUndefined();
    const old = readFileSync(path, 'utf8').trim();

    rmSync(path);
    clockMs += 1000;

    expect(kept.matches(old)).toBe(false);
    expect(kept.matches(readFileSync(path, 'utf8').trim())).toBe(true);
  });

  it.each([
    ['readable by others', () => write(GOOD, 0o640), /mode 0640/],
    ['empty', () => write('\n'), /is empty/],
    ['too short', () => write('short'), /holds no token/],
    ['of two lines', () => write(`${GOOD}\n${GOOD}\n`), /holds no token/],
    ['no text', () => write(`${GOOD}\u0000\u0001`), /holds no token/],
    ['too long', () => write('a'.repeat(5000)), /too long/],
    ['a directory', () => mkdirSync(path, { mode: 0o700 }), /is no file/],
  ])('is refused when it is %s, and left as it is', (_, make, problem) => {
    make();
    const kept = token();

    expect(kept.problem).toMatch(problem);
    expect(kept.problem).toContain(path);
    expect(kept.problem).not.toContain(GOOD);
    expect(kept.matches(GOOD)).toBeUndefined();
    expect(existsSync(path)).toBe(true);
  });

  it('is not looked for behind a symbolic link', () => {
    write(GOOD, 0o600, join(directory.path, 'elsewhere'));
    symlinkSync(join(directory.path, 'elsewhere'), path);

    expect(token().problem).toMatch(/symbolic link/);
  });
});

describe('with api.token_file', () => {
  const ownFile = () => join(directory.path, 'secret');

  it.each([0o600, 0o400, 0o440, 0o640])('takes one with mode %o', (mode) => {
    write(`${GOOD}\n`, mode, ownFile());

    expect(token(ownFile()).problem).toBeUndefined();
    expect(token(ownFile()).matches(GOOD)).toBe(true);
    expect(existsSync(path)).toBe(false);
  });

  it.each([0o644, 0o604, 0o660, 0o602])('refuses one with mode %o', (mode) => {
    write(GOOD, mode, ownFile());

    expect(token(ownFile()).problem).toMatch(/others may know the token/);
    expect(token(ownFile()).matches(GOOD)).toBeUndefined();
  });

  it('is never made', () => {
    expect(token(ownFile()).problem).toMatch(/ENOENT.*api\.token_file/);
    expect(existsSync(ownFile())).toBe(false);
  });

  it('takes up another token, or a file put right, without a restart', () => {
    write(GOOD, 0o644, ownFile());
    const kept = token(ownFile());
    expect(kept.problem).toBeDefined();

    write(GOOD, 0o600, ownFile());
    clockMs += 1000;
    expect(kept.problem).toBeUndefined();
    expect(kept.matches(GOOD)).toBe(true);

    write(`${GOOD}-anew`, 0o600, ownFile());
    clockMs += 999;
    expect(kept.matches(GOOD)).toBe(true);
    clockMs += 1;
    expect(kept.matches(GOOD)).toBe(false);
    expect(kept.matches(`${GOOD}-anew`)).toBe(true);
  });
});
