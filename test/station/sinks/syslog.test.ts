import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../../../src/station/entry.ts';
import { SYSLOG_MAX_BYTES } from '../../../src/station/formats/rfc5424.ts';
import { sinksConfig } from '../../../src/station/sinks/index.ts';
import { type Sink, SinkError } from '../../../src/station/sinks/sink.ts';
import { StreamTransport } from '../../../src/station/sinks/syslog/stream.ts';
import type { SyslogTransport } from '../../../src/station/sinks/syslog/transport.ts';
import { newSyslogSink, type SyslogSinkConfig, syslogSink } from '../../../src/station/sinks/syslog.ts';
import { sinkCompliance } from '../../compliance/sink.ts';
import { makeCertificates, OPENSSL_MISSING } from '../../support/certificates.ts';
import { entryOf, memoryLogger, temporaryDirectory, until } from '../support/harness.ts';
import { finding, loss, T0 } from '../support/records.ts';
import { type SyslogPeer, startSyslogPeer } from '../support/syslog-peer.ts';

const deps = { logger: memoryLogger().logger, host: 'host1', version: '1.2.3', now: () => T0 };
const never = new AbortController().signal;
const configOf = (over: object) =>
  syslogSink.config.parse({ type: 'syslog', host: '127.0.0.1', ...over }) as SyslogSinkConfig;
const newSink = (over: object): Sink => syslogSink.create(configOf(over), deps);
const batch = (...numbers: readonly number[]): Delivery[] => numbers.map((n) => entryOf(finding(n)));
const ids = (messages: readonly string[]) => messages.map((text) => / id="([^"]*)"/.exec(text)?.[1]);

/** A real connection, before which a receiver can be unwell. */
sinkCompliance('syslog', async () => {
  const peer = await startSyslogPeer();
  const stream = new StreamTransport({ host: '127.0.0.1', port: peer.port, timeoutMs: 60_000 });
  let attempts = 0;
  let mood: (messages: readonly Buffer[]) => void | Promise<void> = () => {};
  const transport: SyslogTransport = {
    name: stream.name,
    check: (signal) => stream.check(signal),
    prepare: (signal) => stream.prepare(signal),
    async send(messages, isDurable, signal) {
      attempts += 1;
      await mood(messages);
      await stream.send(messages, isDurable, signal);
    },
    close: () => stream.close(),
  };
  const options = configOf({ kinds: ['finding', 'loss', 'coverage', 'traffic'] });
  const fails = (error: SinkError) => () => {
    mood = () => {
      throw error;
    };
  };
  return {
    sink: newSyslogSink(options, deps, transport),
    secret: 'syslog has none',
    stored: () => [...new Set(peer.messages)],
    attempts: () => attempts,
    accept: () => {
      mood = () => {};
    },
    fail: fails(new SinkError('SINK_UNREACHABLE', 'wait', 'ECONNREFUSED')),
    refuse: fails(new SinkError('SINK_UNAUTHORIZED', 'act', 'check cert_file')),
    reject: (text) => {
      mood = (messages) => {
        if (messages.some((message) => message.includes(`id="${text}"`)))
          throw new SinkError('SINK_REJECTED', 'split', 'too large');
      };
    },
    hang: () => {
      mood = () => new Promise(() => {});
    },
    close: () => peer.close(),
  };
});

