/**
 * Captures of the world through `analyze`: malformed ones break nothing, benign ones raise nothing, and everything is
 * said twice in the same words. In process, through the same loop as the command, since a process a file would take
 * minutes; a sample also through the real executable.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { CaptureError } from '../../capture/source.ts';
import { loadConfig } from '../../src/config/load.ts';
import { SEVERITIES } from '../../src/model/finding.ts';
import type { AgentRecord, SummaryRecord } from '../../src/model/record.ts';
import { serializeRecord } from '../../src/model/serialize.ts';
import { ANALYZERS } from '../../src/sensor/detectors.ts';
import { inventoryFromNetworkFlags } from '../../src/sensor/docker/network-flags.ts';
import { replay } from '../../src/sensor/replay.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { bridgewatch, NOT_BUILT, records, unsafeText } from '../cli/support/bridgewatch.ts';
import { outputSchema } from '../support/output-schema.ts';

const CORPUS = fileURLToPath(new URL('../../../shared/corpus/', import.meta.url));
const MISSING = existsSync(CORPUS) ? undefined : `no corpus of captures at ${CORPUS}`;
if (MISSING !== undefined) console.error(`SKIPPED: captures of the world through analyze: ${MISSING}`);

/** The slowest file of the corpus takes 0.3 s here; a loop that hangs takes for ever. */
const MAX_SECS_A_FILE = 10;
/** The whole process, test runner included. */
const MAX_RSS_BYTES = 600 * 2 ** 20;
/** Every so-manyth file of the corpus also goes through the executable. */
const SAMPLE_STEP = 60;

const config = loadConfig({ analyzers: ANALYZERS });
const inventory = { state: inventoryFromNetworkFlags([]), hostAddresses: [] };

interface Analysed {
  readonly lines: readonly string[];
  /** Absent when the file was refused. */
  readonly summary?: SummaryRecord;
  readonly refusal?: CaptureError;
  readonly findings: readonly AgentRecord[];
  readonly secs: number;
}

async function analyse(path: string): Promise<Analysed> {
  const started = performance.now();
  const lines: string[] = [];
  const findings: AgentRecord[] = [];
  const emit = (record: AgentRecord) => {
    lines.push(serializeRecord(record));
    if (record.kind === 'finding') findings.push(record);
  };
  const failures: string[] = [];
  const log = createLogger('silent');
  log.error = (...words: unknown[]) => void failures.push(JSON.stringify(words));
  try {
    const { summary } = await replay({
      path,
      backend: 'auto',
      config,
      analyzers: ANALYZERS,
      inventory,
      wants: { flows: true, dns: true },
      emit,
      log,
    });
    lines.push(serializeRecord(summary));
    expect(failures, 'an analyzer failed').toEqual([]);
    return { lines, summary, findings, secs: (performance.now() - started) / 1000 };
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    return { lines, refusal: error, findings, secs: (performance.now() - started) / 1000 };
  }
}

function filesOf(folder: string): string[] {
  if (MISSING !== undefined) return [];
  return readdirSync(join(CORPUS, folder)).sort();
}

/** Forty files a test: few enough to see which, many enough to be quick. */
function chunksOf(folder: string): [name: string, files: string[]][] {
  const files = filesOf(folder);
  const chunks: [string, string[]][] = [];
  for (let i = 0; i < files.length; i += 40) chunks.push([`${folder} ${i + 1}..`, files.slice(i, i + 40)]);
  return chunks;
}

const totals = { anomalies: 0, notUnderstood: 0, refused: 0, files: 0 };

