import { afterEach, describe, expect, it } from 'vitest';
import type { MetricFamily } from '../../src/model/metric.ts';
import { ProcessMeter } from '../../src/telemetry/process-meter.ts';

let meter: ProcessMeter;
afterEach(() => meter.stop());

function delays(families: readonly MetricFamily[]): Record<string, number> {
  const { samples } = families.find(({ name }) => name === 'bridgewatch_event_loop_delay_seconds')!;
  return Object.fromEntries(samples.map(({ labels, value }) => [labels['statistic'], value]));
}

/** Waits for the meter's next interval. */
async function nextDelays(isThere: (found: Record<string, number>) => boolean) {
  const deadline = performance.now() + 5000;
  for (;;) {
    const found = delays(meter.metrics());
    if (isThere(found)) return found;
    if (performance.now() > deadline) throw new Error(`still ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('what a process tells of itself', () => {
  it('is its CPU time, memory and start, under its name', () => {
    meter = new ProcessMeter('station');
    const value = (name: string) => meter.metrics().find((family) => family.name === name)!.samples[0]!;

    expect(value('bridgewatch_process_resident_memory_bytes').labels).toEqual({ process: 'station' });
    expect(value('bridgewatch_process_resident_memory_bytes').value).toBeGreaterThan(10_000_000);
    expect(value('bridgewatch_process_cpu_seconds_total').value).toBeCloseTo(
      process.cpuUsage().user / 1e6,
      -1,
    );
    expect(
      Math.abs(value('bridgewatch_process_start_time_seconds').value - performance.timeOrigin / 1000),
    ).toBeLessThan(1);
  });

  it('knows no delay before the first interval is over', () => {
    meter = new ProcessMeter('sensor');

    expect(delays(meter.metrics())).toEqual({});
  });

  it('shows a loop that was blocked, and forgets it', async () => {
    meter = new ProcessMeter('sensor', { intervalMs: 150 });
    await nextDelays((found) => found['max'] !== undefined);
    const until = performance.now() + 200;
    while (performance.now() < until);

    const blocked = await nextDelays(({ max }) => max! > 0.1);
    expect(blocked['max']).toBeLessThan(2);
    await nextDelays(({ max }) => max! < 0.1);
  });
});
