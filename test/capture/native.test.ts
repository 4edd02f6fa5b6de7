/** The binding itself: loading, filters for frames in memory, files of another namespace. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  adviseHugePages,
  compileFilter,
  libpcapVersion,
  nativeBindingProblem,
  readInNamespace,
  streamCopy,
} from '../../capture/native/index.ts';
import { allocateBatch, type FrameBatch } from '../../capture/source.ts';
import { missingForNative, nodeCommand, runAsync, World } from './native-world.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const missing = missingForNative();

/** Ethernet + IPv4 + UDP (or TCP) with the given ports, 60 bytes. */
function frame(protocol: number, sourcePort: number, destinationPort: number): Uint8Array {
  const bytes = new Uint8Array(60);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, 0x0800);
  view.setUint8(14, 0x45);
  view.setUint16(16, 46);
  view.setUint8(23, protocol);
  view.setUint16(34, sourcePort);
  view.setUint16(36, destinationPort);
  return bytes;
}

/** A kernel without them refuses the advice; one where they are switched off takes it and does nothing. */
function hasHugePages(): boolean {
  return existsSync('/sys/kernel/mm/transparent_hugepage');
}

function batchOf(frames: readonly Uint8Array[]): FrameBatch {
  const batch = allocateBatch(4096, 64);
  let at = 0;
  frames.forEach((bytes, i) => {
    new Uint8Array(batch.data.buffer).set(bytes, at);
    batch.offset[i] = at;
    batch.capLen[i] = bytes.length;
    batch.wireLen[i] = bytes.length;
    at += bytes.length;
  });
  batch.count = frames.length;
  return batch;
}

function apply(expression: string, batch: FrameBatch, linkType = 1): number[] {
  const filter = compileFilter(expression, linkType, 65_535);
  const keep = new Uint8Array(batch.count).fill(7);
  const kept = filter.apply(batch.data, batch.offset, batch.capLen, batch.wireLen, batch.count, keep);
  filter.close();
  expect(kept).toBe(keep.reduce((sum, one) => sum + one, 0));
  return [...keep];
}

/** Runs a module in a Node of its own, in a mount namespace where `hide` was done first. */
async function inMountNamespace(hide: string, script: string): Promise<string> {
  const shell = ['sh', '-c', `${hide} && exec "$@"`, 'sh', ...nodeCommand(script)];
  return runAsync('env', ['-C', ROOT, 'unshare', '--mount', '--propagation', 'private', ...shell]);
}

const OPEN_AND_SAY = `
  const { openLive } = await import('./capture/live.ts');
  const say = () => { try { openLive({ interface: 'lo' }).close(); return 'opened'; } catch (e) { return e.code + ' ' + e.message; } };
`;

