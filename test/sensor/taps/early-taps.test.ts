import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EarlyTaps } from '../../../src/sensor/taps/early-taps.ts';
import { type HeldSource, heldSource } from '../../support/held-source.ts';

const SANDBOX = 'abcdef012345';
const WAIT_GONE_MS = 300;

describe('an early tap whose namespace is gone', () => {
  let dir: string;
  let opened: HeldSource[];
  let taps: EarlyTaps;

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'bridgewatch-early-'));
    opened = [];
    taps = new EarlyTaps({
      open: async () => {
        const source = heldSource();
        opened.push(source);
        return source;
      },
      live: { interface: 'lo' },
      dirs: () => [dir],
      waitGoneMs: WAIT_GONE_MS,
    });
    taps.watch();
    writeFileSync(join(dir, SANDBOX), '');
    await until(() => opened.length === 1);
    rmSync(join(dir, SANDBOX));
    // The kernel tells in order: when this one is open, the removal was heard of.
    writeFileSync(join(dir, '0123456789ab'), '');
    await until(() => opened.length === 2);
  });

  afterEach(() => {
    taps.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('is kept for the container that the engine tells of a moment later', async () => {
    expect(await taps.take(SANDBOX)).toBeDefined();
    expect(opened[0]!.isClosed).toBe(false);
  });

  it('is closed when nobody claims it', async () => {
    await until(() => opened[0]!.isClosed);

    expect(taps.has(SANDBOX)).toBe(false);
  });

  function until(condition: () => boolean): Promise<void> {
    return vi.waitFor(() => expect(condition()).toBe(true), { timeout: 5000, interval: 2 });
  }
});
