/** InfluxDB 2.x and 3 Core against strict stand-ins; 1.x and VictoriaMetrics are real, in test/integration. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { z } from 'zod';
import { influxdbConfig } from '../../../../src/station/config.ts';
import { revealed } from '../../../../src/station/secret.ts';
import { InfluxdbSink } from '../../../../src/station/sinks/influxdb.ts';
import type { Logger } from '../../../../src/telemetry/logger.ts';
import { type PeerHarness, sinkCompliance } from '../../../compliance/sink.ts';
import { entryOf, memoryLogger, temporaryDirectory } from '../../support/harness.ts';
import { startHttpPeer } from '../../support/http-peer.ts';
import {
  partialWrite,
  type StandIn,
  type StandInOptions,
  startInflux2,
  startInflux3,
} from '../../support/influx-stand-in.ts';
import { coverage, finding, loss, T0, traffic } from '../../support/records.ts';

type Options = z.input<typeof influxdbConfig>;

const TOKEN = 'bW9ja3Rva2Vu-correct-horse_battery==';
const never = new AbortController().signal;

const SERVERS = {
  2: {
    start: (over: Partial<StandInOptions> = {}) =>
      startInflux2({ token: TOKEN, org: 'acme', names: ['bridgewatch'], mayRead: true, ...over }),
    options: { flavor: 2, org: 'acme', token: TOKEN },
    refusal: { status: 401, body: { code: 'unauthorized', message: 'unauthorized access' } },
    scheme: 'Token',
  },
  3: {
    start: (over: Partial<StandInOptions> = {}) => startInflux3({ token: TOKEN, ...over }),
    options: { flavor: 3, token: TOKEN },
    refusal: { status: 401, body: { error: 'the request was not authenticated' } },
    scheme: 'Bearer',
  },
} as const;

const conflict = {
  code: 'unprocessable entity',
  message:
    'failure writing points to database: partial write: field type conflict: input field "count" on measurement "bridgewatch_finding" is type integer, already exists as type string dropped=1',
};

function sinkOf(url: string, options: Options, logger: Logger = memoryLogger().logger): InfluxdbSink {
  return new InfluxdbSink(url, influxdbConfig.parse({ url, ...options }), { logger, host: 'host1' });
}

for (const flavor of [2, 3] as const) {
  const { start, options, refusal, scheme } = SERVERS[flavor];

  describe(`InfluxDB ${flavor}`, () => {
    sinkCompliance('influxdb', async (logger): Promise<PeerHarness> => {
      const peer = await start();
      const has = (text: string) => (line: string) => line.includes(`id="${text}"`);
      return {
        sink: sinkOf(peer.url, { ...options, timeout_ms: 60_000 }, logger),
        secret: TOKEN,
        stored: () => [...peer.stored],
        attempts: () => peer.writes.length,
        accept: () => {
          peer.mood = () => undefined;
        },
        fail: () => {
          peer.mood = () => ({ status: 503 });
        },
        refuse: () => {
          peer.mood = () => refusal;
        },
        reject: (text) => {
          peer.mood = (lines) =>
            flavor === 3
              ? partialWrite(lines, has(text))
              : lines.some(has(text))
                ? { status: 422, body: conflict }
                : undefined;
        },
        hang: () => {
          peer.mood = () => 'hang';
        },
        close: () => peer.close(),
      };
    });

    describe('sink', () => {
      let peer: StandIn;
      let sink: InfluxdbSink;
      let directory: ReturnType<typeof temporaryDirectory>;

      beforeEach(async () => {
        directory = temporaryDirectory();
        peer = await start();
        sink = sinkOf(peer.url, options);
      });

      afterEach(async () => {
        await sink.close();
        await peer.close();
        directory.remove();
      });

      it('writes what version 1 gets: the same lines, compressed when that pays', async () => {
        const v1 = await startHttpPeer();
        const first = sinkOf(v1.url, {});
        const batch = [entryOf(finding(1)), entryOf(traffic(1)), entryOf(loss(1)), entryOf(coverage(1))];

        await first.write(batch, never);
        await sink.write(batch, never);
        await sink.write(batch, never);

        expect([...peer.stored]).toEqual(v1.requests[0]?.lines);
        expect(peer.writes[0]?.headers['content-encoding']).toBe('gzip');
        const [point] = peer.points.get('bridgewatch')!;
        expect(point).toMatchObject({
          measurement: 'bridgewatch_finding',
          tags: { analyzer: 'internal-egress', severity: 'high', service: 'shop/db' },
          fields: { title: 'Egress from an internal network', count: 1n, id: 'f-1' },
        });
        await first.close();
        await v1.close();
      });

      it('reads the token file again when it prepares, and says when it cannot', async () => {
        const path = join(directory.path, 'token');
        const { token: _, ...rest } = options;
        const filed = sinkOf(peer.url, { ...rest, token_file: path });
        await expect(filed.prepare(never)).rejects.toMatchObject({
          code: 'SINK_MISCONFIGURED',
          message: expect.stringMatching(/cannot read influxdb\.token_file .*ENOENT; check/),
        });
        writeFileSync(path, 'stale\n');
        await expect(filed.check(never)).rejects.toMatchObject({
          code: 'SINK_UNAUTHORIZED',
          message: expect.stringContaining(path),
        });
        writeFileSync(path, `${TOKEN}\n`);
        await filed.prepare(never);
        await filed.write([entryOf(loss(1))], never);

        expect(peer.writes.map(({ headers }) => headers.authorization)).toEqual([`${scheme} ${TOKEN}`]);
        writeFileSync(path, 'two lines\nof text');
        await expect(filed.prepare(never)).rejects.toThrow(/does not hold a token/);
        await filed.close();
      });

      it.each([
        [401, 'SINK_UNAUTHORIZED', 'act', /influxdb\.token.*; check/],
        [403, 'SINK_UNAUTHORIZED', 'act', /give it/],
        [404, 'SINK_NO_TARGET', 'act', /check influxdb\..*or create it: influx/],
        [413, 'SINK_TOO_LARGE', 'split', /413/],
        [429, 'SINK_UNAVAILABLE', 'wait', /429/],
        [500, 'SINK_UNAVAILABLE', 'wait', /500/],
        [503, 'SINK_UNAVAILABLE', 'wait', /503/],
        [302, 'SINK_NO_TARGET', 'act', /address of InfluxDB itself/],
      ])('knows what %d asks for', async (status, code, remedy, message) => {
        peer.mood = () => ({ status, headers: { 'retry-after': '7' } });

        const error = await sink.write([entryOf(loss(1))], never).catch((caught: unknown) => caught);

        expect(error).toMatchObject({ code, remedy, message: expect.stringMatching(message) });
        expect(error).toMatchObject({ retryAfterMs: remedy === 'wait' ? 7000 : undefined });
      });

      it('never repeats the token, whatever the server says', async () => {
        peer.mood = () => ({ status: 403, body: { message: `no rights for ${scheme} ${TOKEN}` } });

        const error = await sink.write([entryOf(loss(1))], never).catch((caught: unknown) => caught);

        expect(inspect(error, { depth: 9 })).toContain(`no rights for ${scheme} ***`);
        expect(inspect(error, { depth: 9 })).not.toContain(TOKEN);
      });

      it('is told when the address is that of another version', async () => {
        const v1 = await startHttpPeer();
        const wrong = sinkOf(v1.url, options);

        await expect(wrong.prepare(never)).rejects.toMatchObject({
          code: 'SINK_MISCONFIGURED',
          remedy: 'act',
          message: expect.stringMatching(
            /as InfluxDB 1\.8\.10 does, and influxdb\.flavor is .; set it to 1$/,
          ),
        });
        expect(v1.requests).toEqual([]);
        await wrong.close();
        await v1.close();
      });
    });
  });
}

describe('InfluxDB 2: buckets', () => {
  let peer: StandIn;

  afterEach(() => peer.close());

  async function made(over: Partial<StandInOptions>, options: Options = {}): Promise<InfluxdbSink> {
    peer = await SERVERS[2].start(over);
    return sinkOf(peer.url, { ...SERVERS[2].options, ...options });
  }

  it('makes a bucket that is missing, where the token may', async () => {
    const sink = await made({ names: [], mayCreate: true }, { bucket: 'net', retention_days: 7 });

    const before = await sink.check(never);
    expect(peer.created).toEqual([]);
    await sink.prepare(never);
    await sink.prepare(never);

    expect(peer.created).toEqual([
      { name: 'net', orgID: '0123456789abcdef', retentionRules: [{ type: 'expire', everySeconds: 604_800 }] },
    ]);
    expect(before).toMatch(/bucket "net" of the organization "acme" is not there.*will be created on start/);
    expect(await sink.check(never)).toBe(
      'InfluxDB v2.7.11: bucket "net" of the organization "acme", kept 30 days',
    );
    await sink.close();
  });

  it('makes none when told not to, and says how to', async () => {
    const sink = await made({ names: [], mayCreate: true }, { create_database: false });

    await sink.prepare(never);
    await expect(sink.check(never)).rejects.toThrow(
      /bucket "bridgewatch" not found; .*influx bucket create --org "acme" --name "bridgewatch" --retention 30d/,
    );
    await expect(sink.write([entryOf(loss(1))], never)).rejects.toMatchObject({ code: 'SINK_NO_TARGET' });

    expect(peer.created).toEqual([]);
    await sink.close();
  });

  it('needs no more than the right to write', async () => {
    const sink = await made({ mayRead: false, mayCreate: false });

    await sink.prepare(never);
    await sink.write([entryOf(loss(1))], never);

    expect(await sink.check(never)).toBe('InfluxDB v2.7.11: bucket "bridgewatch" of the organization "acme"');
    expect(peer.stored.size).toBe(1);
    await sink.close();
  });

  it('says that the organization is unknown', async () => {
    const sink = await made({}, { org: 'acne' });

    await expect(sink.check(never)).rejects.toThrow(
      /organization name "acne" not found; check influxdb\.org/,
    );
    await sink.close();
  });
});

describe('InfluxDB 3: databases', () => {
  let peer: StandIn;

  afterEach(() => peer.close());

  async function made(over: Partial<StandInOptions>, options: Options = {}): Promise<InfluxdbSink> {
    peer = await SERVERS[3].start(over);
    return sinkOf(peer.url, { ...SERVERS[3].options, ...options });
  }

  it('lets the first write make the database, and the doctor make none', async () => {
    const sink = await made({});

    expect(await sink.check(never)).toBe(
      'InfluxDB 3.2.1: database "bridgewatch", which the first write makes',
    );
    await sink.prepare(never);
    expect(peer.names.size).toBe(0);
    await sink.write([entryOf(loss(1))], never);

    expect(await sink.check(never)).toBe('InfluxDB 3.2.1: database "bridgewatch"');
    await sink.close();
  });

  it('asks a person for the database where it may not make it', async () => {
    const sink = await made({}, { create_database: false });

    await expect(sink.prepare(never)).rejects.toMatchObject({
      code: 'SINK_NO_TARGET',
      message: expect.stringContaining('influxdb3 create database bridgewatch'),
    });
    peer.names.add('bridgewatch');
    await sink.prepare(never);
    await sink.close();
  });

  it('says what a token that may not list databases leaves open', async () => {
    const sink = await made({ mayRead: false }, { create_database: false });

    await sink.prepare(never);
    expect(await sink.check(never)).toContain('the first write will tell');
    await sink.close();
  });

  it('believes a list of bad lines where it is the whole batch, and tells the first reason', async () => {
    const sink = await made({});
    const batch = [entryOf(loss(1)), entryOf(loss(2))];
    peer.mood = (lines) => partialWrite(lines, () => true);
    await expect(sink.write(batch, never)).rejects.toMatchObject({
      remedy: 'split',
      isWholeBatch: true,
      message: expect.stringContaining(
        "partial write of line protocol occurred: invalid column type for column 'count'",
      ),
    });
    peer.mood = (lines) => partialWrite(lines, (line) => line === lines[0]);
    await expect(sink.write(batch, never)).rejects.toMatchObject({ remedy: 'split', isWholeBatch: false });
    await sink.close();
  });

  it.each([
    [422, 'Update to schema would exceed number of databases per instance limit of 5 databases'],
    [400, 'db name did not start with a number or letter'],
  ])('gives up no record for a fault that is in none: %d %s', async (status, error) => {
    const sink = await made({});
    peer.mood = () => ({ status, body: { error } });

    await expect(sink.write([entryOf(loss(1))], never)).rejects.toMatchObject({
      remedy: 'act',
      message: expect.stringMatching(/; check/),
    });
    await sink.close();
  });
});

describe('flavors in the configuration', () => {
  const url = 'http://127.0.0.1:8086';

  it.each<[string, Options, RegExp | undefined]>([
    ['1, plain', { url }, undefined],
    ['1 with a user', { url, username: 'a', password_file: '/x', retention_policy: 'autogen' }, undefined],
    ['1 with a token', { url, token: 'x' }, /1\.x takes a user; give username and password_file/],
    ['1 with a bucket', { url, bucket: 'x' }, /give database, or set flavor: 2/],
    ['1 with an organization', { url, org: 'x' }, /no organizations/],
    ['2, whole', { url, flavor: 2, org: 'o', token_file: '/x', bucket: 'b', retention_days: 7 }, undefined],
    ['2, the bucket in database', { url, flavor: 2, org: 'o', token: 'x', database: 'b' }, undefined],
    ['2 with both names', { url, flavor: 2, org: 'o', token: 'x', database: 'b', bucket: 'c' }, /only one/],
    ['2 without organization', { url, flavor: 2, token: 'x' }, /needs the name of the organization/],
    ['2 without token', { url, flavor: 2, org: 'o' }, /give token_file/],
    ['2 with a user', { url, flavor: 2, org: 'o', username: 'u' }, /2\.x takes a token; give token_file/],
    ['2 with a policy', { url, flavor: 2, org: 'o', token: 'x', retention_policy: 'y' }, /retention_days/],
    ['2, off', { flavor: 2 }, undefined],
    ['two tokens', { url, flavor: 3, token: 'x', token_file: '/x' }, /exclude each other/],
    ['3, open', { url, flavor: 3 }, undefined],
    ['3 with a bucket', { url, flavor: 3, bucket: 'b' }, /3 has databases; give database/],
    ['3 with a retention', { url, flavor: 3, retention_days: 7 }, /influxdb3 create database/],
    ['3 with a name it refuses', { url, flavor: 3, database: '_x' }, /at most 64 letters/],
    ['VictoriaMetrics with a user', { url, flavor: 'victoriametrics', username: 'u' }, undefined],
    ['VictoriaMetrics with a token', { url, flavor: 'victoriametrics', token: 't' }, undefined],
    [
      'VictoriaMetrics with both',
      { url, flavor: 'victoriametrics', token: 't', username: 'u' },
      /one of them/,
    ],
    [
      'VictoriaMetrics with a retention',
      { url, flavor: 'victoriametrics', retention_days: 7 },
      /-retentionPeriod/,
    ],
    ['a token of two lines', { url, flavor: 3, token: 'secret\nsecret' }, /expected a token/],
  ])('%s', (_, input, problem) => {
    const result = influxdbConfig.safeParse(input);

    if (problem === undefined) {
      expect(result.error).toBeUndefined();
      // The station reads what the sensor has read, with its defaults filled in.
      expect(influxdbConfig.safeParse(revealed(result.data)).error).toBeUndefined();
    } else expect(result.error?.message).toMatch(problem);
    expect(result.error?.message ?? '').not.toContain('secret');
  });

  it('is in the documentation as it is read, one example each', () => {
    const page = readFileSync(new URL('../../../../docs/influxdb.md', import.meta.url), 'utf8');
    const examples = [...page.matchAll(/```yaml\n(.*?)\n```/gs)].map(([, text]) => parse(text!));

    const read = examples.map(({ influxdb }) => influxdbConfig.parse(influxdb));

    expect(read.map(({ flavor }) => flavor)).toEqual([1, 1, 2, 3, 'victoriametrics']);
  });

  it('makes the token unprintable', () => {
    const config = influxdbConfig.parse({ flavor: 3, token: TOKEN });

    expect(JSON.stringify(config) + inspect(config)).not.toContain(TOKEN);
  });

  it('knows VictoriaMetrics where version 1 was expected', async () => {
    const peer = await startHttpPeer({ ping: { 'x-server-hostname': 'vm' } });
    const sink = sinkOf(peer.url, {});

    await expect(sink.prepare(never)).rejects.toThrow(/as VictoriaMetrics does.*set it to victoriametrics/);
    await sink.close();
    await peer.close();
  });

  it('sends VictoriaMetrics no text, which it would keep as numbers', async () => {
    const peer = await startHttpPeer();
    const sink = sinkOf(peer.url, { flavor: 'victoriametrics' });

    await sink.write([entryOf(finding(1)), entryOf(coverage(1))], never);

    const [{ url, lines }] = peer.requests as [(typeof peer.requests)[0]];
    expect(Object.fromEntries(url.searchParams)).toEqual({ db: 'bridgewatch', precision: 'ns' });
    expect(lines[0]).toMatch(
      /^bridgewatch_finding,analyzer=internal-egress,host=host1,.*status=open count=1i,peer_port=443i \d{19}$/,
    );
    expect(lines[1]).toMatch(/ covered=true \d{19}$/);
    expect(lines.join()).not.toContain('"');
    await sink.close();
    await peer.close();
  });

  it('gives up no record where VictoriaMetrics does not know the path', async () => {
    const peer = await startHttpPeer();
    peer.behave(() => ({ status: 400, body: 'unsupported path requested: "/x/write"' }));
    const sink = sinkOf(peer.url, { flavor: 'victoriametrics' });

    await expect(sink.write([entryOf(loss(1, { time: T0 }))], never)).rejects.toMatchObject({
      remedy: 'act',
      message: expect.stringContaining('insert/0/influx'),
    });
    await sink.close();
    await peer.close();
  });
});