describe.skipIf(missing !== undefined)('native binding', () => {
  it('says which libpcap it found', () => {
    expect(nativeBindingProblem()).toBeUndefined();
    expect(libpcapVersion()).toMatch(/^libpcap version 1\.\d+/);
  });

  it('asks for huge pages behind a large buffer, leaves its bytes alone, and refuses a buffer without a whole page', () => {
    const large = new ArrayBuffer(8 * 1024 * 1024);
    new Uint8Array(large)[5_000_000] = 7;

    expect(adviseHugePages(large)).toBe(hasHugePages());
    expect(new Uint8Array(large).reduce((sum, byte) => sum + byte, 0)).toBe(7);
    expect(adviseHugePages(new ArrayBuffer(100))).toBe(false);
    expect(adviseHugePages(new ArrayBuffer(0))).toBe(false);
  });

  it('copies past the caches what a copy would, wherever it begins and ends', () => {
    const bytes = fc.integer({ min: 0, max: 1000 });
    fc.assert(
      fc.property(bytes, fc.nat(200), fc.nat(200), (length, at, from) => {
        const source = Uint8Array.from({ length: from + length }, (_, i) => (i * 7 + 1) & 0xff);
        const target = new Uint8Array(at + length + 70).fill(0xee);
        const expected = target.slice();
        expected.set(source.subarray(from), at);

        streamCopy(target.buffer, at, source.buffer, from, length);

        expect(Buffer.compare(target, expected)).toBe(0);
      }),
    );
  });

  it('copies within one buffer, over itself too', () => {
    const buffer = Uint8Array.from({ length: 600 }, (_, i) => i & 0xff);
    const expected = buffer.slice().copyWithin(30, 0, 500);

    streamCopy(buffer.buffer, 30, buffer.buffer, 0, 500);

    expect(buffer).toEqual(expected);
  });

  it.each([
    [0, 0, 101],
    [1, 0, 100],
    [0, 1, 100],
    [-1, 0, 10],
    [0, -1, 10],
    [0, 0, -1],
    [Number.NaN, 0, 10],
    [0, 0, Number.NaN],
    [2 ** 53, 0, 1],
    [0, 0, Number.POSITIVE_INFINITY],
  ])('copies nothing to %s from %s, %s bytes, out of 100', (at, from, length) => {
    const target = new ArrayBuffer(100);
    const copy = () => streamCopy(target, at, new Uint8Array(100).fill(1).buffer, from, length);

    expect(copy).toThrow(RangeError);
    expect(new Uint8Array(target)).toEqual(new Uint8Array(100));
  });

  it('copies as usual where nothing was built', async () => {
    const said = await inMountNamespace(
      'mount -t tmpfs none capture/native/build',
      `const { streamCopy } = await import('./capture/native/index.ts');
       const target = new Uint8Array(5);
       streamCopy(target.buffer, 1, Uint8Array.of(1, 2, 3, 4).buffer, 1, 3);
       console.log(target.join());`,
    );

    expect(said.trim()).toBe('0,2,3,4,0');
  });

  it('is a CAPTURE_NO_BINDING when a tap opens, not at import, where nothing was built', async () => {
    const said = await inMountNamespace(
      'mount -t tmpfs none capture/native/build',
      `${OPEN_AND_SAY} console.log('imported'); console.log(say());`,
    );

    expect(said).toMatch(
      /^imported\nCAPTURE_NO_BINDING the libpcap binding is not built .*npm run build:native/,
    );
  });

  it('says so when the built file is not an addon', async () => {
    const said = await inMountNamespace(
      'mount --bind /etc/hostname capture/native/build/Release/bridgewatch_pcap.node',
      `${OPEN_AND_SAY} console.log(say());`,
    );

    expect(said).toMatch(/^CAPTURE_NO_BINDING the libpcap binding does not load in Node v/);
  });

  it('is a CAPTURE_NO_LIBPCAP without the library, and works once it is there', async () => {
    const hide = `for lib in $(ldconfig -p | sed -n 's/.*libpcap\\.so.* => //p'); do mount --bind /dev/null $(readlink -f $lib); done`;
    const said = await inMountNamespace(
      hide,
      `${OPEN_AND_SAY}
      const { execSync } = await import('node:child_process');
      console.log('imported'); console.log(say());
      execSync("sed -n 's/.* \\\\(.*libpcap[^ ]*\\\\) .*/\\\\1/p' /proc/self/mountinfo | sort -r | xargs -n1 umount");
      console.log(say());`,
    );

    expect(said).toMatch(
      /^imported\nCAPTURE_NO_LIBPCAP cannot load libpcap: tried libpcap\.so\.1, libpcap\.so\.0\.8, libpcap\.so .*install it/,
    );
    expect(said.trim().split('\n').at(-1)).toBe('opened');
  });
});

