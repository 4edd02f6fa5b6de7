/**
 * How many flow records a second a sensor's process and a station's process bring into SQLite, over the pipe between
 * them: at a rate that was asked for (50,000), and at more than they can take. Beside it each step alone, and the same
 * bytes through better-sqlite3 without anything of ours. What was sent is what was written and what was counted as lost, or the bench
 * fails.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Sqlite from 'better-sqlite3';
import { median } from './measure.ts';
import type { Target } from './report.ts';
import type { SensorOptions, SensorReport } from './throughput/sensor.ts';
import { measureStages } from './throughput/stages.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ASKED_PER_SECOND = 50_000;
const TOO_MANY_PER_SECOND = 150_000;
const WARM_UP_SECONDS = 3;
const MEBIBYTE = 1_048_576;
/** Small, so that the oldest are being deleted for most of the run. */
const MAX_BYTES = 96 * MEBIBYTE;

interface Delay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface Outcome extends SensorReport {
  readonly written: number;
  readonly lost: Readonly<Record<string, number>>;
  readonly stationDelayMs: Delay;
  readonly fileBytes: number;
  readonly bytesEach: number;
}

export async function runThroughput(
  perSecond: number,
  seconds: number,
  maxBytes = MAX_BYTES,
): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'bridgewatch-throughput-'));
  try {
    const storePath = join(folder, 'bench.db');
    const probe = join(folder, 'probe.json');
    const station = [
      process.execPath,
      '--import',
      join(import.meta.dirname, 'throughput', 'station-probe.mjs'),
      process.env['BENCH_STATION'] ?? join(ROOT, 'dist', 'src', 'cli', 'main.js'),
      'station',
    ];
    const options: SensorOptions = {
      perSecond,
      seconds: seconds + WARM_UP_SECONDS,
      warmUpSeconds: WARM_UP_SECONDS,
      station,
      storePath,
      store: { max_bytes: maxBytes },
    };
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', join(import.meta.dirname, 'throughput', 'sensor.ts'), JSON.stringify(options)],
      { env: { ...process.env, BENCH_STATION_PROBE: probe }, cwd: ROOT, timeout: (seconds + 90) * 1000 },
    );
    // The station prints findings there.
    const report = JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as SensorReport;
    const stationDelayMs = JSON.parse(readFileSync(probe, 'utf8')) as Delay;
    return { ...report, ...whatIsIn(storePath), stationDelayMs, fileBytes: statSync(storePath).size };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `seq` counts every row that was ever written, those too that were deleted since. */
function whatIsIn(path: string): Pick<Outcome, 'written' | 'lost' | 'bytesEach'> {
  const db = new Sqlite(path, { readonly: true });
  const written = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'flows'").pluck().get() as number;
  const lost: Record<string, number> = {};
  const texts = db.prepare("SELECT record FROM events WHERE kind = 'loss'").pluck().all() as string[];
  for (const text of texts) {
    const { source, count } = JSON.parse(text) as { source: string; count: number };
    lost[source] = (lost[source] ?? 0) + count;
  }
  const rows = db.prepare('SELECT count(*) FROM flows').pluck().get() as number;
  const pages = db.pragma('page_count', { simple: true }) as number;
  const free = db.pragma('freelist_count', { simple: true }) as number;
  const pageBytes = db.pragma('page_size', { simple: true }) as number;
  db.close();
  return { written, lost, bytesEach: ((pages - free) * pageBytes) / rows };
}

