import { describe, expect, it } from 'vitest';
import { openFile } from '../../capture/file.ts';
import { collect, payload, scratchFolder } from '../support/frames.ts';
import { pcapFile, pcapRecord } from '../support/pcap-writer.ts';

const write = scratchFolder();
const SEC = 1_790_000_000;
const MICROS = 0xa1b2c3d4;
const NANOS = 0xa1b23c4d;
const MAX_FRAME_BYTES = 262_144;

describe('classic pcap', () => {
  it.each([
    ['little endian, microseconds', MICROS, true, 123_456, 123_456_000],
    ['big endian, microseconds', MICROS, false, 123_456, 123_456_000],
    ['little endian, nanoseconds', NANOS, true, 123_456_789, 123_456_789],
    ['big endian, nanoseconds', NANOS, false, 123_456_789, 123_456_789],
  ])('%s', async (_name, magic, littleEndian, fraction, nsec) => {
    const frame = { data: payload(60), sec: SEC, fraction, wireLen: 1500 };
    const path = write('one.pcap', pcapFile([frame], { magic, littleEndian, linkType: 113 }));

    const source = await openFile({ path });
    const { frames, end } = await collect(source);

    expect(source.interfaces).toEqual([{ name: 'one.pcap', linkType: 113 }]);
    expect(frames).toEqual([{ sec: SEC, nsec, wireLen: 1500, interface: 'one.pcap', data: payload(60) }]);
    expect(end).toEqual({ reason: 'end-of-file' });
  });

  it('a header without records is an empty capture', async () => {
    const source = await openFile({ path: write('empty.pcap', pcapFile([])) });

    expect(await collect(source)).toEqual({ frames: [], end: { reason: 'end-of-file' } });
    expect(source.stats()).toEqual({ received: 0 });
  });

  it('reads seconds as unsigned, up to the year 2106', async () => {
    const frame = { data: payload(1), sec: 0xffff_ffff, fraction: 999_999 };
    const { frames } = await collect(await openFile({ path: write('late.pcap', pcapFile([frame])) }));

    expect(frames[0]).toMatchObject({ sec: 0xffff_ffff, nsec: 999_999_000 });
  });

  it('carries a fraction of more than a second over into the seconds', async () => {
    const frame = { data: payload(1), sec: SEC, fraction: 2_500_000 };
    const { frames } = await collect(await openFile({ path: write('over.pcap', pcapFile([frame])) }));

    expect(frames[0]).toMatchObject({ sec: SEC + 2, nsec: 500_000_000 });
  });

  it('says at least the captured length where the record says less was on the wire', async () => {
    const frame = { data: payload(60), sec: SEC, fraction: 0, wireLen: 0 };
    const { frames } = await collect(await openFile({ path: write('short.pcap', pcapFile([frame])) }));

    expect(frames[0]!.wireLen).toBe(60);
  });

  it('leaves the frame check bits of the link type out', async () => {
    const linkType = (0x2400_0000 | 1) >>> 0;
    const source = await openFile({ path: write('fcs.pcap', pcapFile([], { linkType })) });

    expect(source.interfaces[0]!.linkType).toBe(1);
    source.close();
  });

  it('takes the link type from the caller when told to', async () => {
    const path = write('lying.pcap', pcapFile([], { linkType: 147 }));
    const source = await openFile({ path, linkTypeOverride: 101 });

    expect(source.interfaces[0]!.linkType).toBe(101);
    source.close();
  });

  it('keeps every frame whole over many chunks, whatever a chunk cuts', async () => {
    const sizes = Array.from({ length: 3000 }, (_, i) => (i * 977) % 2500);
    sizes[1500] = MAX_FRAME_BYTES;
    const written = sizes.map((size, i) => ({ data: payload(size, i), sec: SEC + i, fraction: i }));
    const source = await openFile({ path: write('many.pcap', pcapFile(written)) });

    const { frames, end } = await collect(source);

    expect(end).toEqual({ reason: 'end-of-file' });
    expect(frames.length).toBe(3000);
    const wrong = frames.findIndex(
      (frame, i) => frame.sec !== SEC + i || !frame.data.equals(written[i]!.data),
    );
    expect(wrong).toBe(-1);
  });

  it('delivers more frames than a batch holds, when they are tiny', async () => {
    const written = Array.from({ length: 10_000 }, (_, i) => ({ data: payload(0), sec: SEC, fraction: i }));
    const { frames } = await collect(await openFile({ path: write('tiny.pcap', pcapFile(written)) }));

    expect(frames.map((frame) => frame.nsec / 1000)).toEqual(written.map((frame) => frame.fraction));
  });
});

describe('classic pcap, damaged', () => {
  const good = { data: payload(100), sec: SEC, fraction: 1 };
  const whole = pcapFile([good, good]);
  const secondAt = 24 + 116;

  it.each([
    ['inside a record header', secondAt + 10],
    ['right after a record header', secondAt + 16],
    ['one byte before the end', whole.length - 1],
  ])('cut %s: delivers what is whole, and says where it ends', async (_name, length) => {
    const path = write('cut.pcap', whole.subarray(0, length));

    const { frames, end } = await collect(await openFile({ path }));

    expect(frames.length).toBe(1);
    expect(end).toEqual({
      reason: 'truncated',
      detail: `${path} ends inside a record, at byte ${secondAt}, after packet 1`,
    });
  });

  it('a frame of the greatest length is read', async () => {
    const frame = { data: payload(MAX_FRAME_BYTES), sec: SEC, fraction: 0 };
    const { frames, end } = await collect(await openFile({ path: write('max.pcap', pcapFile([frame])) }));

    expect(frames[0]!.data.length).toBe(MAX_FRAME_BYTES);
    expect(end.reason).toBe('end-of-file');
  });

  it.each([
    ['one byte more than a frame may have', MAX_FRAME_BYTES + 1],
    ['4 GiB', 0xffff_ffff],
  ])('a record that claims %s ends the reading with its place', async (_name, capLen) => {
    const bad = pcapRecord({ ...good, capLen });
    const path = write('corrupt.pcap', Buffer.concat([pcapFile([good]), bad, pcapRecord(good)]));

    const { frames, end } = await collect(await openFile({ path }));

    expect(frames.length).toBe(1);
    expect(end).toEqual({
      reason: 'failed',
      detail: `${path} is corrupt at byte ${secondAt}, after packet 1: the record claims a frame of ${capLen} bytes, more than the ${MAX_FRAME_BYTES} that a frame may have`,
    });
  });

  it('counts the byte of the place over chunks', async () => {
    const many = Array.from({ length: 30_000 }, () => good);
    const path = write('far.pcap', Buffer.concat([pcapFile(many), Buffer.alloc(3)]));

    const { end } = await collect(await openFile({ path }));

    expect(end).toMatchObject({
      reason: 'truncated',
      detail: `${path} ends inside a record, at byte ${24 + 30_000 * 116}, after packet 30000`,
    });
  });
});
