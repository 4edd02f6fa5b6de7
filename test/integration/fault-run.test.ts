/**
 * Everything breaks at once: all sinks with real receivers, each of them failing in every way that it has, the station and
 * the sensor killed in between. Every finding that was announced has to arrive, and nothing twice where the protocol allows
 * for that. `FINDINGS=50000` makes it longer, `SEED=7` another one.
 */
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SEVERITIES } from '../../src/model/finding.ts';
import { type PublicFinding, parseRecord } from '../../src/model/serialize.ts';
import { until } from '../station/support/harness.ts';
import { ALERTMANAGER_MISSING } from '../support/alertmanager.ts';
import { INFLUXD_MISSING } from '../support/influxd.ts';
import { NATS_SERVER_MISSING } from '../support/nats-server.ts';
import { RSYSLOGD_MISSING } from '../support/rsyslogd.ts';
import { keyOf, keyOfData, keyOfText } from './fault-run/keys.ts';
import { REFUSAL } from './fault-run/receiver.ts';
import { RETRY_AFTER_SECS, type RunReport, runAll } from './fault-run/run.ts';
import { MAIN } from './fault-run/sensor-process.ts';
import { SMALL_DISKS_MISSING } from './fault-run/small-disks.ts';
import { judge, type Row, tableOf, type Verdict } from './fault-run/verdict.ts';
import { REFUSED_ID } from './fault-run/workload.ts';
import { startWorld, type World } from './fault-run/world.ts';

const FINDINGS = Number(process.env['FINDINGS'] ?? 5000);
const SEED = Number(process.env['SEED'] ?? 6);
/** A calm machine needs a minute for 5,000. */
const LIMIT_MS = 240_000 + FINDINGS * 30;

const MISSING = [
  existsSync(MAIN) ? undefined : 'the agent is not built (`make build`)',
  INFLUXD_MISSING,
  RSYSLOGD_MISSING,
  ALERTMANAGER_MISSING,
].filter((reason) => reason !== undefined);
for (const reason of MISSING) console.warn(`SKIPPED: the fault run: ${reason}`);
if (NATS_SERVER_MISSING !== undefined) console.warn(`SKIPPED: NATS in the fault run: ${NATS_SERVER_MISSING}`);
if (SMALL_DISKS_MISSING !== undefined)
  console.warn(`SKIPPED: full disks in the fault run: ${SMALL_DISKS_MISSING}`);

