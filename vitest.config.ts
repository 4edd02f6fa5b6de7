import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { SlowFirst } from './test/support/slow-first.ts';

/** Real programs and servers, and no packets that must not be missed: these bear a neighbour, and are `integration`'s. */
const PROGRAMS = [
  'alertmanager',
  'analyze-case',
  'api',
  'audit-compose',
  'bundle',
  'cli',
  'cli-worlds',
  'compose-config',
  'corpus',
  'decisions',
  'evidence-files',
  'fault-run',
  'file-sink',
  'influx-admin',
  'influxdb',
  'map-edges',
  'native-asan',
  'nats',
  'prometheus',
  'station-process',
  'syslog',
  'victoriametrics',
].map((name) => `test/integration/${name}.test.ts`);

// Three projects: `unit` runs anywhere in minutes; `programs` starts servers and the executable, two files at a time;
// `integration` starts a Docker engine in network namespaces of its own, one file at a time, and needs root.
export default defineConfig({
  test: {
    sequence: { sequencer: SlowFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/integration/**'],
          testTimeout: 20_000,
          // Half of their time is loading modules: a machine of two cores is not to leave one of them idle.
          maxWorkers: Math.max(2, availableParallelism() - 1),
        },
      },
      {
        test: {
          name: 'programs',
          include: PROGRAMS,
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: PROGRAMS,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
