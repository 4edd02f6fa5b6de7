/** The netfilter socket over the real kernel, in a namespace of the test's own. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openNetlink } from '../../capture/native/index.ts';
import { type NetfilterBatch, type NetfilterSocket, openNetfilter } from '../../capture/netfilter.ts';
import { missingForNative, openDescriptors, run, until, World } from './native-world.ts';

const missing = missingForNative() ?? missingConntrack();
const GROUPS = [1, 2, 3];

function missingConntrack(): string | undefined {
  try {
    run('unshare', [
      '--net',
      'iptables',
      '-A',
      'INPUT',
      '-m',
      'conntrack',
      '--ctstate',
      'INVALID',
      '-j',
      'DROP',
    ]);
    run('python3', ['--version']);
    return undefined;
  } catch (error) {
    console.error(
      `SKIPPED: tests of connection tracking: iptables, conntrack and python3 are needed: ${error}`,
    );
    return 'no conntrack';
  }
}

describe.skipIf(missing !== undefined)('a netfilter socket', () => {
  let world: World;
  const open: NetfilterSocket[] = [];

  beforeEach(async () => {
    world = new World(false);
    // The kernel tracks connections only where a rule asks for their state.
    await world.exec('iptables', '-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'INVALID', '-j', 'DROP');
  });
  afterEach(() => {
    for (const socket of open.splice(0)) socket.close();
    world.remove();
  });

  function listen(
    options: { bufferBytes?: number } = {},
    onBatch: (batch: NetfilterBatch) => void = () => {},
  ) {
    const socket = openNetfilter({ groups: GROUPS, netns: world.netns, ...options });
    open.push(socket);
    const heard = { datagrams: 0, bytes: 0, overruns: 0, drained: 0, largest: 0 };
    const ended = socket.run((batch) => {
      heard.datagrams += batch.count;
      heard.overruns += batch.overruns;
      heard.largest = Math.max(heard.largest, batch.count);
      if (batch.drained) heard.drained++;
      for (let i = 0; i < batch.count; i++) {
        heard.bytes += batch.length[i]!;
        // Each datagram of the kernel begins with its own length.
        expect(batch.data.getUint32(batch.offset[i]!, true)).toBeLessThanOrEqual(batch.length[i]!);
      }
      onBatch(batch);
    });
    return { socket, heard, ended };
  }

  /** UDP to the discard port of loopback, each from a port of its own: each is a connection. */
  const send = (count: number) =>
    world.exec(
      'python3',
      '-c',
      `import socket\nfor i in range(${count}):\n s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('127.0.0.1',2000+i)); s.sendto(b'x',('127.0.0.1',9)); s.close()`,
    );

  it('hears of the connections of its namespace', async () => {
    const inside = listen();

    await send(20);

    await until('20 beginnings', () => inside.heard.datagrams >= 20);
    expect(inside.heard).toMatchObject({ overruns: 0 });
    expect(inside.heard.drained).toBeGreaterThan(0);
    expect(inside.socket.drops()).toBe(0);
  });

  it('answers what is sent to it', async () => {
    await send(5);
    const { socket, heard } = listen();
    // A dump of all connections: nlmsghdr and nfgenmsg.
    const request = new Uint8Array(20);
    const view = new DataView(request.buffer);
    view.setUint32(0, 20, true);
    view.setUint16(4, 0x101, true);
    view.setUint16(6, 0x301, true);

    socket.send(request);

    await until('the list', () => heard.bytes > 5 * 100);
  });

  it('says what the kernel threw away when nobody read, and goes on', { timeout: 60_000 }, async () => {
    let busy = true;
    const storm = listen({ bufferBytes: 65_536 }, () => {
      // As slow as a very busy agent.
      const end = performance.now() + (busy ? 20 : 0);
      while (performance.now() < end);
    });
    await send(20_000);
    await until('the loss to be told', () => storm.heard.overruns > 0);
    expect(storm.socket.drops()).toBeGreaterThan(0);
    expect(storm.heard.largest).toBeLessThanOrEqual(512);

    busy = false;
    await until('the queue to be empty', () => storm.heard.drained > 0);
    const before = storm.heard.datagrams;
    await world.exec(
      'python3',
      '-c',
      "import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.sendto(b'x',('127.0.0.1',7))",
    );
    await until('what came after it', () => storm.heard.datagrams > before);
  });

  it('ends when it is closed, also inside a batch, and sends no more', async () => {
    const { socket, ended } = listen({}, () => socket.close());
    await send(3);

    expect(await ended).toBeUndefined();
    expect(socket.drops()).toBeUndefined();
    expect(() => socket.send(new Uint8Array(20))).toThrow();
    socket.close();
  });

  it('passes on what a handler throws, and is closed then', async () => {
    const socket = openNetfilter({ groups: GROUPS, netns: world.netns });
    open.push(socket);
    const ended = socket.run(() => {
      throw new Error('a bug');
    });
    const failed = expect(ended).rejects.toThrow('a bug');
    await send(1);

    await failed;
    expect(socket.drops()).toBeUndefined();
  });

  it('ends with an answer when its memory is gone', async () => {
    const batch = {
      data: new DataView(new ArrayBuffer(65_536)),
      offset: new Uint32Array(8),
      length: new Uint32Array(8),
    };
    const native = openNetlink({ groups: GROUPS, netns: world.netns, bufferBytes: 65_536 }, batch);
    const ended = new Promise<string>((resolve) => native.run(() => {}, resolve));
    structuredClone(batch.data.buffer, { transfer: [batch.data.buffer as ArrayBuffer] });
    await send(1);

    expect(await ended).toContain('memory');
    native.close();
  });

  it('is refused with a code and what to do', async () => {
    const opening = (options: object) => () => openNetfilter({ groups: GROUPS, ...options });
    expect(opening({ netns: '/none' })).toThrow(expect.objectContaining({ code: 'CAPTURE_BAD_NAMESPACE' }));
    expect(opening({ netns: '' })).toThrow(expect.objectContaining({ code: 'CAPTURE_BAD_NAMESPACE' }));
    expect(opening({ netns: '/etc/hostname' })).toThrow(
      expect.objectContaining({ code: 'CAPTURE_BAD_NAMESPACE' }),
    );
    expect(opening({ groups: [0] })).toThrow(expect.objectContaining({ code: 'CAPTURE_BAD_OPTION' }));
  });

  it('leaves no descriptor behind over 1,000 openings, half of them in a namespace, half of them run', {
    timeout: 60_000,
  }, async () => {
    const once = async (i: number): Promise<void> => {
      const socket = openNetfilter({
        groups: GROUPS,
        bufferBytes: 65_536,
        ...(i % 2 === 0 ? { netns: world.netns } : {}),
      });
      const ended = i % 4 < 2 ? socket.run(() => {}) : undefined;
      if (i % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
      socket.close();
      await ended;
    };
    for (let i = 0; i < 20; i++) await once(i);
    const before = openDescriptors();

    for (let i = 0; i < 1000; i++) await once(i);

    await until('descriptors are as before', () => openDescriptors() <= before);
  });
});
