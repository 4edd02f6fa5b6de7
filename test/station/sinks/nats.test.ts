import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../../../src/station/entry.ts';
import { DELIVERED_KINDS } from '../../../src/station/sinks/definition.ts';
import { sinksConfig } from '../../../src/station/sinks/index.ts';
import type { NatsConfig } from '../../../src/station/sinks/nats/config.ts';
import { loadNats } from '../../../src/station/sinks/nats/library.ts';
import { possibleSubjects, subjectOf, tokenOf, uncovered } from '../../../src/station/sinks/nats/subject.ts';
import { NatsSink, natsSink } from '../../../src/station/sinks/nats.ts';
import type { Sink } from '../../../src/station/sinks/sink.ts';
import { sinkCompliance } from '../../compliance/sink.ts';
import { entryOf, memoryLogger, temporaryDirectory } from '../support/harness.ts';
import { type NatsPeer, startNatsPeer } from '../support/nats-peer.ts';
import { finding, loss, T0, traffic } from '../support/records.ts';

const deps = { logger: memoryLogger().logger, host: 'web-1.example', version: '1.2.3', now: () => T0 };
const never = new AbortController().signal;
const configOf = (over: object) =>
  natsSink.config.parse({ type: 'nats', timeout_ms: 2000, ...over }) as NatsConfig;
const batch = (...numbers: readonly number[]): Delivery[] => numbers.map((n) => entryOf(finding(n)));

sinkCompliance('nats', async () => {
  const peer = await startNatsPeer();
  const secret = 'a password of nats';
  const config = configOf({
    servers: [peer.url],
    username: 'agent',
    password: secret,
    timeout_ms: 60_000,
    kinds: ['finding', 'loss', 'coverage', 'traffic'],
  });
  const sink = new NatsSink(config, deps);
  let writes = 0;
  const counted: Sink = {
    name: sink.name,
    accepts: sink.accepts,
    check: (signal) => sink.check(signal),
    prepare: (signal) => sink.prepare(signal),
    write: (deliveries, signal) => {
      writes += 1;
      return sink.write(deliveries, signal);
    },
    close: () => sink.close(),
  };
  return {
    sink: counted,
    secret,
    stored: () => peer.messages.map(({ text }) => text),
    attempts: () => writes,
    accept: () => {
      peer.mood = () => undefined;
    },
    fail: () => {
      peer.mood = () => ({ err_code: 10_008, description: 'JetStream system temporarily unavailable' });
    },
    refuse: () => {
      peer.mood = () => 'forbidden';
    },
    reject: (text) => {
      peer.mood = (message) =>
        message.text.includes(`"${text}"`)
          ? { err_code: 10_054, description: 'message size exceeds maximum allowed' }
          : undefined;
    },
    hang: () => {
      peer.mood = () => 'silence';
    },
    close: () => peer.close(),
  };
});

