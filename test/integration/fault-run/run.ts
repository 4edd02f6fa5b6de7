/**
 * The run itself: a share of the findings for each fault, the next fault when this one was met. Kills come at moments that a
 * seed chooses; nothing waits for a time, everything for a condition with a deadline.
 */
import { join } from 'node:path';
import { until } from '../../station/support/harness.ts';
import type { Asked, Fault } from './fault-proxy.ts';
import { type SensorProcess, startSensor } from './sensor-process.ts';
import { seeded } from './workload.ts';
import { lastWords, saidBy, type World } from './world.ts';

/** Shares of the findings; `findings` is dealt out over them. */
const SHARES = 17;
export const RETRY_AFTER_SECS = 2;
const MAX_LINES = 20;

export interface RunReport {
  /** For each run of the sensor, the keys that it told, in order, and how many it knew to be kept. */
  readonly runs: readonly { readonly told: readonly string[]; readonly kept: number }[];
  readonly stationKills: number;
  readonly sensorKills: number;
  readonly syslogBreaks: number;
  readonly longestSyslogOutageMs: number;
  /** Between a 429 and the next request of that kind. */
  readonly waitedAfter429Ms: number;
  readonly exitCode: number | null;
  /** Faults that could not be made here. */
  readonly left: readonly string[];
}

