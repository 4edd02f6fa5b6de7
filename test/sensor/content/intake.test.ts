/** Names over several packets, two sides that disagree, and what is given up. */
import { describe, expect, it } from 'vitest';
import { bytes, concat, hex, u16 } from '../../support/packet-builder.ts';
import { ContentWorld, converse, type Saying, text } from './conversation.ts';
import { RECORDED } from './recorded.ts';

const recorded = (name: string): readonly Saying[] =>
  RECORDED.find((entry) => entry.name.endsWith(name))!.says;

/** A ClientHello of TLS 1.2 with the given server_name bytes, padded as post-quantum key shares do. */
function clientHello(name: Uint8Array, paddingBytes = 0): Uint8Array {
  const serverName = concat(u16(name.length + 3), bytes(0), u16(name.length), name);
  const extensions = concat(
    u16(21),
    u16(paddingBytes),
    new Uint8Array(paddingBytes),
    u16(0),
    u16(serverName.length),
    serverName,
  );
  const body = concat(
    hex('0303'),
    new Uint8Array(32),
    bytes(0),
    hex('0002 1301 01 00'),
    u16(extensions.length),
    extensions,
  );
  const handshake = concat(bytes(1, 0), u16(body.length), body);
  return concat(hex('16 0301'), u16(handshake.length), handshake);
}

const tlsServer = recorded('s_client: SNI')[1]!;
const HELLO = clientHello(text('web.shop.test'));

describe('a name over several segments', () => {
  const long = clientHello(text('web.shop.test'), 1800);

  it.each([
    [60, 1200],
    [700, 1400],
    [1448, 1449],
  ])('is put together when they come in order, cut at %i and %i', (a, b) => {
    const parts: Saying[] = [long.slice(0, a), long.slice(a, b), long.slice(b)].map((part) => [
      'client',
      part,
    ]);

    expect(converse('tcp', [...parts, tlsServer])).toEqual({
      service: 'tls',
      serverName: 'web.shop.test',
      serverNameFrom: 'tls-sni',
    });
  });

  it('is read once when a segment is sent again', () => {
    const world = new ContentWorld();
    const talk = world.connect();
    talk.say('client', long.slice(0, 1000));
    talk.segment('client', { flags: 'PA', seq: 1001, ack: talk.seq.server }, long.slice(0, 1000));
    talk.say('client', long.slice(1000));

    expect(world.content.of(talk.slot)?.serverName).toBe('web.shop.test');
  });

  it('is read from a hello that several records carry', () => {
    const handshake = long.slice(5);
    const record = (part: Uint8Array) => concat(hex('16 0301'), u16(part.length), part);
    const hello = concat(record(handshake.slice(0, 100)), record(handshake.slice(100)));

    expect(converse('tcp', [['client', hello], tlsServer])?.serverName).toBe('web.shop.test');
  });

  it('is left out, and the service kept, when a segment is missing', () => {
    const world = new ContentWorld();
    const talk = world.connect();
    talk.say('client', long.slice(0, 100));
    talk.seq.client += 1000;
    talk.say('client', long.slice(1100));
    talk.say(...tlsServer);

    expect(world.content.of(talk.slot)).toEqual({ service: 'tls' });
  });

  it('is put together for the Host of a request head', () => {
    const head = text(
      `GET /${'a'.repeat(1400)} HTTP/1.1\r\nCookie: ${'b'.repeat(800)}\r\nHost: web.shop.test\r\n\r\n`,
    );

    const heard = converse('tcp', [
      ['client', head.slice(0, 1448)],
      ['client', head.slice(1448)],
    ]);
    expect(heard).toEqual({ service: 'http', serverName: 'web.shop.test', serverNameFrom: 'http-host' });
  });

  it('is not looked for beyond 4 KiB', () => {
    const head = text(`GET / HTTP/1.1\r\nCookie: ${'b'.repeat(4090)}\r\nHost: web.shop.test\r\n\r\n`);

    const parts: Saying[] = [0, 1448, 2896].map((from) => ['client', head.slice(from, from + 1448)]);
    expect(converse('tcp', parts)).toEqual({ service: 'http' });
  });

  it('is found in a certificate that comes in pieces', () => {
    const [hello, [, flight]] = recorded('TLS 1.2 without SNI') as [Saying, Saying];

    const parts: Saying[] = [0, 400, 800].map((from) => [
      'server',
      flight.slice(from, from === 800 ? undefined : from + 400),
    ]);
    expect(converse('tcp', [hello, ...parts])).toMatchObject({
      serverName: 'web.shop.test',
      serverNameFrom: 'certificate',
    });
  });
});