describe('syslog over TCP', () => {
  let peer: SyslogPeer;
  let sink: Sink;

  beforeEach(async () => {
    peer = await startSyslogPeer();
    sink = newSink({ port: peer.port });
  });

  afterEach(async () => {
    await sink.close();
    await peer.close();
  });

  it('frames each message by its octets, with the facility, the data and the record as text', async () => {
    const records = [...batch(1), entryOf(loss(2))];
    await sink.close();
    sink = newSink({ port: peer.port, facility: 'local3', enterprise_id: 4242 });

    await sink.write(records, never);

    await until('both', () => peer.messages.length === 2);
    expect(peer.messages[0]).toMatch(
      /^<15\d>1 \S+ host1 bridgewatch - \S+ \[bridgewatch@4242 kind="finding" id="f-1" /,
    );
    expect(peer.messages[0]!.endsWith(`] ${records[0]!.text}`)).toBe(true);
    expect(peer.messages[1]).toMatch(
      /^<156>1 \S+ host1 bridgewatch - loss \[bridgewatch@4242 kind="loss"\] \{/,
    );
  });

  it('sends CEF', async () => {
    await sink.close();
    sink = newSink({ port: peer.port, format: 'cef', kinds: ['finding'] });

    await sink.write(batch(1), never);

    await until('it', () => peer.messages.length === 1);
    expect(peer.messages[0]).toMatch(/\] CEF:0\|Bridgewatch\|bridgewatch\|1\.2\.3\|/);
  });

  it('cuts what is longer than the receiver takes, and says so', async () => {
    await sink.close();
    sink = newSink({ port: peer.port, max_message_bytes: 1000 });

    await sink.write(batch(1), never);

    await until('it', () => peer.messages.length === 1);
    expect(Buffer.byteLength(peer.messages[0]!)).toBeLessThanOrEqual(1000);
    expect(peer.messages[0]).toMatch(/cutFromBytes="\d+"/);
    expect(configOf({}).max_message_bytes).toBe(SYSLOG_MAX_BYTES);
  });

  it('keeps one connection, and notices before a write that the receiver is gone', async () => {
    await sink.write(batch(1), never);
    await sink.write(batch(2), never);
    await until('both', () => peer.messages.length === 2);
    expect(peer.connections()).toBe(1);
    await peer.down();

    await expect(sink.write(batch(3), never)).rejects.toMatchObject({
      remedy: 'wait',
      message: expect.stringMatching(/tcp 127\.0\.0\.1:\d+: ECONNREFUSED; is it listening/),
    });
    await peer.listen();
    await sink.write(batch(3), never);

    await until('the third', () => ids(peer.messages).includes('f-3'));
  });

  it('sends again what it gave to a connection shortly before it broke', async () => {
    await sink.write(batch(1, 2), never);
    await until('both', () => peer.messages.length === 2);
    peer.messages.length = 0;

    peer.cut();
    await sink.write(batch(3), never);

    await until('the third', () => ids(peer.messages).includes('f-3'));
    expect(ids(peer.messages)).toEqual(['f-1', 'f-2', 'f-3']);
  });

  it('gives up a receiver that takes nothing, after its time', async () => {
    const stuck = createServer((socket) => socket.pause());
    await new Promise<void>((resolve) => stuck.listen(0, '127.0.0.1', resolve));
    const { port } = stuck.address() as { port: number };
    const slow = newSink({ port, timeout_ms: 300, batch_max_records: 50_000 });
    const many = Array.from({ length: 8000 }, (_, n) => entryOf(finding(n)));

    await expect(slow.write(many, never)).rejects.toThrow(/no answer within 300 ms/);

    await slow.close();
    stuck.close();
  });

  it('says in its check where it reached, or that it did not', async () => {
    expect(await sink.check(never)).toBe(`tcp 127.0.0.1:${peer.port}`);
    await peer.down();
    await expect(sink.check(never)).rejects.toMatchObject({ code: 'SINK_UNREACHABLE', remedy: 'wait' });
  });
});

describe('syslog over UDP', () => {
  it.each([
    ['udp4', '127.0.0.1'],
    ['udp6', '::1'],
  ] as const)('sends one datagram a message (%s)', async (family, host) => {
    const messages: string[] = [];
    const server = createSocket(family, (message) => messages.push(message.toString('utf8')));
    await new Promise<void>((resolve) => server.bind(0, host, resolve));
    const { port } = server.address();
    const sink = newSink({ transport: 'udp', host, port });

    await sink.write(batch(1, 2), never);

    await until('both', () => messages.length === 2);
    expect(ids(messages).toSorted()).toEqual(['f-1', 'f-2']);
    expect(messages[0]).toMatch(/^<13\d>1 /);
    await sink.close();
    server.close();
  });

  it('hears from the kernel that nobody listens, and sends the same again', async () => {
    const server = createSocket('udp4');
    await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
    const { port } = server.address();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const sink = newSink({ transport: 'udp', port });

    await expect(sink.write(batch(1), never)).rejects.toMatchObject({
      remedy: 'wait',
      message: expect.stringMatching(/udp 127\.0\.0\.1:\d+: ECONNREFUSED/),
    });
    await sink.close();
  });

  it('does not claim in its check that anybody listens', async () => {
    const sink = newSink({ transport: 'udp', port: 9 });

    expect(await sink.check(never)).toBe(
      'udp 127.0.0.1:9 (127.0.0.1); UDP does not tell whether anybody listens',
    );
    await sink.close();
  });
});

if (OPENSSL_MISSING !== undefined) console.warn(`*** SKIPPED syslog over TLS: ${OPENSSL_MISSING}`);

describe.skipIf(OPENSSL_MISSING !== undefined)('syslog over TLS', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let files: ReturnType<typeof makeCertificates>;
  let peer: SyslogPeer;
  let sink: Sink | undefined;

  beforeEach(async () => {
    directory = temporaryDirectory();
    files = makeCertificates(directory.path, { serverName: 'logs.example' });
    peer = await startSyslogPeer({
      cert: files.read('server.pem'),
      key: files.read('server.key'),
      ca: files.read('ca.pem'),
      requestCert: true,
      rejectUnauthorized: true,
    });
  });

  afterEach(async () => {
    await sink?.close();
    await peer.close();
    directory.remove();
  });

  function tlsSink(over: object = {}): Sink {
    sink = newSink({
      transport: 'tls',
      port: peer.port,
      ca_file: files.path('ca.pem'),
      server_name: 'logs.example',
      cert_file: files.path('client.pem'),
      key_file: files.path('client.key'),
      ...over,
    });
    return sink;
  }

  it('sends to who has the right certificate, and shows its own', async () => {
    await tlsSink().write(batch(1, 2), never);

    await until('both', () => peer.messages.length === 2);
    expect(await sink!.check(never)).toMatch(
      /^tls 127\.0\.0\.1:\d+, certificate of logs\.example valid until /,
    );
  });

  it.each([
    ['another name', { server_name: 'other.example' }, /server_name/],
    ['another authority', { ca_file: undefined }, /ca_file/],
    ['no certificate of ours', { cert_file: undefined, key_file: undefined }, /cert_file/],
  ])('sends nothing with %s, and says what to change', async (_what, over, advice) => {
    const failure = await tlsSink(over)
      .write(batch(1), never)
      .catch((error: unknown) => error);

    expect(failure).toMatchObject({
      code: 'SINK_UNAUTHORIZED',
      remedy: 'act',
      message: expect.stringMatching(advice),
    });
    expect(peer.messages).toEqual([]);
  });

  it('says which file it cannot read, and needs no restart once it can', async () => {
    const missing = join(directory.path, 'later.pem');
    const late = tlsSink({ ca_file: missing });

    await expect(late.prepare(never)).rejects.toThrow(`cannot read ca_file ${missing}: ENOENT`);
    files.copy('ca.pem', 'later.pem');
    await late.write(batch(1), never);

    await until('it', () => peer.messages.length === 1);
  });
});

describe('options of syslog', () => {
  const problemsOf = (over: object) =>
    sinksConfig
      .safeParse([{ type: 'syslog', host: 'a', ...over }])
      .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

  it('refuses what means nothing or is half', () => {
    expect(problemsOf({ transport: 'udp', ca_file: 'x' })).toEqual([
      '0.ca_file: means nothing with transport udp; set transport: tls',
    ]);
    expect(problemsOf({ transport: 'tls', cert_file: 'x' })).toEqual([
      '0.cert_file: cert_file and key_file go together',
    ]);
    expect(problemsOf({ format: 'cef' })[0]).toMatch(/^0\.format: cef has no form for loss, coverage/);
    expect(problemsOf({ format: 'cef', kinds: ['finding'] })).toEqual([]);
  });
});
