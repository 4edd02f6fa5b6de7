import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diagnoseRunningAgent } from '../../../src/cli/doctor/running-agent.ts';
import { heartbeatPath, startHeartbeat } from '../../../src/cli/lib/heartbeat.ts';
import type { Diagnosis } from '../../../src/model/diagnosis.ts';
import { sample } from '../../../src/model/metric.ts';
import { metric } from '../../../src/model/metric-catalogue.ts';
import { auditConfig } from '../../../src/sensor/audit/config.ts';
import { startTestApi, type TestApi } from '../../station/api/support.ts';
import { auditRun, loss } from '../../station/support/records.ts';

const AUDIT = auditConfig.parse({});

let api: TestApi;
let stopHeartbeat = () => {};

beforeEach(async () => {
  api = await startTestApi({ now: () => Date.now() * 1000 });
});

afterEach(async () => {
  stopHeartbeat();
  await api.stop();
});

function beat(problems: readonly string[] = []): void {
  stopHeartbeat = startHeartbeat(
    heartbeatPath(api.storePath),
    () => problems,
    (error) => {
      throw error;
    },
  );
}

async function diagnosed(): Promise<Record<string, Diagnosis>> {
  return Object.fromEntries(
    (await diagnoseRunningAgent(api.storePath, AUDIT)).map((each) => [each.check, each]),
  );
}

/** Of this moment. */
function lossNow(count: number, where: string) {
  const time = Date.now() * 1000;
  return loss(1, { source: 'kernel-ring', where, count, time, first: time, last: time });
}

describe('what doctor says of the agent that runs', () => {
  it('none does: one line, and no fault', async () => {
    const found = await diagnoseRunningAgent(api.storePath, AUDIT);

    expect(found).toMatchObject([{ check: 'agent', outcome: 'ok' }]);
    expect(found[0]!.detail).toContain('none runs with this database');
  });

  it('all is well: what was read, and that nothing was lost lately', async () => {
    beat();
    api.station.hearState({
      problems: [],
      metrics: [
        metric('bridgewatch_captured_packets_total', [
          sample(40, { vantage: 'bridge', network: 'a' }),
          sample(2, { vantage: 'bridge', network: 'b' }),
        ]),
        metric('bridgewatch_kernel_dropped_packets_total', [sample(1, { vantage: 'bridge', network: 'a' })]),
        metric('bridgewatch_open_taps', [sample(3, { vantage: 'bridge' })]),
      ],
    });
    const found = await diagnosed();

    expect(found['agent']).toMatchObject({ outcome: 'ok' });
    expect(found['packets']!.detail).toBe(
      '42 read through 3 taps since its start, 1 dropped by the kernel, 0 by interfaces',
    );
    expect(found['losses']).toMatchObject({ outcome: 'ok', detail: 'none in the last 15 minutes' });
  });

  it('when it audited the host last, what came of it, and what it could not see', async () => {
    beat();
    expect((await diagnosed())['last audit']).toMatchObject({
      outcome: 'ok',
      detail: expect.stringMatching(/^none yet/),
    });

    await api.receive(auditRun(1, { time: (Date.now() - 3_600_000) * 1000, unknown: [] }));
    expect((await diagnosed())['last audit']).toMatchObject({
      outcome: 'ok',
      detail: '1 h ago: 3 failures (1 high, 2 medium), 3 findings',
    });

    await api.receive(auditRun(2, { time: (Date.now() - 1_000_000) * 1000 }));
    expect((await diagnosed())['last audit']).toMatchObject({
      outcome: 'warn',
      detail: expect.stringMatching(/could not see all: bridge-nf-call, address-overlap: Not known/),
    });
  });

  it('that an audit is missing, half as long again after it should have been', async () => {
    beat();
    const hoursAgo = (hours: number) => (Date.now() - hours * 3_600_000) * 1000;
    await api.receive(auditRun(1, { time: hoursAgo(37), unknown: [] }));
    expect((await diagnosed())['last audit']).toMatchObject({
      outcome: 'warn',
      detail: expect.stringContaining('another should have followed'),
    });

    await api.receive(auditRun(2, { time: hoursAgo(35), unknown: [] }));
    expect((await diagnosed())['last audit']?.outcome).toBe('ok');
  });

  it('the same problems as the heartbeat has', async () => {
    beat(['network web is not covered: gone']);

    expect((await diagnosed())['agent']).toMatchObject({
      outcome: 'warn',
      detail: expect.stringContaining('network web is not covered: gone'),
    });
  });

  it('losses of the last minutes by place, not older ones', async () => {
    beat();
    const old = (Date.now() - 16 * 60_000) * 1000;
    await api.receive(
      lossNow(3, 'shop'),
      lossNow(4, 'shop'),
      lossNow(5, 'web'),
      loss(2, { source: 'flow-table', where: 'x', count: 99, time: old, first: old, last: old }),
    );

    expect((await diagnosed())['losses']).toMatchObject({
      outcome: 'warn',
      detail: 'in the last 15 minutes: 7 in kernel-ring (shop), 5 in kernel-ring (web)',
    });
  });

  it('a sink that is behind: how many wait and for how long, what was refused and given up', async () => {
    beat();
    const of = { sink: 'webhook ops' };
    // As the station tells of its sinks; this one has none.
    api.station.hearState({
      problems: [],
      metrics: [
        metric('bridgewatch_sink_state', [
          sample(0, { ...of, state: 'ok' }),
          sample(1, { ...of, state: 'retrying' }),
        ]),
        metric('bridgewatch_sink_queued_records', [
          sample(4, { ...of, lane: 'finding' }),
          sample(1, { ...of, lane: 'event' }),
        ]),
        metric('bridgewatch_sink_oldest_queued_seconds', [sample(61.4, of)]),
        metric('bridgewatch_sink_dead_letters_total', [sample(2, of)]),
      ],
    });

    expect((await diagnosed())['queue webhook ops']).toMatchObject({
      outcome: 'warn',
      detail: 'retrying; 5 wait, the oldest for 61 s; nothing sent yet; 2 refused for good (dead_letters)',
    });
  });

  it('a sensor that says nothing is said to', async () => {
    beat();

    expect((await diagnosed())['packets']).toMatchObject({ outcome: 'warn' });
  });

  it('an agent that lives and cannot be asked: why', async () => {
    beat();
    await api.station.stop();

    const found = await diagnosed();
    expect(found['agent API']).toMatchObject({
      outcome: 'warn',
      detail: expect.stringContaining('no agent listens'),
    });
  });
});
