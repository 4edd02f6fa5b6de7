/** The sink `nats` against the real nats-server. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DiscardPolicy } from '@nats-io/jetstream';
import { type ConnectionOptions, nkeys } from '@nats-io/transport-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Station } from '../../src/station/station.ts';
import { openStoreReadOnly } from '../../src/station/store/reader.ts';
import {
  memoryLogger,
  QUICK_RETRY,
  stationConfig,
  temporaryDirectory,
  until,
} from '../station/support/harness.ts';
import { coverage, finding, loss, traffic } from '../station/support/records.ts';
import { makeCertificates } from '../support/certificates.ts';
import {
  NATS_SERVER_MISSING,
  type NatsServer,
  type NatsServerOptions,
  startNatsServer,
} from '../support/nats-server.ts';

if (NATS_SERVER_MISSING !== undefined) console.warn(`*** SKIPPED nats.test.ts: ${NATS_SERVER_MISSING}`);

const STREAM = 'BRIDGEWATCH';

describe.skipIf(NATS_SERVER_MISSING !== undefined)('NATS JetStream, the real one', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let log: ReturnType<typeof memoryLogger>;
  let servers: NatsServer[];
  let stations: Station[];

  beforeEach(() => {
    directory = temporaryDirectory();
    log = memoryLogger();
    servers = [];
    stations = [];
  });

  afterEach(async () => {
    for (const station of stations) await station.stop();
    for (const server of servers) await server.dispose();
    directory.remove();
  });

  async function newServer(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = await startNatsServer(options);
    servers.push(server);
    return server;
  }

  async function newStation({ url }: Pick<NatsServer, 'url'>, over: object = {}): Promise<Station> {
    const sink = { type: 'nats', servers: [url], timeout_ms: 1000, drain_timeout_ms: 500, ...over };
    const config = stationConfig(directory.path, {}, {}, [sink]);
    const station = new Station(config, { logger: log.logger, host: 'web-1.example', retry: QUICK_RETRY });
    await station.start();
    stations.push(station);
    return station;
  }

  const status = (station: Station) => station.status()!.sinks.find(({ sink }) => sink === 'nats')!;
  const give = (station: Station, from: number, count: number) => {
    for (let i = from; i < from + count; i++) station.receive(finding(i));
  };
  const idsIn = async (server: NatsServer, login?: ConnectionOptions) =>
    (await server.stored(STREAM, login)).map(({ text }) => (JSON.parse(text) as { id: string }).id);
  const numbered = (count: number) => Array.from({ length: count }, (_, i) => `f-${i}`);

  it('makes the stream, and keeps each record under its subject', async () => {
    const server = await newServer();
    const station = await newStation(server, {
      kinds: ['finding', 'loss', 'coverage', 'traffic'],
      max_age_days: 7,
      duplicate_window_secs: 300,
    });
    station.receive(finding(1));
    station.receive(finding(2, { severity: 'low' }));
    station.receive(loss(1));
    station.receive(coverage(1));
    station.receive(traffic(1));

    await until('delivery', () => status(station).sent === 5);

    const stored = await server.stored(STREAM);
    expect(stored.map(({ subject }) => subject).toSorted()).toEqual(
      ['coverage', 'finding.high', 'finding.low', 'loss', 'traffic'].map(
        (rest) => `bridgewatch.web-1_example.${rest}`,
      ),
    );
    expect(JSON.parse(stored[0]!.text)).toMatchObject({ kind: 'finding', id: 'f-1' });
    expect(new Set(stored.map(({ id }) => id)).size).toBe(5);
    const { config } = await server.manage((manager) => manager.streams.info(STREAM));
    expect(config).toMatchObject({
      subjects: ['bridgewatch.>'],
      max_age: 7 * 86_400e9,
      duplicate_window: 300e9,
      discard: 'old',
      storage: 'file',
    });
  });

  it('has everything once after it was stopped, killed and started again', async () => {
    const server = await newServer();
    const station = await newStation(server);
    let given = 0;
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
      give(station, given, 600);
      given += 600;
      // In the middle of it.
      const sent = status(station).sent;
      await until('some more', () => status(station).sent > sent || status(station).queued === 0);
      await server.stop(signal);
      give(station, given, 100);
      given += 100;
      await until('retrying', () => status(station).state === 'retrying');
      await server.start();
    }

    await until('delivery', () => status(station).sent === given, 20_000);

    expect(await idsIn(server)).toEqual(numbered(given));
    expect(status(station)).toMatchObject({ state: 'ok', dropped: 0, deadLetters: 0, queued: 0 });
  });

  it('has once what it took before it hung, though nobody heard of it', async () => {
    const server = await newServer();
    const station = await newStation(server, { timeout_ms: 300 });
    give(station, 0, 1);
    await until('delivery', () => status(station).sent === 1);

    server.pause();
    give(station, 1, 50);
    await until('retrying', () => status(station).state === 'retrying');
    server.resume();

    await until('delivery', () => status(station).sent === 51);
    expect(await idsIn(server)).toEqual(numbered(51));
  });

  it('gets from a later run what an earlier one could not deliver, once each', async () => {
    const server = await newServer();
    await server.stop();
    const first = await newStation(server);
    for (let i = 0; i < 50; i++) first.receive(finding(i, { status: 'closed' }));
    await until('retrying', () => status(first).state === 'retrying');
    await first.stop();
    await server.start();

    const second = await newStation(server);

    await until('delivery', () => status(second).sent === 50);
    expect(await idsIn(server)).toEqual(numbered(50));
  });

  it('keeps what a full stream does not take, and delivers it when there is room', async () => {
    await fillAndWiden('messages', { max_msgs: 16 }, { max_msgs: 1000 }, 16);
  });

  // With room for some, server 2.9 lets the oldest of a stream that is full by bytes go, though it should not.
  it('keeps what a stream without room for a single record does not take', async () => {
    await fillAndWiden('bytes', { max_bytes: 500 }, { max_bytes: 1_000_000 }, 0);
  });

  async function fillAndWiden(what: string, narrow: object, wide: object, fits: number): Promise<void> {
    const server = await newServer();
    const config = { name: STREAM, subjects: ['bridgewatch.>'], discard: DiscardPolicy.New, ...narrow };
    await server.manage((manager) => manager.streams.add(config));
    const station = await newStation(server);
    give(station, 0, 40);
    await until('the stream is full', () => status(station).state === 'retrying');
    expect(status(station).problem).toContain(
      `"BRIDGEWATCH": maximum ${what} exceeded; is it full? give it more room`,
    );
    await until('as much as fits', async () => (await idsIn(server)).length === fits);

    await server.manage((manager) => manager.streams.update(STREAM, wide));

    await until('delivery', () => status(station).sent === 40);
    expect(await idsIn(server)).toEqual(numbered(40));
  }

  it('puts away what is larger than the server takes, and delivers the others', async () => {
    const server = await newServer({ config: 'max_payload: 8000' });
    const station = await newStation(server);
    for (let i = 0; i < 20; i++)
      station.receive(finding(i, i === 7 ? { explanation: 'x'.repeat(9000) } : {}));

    await until('the accounts', () => status(station).queued === 0);

    expect(status(station)).toMatchObject({ sent: 19, deadLetters: 1 });
    expect(await idsIn(server)).toEqual(numbered(20).filter((id) => id !== 'f-7'));
    const reader = await openStoreReadOnly(join(directory.path, 'bridgewatch.db'));
    expect(reader.deadLetters()[0]?.reason).toContain('larger than max_payload');
    reader.close();
  });

  it('says that JetStream is off', async () => {
    const server = await newServer({ jetStream: false });
    const station = await newStation(server);
    give(station, 0, 1);

    await until('the refusal', () => status(station).state === 'refused');

    expect(status(station).problem).toMatch(/check that JetStream is on \(nats-server -js\)/);
  });

  it('leaves a stream of somebody else alone, and says what to change', async () => {
    const server = await newServer();
    await server.manage((manager) => manager.streams.add({ name: STREAM, subjects: ['orders.>'] }));
    const station = await newStation(server);
    give(station, 0, 1);
    await until('the refusal', () => status(station).state === 'refused');
    expect(status(station).problem).toMatch(
      /stream "BRIDGEWATCH" takes orders\.>, not bridgewatch\.web-1_example\.finding\.\w+; add it there/,
    );

    const { config } = await server.manage((manager) => manager.streams.info(STREAM));
    expect(config.subjects).toEqual(['orders.>']);
    await server.manage((manager) =>
      manager.streams.update(STREAM, { subjects: ['orders.>', 'bridgewatch.>'] }),
    );

    await until('delivery', () => status(station).sent === 1);
  });

  it('does not write into a stream of another name that takes its subjects', async () => {
    const server = await newServer();
    await server.manage((manager) => manager.streams.add({ name: 'OTHER', subjects: ['bridgewatch.>'] }));
    const station = await newStation(server);
    give(station, 0, 1);

    await until('the refusal', () => status(station).state === 'refused');

    expect(status(station).problem).toMatch(
      /another stream takes some of these subjects; set stream to its name/,
    );
    expect(await server.stored('OTHER')).toEqual([]);
  });

  it('makes the stream again when somebody deletes it', async () => {
    const server = await newServer();
    const station = await newStation(server);
    give(station, 0, 1);
    await until('delivery', () => status(station).sent === 1);

    await server.manage((manager) => manager.streams.delete(STREAM));
    give(station, 1, 1);

    await until('delivery', () => status(station).sent === 2);
    expect(await idsIn(server)).toEqual(['f-1']);
  });

  it('is let in with a password, says so when it is wrong, and needs no restart', async () => {
    const login = { user: 'agent', pass: 'the right one' };
    const server = await newServer({
      config: `authorization { users: [{ user: agent, password: "${login.pass}" }] }`,
    });
    const path = join(directory.path, 'password');
    writeFileSync(path, 'the wrong one\n');
    const station = await newStation(server, { username: 'agent', password_file: path });
    give(station, 0, 1);
    await until('the refusal', () => status(station).state === 'refused');
    expect(status(station).problem).toMatch(/lets us not in: .*check username and password_file/);

    writeFileSync(path, `${login.pass}\n`);

    await until('delivery', () => status(station).sent === 1);
    expect(await idsIn(server, login)).toEqual(['f-0']);
    expect(log.text()).not.toMatch(/the (right|wrong) one/);
  });

  it('is let in with a token or the seed of an nkey', async () => {
    const pair = nkeys.createUser();
    const path = join(directory.path, 'seed');
    writeFileSync(path, `${new TextDecoder().decode(pair.getSeed())}\n`);
    const byKey = await newServer({ config: `authorization { users: [{ nkey: ${pair.getPublicKey()} }] }` });
    const byToken = await newServer({ config: 'authorization { token: "a token" }' });
    const config = stationConfig(directory.path, {}, {}, [
      { type: 'nats', name: 'key', servers: [byKey.url], nkey_seed_file: path },
      { type: 'nats', name: 'token', servers: [byToken.url], token: 'a token' },
    ]);
    const station = new Station(config, { logger: log.logger, retry: QUICK_RETRY });
    await station.start();
    stations.push(station);

    give(station, 0, 1);

    await until('delivery', () => station.status()!.sinks.every(({ sent }) => sent === 1));
  });

  it('runs the example of the documentation', async () => {
    const page = readFileSync(new URL('../../docs/sinks.md', import.meta.url), 'utf8');
    const [, example] = /^## nats\n.*?^```yaml\n(.*?)^```$/ms.exec(page)!;
    const { sinks } = parse(example!) as { sinks: [{ servers: string[]; password_file: string }] };
    const path = join(directory.path, 'password');
    writeFileSync(path, 'secret\n');
    const server = await newServer({
      config: 'authorization { users: [{ user: bridgewatch, password: secret }] }',
    });
    const station = await newStation(server, { ...sinks[0], servers: [server.url], password_file: path });
    station.receive(finding(1));
    station.receive(finding(2, { severity: 'low' }));
    station.receive(coverage(1));

    await until('delivery', () => status(station).sent === 3);

    const stored = await server.stored(STREAM, { user: 'bridgewatch', pass: 'secret' });
    for (const { subject } of stored) expect(page).toContain(`${subject} `);
  });

  it('is content with a user who may publish only, and says what it may not', async () => {
    const admin = { user: 'admin', pass: 'a' };
    const server = await newServer({
      config: `authorization { users: [
        { user: admin, password: a }
        { user: agent, password: b, permissions: { publish: ["bridgewatch.web-1_example.finding.>"], subscribe: "_INBOX.>" } }
      ] }`,
    });
    await server.manage(
      (manager) => manager.streams.add({ name: STREAM, subjects: ['bridgewatch.>'] }),
      admin,
    );
    const station = await newStation(server, {
      username: 'agent',
      password: 'b',
      kinds: ['finding', 'loss'],
    });

    give(station, 0, 3);
    await until('delivery', () => status(station).sent === 3);
    station.receive(loss(1));

    await until('the refusal', () => status(station).state === 'refused');
    expect(status(station).problem).toMatch(
      /bridgewatch\.web-1_example\.loss.*check what this user may publish/,
    );
    expect(await idsIn(server, admin)).toEqual(numbered(3));
  });

  describe('with TLS', () => {
    const tls = `tls { cert_file: "DIR/server.pem", key_file: "DIR/server.key", ca_file: "DIR/ca.pem", verify: true }`;
    const setUp = (path: string) => void makeCertificates(path, { serverName: 'nats.example' });
    const right = (server: NatsServer) => ({
      ca_file: join(server.directory, 'ca.pem'),
      cert_file: join(server.directory, 'client.pem'),
      key_file: join(server.directory, 'client.key'),
      server_name: 'nats.example',
    });

    it('sends to who has the right certificate, and shows its own', async () => {
      const server = await newServer({ config: tls, setUp });
      const station = await newStation({ url: server.url.replace('nats:', 'tls:') }, right(server));
      give(station, 0, 3);

      await until('delivery', () => status(station).sent === 3);
    });

    it.each([
      ['another name', { server_name: 'other.example' }, /set server_name/],
      ['another authority', { ca_file: undefined }, /check that ca_file/],
      ['no certificate of ours', { cert_file: undefined, key_file: undefined }, /check cert_file/],
    ])('sends nothing with %s, and says what to change', async (_, over, advice) => {
      const server = await newServer({ config: tls, setUp });
      const station = await newStation(server, { ...right(server), ...over });
      give(station, 0, 1);

      await until('a problem', () => status(station).problem !== undefined);

      expect(status(station)).toMatchObject({ state: 'refused', problem: expect.stringMatching(advice) });
    });

    it('sends nothing unencrypted where it should not', async () => {
      const server = await newServer();
      const station = await newStation({ url: server.url.replace('nats:', 'tls:') });
      give(station, 0, 1);

      await until('a problem', () => status(station).problem !== undefined);

      expect(status(station)).toMatchObject({ state: 'refused', sent: 0 });
      expect(status(station).problem).toMatch(/it does not speak TLS/);
    });
  });
});
