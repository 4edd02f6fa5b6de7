/**
 * The sensor's half of the throughput bench, a process of its own as in life: makes flow records at a rate, sends them
 * through the real link to a real station process, a finding now and then among them, and tells as one line of JSON what
 * it cost here and there. It ends by itself.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import { FrameReader } from '../../../src/channel/frames.ts';
import { MAX_MESSAGE_BYTES } from '../../../src/channel/messages.ts';
import { StationLink } from '../../../src/channel/station-link.ts';
import { StationProcess } from '../../../src/channel/station-process.ts';
import { wallMicros } from '../../../src/model/time.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { finding } from '../../station/support/records.ts';
import { benchFlow } from './flows.ts';

export interface SensorOptions {
  readonly perSecond: number;
  readonly seconds: number;
  /** Not counted in CPU, memory and delays: code is still being compiled. */
  readonly warmUpSeconds: number;
  readonly station: readonly string[];
  readonly storePath: string;
  readonly store: Readonly<Record<string, unknown>>;
}

export interface SensorReport {
  /** From the first record to the last, warm-up included. */
  readonly sent: number;
  readonly sentSeconds: number;
  readonly shedByLink: number;
  readonly findingsSent: number;
  /** Sent to durable and acknowledged, ms. */
  readonly findingMs: readonly number[];
  /** After the warm-up: */
  readonly counted: number;
  readonly countedSeconds: number;
  readonly sensorCpuUs: number;
  readonly stationCpuUs: number;
  readonly sensorDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly sensorRssBytes: readonly [first: number, last: number];
  readonly stationRssBytes: readonly [first: number, last: number];
  readonly stationPeakRssBytes: number;
  readonly maxWalBytes: number;
  /** Making the records, measured in a loop of its own: no part of the way. */
  readonly makingUs: number;
}

const TICK_MS = 2;
const FINDING_EVERY_MS = 100;
const SAMPLE_MS = 50;
/** What was not sent in time is made up for, but no burst is made of a longer pause. */
const MAX_DEBT_MS = 100;
const CALIBRATION = 50_000;
/** sysconf(_SC_CLK_TCK) is 100 on Linux. */
const TICK_US = 10_000;

const options = JSON.parse(process.argv[2]!) as SensorOptions;

/** Tells when everything durable was acknowledged. */
class TimedLink extends StationLink {
  readonly findingMs: number[] = [];
  #sentAt: number | undefined;

  override attach(stream: Duplex): void {
    super.attach(stream);
    const reader = new FrameReader(MAX_MESSAGE_BYTES);
    stream.on('data', (chunk: Buffer) => {
      if (reader.push(chunk).length === 0 || this.#sentAt === undefined || this.waiting > 0) return;
      this.findingMs.push(performance.now() - this.#sentAt);
      this.#sentAt = undefined;
    });
  }

  /** False while an earlier one is on its way. */
  sendFinding(number: number): boolean {
    if (this.#sentAt !== undefined) return false;
    this.#sentAt = performance.now();
    const now = wallMicros();
    this.send(finding(number, { firstSeen: now, lastSeen: now }));
    return true;
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function cpuUsOf(pid: number): number {
  // proc_pid_stat(5): utime and stime are fields 14 and 15; the name before may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_US;
}

function bytesOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const kib = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

function ownCpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Us of CPU for each record; its result is kept, or nothing would be made. */
function makingUs(): number {
  let least = Number.POSITIVE_INFINITY;
  let kept = 0;
  for (let round = 0; round < 4; round++) {
    const from = ownCpuUs();
    for (let n = 0; n < CALIBRATION; n++) kept += benchFlow(n, wallMicros()).respBytes;
    least = Math.min(least, (ownCpuUs() - from) / CALIBRATION);
  }
  if (kept === 0) throw new Error('no record was made');
  return least;
}

async function run(): Promise<SensorReport> {
  const { perSecond, seconds, warmUpSeconds, station, storePath, store } = options;
  const making = makingUs();
  const log = createLogger('error');
  let welcome!: () => void;
  const isWelcome = new Promise<void>((resolve) => {
    welcome = resolve;
  });
  const link = new TimedLink({
    run: randomUUID(),
    config: {
      store: { path: storePath, ...store },
      influxdb: {},
      sinks: [],
      api: { listen: 'off' },
      log: { level: 'error' },
    },
    json: false,
    onMessage: (message) => {
      if (message.type === 'failed') throw new Error(message.lines.join('\n'));
      welcome();
    },
    onNonsense: () => {
      throw new Error('the station talks nonsense');
    },
  });
  const [file, ...args] = station;
  const child = new StationProcess({
    command: { file: file!, args },
    link,
    log,
    onStillborn: (how) => {
      throw new Error(`the station ended at once: ${how}`);
    },
  });
  child.start();
  await isWelcome;
  child.isWell();
  const pid = childPid();

  const delays = monitorEventLoopDelay({ resolution: 1 });
  let maxWalBytes = 0;
  const sampling = setInterval(() => {
    maxWalBytes = Math.max(maxWalBytes, statSync(`${storePath}-wal`, { throwIfNoEntry: false })?.size ?? 0);
  }, SAMPLE_MS);
  const begun = performance.now();
  const end = begun + seconds * 1000;
  let warm:
    | { at: number; sent: number; own: number; stations: number; rss: number; stationRss: number }
    | undefined;
  let sent = 0;
  let owed = 0;
  let last = begun;
  let findings = 0;
  let findingAt = begun;
  for (let now = begun; now < end; now = performance.now()) {
    owed = Math.min(owed + ((now - last) * perSecond) / 1000, (MAX_DEBT_MS * perSecond) / 1000);
    last = now;
    const time = wallMicros();
    for (; owed >= 1; owed--) link.send(benchFlow(sent++, time));
    if (now >= findingAt && link.sendFinding(findings)) {
      findings++;
      findingAt = now + FINDING_EVERY_MS;
    }
    if (warm === undefined && now >= begun + warmUpSeconds * 1000) {
      warm = {
        at: now,
        sent,
        own: ownCpuUs(),
        stations: cpuUsOf(pid),
        rss: process.memoryUsage.rss(),
        stationRss: bytesOf(pid, 'VmRSS'),
      };
      link.findingMs.length = 0;
      delays.enable();
    }
    await pause(TICK_MS);
  }
  const ended = performance.now();
  delays.disable();
  clearInterval(sampling);
  if (warm === undefined) throw new Error('the run is shorter than its warm-up');
  const report = {
    counted: sent - warm.sent,
    countedSeconds: (ended - warm.at) / 1000,
    sensorCpuUs: ownCpuUs() - warm.own,
    stationCpuUs: cpuUsOf(pid) - warm.stations,
    sensorDelayMs: {
      p50: delays.percentile(50) / 1e6,
      p99: delays.percentile(99) / 1e6,
      max: delays.max / 1e6,
    },
    sensorRssBytes: [warm.rss, process.memoryUsage.rss()] as const,
    stationRssBytes: [warm.stationRss, bytesOf(pid, 'VmRSS')] as const,
    stationPeakRssBytes: bytesOf(pid, 'VmHWM'),
  };
  await child.stop(60_000);
  return {
    ...report,
    sent,
    sentSeconds: (ended - begun) / 1000,
    shedByLink: link.lost,
    findingsSent: findings,
    findingMs: link.findingMs,
    maxWalBytes,
    makingUs: making,
  };
}

/** The one child of this process. */
function childPid(): number {
  const [pid] = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').slice(-1);
  return Number(pid);
}

console.log(JSON.stringify(await run()));
