import { execFile, execFileSync, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPortableFile, openPortableLive, PORTABLE_LIMITS } from '../../capture/portable.ts';
import type { LiveOptions } from '../../capture/source.ts';
import { describeSource } from '../compliance/source.ts';
import { type BuiltCapture, buildCapture } from '../support/built-capture.ts';
import { collect, payload, scratchFolder } from '../support/frames.ts';
import { pcapFile, pcapRecord } from '../support/pcap-writer.ts';

const write = scratchFolder();
const SEC = 1_790_000_000;
const MANY = Array.from({ length: 5000 }, (_, i) => ({ data: payload(300, i), sec: SEC, fraction: i }));

describeSource('a portable file', {
  open: () => openPortableFile(write('many.pcap', pcapFile(MANY))),
  frames: MANY.length,
  endsBy: 'end-of-file',
});

describe('a portable file', () => {
  it.each([
    ['little', true],
    ['big', false],
  ])('%s endian: the same frames as the file has', async (_name, littleEndian) => {
    const frames = [
      { data: payload(60), sec: SEC, fraction: 123_456, wireLen: 1500 },
      { data: payload(0), sec: SEC, fraction: 999_999, wireLen: 90 },
      { data: payload(70_000), sec: SEC, fraction: 1_000_001 },
    ];
    const source = await openPortableFile(write('a.pcap', pcapFile(frames, { littleEndian, linkType: 113 })));

    const got = await collect(source);

    expect(got.end).toEqual({ reason: 'end-of-file' });
    expect(source.interfaces).toEqual([{ name: 'a.pcap', linkType: 113 }]);
    const common = { interface: 'a.pcap' };
    expect(got.frames).toEqual([
      { ...common, sec: SEC, nsec: 123_456_000, wireLen: 1500, data: payload(60) },
      { ...common, sec: SEC, nsec: 999_999_000, wireLen: 90, data: payload(0) },
      { ...common, sec: SEC + 1, nsec: 1000, wireLen: 70_000, data: payload(70_000) },
    ]);
  });

  it.each([
    ['inside a record header', 24 + 116 + 10],
    ['inside a frame', 24 + 116 + 116 - 1],
  ])('cut %s is truncated, which the parser would not say', async (_name, length) => {
    const good = { data: payload(100), sec: SEC, fraction: 1 };
    const file = write('cut.pcap', pcapFile([good, good]).subarray(0, length));

    const { frames, end } = await collect(await openPortableFile(file));

    expect(frames.length).toBe(1);
    expect(end).toEqual({
      reason: 'truncated',
      detail: `${file} ends inside a record, at byte 140, after packet 1`,
    });
  });

  it('a corrupt length fails at once, for which the parser would take minutes', async () => {
    const good = { data: payload(100), sec: SEC, fraction: 1 };
    const bad = pcapRecord({ ...good, capLen: 0x7fff_ffff });
    const file = write('bad.pcap', Buffer.concat([pcapFile([good]), bad, Buffer.alloc(60_000_000)]));

    const { frames, end } = await collect(await openPortableFile(file));

    expect(frames.length).toBe(1);
    expect(end).toMatchObject({
      reason: 'failed',
      detail: expect.stringContaining('corrupt at byte 140, after packet 1: the record claims'),
    });
  });

  it.each([
    ['nanoseconds', pcapFile([], { magic: 0xa1b23c4d }), 'has nanoseconds'],
    ['another version', pcapFile([], { version: [2, 3] }), 'has version 2.3'],
    [
      'something else',
      Buffer.from('0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff', 'hex'),
      'is something else',
    ],
    ['an empty file', '', 'is something else, or cut off'],
  ])('refuses %s and names the other backend', async (_name, content, words) => {
    const opening = openPortableFile(write('other', content));

    await expect(opening).rejects.toMatchObject({ code: 'CAPTURE_UNSUPPORTED' });
    await expect(opening).rejects.toThrow(words);
    await expect(opening).rejects.toThrow('--capture-backend auto');
  });

  it('refuses stdin and a missing file', async () => {
    await expect(openPortableFile('-')).rejects.toMatchObject({ code: 'CAPTURE_UNSUPPORTED' });
    await expect(openPortableFile('no-such.pcap')).rejects.toMatchObject({ code: 'CAPTURE_FILE' });
  });
});

it('states its limits, one sentence each', () => {
  expect(PORTABLE_LIMITS.length).toBeGreaterThan(4);
  for (const limit of PORTABLE_LIMITS) expect(limit).toMatch(/^[A-Z].*\.$/);
});

describe('options that cap cannot honour are refused', () => {
  it.each<[string, Partial<LiveOptions>, string]>([
    ['a namespace', { netns: '/proc/1/ns/net' }, 'cannot enter the network namespace /proc/1/ns/net'],
    ['no promiscuous mode', { promiscuous: false }, 'without promiscuous mode'],
    ['a longer snaplen', { snaplenBytes: 65_536 }, 'at most 65535 bytes of a frame, not 65536'],
  ])('%s', async (_name, options, words) => {
    const opening = openPortableLive({ interface: 'lo', ...options });

    await expect(opening).rejects.toMatchObject({ code: 'CAPTURE_UNSUPPORTED' });
    await expect(opening).rejects.toThrow(words);
  });

  it('the pseudo interface any', async () => {
    await expect(openPortableLive({ interface: 'any' })).rejects.toMatchObject({
      code: 'CAPTURE_BAD_OPTION',
    });
  });
});

