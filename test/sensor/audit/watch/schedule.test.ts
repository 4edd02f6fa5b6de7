import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AuditTrigger } from '../../../../src/model/audit-run.ts';
import { AuditSchedule } from '../../../../src/sensor/audit/watch/schedule.ts';

const HOUR_MS = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface World {
  readonly schedule: AuditSchedule;
  /** `SECONDS TRIGGER` of each audit. */
  readonly runs: string[];
  tookMs: number;
  isEngineThere: boolean;
}

function world(): World {
  const began = performance.now();
  const it: World = {
    runs: [],
    tookMs: 0,
    isEngineThere: true,
    schedule: new AuditSchedule({
      settleMs: 5_000,
      pauseMs: 60_000,
      everyMs: 24 * HOUR_MS,
      run: async (trigger: AuditTrigger) => {
        it.runs.push(`${(performance.now() - began) / 1000} ${trigger}`);
        if (it.tookMs > 0) await new Promise((resolve) => setTimeout(resolve, it.tookMs));
        return it.isEngineThere;
      },
    }),
  };
  return it;
}

const pass = (secs: number) => vi.advanceTimersByTimeAsync(secs * 1000);

describe('when the running agent audits', () => {
  it('once at the start, when nothing has changed for the quiet time, and not a moment before', async () => {
    const { schedule, runs } = world();
    schedule.start();
    await pass(3);
    schedule.changed();
    await pass(4.999);
    const early = [...runs];
    await pass(0.001);

    expect(early).toEqual([]);
    expect(runs).toEqual(['8 start']);
  });

  it('again when as much time has passed as it should, where nothing changes', async () => {
    const { schedule, runs } = world();
    schedule.start();
    await pass(5 + 3 * 24 * 3600);

    expect(runs).toEqual(['5 start', '86405 schedule', '172805 schedule', '259205 schedule']);
  });

  it('after a change on a quiet host, within the quiet time', async () => {
    const { schedule, runs } = world();
    schedule.start();
    await pass(1000);
    schedule.changed();
    await pass(10);

    expect(runs).toEqual(['5 start', '1005 change']);
  });

  it('once for changes that come together', async () => {
    const { schedule, runs } = world();
    schedule.start();
    await pass(1000);
    for (let i = 0; i < 10; i++) {
      schedule.changed();
      await pass(1);
    }
    await pass(600);

    expect(runs).toEqual(['5 start', '1014 change']);
  });

  it('not for each second of a host that starts a container each second, and yet now and then', async () => {
    const { schedule, runs } = world();
    schedule.start();
    for (let i = 0; i < 600; i++) {
      schedule.changed();
      await pass(1);
    }

    // At first no longer than six quiet times, then with the pause between two.
    expect(runs[0]).toBe('30 start');
    expect(runs.slice(1, 4)).toEqual(['90 change', '150 change', '210 change']);
    expect(runs).toHaveLength(10);
  });

  it('seldomer where an audit takes long: no more than a sixth of the time', async () => {
    const it = world();
    it.tookMs = 20_000;
    it.schedule.start();
    for (let i = 0; i < 260; i++) {
      it.schedule.changed();
      await pass(1);
    }

    expect(it.runs).toEqual(['30 start', '150 change']);
  });

  it('for what changes during an audit too, after the pause', async () => {
    const it = world();
    it.tookMs = 1_000;
    it.schedule.start();
    await pass(5.5);
    it.schedule.changed();
    await pass(200);

    expect(it.runs).toEqual(['5 start', '66 change']);
  });

  it('again each minute while the engine is away, and at once when it comes back', async () => {
    const it = world();
    it.isEngineThere = false;
    it.schedule.start();
    await pass(130);
    it.isEngineThere = true;
    it.schedule.changed();
    await pass(100);

    expect(it.runs).toEqual(['5 start', '65 start', '125 start', '135 start']);
  });

  it('no more once it is stopped', async () => {
    const { schedule, runs } = world();
    schedule.start();
    await pass(10);
    schedule.stop();
    schedule.changed();
    await pass(2 * 24 * 3600);

    expect(runs).toEqual(['5 start']);
  });
});
