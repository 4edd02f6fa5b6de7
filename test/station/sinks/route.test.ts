import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding, Severity } from '../../../src/model/finding.ts';
import type { AgentRecord } from '../../../src/model/record.ts';
import type { PublicRecord } from '../../../src/model/serialize.ts';
import { revealed } from '../../../src/station/secret.ts';
import { createSink, sinksConfig } from '../../../src/station/sinks/index.ts';
import { routeOf } from '../../../src/station/sinks/route.ts';
import { Station } from '../../../src/station/station.ts';
import {
  entryOf,
  memoryLogger,
  QUICK_RETRY,
  stationConfig,
  temporaryDirectory,
  until,
} from '../support/harness.ts';
import { coverage, finding, flow, T0 } from '../support/records.ts';

const parsed = (over: object) => sinksConfig.parse([{ type: 'file', path: 'x', ...over }])[0]!;
const wants = (over: object, record: AgentRecord) => routeOf(parsed(over))?.(entryOf(record)) ?? true;
const graded = (severity: Severity): Finding => ({ ...finding(1), severity });

describe('the route of a sink', () => {
  it('lets pass what is as grave as its floor, and every record that has no severity', () => {
    const floor = { kinds: ['finding', 'coverage'], min_severity: 'medium' };

    expect(
      (['low', 'medium', 'critical'] as const).map((severity) => wants(floor, graded(severity))),
    ).toEqual([false, true, true]);
    expect(wants(floor, coverage(1))).toBe(true);
  });

  it('asks the filter of every kind; who has not the field does not fit', () => {
    const { analyzer } = finding(1);
    const over = { kinds: ['finding', 'coverage'], filter: `analyzer:${analyzer}` };

    expect(wants(over, finding(1))).toBe(true);
    expect(wants({ ...over, filter: 'analyzer:another' }, finding(1))).toBe(false);
    expect(wants(over, coverage(1))).toBe(false);
  });

  it('needs both, where both are given', () => {
    const over = { min_severity: 'high', filter: `analyzer:${finding(1).analyzer}` };

    expect(wants(over, graded('low'))).toBe(false);
    expect(wants(over, graded('high'))).toBe(true);
    expect(wants({ ...over, filter: 'analyzer:another' }, graded('high'))).toBe(false);
  });

  it('reads no record where everything is wanted', () => {
    expect(routeOf(parsed({}))).toBeUndefined();
    const sink = createSink(parsed({}), {
      logger: memoryLogger().logger,
      host: 'h',
      version: '1',
      now: () => T0,
    });
    expect(sink.wants).toBeUndefined();
  });
});

describe('the list of sinks', () => {
  const problemsOf = (...sinks: readonly object[]) =>
    sinksConfig.safeParse(sinks).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ??
    [];
  const file = { type: 'file', path: 'x' };

  it('gives each sink a name of its own', () => {
    expect(problemsOf(file, { ...file, name: 'second' })).toEqual([]);
    expect(problemsOf(file, file)).toEqual([
      '1.name: there is a sink "file" already; give this one a name of its own',
    ]);
    expect(problemsOf({ ...file, name: 'influxdb' })).toEqual([
      '0.name: "influxdb" is the sink of the section influxdb',
    ]);
    expect(problemsOf({ ...file, name: 'A b' })[0]).toMatch(/^0\.name: expected small letters/);
  });

  it('refuses a filter that cannot be meant, with its place', () => {
    expect(problemsOf({ ...file, filter: 'severty:high' })[0]).toMatch(
      /^0\.filter: unknown field "severty"; did you mean "severity"\? \(at character 1\)/,
    );
    expect(problemsOf({ ...file, kinds: ['coverage'], filter: 'severity:high' })[0]).toMatch(
      /^0\.filter: severity is of/,
    );
    expect(problemsOf({ ...file, filter: 'time>-1h' })[0]).toMatch(
      /^0\.filter: a filter by time has no place here/,
    );
  });

  it('says which kinds a format has no form for', () => {
    expect(problemsOf({ ...file, format: 'eve', kinds: ['finding', 'lease'] })).toEqual([
      '0.format: eve has no form for lease; take another format, or leave it out of kinds',
    ]);
  });

  it('takes what it gave, as it is handed from the sensor to the station', () => {
    const sinks = sinksConfig.parse([
      { ...file, min_severity: 'high', filter: 'analyzer:x' },
      { type: 'syslog', host: 'logs.example', transport: 'tls', ca_file: '/ca.pem' },
    ]);

    expect(sinksConfig.parse(JSON.parse(JSON.stringify(revealed(sinks))))).toEqual(sinks);
  });
});

