/**
 * What one of our processes costs and how promptly it runs. The delay of the event loop is looked at over intervals of its own, so
 * that it does not matter who asks, or how often.
 */
import { createHistogram } from 'node:perf_hooks';
import { type MetricFamily, sample } from '../model/metric.ts';
import { metric } from '../model/metric-catalogue.ts';

/** How often the loop is looked at: fifty times a second, a few microseconds each. */
const RESOLUTION_MS = 20;
const INTERVAL_MS = 10_000;
const NANOS_PER_SECOND = 1e9;
const NANOS_PER_MS = 1e6;

export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export class ProcessMeter {
  readonly #process: 'sensor' | 'station';
  // Not `monitorEventLoopDelay`: after a reset it begins with its second look, and so loses a stall that comes before.
  readonly #histogram = createHistogram();
  readonly #timers: readonly NodeJS.Timeout[];
  #lookedAt = performance.now();
  #delay: LoopDelay | undefined;

  constructor(process: 'sensor' | 'station', { intervalMs = INTERVAL_MS } = {}) {
    this.#process = process;
    this.#timers = [
      setInterval(() => this.#look(), RESOLUTION_MS),
      // After all that is late by the same stall.
      setInterval(() => setImmediate(() => this.#turn()), intervalMs),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  metrics(): MetricFamily[] {
    const labels = { process: this.#process };
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed, external } = process.memoryUsage();
    const of = (value: number) => [sample(value, labels)];
    return [
      metric('bridgewatch_process_cpu_seconds_total', of((user + system) / 1e6)),
      metric('bridgewatch_process_resident_memory_bytes', of(rss)),
      metric('bridgewatch_process_heap_bytes', of(heapUsed)),
      metric('bridgewatch_process_external_memory_bytes', of(external)),
      metric('bridgewatch_process_start_time_seconds', of(Math.round(performance.timeOrigin) / 1000)),
      metric(
        'bridgewatch_event_loop_delay_seconds',
        this.#delay === undefined
          ? []
          : Object.entries(this.#delay).map(([statistic, value]) => sample(value, { ...labels, statistic })),
      ),
    ];
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  #look(): void {
    const now = performance.now();
    const lateMs = now - this.#lookedAt - RESOLUTION_MS;
    this.#lookedAt = now;
    this.#histogram.record(Math.max(1, Math.round(lateMs * NANOS_PER_MS)));
  }

  #turn(): void {
    const histogram = this.#histogram;
    const seconds = (nanos: number) => nanos / NANOS_PER_SECOND;
    if (histogram.count > 0) {
      this.#delay = {
        p50: seconds(histogram.percentile(50)),
        p99: seconds(histogram.percentile(99)),
        max: seconds(histogram.max),
      };
    }
    histogram.reset();
  }
}
