/** The doors themselves, with real connections: who finds them, what stands in their way, what they bear. */
import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DOOR_LIMITS, Door, type DoorLimits, type DoorPlace } from '../../../src/station/api/door.ts';
import { memoryLogger, temporaryDirectory, until } from '../support/harness.ts';

let directory: ReturnType<typeof temporaryDirectory>;
let log: ReturnType<typeof memoryLogger>;
let doors: Door[];
let sockets: Socket[];

beforeEach(() => {
  directory = temporaryDirectory();
  log = memoryLogger();
  doors = [];
  sockets = [];
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(doors.map((door) => door.close()));
  directory.remove();
});

interface Opened {
  readonly limits?: Partial<DoorLimits>;
  readonly fetch?: () => Response | Promise<Response>;
}

async function open(
  place: DoorPlace,
  { limits = {}, fetch = () => new Response('here') }: Opened = {},
): Promise<Door> {
  const door = new Door({
    place,
    logger: log.logger,
    limits: { ...DOOR_LIMITS, ...limits },
    admit: () => ({ by: 'unix' }),
    fetch,
  });
  doors.push(door);
  await door.open();
  return door;
}

const TCP: DoorPlace = { kind: 'tcp', host: '127.0.0.1', port: 0 };

function unix(name = 'x.db.sock'): DoorPlace & { readonly path: string } {
  return { kind: 'unix', path: join(directory.path, name) };
}

function port(): number {
  const at = String(log.lines.findLast(({ msg }) => msg === 'the API listens')?.['at']);
  return Number(at.slice(at.lastIndexOf(':') + 1));
}

interface Line {
  readonly socket: Socket;
  text: string;
  isOver: boolean;
}

function dial(target: { path: string } | { port: number }, said = ''): Line {
  const socket = 'path' in target ? connect(target.path) : connect(target.port, '127.0.0.1');
  const line: Line = { socket, text: '', isOver: false };
  sockets.push(socket);
  socket.setEncoding('utf8').on('data', (part) => {
    line.text += part;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    line.isOver = true;
  });
  socket.write(said);
  return line;
}

const REQUEST = 'GET /api HTTP/1.1\r\nHost: localhost\r\n\r\n';

describe('the socket beside the database', () => {
  it('is for its owner alone, from its first moment on', async () => {
    const place = unix();
    const modes: number[] = [];
    const mask = process.umask;
    // bind(2) has happened when the mask is put back.
    process.umask = ((value?: number) => {
      if (existsSync(place.path)) modes.push(statSync(place.path).mode & 0o777);
      return value === undefined ? mask() : mask(value);
    }) as typeof process.umask;
    try {
      await open(place);
    } finally {
      process.umask = mask;
    }

    expect(modes).toEqual([0o600]);
    expect(statSync(place.path).mode & 0o777).toBe(0o600);
  });

  it('replaces the one that a station left there, and goes when it is closed', async () => {
    const place = unix();
    const old = createServer();
    await new Promise<void>((resolve) => old.listen(place.path, resolve));
    const door = await open(place);
    expect(door.problem).toBeUndefined();
    const line = dial(place, REQUEST);
    await until('an answer', () => line.text.includes('here'));

    await door.close();

    expect(existsSync(place.path)).toBe(false);
    old.close();
  });

  it.each([
    ['file', (path: string) => writeFileSync(path, 'of somebody')],
    ['folder', (path: string) => mkdirSync(path)],
    ['symbolic link', (path: string) => symlinkSync('/dev/null', path)],
  ])('never removes a %s of that name', async (_, make) => {
    const place = unix();
    make(place.path);

    const door = await open(place);

    expect(door.problem).toMatch(/there is a file that is no socket; it was left untouched/);
    expect(existsSync(place.path)).toBe(true);
  });

  it('says so when its path is longer than a socket may have, at 108 bytes and not at 107', async () => {
    const rest = 107 - Buffer.byteLength(`${directory.path}/`);
    expect((await open(unix('a'.repeat(rest)))).problem).toBeUndefined();

    const door = await open(unix('b'.repeat(rest + 1)));

    expect(door.problem).toMatch(/longer than the 107 bytes.*store\.path/);
  });

  it('says so when it may not be made there', async () => {
    const door = await open(unix('nowhere/x.sock'));

    expect(door.problem).toMatch(/its folder is missing, or the station may not write there/);
  });
});

