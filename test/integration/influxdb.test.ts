import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { localChannel } from '../../src/channel/ports.ts';
import { parseRecord } from '../../src/model/serialize.ts';
import { influxdbConfig } from '../../src/station/config.ts';
import { InfluxdbAdmin } from '../../src/station/sinks/influxdb/admin.ts';
import {
  encodeLine,
  type FieldValue,
  fieldText,
  tagText,
} from '../../src/station/sinks/influxdb/line-protocol.ts';
import { InfluxdbSink } from '../../src/station/sinks/influxdb.ts';
import { Station } from '../../src/station/station.ts';
import { openStoreReadOnly } from '../../src/station/store/reader.ts';
import {
  memoryLogger,
  QUICK_RETRY,
  stationConfig,
  temporaryDirectory,
  until,
} from '../station/support/harness.ts';
import { HOSTILE_TEXTS, hostileNumber, hostileText } from '../station/support/hostile.ts';
import { coverage, finding, flow, loss, outside, traffic } from '../station/support/records.ts';
import { startTcpProxy } from '../station/support/tcp-proxy.ts';
import { INFLUXD_MISSING, type Influxd, prepareInfluxd, startInfluxd } from '../support/influxd.ts';

if (INFLUXD_MISSING !== undefined) console.warn(`SKIPPED influxdb.test.ts: ${INFLUXD_MISSING}`);

const DB = { database: 'bridgewatch' };
const never = new AbortController().signal;

