/** A case of test/cases through the real pipeline, as `analyze --report` does it, and cases of made-up records. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../../src/config/load.ts';
import type { CaseInput } from '../../../src/model/case-input.ts';
import type { AgentRecord } from '../../../src/model/record.ts';
import { type PublicRecord, parseRecord, serializeRecord } from '../../../src/model/serialize.ts';
import type { CaseReport } from '../../../src/report/case.ts';
import { type CaseBounds, CaseBuilder } from '../../../src/report/case-builder.ts';
import { addInput } from '../../../src/report/inputs.ts';
import { ANALYZERS } from '../../../src/sensor/detectors.ts';
import { inventoryFromRecords } from '../../../src/sensor/docker/inventory-records.ts';
import { inventoryFromNetworkFlags } from '../../../src/sensor/docker/network-flags.ts';
import { replay } from '../../../src/sensor/replay.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';

const CASES = fileURLToPath(new URL('../../cases/', import.meta.url));

export interface Replayed {
  readonly records: readonly PublicRecord[];
  readonly input: CaseInput;
}

/** Of a case that has a `make.ts`; by the shop's inventory, or by networks as --network has them. */
export async function replayed(
  name: string,
  inventory: 'shop' | readonly string[] = 'shop',
): Promise<Replayed> {
  const { make } = (await import(join(CASES, name, 'make.ts'))) as { make: () => Uint8Array };
  return replayedCapture(make(), `${name}.pcap`, inventory);
}

export async function replayedCapture(
  bytes: Uint8Array,
  file: string,
  inventory: 'shop' | readonly string[] = 'shop',
): Promise<Replayed> {
  const folder = mkdtempSync(join(tmpdir(), 'bridgewatch-report-'));
  const records: PublicRecord[] = [];
  try {
    const path = join(folder, file);
    writeFileSync(path, bytes);
    const { summary, input } = await replay({
      path,
      backend: 'auto',
      config: loadConfig({ flags: {}, analyzers: ANALYZERS }),
      analyzers: ANALYZERS,
      inventory:
        inventory === 'shop'
          ? inventoryFromRecords(readFileSync(join(CASES, 'shop.ndjson'), 'utf8').split('\n'))
          : { state: inventoryFromNetworkFlags(inventory), hostAddresses: [] },
      wants: { flows: true, dns: true },
      emit: (record) => records.push(publicOf(record)),
      log: createLogger('error', false),
    });
    records.push(publicOf(summary));
    // As somebody names it who stands in that folder, so that reports do not depend on where it is.
    const files = input.files.map((one) => ({ ...one, path: file }));
    const kind = inventory === 'shop' ? 'map' : inventory.length > 0 ? 'networks' : 'none';
    return { records, input: { ...input, files, inventory: { kind } } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function reportOf({ records, input }: Replayed, title = 'Case report'): CaseReport {
  const builder = new CaseBuilder({ title, from: 'files', versions: ['bridgewatch 0.0.0'] });
  for (const record of records) builder.add(record);
  addInput(builder, input);
  return builder.build();
}

/** Of records that a test makes, as the store has them. */
export function caseOf(records: readonly AgentRecord[], bounds?: CaseBounds, title = 'A case'): CaseReport {
  const builder = new CaseBuilder({ title, from: 'store', versions: ['bridgewatch 0.0.0'] }, bounds);
  builder.input('bridgewatch.db');
  for (const record of records) builder.add(publicOf(record));
  return builder.build();
}

export function publicOf(record: AgentRecord): PublicRecord {
  return parseRecord(serializeRecord(record));
}
