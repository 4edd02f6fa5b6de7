/** Runs `analyze` over a case. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { serializeRecord } from '../../src/model/serialize.ts';
import { ANALYZERS } from '../../src/sensor/detectors.ts';
import { inventoryFromRecords } from '../../src/sensor/docker/inventory-records.ts';
import { inventoryFromNetworkFlags } from '../../src/sensor/docker/network-flags.ts';
import { replay } from '../../src/sensor/replay.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { type Case, caseSchema } from './expectation.ts';

export const CASES = fileURLToPath(new URL('./', import.meta.url));

let folder: string | undefined;

export function caseNames(): readonly string[] {
  return readdirSync(CASES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}

export function readCase(name: string): Case {
  return caseSchema.parse(parse(readFileSync(join(CASES, name, 'case.yaml'), 'utf8')));
}

/** The lines that `analyze --json` prints. */
export async function replayCase(name: string): Promise<readonly string[]> {
  const { networks, config: options, allFlows, allDns } = readCase(name);
  const lines: string[] = [];
  const config = loadConfig({ flags: options, analyzers: ANALYZERS });
  const inventory =
    networks === undefined
      ? inventoryFromRecords(readFileSync(join(CASES, 'shop.ndjson'), 'utf8').split('\n'))
      : { state: inventoryFromNetworkFlags(networks), hostAddresses: [] };
  const { summary, end } = await replay({
    path: await captureOf(name),
    backend: 'auto',
    config,
    analyzers: ANALYZERS,
    inventory,
    wants: { flows: allFlows, dns: allDns },
    emit: (record) => lines.push(serializeRecord(record)),
    log: createLogger('error', false),
  });
  expect(end.reason).toBe('end-of-file');
  return [...lines, serializeRecord(summary)];
}

/** What `replayCase` has written. */
export function removeCaptures(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  folder = undefined;
}

async function captureOf(name: string): Promise<string> {
  const ready = join(CASES, name, 'input.pcap');
  if (existsSync(ready)) return ready;
  folder ??= mkdtempSync(join(tmpdir(), 'bridgewatch-cases-'));
  const path = join(folder, `${name}.pcap`);
  if (!existsSync(path)) {
    const maker = pathToFileURL(join(CASES, name, 'make.ts')).href;
    const { make } = (await import(maker)) as { make: () => Uint8Array };
    writeFileSync(path, make());
  }
  return path;
}
