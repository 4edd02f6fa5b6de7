import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { z } from 'zod';
import { laneOf } from '../../../src/model/lane.ts';
import type { AgentRecord } from '../../../src/model/record.ts';
import { recordTime, serializeRecord } from '../../../src/model/serialize.ts';
import { apiConfig } from '../../../src/station/api/config.ts';
import { influxdbConfig, type StationConfig, storeConfig } from '../../../src/station/config.ts';
import { type Entry, TieBreaker } from '../../../src/station/entry.ts';
import { sinksConfig } from '../../../src/station/sinks/index.ts';
import type { Store } from '../../../src/station/store/store.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** The real logger, into memory; `text` is what would have been on stderr. */
export function memoryLogger(): {
  readonly logger: Logger;
  readonly lines: LogLine[];
  readonly text: () => string;
} {
  const raw: string[] = [];
  const lines: LogLine[] = [];
  const logger = pino(
    { level: 'trace', base: null },
    {
      write: (line: string) => {
        raw.push(line);
        lines.push(JSON.parse(line) as LogLine);
      },
    },
  );
  return { logger, lines, text: () => raw.join('') };
}

export function temporaryDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'bridgewatch-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export function stationConfig(
  directory: string,
  influxdb: z.input<typeof influxdbConfig> = {},
  store: z.input<typeof storeConfig> = {},
  sinks: readonly object[] = [],
): StationConfig {
  return {
    store: storeConfig.parse({ path: join(directory, 'bridgewatch.db'), ...store }),
    influxdb: influxdbConfig.parse(influxdb),
    sinks: sinksConfig.parse(sinks),
    api: apiConfig.parse({ listen: 'off' }),
  };
}

const ties = new TieBreaker();

export function entryOf(record: AgentRecord): Entry {
  const time = recordTime(record) ?? 0;
  return { kind: record.kind, time, tie: ties.next(time), text: serializeRecord(record), record };
}

/** As the station keeps records; those that are not kept are passed over. */
export function append(store: Store, ...records: AgentRecord[]): void {
  for (const record of records) {
    const lane = laneOf(record.kind);
    if (lane !== 'none') store.append(entryOf(record), lane);
  }
}

/** Waits for something that another process or a timer brings about; the failure says what was waited for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Pauses after failures short enough for a test. */
export const QUICK_RETRY = { retryFirstMs: 20, retryMaxMs: 100, refusedRetryMs: 200 } as const;