describe('a station with several sinks', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let station: Station | undefined;

  beforeEach(() => {
    directory = temporaryDirectory();
  });

  afterEach(async () => {
    await station?.stop();
    directory.remove();
  });

  async function start(...sinks: readonly object[]): Promise<Station> {
    await station?.stop();
    const config = stationConfig(directory.path, {}, {}, sinks);
    station = new Station(config, { logger: memoryLogger().logger, retry: QUICK_RETRY });
    await station.start();
    return station;
  }

  const file = (name: string, over: object = {}) => ({
    type: 'file',
    name,
    path: join(directory.path, `${name}.ndjson`),
    kinds: ['finding'],
    ...over,
  });
  const idsIn = (name: string): string[] => {
    const path = join(directory.path, `${name}.ndjson`);
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    return lines.map((line) => (JSON.parse(line) as PublicRecord & { id: string }).id);
  };
  const statusOf = (name: string) => station!.status()!.sinks.find(({ sink }) => sink === name)!;

  it('sends each what is for it, and counts what is not as passed', async () => {
    const running = await start(file('all'), file('grave', { min_severity: 'critical' }));
    const records = [graded('low'), { ...graded('critical'), id: 'f-2' }, { ...graded('low'), id: 'f-3' }];

    for (const record of records) running.receive(record);
    await until('both', () => statusOf('all').sent === 3 && statusOf('grave').passed === 2);

    expect(idsIn('all')).toEqual(['f-1', 'f-2', 'f-3']);
    expect(idsIn('grave')).toEqual(['f-2']);
    expect(statusOf('grave')).toMatchObject({ accepted: 3, sent: 1, passed: 2, queued: 0, state: 'ok' });
  });

  it('does not take for well a sink that was not asked', async () => {
    const broken = file('broken', { path: directory.path, min_severity: 'high' });
    const running = await start(broken);
    await until('the refusal', () => statusOf('broken').state === 'refused');

    running.receive(graded('low'));
    running.receive({ ...graded('high'), id: 'f-2' });
    await until('both to wait', () => statusOf('broken').queued === 2);

    expect(statusOf('broken')).toMatchObject({ state: 'refused', sent: 0, passed: 0 });
  });

  it('gives a new sink what comes, or what is stored too, and one of another name begins anew', async () => {
    (await start(file('first'))).receive(finding(1));
    await until('the first', () => statusOf('first').sent === 1);

    const second = await start(file('first'), file('whole', { backlog: true }), file('fresh'));
    second.receive(finding(2));
    await until('all', () => ['first', 'whole', 'fresh'].every((name) => idsIn(name).includes('f-2')));

    // The start closes what the run before left open.
    expect(idsIn('first')).toEqual(['f-1', 'f-1', 'f-2']);
    expect(idsIn('whole')).toEqual(['f-1', 'f-1', 'f-2']);
    expect(idsIn('fresh')).toEqual(['f-1', 'f-2']);
  });

  it('keeps the place of a sink that is new and has had nothing yet', async () => {
    const broken = file('late', { path: directory.path });
    await start(broken);
    station!.receive(finding(1));
    await until('it to wait', () => statusOf('late').queued === 1);

    await start(file('late'));
    await until('it', () => statusOf('late').queued === 0);

    expect(idsIn('late')).toContain('f-1');
  });

  it('filters flows too', async () => {
    const running = await start(file('flows', { kinds: ['flow'], filter: 'port:1', flush_interval_ms: 10 }));

    running.receive(flow(1));
    await until('it', () => statusOf('flows').passed === 1);

    expect(statusOf('flows')).toMatchObject({ accepted: 1, sent: 0, queued: 0 });
  });
});