describe.skipIf(missing !== undefined)('compileFilter', () => {
  const batch = batchOf([
    frame(17, 40_000, 53),
    frame(6, 40_000, 53),
    frame(17, 53, 40_000),
    frame(17, 1, 2),
  ]);

  it('keeps what matches and drops the rest', () => {
    expect(apply('udp port 53', batch)).toEqual([1, 0, 1, 0]);
    expect(apply('tcp', batch)).toEqual([0, 1, 0, 0]);
    expect(apply('', batch)).toEqual([1, 1, 1, 1]);
  });

  it('reads frames by their link type', () => {
    const raw = batchOf([frame(17, 40_000, 53).subarray(14)]);

    expect(apply('udp port 53', raw, 101)).toEqual([1]);
    expect(apply('udp port 53', raw, 1)).toEqual([0]);
  });

  it('decides by the wire length where the expression asks for it', () => {
    const long = batchOf([frame(17, 1, 2)]);
    long.wireLen[0] = 1500;

    expect(apply('greater 1500', long)).toEqual([1]);
    expect(apply('greater 1501', long)).toEqual([0]);
  });

  it('does not read, nor keep, a frame that leaves the slab by one byte', () => {
    const edge = batchOf([frame(17, 1, 2)]);
    edge.offset[0] = edge.data.byteLength - 60;
    expect(apply('', edge)).toEqual([1]);

    edge.capLen[0] = 61;
    expect(apply('', edge)).toEqual([0]);
    edge.offset[0] = 0xffff_ffff;
    edge.capLen[0] = 0xffff_ffff;
    expect(apply('', edge)).toEqual([0]);
  });

  it('refuses a bad expression with the words of libpcap and the expression', () => {
    expect(() => compileFilter('tcp prt 80', 1, 65_535)).toThrow(
      expect.objectContaining({
        name: 'CaptureError',
        code: 'CAPTURE_BAD_FILTER',
        message: expect.stringMatching(/"tcp prt 80".*libpcap says: .*syntax error/),
      }),
    );
    expect(() => compileFilter('udp\0', 1, 65_535)).toThrow(/NUL/);
    expect(() => compileFilter(' '.repeat(2049), 1, 65_535)).toThrow(/2048/);
    compileFilter(' '.repeat(2048), 1, 65_535).close();
  });

  it('refuses arrays that are shorter than the count, foreign types and a detached slab', () => {
    const filter = compileFilter('udp', 1, 65_535);
    const { data, offset, capLen, wireLen } = batch;
    const keep = new Uint8Array(64);
    const loose = filter.apply.bind(filter) as (...args: unknown[]) => number;

    expect(() => loose(data, offset, capLen, wireLen, 65, keep)).toThrow(/count/);
    expect(() => loose(data, offset, capLen, wireLen, 4, new Uint8Array(3))).toThrow(/keep/);
    expect(() => loose(data, offset, new Uint16Array(64), wireLen, 4, keep)).toThrow(/Uint32Array/);
    expect(() => loose()).toThrow(TypeError);
    const gone = allocateBatch(4096, 4);
    structuredClone(gone.data.buffer, { transfer: [gone.data.buffer as ArrayBuffer] });
    expect(() => loose(gone.data, offset, capLen, wireLen, 4, keep)).toThrow(/detached/);
    filter.close();
  });

  it('may be closed twice, and does nothing afterwards', () => {
    const filter = compileFilter('udp', 1, 65_535);
    filter.close();
    filter.close();

    const { data, offset, capLen, wireLen } = batch;
    expect(() => filter.apply(data, offset, capLen, wireLen, 1, new Uint8Array(1))).toThrow(/closed/);
  });
});

describe.skipIf(missing !== undefined)('readInNamespace', () => {
  let world: World;
  beforeAll(() => {
    world = new World(false);
  });
  afterAll(() => world?.remove());

  async function noRoutes(path: string): Promise<number> {
    const [snmp] = await readInNamespace(path, ['net/snmp']);
    const [names, values] = snmp!
      .split('\n')
      .filter((line) => line.startsWith('Ip:'))
      .map((line) => line.split(' '));
    return Number(values![names!.indexOf('OutNoRoutes')]);
  }

  it('reads the counters of that namespace and of no other', async () => {
    const ours = '/proc/self/ns/net';
    const before = [await noRoutes(world.netns), await noRoutes(ours)];

    await world.exec(
      process.execPath,
      '-e',
      `
      const socket = require('node:dgram').createSocket('udp4');
      socket.send('x', 9, '198.51.100.7', () => socket.close());`,
    );

    expect(await noRoutes(world.netns)).toBe(before[0]! + 1);
    expect(await noRoutes(ours)).toBe(before[1]);
  });

  it('gives undefined for a file that is not there, in its place', async () => {
    const [none, snmp6] = await readInNamespace(world.netns, ['net/none', 'net/snmp6']);

    expect(none).toBeUndefined();
    expect(snmp6).toContain('Ip6OutNoRoutes');
  });

  it('refuses what is no namespace, naming the path', async () => {
    for (const path of ['/var/run/netns/bw-none', '/etc/hostname', '/tmp', '']) {
      await expect(readInNamespace(path, ['net/snmp'])).rejects.toMatchObject({
        code: 'CAPTURE_BAD_NAMESPACE',
        message: expect.stringContaining(path),
      });
    }
  });

  it('refuses names that would leave /proc/thread-self', async () => {
    for (const name of ['../1/environ', '/etc/passwd', 'net/../../1/stat', '']) {
      await expect(readInNamespace(world.netns, [name])).rejects.toThrow(TypeError);
    }
  });
});
