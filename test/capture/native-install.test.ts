/** The package's install script: a machine that cannot build gets one loud line and a package that installs. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { missingForNative } from './native-world.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const NATIVE = join('capture', 'native');

describe('install script of the binding', () => {
  let copy: string;
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), 'bridgewatch-install-'));
    mkdirSync(join(copy, 'capture'));
    const filter = (path: string) => !path.startsWith(join(ROOT, NATIVE, 'build'));
    cpSync(join(ROOT, NATIVE), join(copy, NATIVE), { recursive: true, filter });
  });
  afterEach(() => rmSync(copy, { recursive: true, force: true }));

  function install(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const script = join(copy, NATIVE, 'install.mjs');
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    return { status, stdout, lines: stderr.trim().split('\n') };
  }

  it('succeeds with one loud line when the compiler fails, and says what to do', { timeout: 60_000 }, () => {
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));

    const { status, stdout, lines } = install([], { CXX: 'false', CC: 'false' });

    expect([status, stdout, lines.length]).toEqual([0, '', 1]);
    expect(lines[0]).toMatch(/LIBPCAP BINDING WAS NOT BUILT \(.+\): .*portable.*npm run build:native$/);
    expect(existsSync(join(copy, NATIVE, 'build/Release/bridgewatch_pcap.node'))).toBe(false);
  });

  it('fails, with the output of the build, when the binding is required', { timeout: 60_000 }, () => {
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));

    const { status, lines } = install(['--required'], { CXX: 'false', CC: 'false' });

    expect(status).toBe(1);
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.at(-1)).toMatch(/the libpcap binding cannot be built: .+/);
  });

  it('succeeds with one loud line without node-gyp', () => {
    const { status, lines } = install([]);

    expect([status, lines.length]).toEqual([0, 1]);
    expect(lines[0]).toMatch(/NOT BUILT \(Cannot find module 'node-gyp/);
  });

  it.skipIf(missingForNative() !== undefined)(
    'builds nothing when the binding is newer than its sources',
    () => {
      cpSync(
        join(ROOT, NATIVE, 'build', 'Release', 'bridgewatch_pcap.node'),
        join(copy, NATIVE, 'build', 'Release', 'bridgewatch_pcap.node'),
      );

      expect(install([], { PATH: '/none' })).toEqual({ status: 0, stdout: '', lines: [''] });
    },
  );
});