describe('the address', () => {
  let other: Server;

  afterEach(() => {
    other?.close();
  });

  it('that another program has is said once, and taken when it is free', async () => {
    other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port: taken } = other.address() as { port: number };

    const door = await open({ kind: 'tcp', host: '127.0.0.1', port: taken });
    expect(door.problem).toBe(
      `the API cannot listen on 127.0.0.1:${taken}: another program listens there; stop it, or give another api.listen`,
    );
    expect(log.lines.filter(({ level }) => level >= 40)).toHaveLength(1);

    await new Promise((resolve) => other.close(resolve));
    await until('the door to open', () => door.problem === undefined, 8000);
    const line = dial({ port: taken }, REQUEST);
    await until('an answer', () => line.text.includes('here'));
    expect(log.lines.filter(({ level }) => level >= 40)).toHaveLength(1);
  });

  it('that this machine does not have is said', async () => {
    const door = await open({ kind: 'tcp', host: '198.51.100.77', port: 9477 });

    expect(door.problem).toMatch(/198\.51\.100\.77:9477: this machine has no such address now/);
  });
});

describe('a client', () => {
  it('gets the headers that keep browsers out, on refusals too', async () => {
    await open(TCP);
    for (const target of ['/api', 'http://[/']) {
      const line = dial(
        { port: port() },
        `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      await until('an answer', () => line.isOver);

      expect(line.text).toMatch(/content-security-policy: default-src 'none'; frame-ancestors 'none'/i);
      for (const header of [
        'x-content-type-options: nosniff',
        'referrer-policy: no-referrer',
        'cache-control: no-store',
      ])
        expect(line.text.toLowerCase()).toContain(header);
      expect(line.text.toLowerCase()).not.toContain('access-control');
    }
  });

  it('that sends its headers drop by drop is sent away', async () => {
    await open(TCP, { limits: { headersTimeoutMs: 300, requestTimeoutMs: 600, checkMs: 50 } });
    const line = dial({ port: port() }, 'GET /api HTTP/1.1\r\nHost: localhost\r\n');
    const drops = setInterval(() => line.socket.write('X-A: b\r\n'), 40);
    await until('the end of it', () => line.isOver, 5000);
    clearInterval(drops);

    expect(line.text).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('that never sends its body is sent away', async () => {
    await open(TCP, { limits: { headersTimeoutMs: 300, requestTimeoutMs: 600, checkMs: 50 } });
    const line = dial(
      { port: port() },
      'POST /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx',
    );

    await until('the end of it', () => line.isOver, 5000);
  });

  it('that sends more headers than 16 KiB gets 431', async () => {
    await open(TCP);
    const line = dial(
      { port: port() },
      `GET /api HTTP/1.1\r\nHost: localhost\r\nX-A: ${'a'.repeat(17_000)}\r\n\r\n`,
    );
    await until('the end of it', () => line.isOver);

    expect(line.text).toMatch(/^HTTP\/1\.1 431 /);
  });

  it.each([
    'nonsense\r\n\r\n',
    'GET /api HTTP/1.1\r\n\r\n',
    'GET /api HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    '\u0016\u0003\u0001\u0002\u0000\u0001',
  ])('that speaks no HTTP is told so, and nobody else is harmed: %j', async (words) => {
    await open(TCP);
    const line = dial({ port: port() }, words);
    await until('the end of it', () => line.isOver);
    expect(line.text).toMatch(/^HTTP\/1\.1 400 /);

    const next = dial({ port: port() }, REQUEST);
    await until('an answer', () => next.text.includes('here'));
  });

  it('is one of so many: the others are refused until one goes', async () => {
    await open(TCP, { limits: { maxConnections: 3 } });
    const held = [1, 2, 3].map(() => dial({ port: port() }, REQUEST));
    await until('three answers', () => held.every(({ text }) => text.includes('here')));
    const refused = dial({ port: port() }, REQUEST);
    await until('the end of it', () => refused.isOver);
    expect(refused.text).toBe('');

    held[0]!.socket.end();
    await until('one to be gone', () => held[0]!.isOver);
    const next = dial({ port: port() }, REQUEST);
    await until('an answer', () => next.text.includes('here'));
  });
});

describe('closing', () => {
  async function running(): Promise<{ door: Door; line: Line; finish: (response: Response) => void }> {
    let finish: ((response: Response) => void) | undefined;
    const door = await open(TCP, {
      fetch: () =>
        new Promise((resolve) => {
          finish = resolve;
        }),
    });
    const line = dial({ port: port() }, REQUEST);
    await until('the request to run', () => finish !== undefined);
    return { door, line, finish: finish! };
  }

  it('waits for a request that runs', async () => {
    const { door, line, finish } = await running();
    const closed = door.close();
    finish(new Response('in time'));
    await closed;

    await until('the answer', () => line.text.includes('in time'));
  });

  it('does not wait for one that never ends', async () => {
    const { door, line } = await running();
    const before = performance.now();

    await door.close();

    expect(performance.now() - before).toBeLessThan(3000);
    await until('the end of it', () => line.isOver);
  });
});