describe.skipIf(MISSING !== undefined)('captures of the world', () => {
  const folders = ['malformed', 'benign', 'malicious', 'own'];

  describe.each(folders)('%s', (folder) => {
    it.each(chunksOf(folder))(
      '%s: analysed in bounded time and memory, twice the same, in valid records',
      async (_, files) => {
        const schema = outputSchema();
        for (const file of files) {
          const path = join(CORPUS, folder, file);

          const first = await analyse(path);
          const second = await analyse(path);

          expect(second.lines, `${file}: the second run says something else`).toEqual(first.lines);
          expect(first.secs, file).toBeLessThan(MAX_SECS_A_FILE);
          for (const line of first.lines) {
            expect(unsafeText(line), file).toBeUndefined();
            expect(schema.problems(JSON.parse(line)), `${file}: ${line}`).toEqual([]);
          }
          if (first.refusal === undefined) checkSums(file, first);
          else expect(first.refusal.message, file).toMatch(/^cannot read .* \(CAPTURE_[A-Z_]+\)$/);
          totals.files++;
          totals.refused += first.refusal === undefined ? 0 : 1;
          totals.anomalies += sum(first.summary?.anomalies);
          totals.notUnderstood += sum(first.summary?.notUnderstood);
        }
        expect(process.memoryUsage.rss()).toBeLessThan(MAX_RSS_BYTES);
      },
    );
  });

  it.each([
    ...filesOf('benign').map((file) => `benign/${file}`),
    ...filesOf('own')
      .filter((file) => /^benign-|normal/.test(file))
      .map((file) => `own/${file}`),
  ])('%s raises nothing above low', async (file) => {
    const { findings } = await analyse(join(CORPUS, file));

    const loud = findings.filter(
      (finding) =>
        finding.kind === 'finding' && SEVERITIES.indexOf(finding.severity) > SEVERITIES.indexOf('low'),
    );
    expect(loud).toEqual([]);
  });

  describe.skipIf(NOT_BUILT !== undefined)('through the executable', () => {
    const sample = folders.flatMap((folder) =>
      filesOf(folder)
        .filter((_, i) => i % SAMPLE_STEP === 0)
        .map((file) => `${folder}/${file}`),
    );

    it.concurrent.each(sample)('%s: NDJSON that ends with the same summary', async (file) => {
      const path = join(CORPUS, file);

      const { code, stdout, stderr } = await bridgewatch(['analyze', path, '--json', '--flows', '--dns']);
      const { lines, refusal } = await analyse(path);

      expect(stderr).not.toMatch(/\n {4}at |internal error/);
      expect([0, 3]).toContain(code);
      records(stdout);
      if (refusal === undefined) expect(stdout).toBe(`${lines.join('\n')}\n`);
      else expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    });
  });

  afterAll(() => {
    // Both are there in plenty: a decoder that stopped counting would show.
    expect(totals.files).toBe(folders.flatMap(filesOf).length);
    expect(totals.anomalies).toBeGreaterThan(1000);
    expect(totals.notUnderstood).toBeGreaterThan(100);
    expect(totals.refused).toBeLessThan(10);
  });
});

/** What the summary says is what was printed, and no frame is forgotten. */
function checkSums(file: string, { lines, summary, findings }: Analysed): void {
  const kinds = lines.map((line) => (JSON.parse(line) as { kind: string }).kind);
  const opened = findings.filter((finding) => finding.kind === 'finding' && finding.status === 'open');
  const anomalies: Record<string, number> = {};
  for (const line of lines) {
    const record = JSON.parse(line) as { kind: string; code?: string; count?: number };
    if (record.kind === 'anomaly') anomalies[record.code!] = (anomalies[record.code!] ?? 0) + record.count!;
  }
  expect(
    kinds.filter((kind) => kind === 'summary'),
    file,
  ).toEqual(['summary']);
  expect(summary!.findings, file).toBe(opened.length);
  expect(summary!.anomalies, file).toEqual(anomalies);
  if (summary!.packets > 0) expect(summary!.bytes, file).toBeGreaterThan(0);
}

function sum(counts: Readonly<Record<string, number>> | undefined): number {
  return Object.values(counts ?? {}).reduce((total, count) => total + count, 0);
}