describe('the sink nats', () => {
  let peer: NatsPeer;
  let sink: NatsSink;

  beforeEach(async () => {
    peer = await startNatsPeer();
    sink = new NatsSink(configOf({ servers: [peer.url] }), deps);
  });

  afterEach(async () => {
    await sink.close();
    await peer.close();
  });

  it('sends the record under host, kind and severity, with an id of its own', async () => {
    const records = [entryOf(finding(1)), entryOf(finding(2, { severity: 'low' })), entryOf(loss(3))];

    await sink.write(records, never);

    expect(peer.messages.map(({ subject }) => subject)).toEqual([
      'bridgewatch.web-1_example.finding.high',
      'bridgewatch.web-1_example.finding.low',
      'bridgewatch.web-1_example.loss',
    ]);
    expect(peer.messages.map(({ text }) => text)).toEqual(records.map(({ text }) => text));
    expect(peer.messages[0]!.id).toBe(`web-1.example:finding:${records[0]!.time}-${records[0]!.tie}`);
    expect(new Set(peer.messages.map(({ id }) => id)).size).toBe(3);
  });

  it('gives two hosts whose tokens are the same different ids', async () => {
    const other = new NatsSink(configOf({ servers: [peer.url] }), { ...deps, host: 'web-1_example' });
    const records = batch(1);

    await sink.write(records, never);
    await other.write(records, never);
    await other.close();

    expect(new Set(peer.messages.map(({ subject }) => subject)).size).toBe(1);
    expect(peer.messages).toHaveLength(2);
  });

  it('takes records of two lanes with the same time and number for two', async () => {
    const [first] = batch(1);
    const second = { ...entryOf(loss(1)), time: first!.time, tie: first!.tie };

    await sink.write([first!], never);
    await sink.write([second], never);

    expect(peer.messages).toHaveLength(2);
  });

  it('keeps the order, also of more than are on their way at once', async () => {
    const records = batch(...Array.from({ length: 1000 }, (_, i) => i));

    await sink.write(records, never);

    expect(peer.messages.map(({ text }) => text)).toEqual(records.map(({ text }) => text));
    expect(peer.connections()).toBe(1);
  });

  it('does not send again what was acknowledged before something failed', async () => {
    const records = batch(1, 2, 3);
    peer.mood = ({ text }) =>
      text.includes('"f-2"') ? { err_code: 10_077, description: 'maximum bytes exceeded' } : undefined;
    await expect(sink.write(records, never)).rejects.toMatchObject({
      code: 'SINK_UNAVAILABLE',
      remedy: 'wait',
      message: expect.stringMatching(/maximum bytes exceeded; is it full\?/),
    });
    expect(peer.attempts()).toBe(3);
    peer.mood = () => undefined;

    await sink.write(records, never);

    expect(peer.attempts()).toBe(4);
    expect(peer.messages).toHaveLength(3);
  });

  it.each([
    ['nobody', 'SINK_NO_TARGET', 'act', /check that JetStream is on/],
    ['forbidden', 'SINK_UNAUTHORIZED', 'act', /check what this user may publish/],
    [
      { err_code: 10_060, description: 'expected stream does not match' },
      'SINK_NO_TARGET',
      'act',
      /another stream takes/,
    ],
    [
      { err_code: 10_054, description: 'message size exceeds maximum allowed' },
      'SINK_TOO_LARGE',
      'split',
      /max_msg_size/,
    ],
    [{ err_code: 10_023, description: 'insufficient resources' }, 'SINK_UNAVAILABLE', 'wait', /insufficient/],
  ] as const)('says of the answer %o what helps', async (refusal, code, remedy, advice) => {
    peer.mood = () => refusal;

    await expect(sink.write(batch(1), never)).rejects.toMatchObject({
      code,
      remedy,
      message: expect.stringMatching(advice),
    });
  });

  it('finds a record that is larger than the server takes, without asking it', async () => {
    const small = await startNatsPeer({ maxPayload: 3000 });
    const narrow = new NatsSink(configOf({ servers: [small.url] }), deps);
    const records = [...batch(1), entryOf(finding(2, { explanation: 'x'.repeat(4000) }))];

    await expect(narrow.write(records, never)).rejects.toMatchObject({
      code: 'SINK_TOO_LARGE',
      remedy: 'split',
      message: expect.stringContaining('max_payload'),
    });

    expect(small.messages).toHaveLength(1);
    await narrow.close();
    await small.close();
  });

  it('gives up a server that is silent, and makes a new connection for the next write', async () => {
    const hasty = new NatsSink(configOf({ servers: [peer.url], timeout_ms: 200 }), deps);
    peer.mood = () => 'silence';
    await expect(hasty.write(batch(1), never)).rejects.toMatchObject({ remedy: 'wait' });
    peer.mood = () => undefined;

    await hasty.write(batch(1), never);

    expect(peer.connections()).toBe(2);
    await hasty.close();
  });

  it('says who is not let in, and that the server is away', async () => {
    peer.authorization = false;
    await expect(sink.prepare(never)).rejects.toMatchObject({ code: 'SINK_UNAUTHORIZED', remedy: 'act' });
    const away = new NatsSink(configOf({ servers: ['nats://127.0.0.1:9'] }), deps);

    await expect(away.prepare(never)).rejects.toMatchObject({
      code: 'SINK_UNREACHABLE',
      remedy: 'wait',
      message: expect.stringMatching(/cannot reach NATS at nats:\/\/127\.0\.0\.1:9: .*refused/),
    });
  });

  it('makes a stream only where it may, and takes none that keeps other subjects', async () => {
    peer.stream = undefined;
    const careful = new NatsSink(configOf({ servers: [peer.url], create_stream: false }), deps);
    await expect(careful.prepare(never)).rejects.toThrow(/create it \(nats stream add BRIDGEWATCH/);
    expect(await sink.check(never)).toMatch(/which will be made on start$/);
    expect(peer.stream).toBeUndefined();

    await sink.prepare(never);
    expect(await sink.check(never)).toMatch(
      /^NATS 2\.9\.10 at .*: stream "BRIDGEWATCH" takes bridgewatch\.web-1_example\.>; 0 records, kept for ever, knows duplicates for 600 s$/,
    );

    peer.stream = { subjects: ['bridgewatch.*.finding.>', 'other'] };
    await expect(sink.check(never)).rejects.toThrow(
      'takes bridgewatch.*.finding.>, other, not bridgewatch.web-1_example.loss; add it there',
    );
    await careful.close();
  });

  it('says what to install where its packages are not there', async () => {
    const nowhere = createRequire(join(temporaryDirectory().path, 'x.js'));
    const missing = async () => {
      try {
        nowhere.resolve('@nats-io/transport-node');
      } catch {
        // As `import` says it.
        throw Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
      }
    };
    const without = new NatsSink(configOf({ servers: [peer.url] }), deps, () => loadNats(missing));

    await expect(without.check(never)).rejects.toMatchObject({
      code: 'SINK_MISCONFIGURED',
      remedy: 'act',
      message: expect.stringMatching(
        /are not installed; .*npm install @nats-io\/transport-node@\^3\.4 @nats-io\/jetstream@\^3\.4/,
      ),
    });
  });
});

describe('subjects', () => {
  it.each([
    ['web-1.example', 'web-1_example'],
    ['*', '_'],
    ['a>b c\tü\u0000', 'a_b_c___'],
    ['$SYS', '_SYS'],
    ['', '_'],
    ['x'.repeat(100), 'x'.repeat(63)],
  ])('make of a host %j the token %j', (host, token) => {
    expect(tokenOf(host)).toBe(token);
  });

  it('are all known beforehand', () => {
    const all = new Set(possibleSubjects('p.h', DELIVERED_KINDS));
    const records = [finding(1), finding(2, { severity: 'critical' }), loss(1), traffic(1)];

    for (const record of records) expect(all).toContain(subjectOf('p.h', entryOf(record)));
    expect(subjectOf('p.h', entryOf(finding(1, { network: 'a.b.>', title: '*' })))).toBe('p.h.finding.high');
  });

  it('are compared with patterns as the server does', () => {
    const subjects = ['p.h.finding.high', 'p.h.loss'];

    expect(uncovered(subjects, ['p.>'])).toEqual([]);
    expect(uncovered(subjects, ['p.*.loss', 'p.h.*.*'])).toEqual([]);
    expect(uncovered(subjects, ['p.h.*'])).toEqual(['p.h.finding.high']);
    expect(uncovered(subjects, ['p.h.finding.>', 'p.h.loss.>'])).toEqual(['p.h.loss']);
    expect(uncovered(subjects, [])).toEqual(subjects);
  });
});

describe('options of nats', () => {
  const problemsOf = (over: object) =>
    sinksConfig
      .safeParse([{ type: 'nats', servers: ['nats://a:4222'], ...over }])
      .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

  it('refuses what cannot be, or not together', () => {
    expect(problemsOf({})).toEqual([]);
    expect(problemsOf({ servers: ['nats://user:pass@a'] })[0]).toMatch(/^0\.servers\.0: give nats:/);
    expect(problemsOf({ subject_prefix: 'a.>' })[0]).toMatch(/^0\.subject_prefix: expected letters/);
    expect(problemsOf({ username: 'a' })).toEqual(['0.username: a user and a password go together']);
    expect(problemsOf({ token: 'a', creds_file: 'b' })[0]).toMatch(/^0\.servers: give one way/);
    expect(problemsOf({ cert_file: 'a' })).toEqual(['0.cert_file: cert_file and key_file go together']);
    expect(problemsOf({ format: 'cef' })[0]).toMatch(/^0\.format: cef has no form for loss/);
    expect(problemsOf({ max_age_days: 0.001 })).toHaveLength(1);
  });

  it('says which file does not hold what it should', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory.path, 'x'));
    const path = join(directory.path, 'creds');
    writeFileSync(path, 'nonsense');
    const messageOf = async (over: object) => {
      const sink = new NatsSink(configOf({ servers: ['nats://127.0.0.1:9'], ...over }), deps);
      return await sink.check(never).catch((error: Error) => error.message);
    };

    expect(await messageOf({ creds_file: path })).toBe(
      `nats: creds_file ${path} does not hold what nsc or nk write there; check it`,
    );
    expect(await messageOf({ nkey_seed_file: path })).toMatch(/^nats: nkey_seed_file .* does not hold/);
    expect(await messageOf({ token_file: `${path}-2` })).toMatch(/cannot read token_file .*: ENOENT; check/);
    directory.remove();
  });
});