export async function runAll(world: World, findings: number, seed: number): Promise<RunReport> {
  const { influxd, influxdb, webhook, alerts, alertmanager, rsyslogd, nats, disks } = world;
  const random = seeded(seed);
  const patienceMs = 60_000 + findings * 5;
  const runs: { told: readonly string[]; kept: number }[] = [];
  const left: string[] = [];
  let stationKills = 0;
  let sensorKills = 0;
  let syslogBreaks = 0;
  let longestSyslogOutageMs = 0;
  let wanted = 0;
  let sensor: SensorProcess = started(0);

  function started(first: number): SensorProcess {
    return startSensor({
      prefix: disks?.prefix ?? [],
      configFile: world.configFile,
      journalFile: join(world.directory, `journal-${runs.length}`),
      seed: seed + runs.length,
      first,
      stdoutFile: world.stdoutFile,
      stderrFile: world.stderrFile,
    });
  }

  const waitFor = async (what: string, condition: () => boolean | Promise<boolean>) => {
    const stillRuns = () => {
      if (!sensor.isRunning()) throw new Error(`the sensor ended while waiting for: ${what}`);
      return condition();
    };
    try {
      await until(what, stillRuns, patienceMs);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${lastWords(world)}`);
    }
  };
  const met = (proxy: typeof influxdb, name: string) => proxy.met.get(name) ?? 0;
  const more = (shares = 1) => {
    wanted += Math.ceil((findings * shares) / SHARES);
    sensor.goOnUntil(wanted);
  };
  const allTold = () => waitFor('the sensor to tell its share', () => sensor.opened() >= wanted);
  const allKept = async () => {
    await allTold();
    await waitFor('all to be acknowledged', () => sensor.kept() === sensor.told().length);
  };
  /** Somewhere within the share that was just asked for. */
  const someOfIt = async () => {
    const from = sensor.opened();
    const at = from + Math.floor(random() * (wanted - from));
    await waitFor('some of the share to be told', () => sensor.opened() >= at);
  };
  const influxdbTakes = async () => {
    const before = influxdb.taken.length;
    await waitFor('InfluxDB to take lines again', () => influxdb.taken.length > before);
  };
  const killStation = async () => {
    // One that dies before it ever answered ends the sensor: its supervisor is to hear of that.
    await waitFor('a station that answers', () => sensor.told().length > 0);
    await waitFor('a station to be there', () => sensor.stationPid() !== undefined);
    const pid = sensor.stationPid()!;
    process.kill(pid, 'SIGKILL');
    stationKills += 1;
    await waitFor('another station', () => (sensor.stationPid() ?? pid) !== pid);
  };
  const killSensor = async () => {
    const pid = sensor.stationPid();
    await sensor.kill();
    sensorKills += 1;
    runs.push({ told: sensor.told(), kept: sensor.kept() });
    await until('the station to end with its sensor', () => pid === undefined || !isThere(pid), patienceMs);
    sensor = started(sensor.opened());
  };
  /** A share under a fault of InfluxDB's that the proxy plays. */
  const under = async (name: string, fault: Fault, pathname?: string) => {
    influxdb.begin(name, fault, pathname);
    more();
    await waitFor(`InfluxDB's "${name}" to be met`, () => met(influxdb, name) > 0);
  };

  more();
  await influxdbTakes();

  // The real server is not there: ended in good order, then killed.
  await influxd.stop('SIGTERM');
  more();
  await waitFor('the stopped InfluxDB to be missed', () => met(influxdb, 'unreachable') >= 2);
  await influxd.start();
  await influxdbTakes();
  more();
  await influxd.stop('SIGKILL');
  const missed = met(influxdb, 'unreachable');
  await someOfIt();
  await killStation();
  await waitFor('the killed InfluxDB to be missed', () => met(influxdb, 'unreachable') > missed);
  await influxd.start();
  await influxdbTakes();
  await allKept();

  // Slow: while it says nothing for ten seconds, the others have troubles of their own.
  await under('slow', { kind: 'late', lateMs: 10_000 }, '/write');
  for (const [name, fault] of WEBHOOK_FAULTS) {
    webhook.begin(name, fault);
    more(0.25);
    await waitFor(`the webhook's "${name}" to be met`, () => met(webhook, name) > 0);
    webhook.end(name);
  }
  // A machine that hangs, and then one that dies: what it took, and could not say so, is not to be there twice.
  nats?.pause();
  more(0.25);
  await allTold();
  nats?.resume();
  await nats?.stop('SIGKILL');
  await nats?.start();
  await alertmanager.kill();
  const missedAlerts = met(alerts, 'unreachable');
  more(0.25);
  await waitFor('Alertmanager to be missed', () => met(alerts, 'unreachable') > missedAlerts);
  await alertmanager.start();
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await allKept();
    const before = rsyslogd.writtenBytes();
    more(0.25);
    await waitFor('rsyslogd to write', () => rsyslogd.writtenBytes() > before);
    const stoppedAt = performance.now();
    await rsyslogd.stop(signal);
    syslogBreaks += 1;
    await allTold();
    await rsyslogd.start();
    const atStart = rsyslogd.writtenBytes();
    more(0.1);
    await waitFor('rsyslogd to write again', () => rsyslogd.writtenBytes() > atStart);
    longestSyslogOutageMs = Math.max(longestSyslogOutageMs, performance.now() - stoppedAt);
  }
  influxdb.end('slow');
  await influxdbTakes();

  // Its disk is full: it answers with errors of its own, and may need a restart when there is room again.
  if (disks === undefined) left.push('a full disk of InfluxDB');
  else {
    disks.fill('influxdb');
    const failed = met(influxdb, 'server error');
    more();
    await someOfIt();
    await killStation();
    await waitFor('InfluxDB to say that its disk is full', () => met(influxdb, 'server error') > failed);
    disks.free('influxdb');
    await influxd.stop('SIGTERM');
    await influxd.start();
    await influxdbTakes();
  }

  influxdb.begin('503', answering({ status: 503, body: '{"error":"service unavailable"}' }));
  more();
  await someOfIt();
  await killSensor();
  more();
  await waitFor('503 to be met', () => met(influxdb, '503') > 0);
  await killStation();
  influxdb.end('503');
  await influxdbTakes();

  await under('401', answering({ status: 401, body: '{"error":"authorization failed"}' }), '/write');
  influxdb.end('401');
  await influxdbTakes();

  await under(
    '413',
    answering((asked) =>
      asked.body.split('\n').length > MAX_LINES
        ? { status: 413, body: '{"error":"Request Entity Too Large"}' }
        : undefined,
    ),
    '/write',
  );
  await allKept();
  influxdb.end('413');

  let saidAt = 0;
  let waitedAfter429Ms = 0;
  await under(
    '429',
    answering(() => {
      if (saidAt !== 0) {
        waitedAfter429Ms = performance.now() - saidAt;
        return undefined;
      }
      saidAt = performance.now();
      return { status: 429, headers: { 'retry-after': String(RETRY_AFTER_SECS) } };
    }),
    '/write',
  );
  await waitFor('a request after the 429', () => waitedAfter429Ms > 0);
  influxdb.end('429');
  await influxdbTakes();

  await under('reset in the middle of a request', { kind: 'reset-request' }, '/write');
  influxdb.end('reset in the middle of a request');
  await influxdbTakes();
  await under('reset before the answer', { kind: 'reset-answer' }, '/write');
  influxdb.end('reset before the answer');
  await influxdbTakes();

  // The worst moment: the server has it, and nobody knows.
  let killing: Promise<void> | undefined;
  influxdb.onTaken(() => {
    killing ??= killStation();
  });
  more();
  await waitFor('a kill within a write', () => killing !== undefined);
  influxdb.onTaken(undefined);
  await killing;
  await influxdbTakes();

  more();
  await someOfIt();
  await killSensor();
  more();
  await allKept();

  // The store's own disk is full, and the station dies with findings that it has handed on and could not keep.
  if (disks === undefined) left.push('a full disk of the store');
  else {
    const refusals = () => saidBy(world, 'the store cannot write');
    const refused = refusals();
    disks.fill('store');
    // The log of the database has room of its own, which is used up first.
    await waitFor('the store to find its disk full', () => {
      if (sensor.opened() >= wanted) more(0.1);
      return refusals() > refused;
    });
    const before = influxdb.taken.length;
    more(0.5);
    await waitFor('findings to be handed on without a disk', () => influxdb.taken.length > before + 3);
    await killStation();
    disks.free('store');
    await allKept();
  }

  if (wanted < findings) more((SHARES * (findings - wanted)) / findings);
  await allKept();
  const last = sensor.told().at(-1);
  await waitFor('the live feed to have come so far', () => world.feed.came.at(-1) === last);
  const exitCode = await sensor.end();
  runs.push({ told: sensor.told(), kept: sensor.kept() });
  return {
    runs,
    stationKills,
    sensorKills,
    syslogBreaks,
    longestSyslogOutageMs,
    waitedAfter429Ms,
    exitCode,
    left,
  };
}

const WEBHOOK_FAULTS: readonly (readonly [string, Fault])[] = [
  ['503', answering({ status: 503, body: 'down for maintenance' })],
  ['429', answering({ status: 429, headers: { 'retry-after': '1' } })],
  ['reset in the middle of a request', { kind: 'reset-request' }],
  ['reset before the answer', { kind: 'reset-answer' }],
];

function answering(
  answer:
    | Extract<Fault, { kind: 'answer' }>['answer']
    | ReturnType<Extract<Fault, { kind: 'answer' }>['answer']>,
): Fault {
  return { kind: 'answer', answer: typeof answer === 'function' ? answer : (_asked: Asked) => answer };
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