const missing = whatIsMissing();
if (missing !== undefined) console.warn(`SKIPPED: the portable live capture is not tested: ${missing}`);

describe.skipIf(missing !== undefined)('a portable live tap', () => {
  const sender = dgram.createSocket('udp4');
  const receiver = dgram.createSocket('udp4');
  let sending: NodeJS.Timeout;
  let filter = '';

  beforeAll(async () => {
    await new Promise<void>((resolve) => receiver.bind(0, '127.0.0.1', resolve));
    const { port } = receiver.address();
    filter = `udp dst port ${port}`;
    sending = setInterval(() => sender.send(payload(200), port, '127.0.0.1'), 2);
  });

  afterAll(() => {
    clearInterval(sending);
    sender.close();
    receiver.close();
  });

  describeSource('a portable tap', {
    open: () => openPortableLive({ interface: 'lo', filter }),
    frames: 20,
  });

  it('delivers frames soon, stamped with the time of their arrival', async () => {
    const openedMs = Date.now();
    const source = await openPortableLive({ interface: 'lo', filter });
    let firstMs = 0;
    let length = 0;

    await source.run((batch) => {
      firstMs = batch.tsSec[0]! * 1000 + batch.tsNsec[0]! / 1e6;
      length = batch.capLen[0]!;
      source.close();
    });

    expect(source.interfaces).toEqual([{ name: 'lo', linkType: 1 }]);
    expect(length).toBe(14 + 20 + 8 + 200);
    // The clock of the child is tied to the wall clock to within its step.
    expect(firstMs).toBeGreaterThan(openedMs - 6);
    expect(firstMs).toBeLessThan(Date.now() + 6);
  });

  it('keeps as much of a frame as snaplen says, and knows how long it was', async () => {
    const source = await openPortableLive({ interface: 'lo', filter, snaplenBytes: 96 });
    let lengths: number[] = [];

    await source.run((batch) => {
      lengths = [batch.capLen[0]!, batch.wireLen[0]!];
      source.close();
    });

    expect(lengths).toEqual([96, 242]);
  });

  it.each<[string, LiveOptions, string, string]>([
    [
      'no such interface',
      { interface: 'nosuch0' },
      'CAPTURE_NO_INTERFACE',
      'no such interface; available: lo',
    ],
    ['a bad filter', { interface: 'lo', filter: 'udp prot 53' }, 'CAPTURE_BAD_FILTER', 'libpcap says: '],
  ])('%s is refused', async (_name, options, code, words) => {
    const opening = openPortableLive(options);

    await expect(opening).rejects.toMatchObject({ name: 'CaptureError', code });
    await expect(opening).rejects.toThrow(words);
  });

  it('leaves no process behind, closed, failed or refused', async () => {
    const source = await openPortableLive({ interface: 'lo', filter });
    expect(captureProcesses(process.pid).length).toBe(1);
    const running = source.run(() => {});
    source.close();
    await running;
    expect(captureProcesses(process.pid)).toEqual([]);

    const unused = await openPortableLive({ interface: 'lo', filter });
    unused.close();
    await expect.poll(() => captureProcesses(process.pid)).toEqual([]);

    await openPortableLive({ interface: 'nosuch0' }).catch(() => {});
    expect(captureProcesses(process.pid)).toEqual([]);
  });

  it('whose process is killed ends as failed, and we live on', async () => {
    const source = await openPortableLive({ interface: 'lo', filter });
    let killed = false;

    const end = await source.run(() => {
      if (!killed) process.kill(captureProcesses(process.pid)[0]!, 'SIGKILL');
      killed = true;
    });

    expect(end).toEqual({ reason: 'failed', detail: 'the capture process of lo ended (SIGKILL)' });
  });

  it('waits while its reader is busy, and then delivers the rest', async () => {
    const source = await openPortableLive({ interface: 'lo', filter });
    const { port } = receiver.address();
    const many = 3000;
    // More than the pipe between the two processes holds; nobody reads it yet.
    for (let i = 0; i < many; i++) {
      await new Promise<void>((resolve) => sender.send(payload(1000), port, '127.0.0.1', () => resolve()));
    }
    let frames = 0;

    const end = await source.run((batch) => {
      frames += batch.count;
      if (frames >= many) source.close();
    });

    expect(end).toEqual({ reason: 'closed' });
  });

  it('ends with its parent, however that ends', { timeout: 30_000 }, async () => {
    const module = path.resolve(import.meta.dirname, '../../capture/portable.ts');
    const script = `import { openPortableLive } from '${module}';
      const source = await openPortableLive({ interface: 'lo', filter: '${filter}' });
      console.log('open');
      await source.run(() => {});`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => parent.stdout.once('data', resolve));
    const [child] = captureProcesses(parent.pid!);
    expect(child).toBeDefined();

    parent.kill('SIGKILL');

    await expect.poll(() => fs.existsSync(`/proc/${child}`), { timeout: 10_000 }).toBe(false);
  });

  it.each([
    ['deleted', 'ip link del va', { reason: 'interface-gone', detail: 'va was deleted' }],
    ['set down', 'ip link set va down', { reason: 'interface-down', detail: 'va went down' }],
  ])(
    'an interface that is %s ends the tap, not the process',
    { timeout: 30_000 },
    async (_name, command, end) => {
      const module = path.resolve(import.meta.dirname, '../../capture/portable.ts');
      const script = `import { openPortableLive } from '${module}';
      import { execSync } from 'node:child_process';
      execSync('ip link add va type veth peer name vb && ip link set va up && ip link set vb up');
      const source = await openPortableLive({ interface: 'va' });
      const running = source.run(() => {});
      execSync('${command}');
      console.log(JSON.stringify(await running));`;

      const node = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', script];
      const { stdout } = await promisify(execFile)('unshare', ['--net', ...node], { timeout: 25_000 });

      expect(JSON.parse(stdout)).toEqual(end);
    },
  );

  it.each([
    ['set down', 'ip link set va down', { reason: 'interface-down', detail: 'va went down' }],
    ['deleted', 'ip link del va', { reason: 'interface-gone', detail: 'va was deleted' }],
  ])(
    'an interface that is %s while frames are being handed over ends the tap too',
    { timeout: 30_000 },
    async (_name, command, end) => {
      const module = path.resolve(import.meta.dirname, '../../capture/portable.ts');
      // More than the pipe holds, and nobody reads it yet: the child is in the middle of its frames.
      const script = `import { openPortableLive } from '${module}';
      import { execSync } from 'node:child_process';
      import dgram from 'node:dgram';
      execSync('ip link add va type veth peer name vb && ip link set va up && ip link set vb up');
      execSync('ip address add 198.51.100.1/24 dev vb');
      const source = await openPortableLive({ interface: 'va', filter: 'udp' });
      const sender = dgram.createSocket('udp4');
      await new Promise((resolve) => sender.bind(0, resolve));
      sender.setBroadcast(true);
      for (let i = 0; i < 3000; i++) {
        await new Promise((resolve) => sender.send(Buffer.alloc(1000), 9, '198.51.100.255', resolve));
      }
      execSync('${command}');
      console.log(JSON.stringify(await source.run(() => {})));
      sender.close();`;

      const node = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', script];
      const { stdout } = await promisify(execFile)('unshare', ['--net', ...node], { timeout: 25_000 });

      expect(JSON.parse(stdout)).toEqual(end);
    },
  );

  it('refuses an interface that is down', { timeout: 30_000 }, async () => {
    const module = path.resolve(import.meta.dirname, '../../capture/portable.ts');
    const script = `import { openPortableLive } from '${module}';
      await openPortableLive({ interface: 'lo' }).catch((error) => console.log(error.message));`;

    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)('unshare', ['--net', ...node], { timeout: 25_000 });

    expect(stdout).toContain('cannot open lo: it is down; ip link set it up first (CAPTURE_INTERFACE_DOWN)');
  });
});

