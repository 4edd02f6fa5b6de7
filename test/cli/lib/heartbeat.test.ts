import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  HEARTBEAT_INTERVAL_MS,
  HEARTBEAT_STALE_MS,
  heartbeatPath,
  readHeartbeat,
  startHeartbeat,
} from '../../../src/cli/lib/heartbeat.ts';
import { temporaryDirectory } from '../../station/support/harness.ts';

describe('the heartbeat', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let path: string;
  let errors: Error[];
  const onError = (error: Error) => void errors.push(error);

  beforeEach(() => {
    vi.useFakeTimers();
    directory = temporaryDirectory();
    path = heartbeatPath(join(directory.path, 'bridgewatch.db'));
    errors = [];
  });
  afterEach(() => {
    vi.useRealTimers();
    directory.remove();
  });

  it('is there at once, with what is wrong, and is renewed well before it counts as stale', () => {
    const problems = ['the disk is full'];
    const stop = startHeartbeat(path, () => problems, onError);
    const first = readHeartbeat(path);
    problems.pop();

    vi.advanceTimersByTime(HEARTBEAT_INTERVAL_MS);

    expect(first).toEqual({
      time: expect.any(Number),
      pid: process.pid,
      problems: ['the disk is full'],
    });
    expect(readHeartbeat(path)).toEqual({ time: Date.now(), pid: process.pid, problems: [] });
    expect(HEARTBEAT_STALE_MS).toBeGreaterThanOrEqual(3 * HEARTBEAT_INTERVAL_MS);
    stop();
  });

  it('goes with the agent, and does not come back', () => {
    const stop = startHeartbeat(path, () => [], onError);

    stop();
    vi.advanceTimersByTime(10 * HEARTBEAT_INTERVAL_MS);

    expect(existsSync(path)).toBe(false);
    expect(readHeartbeat(path)).toEqual({ missing: expect.stringContaining(path) });
  });

  it('that cannot be written is told once, and again after it could be', () => {
    mkdirSync(path);
    const stop = startHeartbeat(path, () => [], onError);
    vi.advanceTimersByTime(3 * HEARTBEAT_INTERVAL_MS);
    expect(errors).toHaveLength(1);

    rmdirSync(path);
    vi.advanceTimersByTime(HEARTBEAT_INTERVAL_MS);
    expect(readHeartbeat(path)).toMatchObject({ pid: process.pid });
    rmSync(path);
    mkdirSync(path);
    vi.advanceTimersByTime(3 * HEARTBEAT_INTERVAL_MS);
    expect(errors).toHaveLength(2);

    expect(stop).not.toThrow();
  });

  it('is never seen half written: what is there is whole', () => {
    const stop = startHeartbeat(path, () => ['x'.repeat(10_000)], onError);

    for (let i = 0; i < 5; i++) {
      vi.advanceTimersByTime(HEARTBEAT_INTERVAL_MS);
      expect(() => JSON.parse(readFileSync(path, 'utf8'))).not.toThrow();
    }
    stop();
  });

  it.each(['', '{"time":1', '[]', '{"time":"now","pid":1,"problems":[]}', 'null'])(
    'that is something else is said to be none: %j',
    (text) => {
      writeFileSync(path, text);

      expect(readHeartbeat(path)).toEqual({ missing: `${path} is not a heartbeat` });
    },
  );
});