describe.skipIf(INFLUXD_MISSING !== undefined)('InfluxDB, the real one', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let log: ReturnType<typeof memoryLogger>;
  let stations: Station[];

  beforeEach(() => {
    directory = temporaryDirectory();
    log = memoryLogger();
    stations = [];
  });

  afterEach(async () => {
    for (const station of stations) await station.stop();
    directory.remove();
  });

  /** Finding times of these tests are fixed, so the retention policy must reach back to them. */
  async function newStation(
    url: string,
    over: Parameters<typeof influxdbConfig.parse>[0] = {},
  ): Promise<Station> {
    const config = stationConfig(directory.path, {
      url,
      retention_days: 36_000,
      flush_interval_ms: 100,
      ...(over as object),
    });
    const station = new Station(config, { logger: log.logger, host: 'host1', retry: QUICK_RETRY });
    await station.start();
    stations.push(station);
    return station;
  }

  function sinkStatus(station: Station) {
    return station.status()!.sinks[0]!;
  }

  async function countFindings(influxd: Influxd): Promise<number> {
    const rows = await influxd.query('SELECT count(id) FROM bridgewatch_finding', DB).catch(() => []);
    return Number(rows[0]?.['count'] ?? 0);
  }

  describe('with an open server', () => {
    let influxd: Influxd;

    beforeAll(async () => {
      influxd = await startInfluxd();
    });

    afterAll(() => influxd.dispose());

    beforeEach(async () => {
      await influxd.query('DROP DATABASE bridgewatch');
    });

    it('makes database and retention policy, and a record is a row there within 3 s', async () => {
      const station = await newStation(influxd.url, { retention_days: 400 });
      const channel = localChannel(station);
      const time = Date.now() * 1000;

      const before = performance.now();
      channel.send(finding(1, { firstSeen: time, lastSeen: time }));
      channel.send(traffic(1, { start: time - 1e7, end: time }));
      channel.send(loss(1, { time }));
      channel.send(coverage(1, { time }));
      await until('the rows', async () => (await influxd.query('SHOW MEASUREMENTS', DB)).length === 4, 3000);
      const tookMs = performance.now() - before;

      expect(tookMs).toBeLessThan(3000);
      const policies = await influxd.query('SHOW RETENTION POLICIES', DB);
      expect(policies).toContainEqual(
        expect.objectContaining({ name: 'bridgewatch', duration: '9600h0m0s', default: true }),
      );
      const [row] = await influxd.query('SELECT * FROM bridgewatch_finding', DB);
      expect(row).toMatchObject({
        time: `${time}000`,
        analyzer: 'internal-egress',
        host: 'host1',
        network: 'shop_data',
        service: 'shop/db',
        severity: 'high',
        status: 'open',
        title: 'Egress from an internal network',
        count: 1,
        subject_ip: '172.30.1.5',
        evidence: '{"attempts":3,"ports":[443,8443]}',
      });
      const [sums] = await influxd.query(
        "SELECT sum(orig_bytes) AS out, sum(resp_bytes) AS back FROM bridgewatch_traffic WHERE resp_port = '443' GROUP BY orig",
        DB,
      );
      expect(sums).toMatchObject({ orig: 'shop/db', out: 100, back: 200 });
      expect(await influxd.query('SELECT covered FROM bridgewatch_coverage', DB)).toMatchObject([
        { covered: true },
      ]);
      expect(await influxd.query('SELECT count FROM bridgewatch_loss', DB)).toMatchObject([{ count: 5 }]);
    });

    it('takes 10,000 findings, each a row, also those of one microsecond', async () => {
      const station = await newStation(influxd.url);

      for (let i = 0; i < 10_000; i++) {
        station.receive(finding(i, i < 3000 ? { lastSeen: finding(0).lastSeen } : {}));
      }
      await until('delivery', () => sinkStatus(station).sent === 10_000, 60_000);

      expect(await countFindings(influxd)).toBe(10_000);
      expect(sinkStatus(station)).toMatchObject({ accepted: 10_000, sent: 10_000, dropped: 0, queued: 0 });
    });

    it('reads back what hostile names were written', async () => {
      await influxd.query('CREATE DATABASE hostile');
      const time = 1_700_000_000_000_000;
      let count = 0;
      const points = fc.sample(
        fc.tuple(hostileText, hostileText, hostileNumber, fc.maxSafeInteger(), fc.boolean()),
        400,
      );
      for (const text of HOSTILE_TEXTS) points.push([text, text, 0, 0, false]);
      const lines = points.map(([tag, field, number, integer, flag]) => {
        const fields: Record<string, FieldValue> = {
          n: count,
          s: field,
          x: number,
          i: BigInt(integer),
          f: flag,
        };
        return encodeLine({ measurement: 'm', tags: { t: tag }, fields, time: time + count++, tie: 0 })!;
      });

      const reply = await influxd.write(lines.join('\n'), { database: 'hostile' });

      expect(reply).toEqual({ status: 204, body: '' });
      const rows = await influxd.query('SELECT * FROM m', { database: 'hostile' });
      expect(rows).toHaveLength(points.length);
      for (const [i, [tag, field, number, integer, flag]] of points.entries()) {
        expect(rows[i]).toMatchObject({ t: tagText(tag), n: i, s: fieldText(field), f: flag });
        expect(rows[i]?.['i']).toBe(integer);
        expect(rows[i]?.['x']).toBe(Number.isFinite(number) ? Number(String(number)) : null);
      }
      await influxd.query('DROP DATABASE hostile');
    });

    it('keeps the good records of a batch that is rejected in part', async () => {
      const station = await newStation(influxd.url);
      // A time before 1970 has no form in line protocol; the rest of its batch does.
      const numbers = Array.from({ length: 50 }, (_, i) => i);
      for (const i of numbers) station.receive(finding(i, i === 17 ? { lastSeen: -5 } : {}));

      await until('the accounts', () => sinkStatus(station).queued === 0);

      expect(sinkStatus(station)).toMatchObject({ sent: 49, deadLetters: 1, dropped: 0 });
      expect(await countFindings(influxd)).toBe(49);
    });

    it('puts away what the server itself rejects, with its words, and goes on', async () => {
      await influxd.query('CREATE DATABASE bridgewatch');
      await influxd.query(
        'CREATE RETENTION POLICY bridgewatch ON bridgewatch DURATION 36000d REPLICATION 1 DEFAULT',
        DB,
      );
      // Someone else has written the field `count` as text before: a conflict for each loss, not for coverage.
      const time = loss(0).time;
      await influxd.write(`bridgewatch_loss,host=host1,source=x,where=y count="text" ${time}000`, DB);
      const station = await newStation(influxd.url);

      for (let i = 0; i < 20; i++) station.receive(loss(i));
      for (let i = 0; i < 20; i++) station.receive(coverage(i));

      await until('the accounts', () => sinkStatus(station).queued === 0);
      expect(sinkStatus(station)).toMatchObject({ sent: 20, deadLetters: 20 });
      const reader = await openStoreReadOnly(join(directory.path, 'bridgewatch.db'));
      expect(reader.deadLetters()[0]?.reason).toContain('field type conflict');
      reader.close();
    });

    it('puts away in one go what is older than the retention policy reaches', async () => {
      const station = await newStation(influxd.url, { retention_days: 1 });

      for (let i = 0; i < 500; i++) station.receive(finding(i, { lastSeen: 1_600_000_000_000_000 + i }));
      await until('the accounts', () => sinkStatus(station).deadLetters === 500);

      expect(sinkStatus(station)).toMatchObject({ state: 'ok', sent: 0, queued: 0 });
    });

    it('makes the database again when somebody drops it', async () => {
      const station = await newStation(influxd.url);
      station.receive(finding(1));
      await until('the first row', async () => (await countFindings(influxd)) === 1);

      await influxd.query('DROP DATABASE bridgewatch');
      station.receive(finding(2));

      await until('the second row', async () => (await countFindings(influxd)) === 1);
    });

    it('asks a person when it may not make the database, and goes on when the person did', async () => {
      const station = await newStation(influxd.url, { create_database: false });
      station.receive(finding(1));
      await until('the refusal', () => sinkStatus(station).state === 'refused');
      expect(sinkStatus(station).problem).toMatch(/has no database "bridgewatch".*create it/);

      await influxd.query('CREATE DATABASE bridgewatch');
      await influxd.query(
        'CREATE RETENTION POLICY bridgewatch ON bridgewatch DURATION 36000d REPLICATION 1 DEFAULT',
        DB,
      );

      await until('the row', async () => (await countFindings(influxd)) === 1);
    });

    it('leaves an existing retention policy as it is', async () => {
      await influxd.query('CREATE DATABASE bridgewatch');
      await influxd.query(
        'CREATE RETENTION POLICY bridgewatch ON bridgewatch DURATION 5000d REPLICATION 1',
        DB,
      );
      const station = await newStation(influxd.url, { retention_days: 7 });
      station.receive(finding(1));

      await until('delivery', () => sinkStatus(station).sent === 1);

      expect(await influxd.query('SHOW RETENTION POLICIES', DB)).toContainEqual(
        expect.objectContaining({ name: 'bridgewatch', duration: '120000h0m0s', default: false }),
      );
    });

    it('is not held up by a slow server, nor grows', async () => {
      const proxy = await startTcpProxy(influxd.port);
      proxy.delayMs = 300;
      const station = await newStation(proxy.url, { queue_max_records: 500, batch_max_records: 100 });

      let slowestMs = 0;
      for (let i = 0; i < 20_000; i++) {
        const before = performance.now();
        station.receive(traffic(i));
        if (i % 2000 === 0) station.receive(finding(i));
        slowestMs = Math.max(slowestMs, performance.now() - before);
      }

      expect(slowestMs).toBeLessThan(200);
      await until('the findings', async () => (await countFindings(influxd)) === 10, 20_000);
      const { accepted, sent, dropped, queued } = sinkStatus(station);
      expect(queued).toBeLessThanOrEqual(600);
      expect(sent + dropped + queued).toBe(accepted);
      expect(dropped).toBeGreaterThan(19_000);
      proxy.delayMs = 0;
      await station.stop();
      const [sums] = await influxd.query(
        "SELECT sum(count) AS lost FROM bridgewatch_loss WHERE source = 'sink-queue'",
        DB,
      );
      // The losses of the last seconds are in the store, which the server will get from the outbox.
      const reader = await openStoreReadOnly(join(directory.path, 'bridgewatch.db'));
      const stored = reader
        .queryEvents({ kinds: ['loss'] })
        .map(({ text }) => parseRecord(text))
        .reduce((sum, record) => sum + (record.kind === 'loss' ? record.count : 0), 0);
      reader.close();
      expect(stored).toBe(dropped);
      expect(Number(sums?.['lost'] ?? 0)).toBeLessThanOrEqual(stored);
      await proxy.close();
    });

    it('answers the doctor without changing anything', async () => {
      const config = influxdbConfig.parse({ url: influxd.url });
      const sink = new InfluxdbSink(influxd.url, config, { logger: log.logger, host: 'host1' });

      const before = await sink.check(never);
      expect(await influxd.query('SHOW DATABASES')).not.toContainEqual({ name: 'bridgewatch' });
      await sink.prepare(never);
      const after = await sink.check(never);
      await sink.close();

      const forbidden = new InfluxdbSink(
        influxd.url,
        influxdbConfig.parse({ url: influxd.url, database: 'elsewhere', create_database: false }),
        { logger: log.logger, host: 'host1' },
      );
      await expect(forbidden.check(never)).rejects.toThrow(/has no database "elsewhere".*create it/);
      await forbidden.close();
      expect(before).toMatch(
        /^InfluxDB 1\.\d.*: database "bridgewatch".*; what is missing will be created on start$/,
      );
      expect(after).toMatch(
        /^InfluxDB 1\.\d.*: database "bridgewatch", retention policy "bridgewatch", kept 720h0m0s$/,
      );
    });

    it('answers the questions of the documentation', async () => {
      const page = readFileSync(new URL('../../docs/influxdb.md', import.meta.url), 'utf8');
      const questions = [...page.matchAll(/```sql\n(.*?)\n```/gs)].map(([, question]) => question!);
      const station = await newStation(influxd.url);
      const time = Date.now() * 1000;
      station.receive(finding(1, { firstSeen: time, lastSeen: time }));
      station.receive(traffic(1, { start: time - 1e7, end: time }));
      station.receive(loss(1, { time }));
      await until('delivery', () => sinkStatus(station).sent === 3);

      expect(questions).toHaveLength(3);
      for (const question of questions) {
        expect(await influxd.query(question, DB), question).toHaveLength(1);
      }
    });

    it('writes no tag or field that the documentation does not name', async () => {
      const page = readFileSync(new URL('../../docs/influxdb.md', import.meta.url), 'utf8');
      const station = await newStation(influxd.url);
      station.receive(finding(1, { peers: [outside(), outside()] }));
      station.receive(traffic(1));
      station.receive(loss(1));
      station.receive(coverage(1, { interface: 'br-1' }));
      await until('delivery', () => sinkStatus(station).sent === 4);

      const keys = [
        ...(await influxd.query('SHOW FIELD KEYS', DB)).map(({ fieldKey }) => String(fieldKey)),
        ...(await influxd.query('SHOW TAG KEYS', DB)).map(({ tagKey }) => String(tagKey)),
      ];

      expect(keys.length).toBeGreaterThan(40);
      expect(keys.filter((key) => !page.includes(`\`${key}\``))).toEqual([]);
    });

    it('reads back through the administration client', async () => {
      const station = await newStation(influxd.url);
      station.receive(finding(1));
      await until('delivery', () => sinkStatus(station).sent === 1);
      const config = influxdbConfig.parse({ url: influxd.url });
      const admin = await InfluxdbAdmin.open(new URL(influxd.url), config, undefined, never);

      const rows = await admin.query('SELECT title, count FROM bridgewatch_finding');

      expect(rows).toMatchObject([{ title: 'Egress from an internal network', count: 1 }]);
    });
  });

  describe('that comes and goes', () => {
    let influxd: Influxd;

    beforeEach(async () => {
      influxd = await prepareInfluxd();
    });

    afterEach(() => influxd.dispose());

    it('gets everything when it was down at the start', async () => {
      const station = await newStation(influxd.url);
      for (let i = 0; i < 10; i++) station.receive(finding(i));
      station.receive(traffic(1));
      await until('retrying', () => sinkStatus(station).state === 'retrying');
      expect(sinkStatus(station).problem).toContain('ECONNREFUSED');

      await influxd.start();

      await until('the rows', async () => (await countFindings(influxd)) === 10);
      await until('traffic', () => sinkStatus(station).sent === 11);
    });

    it('loses no finding when it goes in the middle, is killed, and comes back', async () => {
      await influxd.start();
      const station = await newStation(influxd.url);
      let number = 0;
      const give = (count: number) => {
        for (let i = 0; i < count; i++) station.receive(finding(number++));
      };
      give(100);
      await until('the first rows', async () => (await countFindings(influxd)) === 100);

      give(50);
      await influxd.stop();
      give(100);
      await until('retrying', () => sinkStatus(station).state === 'retrying');
      await influxd.start();
      give(50);

      await until('delivery', () => sinkStatus(station).queued === 0);
      expect(await countFindings(influxd)).toBe(300);
      expect(sinkStatus(station)).toMatchObject({ accepted: 300, sent: 300, dropped: 0 });
      const said = log.lines.filter(({ msg }) => msg.startsWith('the sink'));
      expect(said.length).toBeLessThanOrEqual(4);
    });

    it('gets from a later run what an earlier one could not deliver, once each', async () => {
      const first = await newStation(influxd.url);
      for (let i = 0; i < 500; i++) first.receive(finding(i, { status: 'closed' }));
      for (let i = 0; i < 5; i++) first.receive(flow(i));
      await first.stop();
      expect(sinkStatus(first)).toMatchObject({ sent: 0, queued: 500 });

      await influxd.start();
      const second = await newStation(influxd.url);
      second.receive(finding(500, { status: 'closed' }));

      await until('delivery', () => sinkStatus(second).queued === 0);
      expect(await countFindings(influxd)).toBe(501);
      expect(sinkStatus(second)).toMatchObject({ accepted: 501, sent: 501 });
      await second.stop();
      const third = await newStation(influxd.url);
      expect(sinkStatus(third)).toMatchObject({ accepted: 0 });
    });

    it('is told by a later run that what an earlier one left open is closed', async () => {
      await influxd.start();
      const first = await newStation(influxd.url);
      first.receive(finding(1));
      await first.stop();
      expect(await countFindings(influxd)).toBe(1);

      const second = await newStation(influxd.url);
      await until('delivery', () => sinkStatus(second).queued === 0 && sinkStatus(second).sent === 1);
      expect(await countFindings(influxd)).toBe(2);
    });
  });

  describe('with authentication', () => {
    let influxd: Influxd;
    const admin = { username: 'root', password: 'root password' };

    beforeAll(async () => {
      influxd = await startInfluxd({ auth: true });
      await influxd.query(`CREATE USER root WITH PASSWORD '${admin.password}' WITH ALL PRIVILEGES`);
      await influxd.query("CREATE USER agent WITH PASSWORD 'agent password'", admin);
    });

    afterAll(() => influxd.dispose());

    beforeEach(async () => {
      await influxd.query('DROP DATABASE bridgewatch', admin);
    });

    it('says that nobody is configured', async () => {
      const station = await newStation(influxd.url);
      await until('the refusal', () => sinkStatus(station).state === 'refused');

      expect(sinkStatus(station).problem).toMatch(/401|refused/);
      expect(sinkStatus(station).problem).toContain('influxdb.username and influxdb.password_file');
    });

    it('takes up a password that is put right in its file, and never logs either', async () => {
      const path = join(directory.path, 'password');
      writeFileSync(path, 'wrong password\n');
      const station = await newStation(influxd.url, { username: 'root', password_file: path });
      station.receive(finding(1));
      await until('the refusal', () => sinkStatus(station).state === 'refused');

      writeFileSync(path, `${admin.password}\n`);

      await until('delivery', () => sinkStatus(station).sent === 1);
      expect(log.text()).not.toContain('wrong password');
      expect(log.text()).not.toContain(admin.password);
      expect(log.text()).not.toContain(Buffer.from(`root:${admin.password}`).toString('base64'));
    });

    it('says which rights a user lacks, and works as soon as they are granted', async () => {
      const station = await newStation(influxd.url, { username: 'agent', password: 'agent password' });
      station.receive(finding(1));
      await until('the refusal', () => sinkStatus(station).state === 'refused');
      expect(sinkStatus(station).problem).toMatch(
        /CREATE DATABASE "bridgewatch"; GRANT ALL ON "bridgewatch" TO "agent"/,
      );

      await influxd.query('CREATE DATABASE bridgewatch', admin);
      await influxd.query(
        'CREATE RETENTION POLICY bridgewatch ON bridgewatch DURATION 36000d REPLICATION 1',
        admin,
      );
      await influxd.query('GRANT ALL ON bridgewatch TO agent', admin);

      await until('delivery', () => sinkStatus(station).sent === 1);
    });

    it('is content with a user who may only write', async () => {
      await influxd.query('CREATE DATABASE bridgewatch', admin);
      await influxd.query(
        'CREATE RETENTION POLICY bridgewatch ON bridgewatch DURATION 36000d REPLICATION 1',
        admin,
      );
      await influxd.query('GRANT WRITE ON bridgewatch TO agent', admin);
      const station = await newStation(influxd.url, { username: 'agent', password: 'agent password' });

      station.receive(finding(1));

      await until('delivery', () => sinkStatus(station).sent === 1);
    });
  });
});