describe('a name', () => {
  it.each([
    ['WEB.Shop.test', 'web.shop.test'],
    ['shop_db', 'shop_db'],
    ['evil\x1b[2J\nname', 'evil\\x1b[2J\\x0aname'],
    ['a..b', 'a..b'],
    ['b\xfccher', 'b\\xfccher'],
  ])('is a host name in lower case or escaped: %j', (wire, shown) => {
    expect(converse('tcp', [['client', clientHello(text(wire))]])?.serverName).toBe(shown);
  });

  it('is cut when it is longer than a name can be', () => {
    const heard = converse('tcp', [['client', clientHello(text('a'.repeat(400)))]]);

    expect(heard?.serverName).toHaveLength(253);
    expect(heard?.serverName?.endsWith('~')).toBe(true);
  });

  it.each([
    ['web.shop.test:8080', 'web.shop.test'],
    ['198.51.100.7', '198.51.100.7'],
    ['[2001:db8::7]:80', '2001:db8::7'],
    [' db ', 'db'],
  ])('in a Host field is what stands before the port: %j', (field, shown) => {
    const head = text(`GET / HTTP/1.1\r\nhost:${field}\r\n\r\n`);

    expect(converse('tcp', [['client', head]])?.serverName).toBe(shown);
  });

  it('is absent when there is none', () => {
    expect(converse('tcp', [['client', text('GET / HTTP/1.1\r\nHost:\r\n\r\n')]])).toEqual({
      service: 'http',
    });
    expect(converse('tcp', [['client', clientHello(text(''))]])).toEqual({ service: 'tls' });
  });
});

describe('two sides that disagree', () => {
  const get: Saying = ['client', text('GET / HTTP/1.0\r\nHost: db\r\n\r\n')];

  it('are what the responder surely speaks', () => {
    expect(converse('tcp', [get, ['server', text('SSH-2.0-OpenSSH_9.2\r\n')]])?.service).toBe('ssh');
  });

  it('are nothing when the responder speaks nothing we know; what was asked for stays', () => {
    expect(converse('tcp', [get, ['server', bytes(1, 2, 3, 4)]])).toEqual({
      serverName: 'db',
      serverNameFrom: 'http-host',
    });
  });

  it('are what the client spoke when the beginning of the answer was lost', () => {
    const world = new ContentWorld();
    const talk = world.connect();
    talk.say(...get);
    talk.seq.server += 500;
    talk.say('server', text('and so on'));

    expect(world.content.of(talk.slot)?.service).toBe('http');
  });
});

describe('a flow joined in the middle', () => {
  it('is recognised from the first packet that begins something', () => {
    const world = new ContentWorld();
    const talk = world.connect();
    const slot = () => world.content.of(talk.slot);
    world.table.flush();
    talk.slot = talk.segment('client', { flags: 'PA', seq: 5000, ack: 1 }, bytes(0, 1, 2, 3));
    expect(slot()).toBeUndefined();
    talk.segment(
      'client',
      { flags: 'PA', seq: 5004, ack: 1 },
      text('POST /v1 HTTP/1.1\r\nHost: api\r\n\r\n'),
    );

    expect(slot()).toMatchObject({ service: 'http', serverName: 'api' });
  });
});

describe('what it costs', () => {
  it('ends with the first payload of each side', () => {
    const world = new ContentWorld();
    const talk = world.connect();
    const before = world.looks;
    talk.say('client', HELLO);
    talk.say(...tlsServer);
    for (let i = 0; i < 20; i++) talk.say('client', bytes(i));

    expect(world.looks - before).toBe(2);
  });

  it('ends after 16 payloads when the other side is silent', () => {
    const world = new ContentWorld();
    const talk = world.connect();
    const before = world.looks;
    for (let i = 0; i < 40; i++) talk.say('client', bytes(i));

    expect(world.looks - before).toBe(16);
  });

  it('is bounded in searches; the oldest is given up, counted, and keeps its service', () => {
    const world = new ContentWorld();
    const talks = Array.from({ length: 1025 }, (_, i) => world.connect(10_000 + i));
    for (const talk of talks) talk.say('client', HELLO.slice(0, 60));

    expect(world.content.lost).toBe(1);
    for (const talk of talks) talk.say('client', HELLO.slice(60));
    expect(world.content.of(talks[0]!.slot)).toEqual({ service: 'tls' });
    expect(world.content.of(talks[1]!.slot)?.serverName).toBe('web.shop.test');
  });
});

describe('a slot', () => {
  it('tells nothing of the flow that had it before', () => {
    const world = new ContentWorld(1);
    const first = world.connect(10_000);
    first.say('client', HELLO);
    const second = world.connect(10_001);

    expect(second.slot).toBe(first.slot);
    expect(world.content.of(second.slot)).toBeUndefined();
    second.say('client', text('SSH-2.0-x\r\n'));
    expect(world.content.of(second.slot)).toEqual({ service: 'ssh' });
  });
});