describe.skipIf(MISSING.length > 0)(`${FINDINGS} findings while everything fails`, () => {
  let world: World;
  let report: RunReport;
  /** Every record of a finding, as the database has it. */
  let announced: readonly PublicFinding[];
  let deadLetters: readonly { readonly sink: string; readonly reason: string; readonly record: string }[];

  /** What the stream of NATS holds, in its order. */
  let inStream: readonly string[];

  beforeAll(async () => {
    world = await startWorld(FINDINGS);
    report = await runAll(world, FINDINGS, SEED);
    inStream = ((await world.nats?.stored('BRIDGEWATCH')) ?? []).map(({ text }) => keyOfText(text));
    const copy = join(world.directory, 'copy.db');
    cpSync(world.inStore('bridgewatch.db'), copy);
    const db = new Database(copy, { readonly: true });
    announced = (
      db.prepare("SELECT record FROM events WHERE kind = 'finding' ORDER BY seq").pluck().all() as string[]
    ).map((text) => parseRecord(text) as PublicFinding);
    deadLetters = db
      .prepare('SELECT sink, reason, record FROM dead_letters ORDER BY id')
      .all() as typeof deadLetters;
    db.close();
  }, LIMIT_MS);

  afterAll(async () => {
    if (report !== undefined) {
      const { stationKills, sensorKills, syslogBreaks } = report;
      console.log(
        tableOf(
          rows(),
          `the station was killed ${stationKills} times, the sensor ${sensorKills} times, syslog's connection broken ${syslogBreaks} times`,
        ),
      );
    }
    await world?.dispose();
  });

  const keys = (wanted: (finding: PublicFinding) => boolean = () => true) =>
    announced.filter(wanted).map(keyOf);
  const atLeast = (severity: PublicFinding['severity']) => (finding: PublicFinding) =>
    SEVERITIES.indexOf(finding.severity) >= SEVERITIES.indexOf(severity);
  const isTaken = ({ id }: PublicFinding) => !id.startsWith(REFUSED_ID);

  const toInfluxdb = () => world.influxdb.taken;
  const toFile = () => linesOfRotated(world.findingsFile).map(keyOfText);
  const toStdout = () => readFileSync(world.stdoutFile, 'utf8').split('\n').slice(0, -1).map(keyOfText);
  const toSyslog = () => world.rsyslogd.messages().map(({ data }) => keyOfData(data));

  /** To Alertmanager a finding is one alert, told again and again. */
  const openedIds = () => [...new Set(announced.filter(atLeast('critical')).map(({ id }) => id))];
  const alertIds = () => world.alerts.taken;

  function rows(): Row[] {
    const row = (sink: string, verdict: Verdict, longestOutageMs?: number): Row => ({
      sink,
      verdict,
      longestOutageMs,
    });
    return [
      row('influxdb', judge(keys(isTaken), toInfluxdb()), world.influxdb.longestOutageMs()),
      row('file', judge(keys(), toFile())),
      row('stdout', judge(keys(), toStdout())),
      row('syslog', judge(keys(atLeast('low')), toSyslog()), report.longestSyslogOutageMs),
      row(
        'webhook',
        judge(
          keys((f) => isTaken(f) && atLeast('medium')(f)),
          world.receiver.came,
        ),
        world.webhook.longestOutageMs(),
      ),
      row('live feed', judge(keys(), world.feed.came)),
      ...(world.nats === undefined ? [] : [row('nats', judge(keys(), inStream))]),
      row('alertmanager', judge(openedIds(), alertIds()), world.alerts.longestOutageMs()),
    ];
  }

  it('met every fault, killed as often as it was to, and ended in good order', () => {
    expect(report.exitCode).toBe(0);
    expect(report.left.length === 0 || SMALL_DISKS_MISSING !== undefined).toBe(true);
    expect(report.stationKills).toBe(5 - report.left.length);
    expect(report.sensorKills).toBe(2);
    const played = [
      'unreachable',
      'slow',
      'lines refused',
      '503',
      '401',
      '413',
      '429',
      'reset in the middle of a request',
    ];
    const ofDisks = report.left.length > 0 ? [] : ['server error'];
    for (const name of [...played, 'reset before the answer', ...ofDisks])
      expect(world.influxdb.met.get(name), name).toBeGreaterThan(0);
    expect(report.waitedAfter429Ms).toBeGreaterThanOrEqual(RETRY_AFTER_SECS * 1000);
  });

  it('has in the database what was acknowledged, each once, in the order in which it was told', () => {
    expect(new Set(keys()).size).toBe(announced.length);
    const seen = announced
      .filter(({ reason }) => !reason.startsWith('the agent that watched it ended'))
      .map(keyOf);
    for (const [i, { told, kept }] of report.runs.entries()) {
      const ofRun = new Set(told);
      const stored = seen.filter((key) => ofRun.has(key));
      expect(stored).toEqual(told.slice(0, stored.length));
      expect(stored.length).toBeGreaterThanOrEqual(kept);
      if (i === report.runs.length - 1) expect(stored.length).toBe(told.length);
    }
    expect(new Set(announced.map(({ id }) => id)).size).toBeGreaterThan(FINDINGS * 0.95);
  });

  it('is in InfluxDB, one point each, whatever InfluxDB did meanwhile', async () => {
    const points = await world.influxd.query('SELECT id, status, count FROM bridgewatch_finding', {
      database: 'bridgewatch',
    });
    const found = points.map(({ id, status, count }) => `${id}:${status}:${count}`);
    const expected = keys(isTaken);
    expect({
      ...judge(expected, found),
      outOfOrder: [],
      repeats: found.length - expected.length,
      returns: 0,
    }).toEqual(clean(expected.length));
    expect(judge(expected, toInfluxdb()).outOfOrder).toEqual([]);
  });

  it('is in the file, each line once and in order', () => {
    expect(judge(keys(), toFile())).toEqual(clean(announced.length));
  });

  it('reaches a receiver that drops what it has had, each once and in order', () => {
    const expected = keys((finding) => isTaken(finding) && atLeast('medium')(finding));
    expect(judge(expected, world.receiver.kept)).toEqual(clean(expected.length));
    expect(world.receiver.forged()).toBe(0);
    const raw = judge(expected, world.receiver.came);
    expect(raw.outOfOrder).toEqual([]);
    // A lost answer brings one back; a kill a batch of a hundred, at most.
    expect(raw.repeats).toBeLessThanOrEqual(10 + 100 * (report.stationKills + report.sensorKills));
  });

  it('reaches a client of the live feed, each once and in order, whichever station it finds', () => {
    expect(judge(keys(), world.feed.came)).toEqual(clean(announced.length));
    expect(world.feed.connections()).toBeGreaterThan(report.stationKills);
  });

  it.skipIf(NATS_SERVER_MISSING !== undefined)('is in the stream of NATS, each once and in order', () => {
    expect(judge(keys(), inStream)).toEqual(clean(announced.length));
  });

  it('reaches syslog at least once and in order; what comes again does so after a break', () => {
    const verdict = judge(keys(atLeast('low')), toSyslog());
    expect(verdict).toMatchObject({ missing: [], strange: [], outOfOrder: [] });
    expect(verdict.returns).toBeLessThanOrEqual(
      report.stationKills + report.sensorKills + report.syslogBreaks,
    );
  });

  it('reaches stdout at least once and in order; what comes again does so after a kill', () => {
    const verdict = judge(keys(), toStdout());
    expect(verdict).toMatchObject({ missing: [], strange: [], outOfOrder: [] });
    expect(verdict.returns).toBeLessThanOrEqual(report.stationKills);
  });

  it('has told Alertmanager of each, and what is open fires there, nothing else', async () => {
    expect(judge(openedIds(), alertIds())).toMatchObject({ missing: [], strange: [] });
    const critical = announced.filter(atLeast('critical'));
    const latest = new Map(critical.map((finding) => [finding.id, finding]));
    const open = [...latest.values()].filter(({ status }) => status !== 'closed').map(({ id }) => id);
    await until(
      'Alertmanager to have let go of what is over',
      async () => (await world.alertmanager.alerts()).length <= open.length,
    );
    const firing = (await world.alertmanager.alerts()).map(({ annotations }) => annotations['finding_id']!);
    expect(firing.toSorted()).toEqual(open.toSorted());
  });

  it('keeps what a server refused for good as a dead letter, once, with its words, and nothing else', () => {
    const refused = announced.filter((finding) => !isTaken(finding));
    expect(refused.length).toBeGreaterThan(0);
    const of = (sink: string) => deadLetters.filter((letter) => letter.sink === sink);
    expect(of('influxdb').map(({ record }) => keyOfText(record))).toEqual(refused.map(keyOf));
    expect(of('webhook').map(({ record }) => keyOfText(record))).toEqual(
      refused.filter(atLeast('medium')).map(keyOf),
    );
    expect(deadLetters.length).toBe(of('influxdb').length + of('webhook').length);
    for (const { reason } of of('influxdb'))
      expect(reason).toMatch(/answered 400: partial write: unable to parse 'bridgewatch_finding,/);
    for (const { reason } of of('webhook')) expect(reason).toContain(`answered 422: ${REFUSAL}`);
  });
});

function clean(count: number): Verdict {
  return {
    announced: count,
    arrived: count,
    missing: [],
    strange: [],
    repeats: 0,
    returns: 0,
    outOfOrder: [],
  };
}

/** Oldest first. */
function linesOfRotated(path: string): string[] {
  const folder = join(path, '..');
  const name = path.slice(folder.length + 1);
  const ageOf = (file: string) => Number(/\.(\d+)$/.exec(file)?.[1] ?? 0);
  return readdirSync(folder)
    .filter((file) => file.startsWith(name))
    .toSorted((a, b) => ageOf(b) - ageOf(a))
    .flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n').slice(0, -1));
}
