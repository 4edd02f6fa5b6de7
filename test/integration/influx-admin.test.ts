/** `bridgewatch influx init` and `check` against the real influxd, with points that the sink wrote. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { influxdbConfig } from '../../src/station/config.ts';
import { type InitOptions, type InitStep, initInfluxdb } from '../../src/station/sinks/influxdb/init.ts';
import { inspectInfluxdb } from '../../src/station/sinks/influxdb/inspect.ts';
import { MEASUREMENTS, type MeasurementSchema } from '../../src/station/sinks/influxdb/schema.ts';
import { InfluxdbSink } from '../../src/station/sinks/influxdb.ts';
import { SAMPLES } from '../station/sinks/influxdb/samples.ts';
import { entryOf, memoryLogger, temporaryDirectory, until } from '../station/support/harness.ts';
import { finding, traffic } from '../station/support/records.ts';
import { INFLUXD_MISSING, type Influxd, startInfluxd } from '../support/influxd.ts';

if (INFLUXD_MISSING !== undefined) console.warn(`*** SKIPPED influx-admin.test.ts: ${INFLUXD_MISSING}`);

const DB = { database: 'bridgewatch' };
const never = new AbortController().signal;
const HOUR_MS = 3_600_000;

describe.skipIf(INFLUXD_MISSING !== undefined)('influx init and check, with InfluxDB 1.x', () => {
  let influxd: Influxd;

  beforeAll(async () => {
    influxd = await startInfluxd();
  });

  afterAll(() => influxd.dispose());

  beforeEach(async () => {
    await influxd.query('DROP DATABASE bridgewatch');
  });

  function sinkOf(over: z.input<typeof influxdbConfig> = {}): InfluxdbSink {
    const config = influxdbConfig.parse({ url: influxd.url, ...over });
    return new InfluxdbSink(config.url!, config, { logger: memoryLogger().logger, host: 'host1' });
  }

  async function init(options: Partial<InitOptions> = {}, over = {}): Promise<InitStep[]> {
    const sink = sinkOf(over);
    const usual = { changesNothing: false, withRollups: true, nowSecs: Date.now() / 1000 };
    const steps: InitStep[] = [];
    for await (const step of initInfluxdb(sink.converse(never), { ...usual, ...options })) steps.push(step);
    await sink.close();
    return steps;
  }

  const outcomes = (steps: readonly InitStep[]) => steps.map(({ what, outcome }) => `${what}: ${outcome}`);
  const WHAT = [
    'database "bridgewatch"',
    'retention policy "bridgewatch"',
    'retention policy "bridgewatch_5m"',
    'retention policy "bridgewatch_1h"',
    'continuous query "bridgewatch_traffic_5m"',
    'continuous query "bridgewatch_traffic_1h"',
  ];
  const all = (outcome: string) => WHAT.map((what) => `${what}: ${outcome}`);

  async function check(over = {}, nowMs?: number) {
    const sink = sinkOf(over);
    const found = await inspectInfluxdb(sink, never, nowMs);
    await sink.close();
    return new Map(found.map((diagnosis) => [diagnosis.check, diagnosis]));
  }

  async function write(...records: Parameters<typeof entryOf>[0][]): Promise<void> {
    const sink = sinkOf({ retention_days: 36_000 });
    await sink.prepare(never);
    await sink.write(records.map(entryOf), never);
    await sink.close();
  }

  /** Of an interval of ten seconds that ended so long ago. */
  const edge = (endMs: number, over: Parameters<typeof traffic>[1] = {}) =>
    traffic(0, { start: endMs * 1000 - 1e7, end: endMs * 1000, ...over });

  it('says what it would do, does it, and then has nothing to do', async () => {
    expect(outcomes(await init({ changesNothing: true }))).toEqual(all('missing'));
    expect((await influxd.query('SHOW DATABASES')).map(({ name }) => name)).not.toContain('bridgewatch');

    const made = await init();
    expect(outcomes(made)).toEqual(all('made'));
    expect(outcomes(await init())).toEqual(all('exists'));
    expect(outcomes(await init({ changesNothing: true }))).toEqual(all('exists'));

    expect(
      (await influxd.query('SHOW RETENTION POLICIES', DB)).map(
        ({ name, duration, default: isDefault }) => `${name} ${duration} ${isDefault}`,
      ),
    ).toEqual([
      'autogen 0s false',
      'bridgewatch 720h0m0s true',
      'bridgewatch_5m 4320h0m0s false',
      'bridgewatch_1h 43800h0m0s false',
    ]);
  });

  it('says the very statements that it makes', async () => {
    for (const { statement } of await init({ changesNothing: true })) await influxd.query(statement!);

    expect(outcomes(await init())).toEqual(all('exists'));
  });

  it('makes no roll-ups unless asked, and leaves what is there as it is', async () => {
    await influxd.query('CREATE DATABASE bridgewatch');
    await influxd.query('CREATE RETENTION POLICY "bridgewatch" ON "bridgewatch" DURATION 5d REPLICATION 1');

    expect(outcomes(await init({ withRollups: false }))).toEqual([
      'database "bridgewatch": exists',
      'retention policy "bridgewatch": exists',
    ]);
    expect(await influxd.query('SHOW RETENTION POLICIES', DB)).toContainEqual(
      expect.objectContaining({ name: 'bridgewatch', duration: '120h0m0s' }),
    );
  });

  it('leaves a continuous query by that name which is another, and check tells', async () => {
    await init();
    await influxd.query('DROP CONTINUOUS QUERY bridgewatch_traffic_5m ON bridgewatch');
    await influxd.query(
      'CREATE CONTINUOUS QUERY bridgewatch_traffic_5m ON bridgewatch BEGIN SELECT mean(orig_bytes) INTO x FROM y GROUP BY time(5m) END',
    );

    expect((await init())[4]).toMatchObject({
      outcome: 'differs',
      advice: expect.stringContaining('DROP CONTINUOUS QUERY "bridgewatch_traffic_5m" ON "bridgewatch"'),
    });
    expect((await check()).get('roll-ups')).toMatchObject({
      outcome: 'warn',
      detail: 'bridgewatch_traffic_5m is another query than ours',
    });
    await influxd.query('DROP CONTINUOUS QUERY bridgewatch_traffic_5m ON bridgewatch');
    expect((await check()).get('roll-ups')).toMatchObject({
      outcome: 'warn',
      detail: 'bridgewatch_traffic_5m is missing',
    });
  });

  it('keeps queries of other databases and odd names apart', async () => {
    const over = { database: 'a "b" c', retention_policy: 'x y' };
    await init();

    expect(outcomes(await init({}, over)).every((line) => line.endsWith(': made'))).toBe(true);
    expect(outcomes(await init({}, over)).every((line) => line.endsWith(': exists'))).toBe(true);
    expect((await check(over)).get('roll-ups')).toMatchObject({ outcome: 'ok' });
    await influxd.query('DROP DATABASE "a \\"b\\" c"');
  });

  it('adds up what the sink wrote, the same however often it is done', async () => {
    const hour = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 30 * HOUR_MS;
    await write(
      edge(hour + 1000, { origBytes: 10, respBytes: 1, origPackets: 2, respPackets: 1, flowsStarted: 1 }),
      edge(hour + 2000, { origBytes: 20, respBytes: 2, origPackets: 3, respPackets: 1, flowsStarted: 0 }),
      edge(hour + 310_000, { origBytes: 40, respBytes: 4, origPackets: 4, respPackets: 1, flowsStarted: 2 }),
      edge(hour + 320_000, { respPort: 80, origBytes: 80, respBytes: 8 }),
      edge(hour + HOUR_MS, { origBytes: 160 }),
    );
    const backfillFromSecs = hour / 1000 - 5 * 86_400 + 17;
    await init({ backfillFromSecs });
    const steps = await init({ backfillFromSecs });

    expect(outcomes(steps.slice(-2)).every((line) => / roll-ups since .*: made$/.test(line))).toBe(true);
    const fives = await influxd.query(
      'SELECT time, orig_bytes, resp_bytes, orig_packets, flows_started, resp_port, network, orig FROM bridgewatch_5m.bridgewatch_traffic',
      DB,
    );
    expect(
      fives.map(({ time, orig_bytes, resp_port }) => [
        Number(String(time).slice(0, -6)) - hour,
        orig_bytes,
        resp_port,
      ]),
    ).toEqual([
      [0, 30, '443'],
      [300_000, 80, '80'],
      [300_000, 40, '443'],
      [HOUR_MS, 160, '443'],
    ]);
    expect(fives[0]).toMatchObject({
      resp_bytes: 3,
      orig_packets: 5,
      flows_started: 1,
      network: 'shop_data',
    });
    const hours = await influxd.query('SELECT * FROM bridgewatch_1h.bridgewatch_traffic', DB);
    expect(hours.map(({ orig_bytes }) => orig_bytes)).toEqual([150, 160]);
    const tags = await influxd.query('SELECT * FROM bridgewatch_1h.bridgewatch_traffic GROUP BY *', DB);
    // The index is of the whole database, so the tag's name is known; no value of it is.
    expect(tags[0]).toMatchObject({ resp_port: '', network: 'shop_data' });
    expect(hours[0]).not.toHaveProperty('port');
    const page = readFileSync(new URL('../../docs/influxdb.md', import.meta.url), 'utf8');
    const [, question] = /```influxql\n(.*?)\n```/s.exec(page)!;
    const days = await influxd.query(question!, DB);
    expect(days.filter((row) => row['network'] === 'shop_data').length).toBeGreaterThan(0);
    const fields = await influxd.query('SHOW FIELD KEYS FROM bridgewatch_1h.bridgewatch_traffic', DB);
    expect(new Set(fields.map(({ fieldType }) => fieldType))).toEqual(new Set(['integer']));
  });

  it('is run by the server itself', async () => {
    const now = Date.now();
    await write(edge(Math.floor(now / 300_000) * 300_000 - 200_000, { origBytes: 7 }));
    await init();
    const [{ query } = {}] = await influxd
      .query('SHOW CONTINUOUS QUERIES', DB)
      .then((rows) => rows.filter(({ name }) => name === 'bridgewatch_traffic_5m'));
    // The server's own text, but each second instead of at the next five minutes.
    await influxd.query('DROP CONTINUOUS QUERY bridgewatch_traffic_5m ON bridgewatch');
    await influxd.query(String(query).replace('EVERY 5m', 'EVERY 1s'));

    await until(
      'its result',
      async () =>
        (await influxd.query('SELECT orig_bytes FROM bridgewatch_5m.bridgewatch_traffic', DB)).length > 0,
      15_000,
    );

    expect(
      await influxd.query('SELECT orig_bytes FROM bridgewatch_5m.bridgewatch_traffic', DB),
    ).toMatchObject([{ orig_bytes: 7 }]);
  });

  it('stores the types that the schema declares', async () => {
    await write(...SAMPLES);
    const TYPES = { string: 'string', integer: 'integer', boolean: 'boolean' };

    for (const [measurement, schema] of Object.entries<MeasurementSchema>(MEASUREMENTS)) {
      const fields = await influxd.query(`SHOW FIELD KEYS FROM ${measurement}`, DB);
      const tags = await influxd.query(`SHOW TAG KEYS FROM ${measurement}`, DB);
      expect(Object.fromEntries(fields.map(({ fieldKey, fieldType }) => [fieldKey, fieldType]))).toEqual(
        Object.fromEntries(Object.entries(schema.fields).map(([name, { type }]) => [name, TYPES[type]])),
      );
      expect(tags.map(({ tagKey }) => tagKey)).toEqual(Object.keys(schema.tags).toSorted());
    }
  });

  it('checks what is there, and changes nothing', async () => {
    const early = await check();
    expect([...early.keys()]).toEqual(['server', 'clock']);
    expect(early.get('server')?.detail).toMatch(/what is missing will be created on start$/);
    expect((await influxd.query('SHOW DATABASES')).map(({ name }) => name)).not.toContain('bridgewatch');

    await init();
    const now = Date.now();
    await write(edge(now - 5000), finding(1, { firstSeen: now * 1000, lastSeen: now * 1000 }));
    const found = await check();

    expect([...found.values()].map(({ outcome }) => outcome)).toEqual(Array(found.size).fill('ok'));
    expect(found.get('server')?.detail).toMatch(/^InfluxDB 1\..*kept 720h0m0s$/);
    expect(found.get('clock')?.detail).toMatch(/^the same here and there$|^the server is 1 s /);
    expect(found.get('retention policy')?.detail).toBe('"bridgewatch" keeps 720h0m0s');
    expect(found.get('roll-ups')?.detail).toBe('bridgewatch_traffic_5m, bridgewatch_traffic_1h');
    expect(found.get('series of bridgewatch_traffic')?.detail).toBe(
      '1, and an agent makes 20000 a day at most',
    );
    expect(found.get('series of bridgewatch_loss')?.detail).toMatch(/^0, /);
    expect(found.get('newest finding')?.detail).toMatch(/^20\S+Z from host1, \d+ s ago$/);
    expect(found.get('newest traffic')?.detail).toMatch(/ from host1, \d+ s ago$/);
  });

  it('warns of silence, of another retention, and of more series than the guard admits', async () => {
    await write(edge(Date.now() - 1000), edge(Date.now() - 999, { respPort: 80 }));
    const ports = Array.from({ length: 120 }, (_, i) => edge(Date.now() - 500, { respPort: 1000 + i }));
    await write(...ports);
    const found = await check({ max_series: 100 }, Date.now() + HOUR_MS);

    expect(found.get('newest traffic')).toMatchObject({
      outcome: 'warn',
      advice: 'bridgewatch doctor --health says whether the agent is alive',
    });
    expect(found.get('retention policy')).toMatchObject({
      outcome: 'warn',
      detail: expect.stringMatching(/^"bridgewatch" keeps 864000h0m0s; retention_days says 720h0m0s/),
    });
    expect(found.get('series of bridgewatch_traffic')).toMatchObject({
      outcome: 'warn',
      detail: '122, and an agent makes 100 a day at most',
    });
    expect(found.get('newest finding')).toMatchObject({ outcome: 'ok', detail: 'none' });
  });

  it('warns of a clock that is wrong', async () => {
    const real = Date.now;
    Date.now = () => real() + 60_000;
    try {
      expect((await check()).get('clock')).toMatchObject({
        outcome: 'warn',
        detail: expect.stringMatching(/^the server is (59|60|61) s behind$/),
      });
    } finally {
      Date.now = real;
    }
  });

  it('is a command', async () => {
    const directory = temporaryDirectory();
    const main = join(import.meta.dirname, '../../src/cli/main.ts');
    const run = async (...args: string[]) => {
      const env = { PATH: process.env['PATH'], BRIDGEWATCH_INFLUXDB_URL: influxd.url };
      const given = ['--import', import.meta.resolve('tsx'), main, 'influx', ...args];
      return await promisify(execFile)(process.execPath, given, { env, cwd: directory.path }).then(
        ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
        (error: { code: number; stdout: string; stderr: string }) => error,
      );
    };

    const dry = await run('init', '--continuous-queries', '--dry-run');
    expect(dry.stdout.split('\n')[0]).toBe('would make  database "bridgewatch"');
    const made = await run('init', '--continuous-queries', '--json');
    expect(
      made.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    ).toHaveLength(6);
    const checked = await run('check');
    expect(checked).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ok {4}server .*\nok {4}clock /),
    });
    expect(checked.stdout).toMatch(/^warn {2}newest traffic +none\n +-> is an agent running/m);
    await influxd.stop();
    expect(await run('check')).toMatchObject({ code: 1, stdout: expect.stringMatching(/^fail {2}server /) });
    expect(await run('init')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('cannot reach InfluxDB'),
    });
    await influxd.start();
    expect(await run('check', '--dry-run')).toMatchObject({ code: 2 });
    directory.remove();
  });

  it('says what a user may not ask, and asks for an administrator to make roll-ups', async () => {
    const guarded = await startInfluxd({ auth: true });
    try {
      const admin = { username: 'root', password: 'a' };
      await guarded.query("CREATE USER root WITH PASSWORD 'a' WITH ALL PRIVILEGES");
      await guarded.query("CREATE USER agent WITH PASSWORD 'b'", admin);
      await guarded.query('CREATE DATABASE bridgewatch WITH DURATION 30d NAME bridgewatch', admin);
      await guarded.query('GRANT WRITE ON bridgewatch TO agent', admin);
      const over = { url: guarded.url, username: 'agent', password: 'b' };
      const sink = new InfluxdbSink(guarded.url, influxdbConfig.parse(over), {
        logger: memoryLogger().logger,
        host: 'host1',
      });

      const found = await inspectInfluxdb(sink, never);
      expect(found.filter(({ outcome }) => outcome === 'fail')).toEqual([]);
      expect(found.find(({ check: what }) => what === 'roll-ups')?.detail).toBe('this user may not ask');
      await expect(init({ withRollups: true }, over)).rejects.toMatchObject({
        code: 'SINK_UNAUTHORIZED',
        message: expect.stringContaining('take an administrator for this'),
      });
      const asRoot = await init({}, { ...over, username: 'root', password: 'a' });
      expect(outcomes(asRoot).filter((line) => line.endsWith(': made'))).toHaveLength(4);
      await sink.close();
    } finally {
      await guarded.dispose();
    }
  });
});
