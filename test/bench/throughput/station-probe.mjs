/** Loaded into the station's process by the throughput bench: writes at its end how long its loop stood still. */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const path = process.env.BENCH_STATION_PROBE;
if (path !== undefined) {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  // What comes before is starting, not work.
  setTimeout(() => delays.enable(), 2000).unref();
  process.on('exit', () => {
    const ms = (nanos) => nanos / 1e6;
    const { max } = delays;
    const delay = { p50: ms(delays.percentile(50)), p99: ms(delays.percentile(99)), max: ms(max) };
    writeFileSync(path, JSON.stringify(delay));
  });
}