export function told(name: string, outcome: Outcome): string {
  const { sent, sentSeconds, counted, countedSeconds, written, findingMs, shedByLink } = outcome;
  const lost = Object.values(outcome.lost).reduce((sum, count) => sum + count, 0);
  const sorted = [...findingMs].sort((a, b) => a - b);
  const [rss, stationRss] = [outcome.sensorRssBytes, outcome.stationRssBytes].map(
    (ends) => `${ends.map((bytes) => (bytes / MEBIBYTE).toFixed(0)).join(' -> ')} MiB`,
  );
  const delay = ({ p50, p99, max }: Delay) => `${p50.toFixed(1)} / ${p99.toFixed(1)} / ${max.toFixed(0)} ms`;
  return `${name}
  sent ${sent} in ${sentSeconds.toFixed(1)} s (${(counted / countedSeconds).toFixed(0)} a second after the warm-up)
  written ${written} (${(written / sentSeconds).toFixed(0)} a second), lost ${lost} ${JSON.stringify(outcome.lost)}, of them by the link ${shedByLink}
  CPU a record sent: sensor ${(outcome.sensorCpuUs / counted).toFixed(1)} us (making it ${outcome.makingUs.toFixed(1)} of that), station ${(outcome.stationCpuUs / counted).toFixed(1)} us
  CPU a record written: station ${(outcome.stationCpuUs / (written * (countedSeconds / sentSeconds))).toFixed(1)} us
  CPU of a core: sensor ${(outcome.sensorCpuUs / countedSeconds / 1e4).toFixed(0)} %, station ${(outcome.stationCpuUs / countedSeconds / 1e4).toFixed(0)} %
  findings to the disk and acknowledged: ${sorted.length}, median ${median(sorted).toFixed(0)} ms, p99 ${sorted[Math.floor(sorted.length * 0.99)]!.toFixed(0)} ms, longest ${sorted.at(-1)!.toFixed(0)} ms
  loop held up (p50 / p99 / longest): sensor ${delay(outcome.sensorDelayMs)}, station ${delay(outcome.stationDelayMs)}
  memory: sensor ${rss}, station ${stationRss} (peak ${(outcome.stationPeakRssBytes / MEBIBYTE).toFixed(0)} MiB)
  disk: ${(outcome.fileBytes / MEBIBYTE).toFixed(0)} MiB, ${outcome.bytesEach.toFixed(0)} bytes a flow, write-ahead log at most ${(outcome.maxWalBytes / MEBIBYTE).toFixed(1)} MiB`;
}

export async function measureThroughput(seconds = 20): Promise<readonly Target[]> {
  console.log(`\nflow records from a sensor's process into a station's database, ${seconds} s each\n`);
  const stages = measureStages();
  console.log('us of CPU a record, least of rounds in turn');
  for (const [name, us] of stages) console.log(`  ${name.padEnd(44)} ${us.toFixed(1).padStart(5)}`);
  const asked = await runThroughput(ASKED_PER_SECOND, seconds);
  console.log(`\n${told(`${ASKED_PER_SECOND} a second`, asked)}`);
  const tooMany = await runThroughput(TOO_MANY_PER_SECOND, seconds / 2);
  console.log(told(`${TOO_MANY_PER_SECOND} a second: more than can be taken`, tooMany));
  const unaccounted = [asked, tooMany].map(
    ({ sent, written, lost }) => sent - written - Object.values(lost).reduce((sum, count) => sum + count, 0),
  );
  const stalls = [asked, tooMany].map(({ stationDelayMs }) => stationDelayMs.max);
  return [
    {
      what: 'flow records a second written, of 50,000',
      value: asked.written / asked.sentSeconds,
      atLeast: ASKED_PER_SECOND * 0.99,
    },
    { what: 'of them lost', value: asked.sent - asked.written, atMost: 0 },
    {
      what: 'flow records neither written nor counted as lost',
      value: Math.max(...unaccounted.map(Math.abs)),
      atMost: 0,
    },
    { what: "99th percentile of the sensor's loop delay, ms", value: asked.sensorDelayMs.p99, atMost: 20 },
    { what: 'longest stall of the station, ms', value: Math.max(...stalls), atMost: 100 },
    {
      what: 'a flow into SQLite and out again, times better-sqlite3 alone',
      value:
        (stages.get('station, into SQLite')! + stages.get('station, deleting the oldest')!) /
        stages.get('better-sqlite3 alone, one column, no index')!,
      atMost: 4,
    },
  ];
}

if (process.argv[1]?.endsWith('bench/throughput.ts') === true) {
  const { isMet, targetText } = await import('./report.ts');
  const [perSecond, seconds = '10'] = process.argv.slice(2);
  if (perSecond !== undefined) {
    console.log(told(`${perSecond} a second`, await runThroughput(Number(perSecond), Number(seconds))));
  } else {
    const targets = await measureThroughput();
    console.log('');
    for (const target of targets) console.log(`  ${targetText(target)}`);
    process.exitCode = targets.every(isMet) ? 0 : 1;
  }
}