describe.skipIf(missing !== undefined)('the portable backend as it is shipped', () => {
  let withCap: BuiltCapture;
  let bare: BuiltCapture;

  beforeAll(() => {
    withCap = buildCapture(['cap', 'pcap-parser']);
    bare = buildCapture([]);
  });

  afterAll(() => {
    withCap.remove();
    bare.remove();
  });

  it('runs compiled, by plain Node', async () => {
    const output = await withCap.run(`
      import { openPortableLive } from 'capture/portable.js';
      const source = await openPortableLive({ interface: 'lo' });
      source.close();
      console.log(JSON.stringify([source.interfaces, await source.run(() => {})]));`);

    expect(JSON.parse(output)).toEqual([[{ name: 'lo', linkType: 1 }], { reason: 'closed' }]);
  });

  it('says what to do where cap is not installed', async () => {
    const output = await bare.run(`
      import { openPortableLive } from 'capture/portable.js';
      await openPortableLive({ interface: 'lo' }).catch((error) => console.log(error.message));`);

    expect(output).toContain('npm install cap, or build the native backend');
    expect(output).toContain('CAPTURE_NO_BINDING');
  });
});

/** Processes of `capture/portable/child` whose parent is `parent`; ended ones that nobody reaped count. */
function captureProcesses(parent: number): number[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (Number(ppid) !== parent) return false;
        return state === 'Z' || fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('portable/child');
      } catch {
        return false;
      }
    });
}

function whatIsMissing(): string | undefined {
  if (process.geteuid?.() !== 0) return 'it needs root';
  const cap = path.resolve(import.meta.dirname, '../../node_modules/cap/build/Release/cap.node');
  if (!fs.existsSync(cap)) return 'the optional package cap is not built';
  try {
    execFileSync('unshare', ['--net', 'ip', 'link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb'], {
      stdio: 'ignore',
    });
    return undefined;
  } catch {
    return 'no network namespace can be made (root, iproute2 and util-linux are needed)';
  }
}
