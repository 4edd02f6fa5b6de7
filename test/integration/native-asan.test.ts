/** The tests of the native capture again, under AddressSanitizer and UndefinedBehaviorSanitizer, and a leak check. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { missingForNative, runAsync } from '../capture/native-world.ts';

const missing = missingForNative() ?? missingSanitizer();

function missingSanitizer(): string | undefined {
  try {
    const path = execFileSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
    if (existsSync(path)) return undefined;
  } catch {
    // No compiler: said below.
  }
  console.error('SKIPPED: sanitizer run of the native capture: g++ with libasan is needed');
  return 'no libasan';
}

describe.skipIf(missing !== undefined)('native capture under sanitizers', () => {
  const script = join(import.meta.dirname, '..', 'native-asan', 'run.sh');

  it('passes its tests and leaks nothing', { timeout: 300_000 }, async () => {
    expect(await runAsync('sh', [script])).toContain('no leak in the addon');
  });
});
