/**
 * Every folder here is a case: a capture (`make.ts` writes it, or it lies there as `input.pcap`), what must come of it
 * (`case.yaml`), and why (`README.md`). The words of case.yaml are explained in test/cases/README.md. What a case
 * does not mention must not happen: a finding, an anomaly, a loss that no check expects fails it.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import type { PublicRecord } from '../../src/model/serialize.ts';
import { serializeRecord } from '../../src/model/serialize.ts';
import { ANALYZERS } from '../../src/sensor/detectors.ts';
import { inventoryFromRecords } from '../../src/sensor/docker/inventory-records.ts';
import { inventoryFromNetworkFlags } from '../../src/sensor/docker/network-flags.ts';
import { replay } from '../../src/sensor/replay.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { outputSchema } from '../support/output-schema.ts';
import { type Case, type Check, caseSchema, matches, unexplained } from './expectation.ts';

const CASES = fileURLToPath(new URL('./', import.meta.url));
const names = readdirSync(CASES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bridgewatch-cases-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('there are cases', () => {
  expect(names.length).toBeGreaterThan(20);
});

describe.each(names)('%s', (name) => {
  const path = join(CASES, name);
  const expected: Case = caseSchema.parse(parse(readFileSync(join(path, 'case.yaml'), 'utf8')));
  let lines: readonly string[];
  let records: readonly PublicRecord[];

  beforeAll(async () => {
    const input = await inputOf(name);
    lines = await analyse(input, expected);
    expect(await analyse(input, expected), 'a second run says something else').toEqual(lines);
    records = lines.map((line) => JSON.parse(line) as PublicRecord);
  });

  it('says why it is there', () => {
    expect(readFileSync(join(path, 'README.md'), 'utf8')).toMatch(new RegExp(`^# ${name}\n\n\\S`));
  });

  it.each(expected.checks.map((check) => [describeCheck(check), check] as const))('%s', (_, check) => {
    const found = records.filter((record) => matches(record, check.match));
    const { min, max } =
      typeof check.count === 'number' ? { min: check.count, max: check.count } : check.count;

    expect(found.length, show(records)).toBeGreaterThanOrEqual(min);
    expect(found.length, show(found)).toBeLessThanOrEqual(max);
    for (const record of found) {
      for (const not of check.not ?? []) expect(matches(record, not), show([record])).toBe(false);
    }
  });

  it('has the summary it should, and nothing that nobody expects', () => {
    const {
      kind: _,
      first: __,
      last: ___,
      ...summary
    } = records.at(-1) as PublicRecord & { kind: 'summary' };

    expect(summary).toEqual(expect.objectContaining(expected.stats));
    expect(unexplained(records, expected.checks).map((record) => JSON.stringify(record))).toEqual([]);
  });

  it('gives records as docs/output.schema.json has them', () => {
    for (const record of records) expect(outputSchema().problems(record), show([record])).toEqual([]);
  });
});

async function inputOf(name: string): Promise<string> {
  const ready = join(CASES, name, 'input.pcap');
  if (existsSync(ready)) return ready;
  const maker = pathToFileURL(join(CASES, name, 'make.ts')).href;
  const { make } = (await import(maker)) as { make: () => Uint8Array };
  const path = join(folder, `${name}.pcap`);
  writeFileSync(path, make());
  return path;
}

async function analyse(
  path: string,
  { networks, config: options, allFlows, allDns }: Case,
): Promise<string[]> {
  const lines: string[] = [];
  const config = loadConfig({ flags: options, analyzers: ANALYZERS });
  const inventory =
    networks === undefined
      ? inventoryFromRecords(readFileSync(join(CASES, 'shop.ndjson'), 'utf8').split('\n'))
      : { state: inventoryFromNetworkFlags(networks), hostAddresses: [] };
  const { summary, end } = await replay({
    path,
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

function describeCheck({ count, match, not }: Check): string {
  const times = typeof count === 'number' ? `${count}x` : `${count.min}..${count.max}x`;
  return `${times} ${JSON.stringify(match)}${not === undefined ? '' : ` but not ${JSON.stringify(not)}`}`;
}

function show(records: readonly PublicRecord[]): string {
  return records.map((record) => JSON.stringify(record)).join('\n');
}
