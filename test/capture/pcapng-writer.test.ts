/** What we write is read back by our own reader, and by tshark and capinfos without a word of complaint. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openFile } from '../../capture/file.ts';
import { PcapngWriter } from '../../capture/pcapng.ts';
import { putClock } from '../../capture/pcapng-clock.ts';
import { utf8Option } from '../../capture/pcapng-options.ts';
import { allocateBatch, type FrameBatch } from '../../capture/source.ts';
import { collect, scratchFolder } from '../support/frames.ts';
import { ethernet, ipv4, udp } from '../support/packet-builder.ts';

const write = scratchFolder();
const hasTools = ['tshark', 'capinfos'].every((tool) => spawnSync(tool, ['--version']).status === 0);
if (!hasTools) console.warn('SKIPPED: no tshark and capinfos on the PATH: nobody else reads what we write');

interface Frame {
  readonly sec: number;
  readonly nsec: number;
  readonly data: Uint8Array;
  readonly wireLen?: number;
}

function batchOf(frames: readonly Frame[]): FrameBatch {
  const bytes = frames.reduce((sum, { data }) => sum + data.length, 0);
  const batch = allocateBatch(Math.max(bytes, 1), Math.max(frames.length, 1));
  const slab = new Uint8Array(batch.data.buffer);
  let at = 0;
  for (const [i, { sec, nsec, data, wireLen }] of frames.entries()) {
    slab.set(data, at);
    batch.offset[i] = at;
    batch.capLen[i] = data.length;
    batch.wireLen[i] = wireLen ?? data.length;
    batch.tsSec[i] = sec;
    batch.tsNsec[i] = nsec;
    at += data.length;
  }
  batch.count = frames.length;
  return batch;
}

function written(what: (writer: PcapngWriter) => void): Buffer {
  const pieces: Uint8Array[] = [];
  const writer = new PcapngWriter((bytes) => void pieces.push(bytes.slice()));
  what(writer);
  writer.flush();
  return Buffer.concat(pieces);
}

const SECTION = { application: 'Bridgewatch 0.1.0', os: 'Linux 6.1.0', hardware: 'x86_64' };
const DATA = { name: 'br-0a1b2c3d4e5f', linkType: 1, snaplenBytes: 65_535 };
const TIME = { sec: 1_790_000_000, nsec: 123_456_789 };

const frame = (time: Partial<Frame> = {}): Frame => ({
  ...TIME,
  data: ethernet({}, ipv4({ src: '172.30.0.2', dst: '198.51.100.7' }, udp({ sport: 4000, dport: 53 }))),
  ...time,
});

describe('PcapngWriter', () => {
  it('writes frames of any length and time that our reader gives back as they were', async () => {
    const frames = fc.array(
      fc.record({
        sec: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
        nsec: fc.integer({ min: 0, max: 999_999_999 }),
        data: fc.uint8Array({ minLength: 1, maxLength: 300 }),
        more: fc.integer({ min: 0, max: 2000 }),
      }),
      { minLength: 1, maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(frames, async (given) => {
        const expected = given.map(({ more, ...rest }) => ({ ...rest, wireLen: rest.data.length + more }));
        const batch = batchOf(expected);
        const path = write(
          'any.pcapng',
          written((writer) => {
            writer.section(SECTION);
            const id = writer.addInterface(DATA);
            for (let i = 0; i < batch.count; i++) writer.packet(id, batch, i, i % 2 === 0 ? [] : ['odd']);
          }),
        );

        const { frames: read, end } = await collect(await openFile({ path }));

        expect(end).toEqual({ reason: 'end-of-file' });
        expect(read.map(({ sec, nsec, wireLen }) => ({ sec, nsec, wireLen }))).toEqual(
          expected.map(({ sec, nsec, wireLen }) => ({ sec, nsec, wireLen })),
        );
        expect(read.map(({ data }) => Buffer.from(data))).toEqual(
          expected.map(({ data }) => Buffer.from(data)),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('hands on whole blocks only, and a frame larger than its piece at once', () => {
    const large = frame({ data: new Uint8Array(300_000).fill(7) });
    const pieces: number[] = [];
    const writer = new PcapngWriter((bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      let at = 0;
      while (at < bytes.length) at += view.getUint32(at + 4, true);
      expect(at).toBe(bytes.length);
      pieces.push(bytes.length);
    });
    writer.section(SECTION);
    const id = writer.addInterface(DATA);
    const batch = batchOf([frame(), large, frame()]);
    for (let i = 0; i < batch.count; i++) writer.packet(id, batch, i);
    writer.flush();

    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.reduce((sum, length) => sum + length, 0)).toBe(writer.bytes);
  });

  it('does not hand on again what its reader refused', () => {
    let refusals = 0;
    const writer = new PcapngWriter(() => {
      refusals += 1;
      throw new Error('no space');
    });
    writer.section(SECTION);

    expect(() => writer.flush()).toThrow('no space');
    writer.flush();

    expect(refusals).toBe(1);
  });

  it('cuts an option that is too long at a character', () => {
    const { value } = utf8Option(1, 'ü'.repeat(40_000));

    expect(value.length).toBe(65_534);
    expect(Buffer.from(value).toString()).not.toContain('�');
  });

  it('has times that are exact at both ends of what 32 bits of seconds can say', () => {
    for (const sec of [0, 1, 65_535, 65_536, 1_790_000_000, 2 ** 32 - 1]) {
      const view = new DataView(new ArrayBuffer(8));
      putClock(view, 0, sec, 999_999_999);
      const told = (BigInt(view.getUint32(0, true)) << 32n) | BigInt(view.getUint32(4, true));
      expect(told).toBe(BigInt(sec) * 1_000_000_000n + 999_999_999n);
    }
  });

  it.skipIf(!hasTools)('is read by tshark and capinfos, with networks, names, comments and drops', () => {
    const path = write('tools.pcapng', Buffer.alloc(0));
    const hostile = 'a\u001b[31m"<b>\n';
    const batch = batchOf([frame(), frame({ nsec: 5, wireLen: 1500 })]);
    writeFileSync(
      path,
      written((writer) => {
        writer.section({ ...SECTION, comments: ['host lab; network back was not covered'] });
        const data = writer.addInterface({
          ...DATA,
          description: 'docker network shop_data (0a1b2c3d4e5f)',
          filter: 'not port 22',
        });
        const odd = writer.addInterface({
          name: 'br-1',
          description: hostile,
          linkType: 1,
          snaplenBytes: 96,
        });
        writer.names([
          { address: new Uint8Array([172, 30, 0, 2]), names: ['shop/db'] },
          { address: Uint8Array.from({ length: 16 }, (_, i) => i), names: ['six'] },
        ]);
        writer.packet(data, batch, 0, ['finding 0123456789abcdef', hostile]);
        writer.packet(odd, batch, 1);
        const end = { sec: TIME.sec + 9, nsec: 0 };
        writer.statistics(data, { start: TIME, end, received: 2, droppedByKernel: 3, droppedByInterface: 1 });
        writer.statistics(odd, { start: TIME, end });
      }),
    );

    const capinfos = run('capinfos', '-M', path);
    const fields = [
      'frame.interface_name',
      'frame.interface_description',
      'frame.comment',
      'ip.src_host',
      'frame.time_epoch',
    ];
    const tshark = run(
      'tshark',
      '-N',
      'n',
      '-r',
      path,
      '-T',
      'fields',
      ...fields.flatMap((field) => ['-e', field]),
    );

    expect(capinfos.stderr).toBe('');
    expect(capinfos.stdout).toMatch(/Number of packets: +2$/m);
    expect(capinfos.stdout).toMatch(/Capture application: +Bridgewatch 0\.1\.0$/m);
    expect(capinfos.stdout).toMatch(/Capture comment: +host lab; network back was not covered$/m);
    expect(capinfos.stdout).toMatch(/Description = docker network shop_data \(0a1b2c3d4e5f\)$/m);
    expect(capinfos.stdout).toMatch(/Filter string = not port 22$/m);
    expect(capinfos.stdout).toMatch(/Number of resolved IPv4 addresses in file: 1$/m);
    expect(capinfos.stdout).toMatch(/Number of resolved IPv6 addresses in file: 1$/m);
    expect(tshark.stderr.replace(/^Running as user .*\n/, '')).toBe('');
    const rows = tshark.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(rows[0]!.slice(0, 2)).toEqual(['br-0a1b2c3d4e5f', 'docker network shop_data (0a1b2c3d4e5f)']);
    expect(rows[0]![2]).toMatch(/^finding 0123456789abcdef,/);
    expect(rows[0]!.slice(3)).toEqual(['shop/db', '1790000000.123456789']);
    expect(rows[1]![0]).toBe('br-1');
  });
});

function run(tool: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(tool, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  expect({ tool, status, stderr: status === 0 ? '' : stderr }).toEqual({ tool, status: 0, stderr: '' });
  return { stdout, stderr };
}
