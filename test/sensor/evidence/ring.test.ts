import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateBatch, type FrameBatch } from '../../../capture/source.ts';
import { frameTime, PacketRing, type RingOptions } from '../../../src/sensor/evidence/ring.ts';

interface Frame {
  readonly place: number;
  readonly time: number;
  /** Latin-1, because comparing texts is fast. */
  readonly bytes: string;
  readonly wireLen: number;
}

const MIB = 1024 * 1024;
const START = 1_790_000_000_000_000;

/** `gap`: bytes that lie between two frames of a slab. */
function batchOf(frames: readonly Frame[], gap = 0): FrameBatch {
  const size = frames.reduce((sum, { bytes }) => sum + bytes.length + gap, 0);
  const batch = allocateBatch(Math.max(1, size), Math.max(1, frames.length));
  const slab = new Uint8Array(batch.data.buffer).fill(0xee);
  let at = 0;
  for (const [i, { bytes, time, wireLen }] of frames.entries()) {
    slab.set(Buffer.from(bytes, 'latin1'), at);
    batch.offset[i] = at;
    batch.capLen[i] = bytes.length;
    batch.wireLen[i] = wireLen;
    batch.tsSec[i] = Math.floor(time / 1_000_000);
    batch.tsNsec[i] = (time % 1_000_000) * 1000;
    at += bytes.length + gap;
  }
  batch.count = frames.length;
  return batch;
}

/** All that is there from frame `from` on, as a reader comes by it. */
function held(ring: PacketRing, from = 0): Frame[] {
  const found: Frame[] = [];
  let at = from;
  for (let slice = ring.slice(at); slice !== undefined; slice = ring.slice(at)) {
    const { frames } = slice;
    for (let i = slice.from; i < slice.to; i++) {
      found.push({
        place: frames.ifIndex[i]!,
        time: frameTime(frames, i),
        bytes: Buffer.from(
          frames.data.buffer,
          frames.data.byteOffset + frames.offset[i]!,
          frames.capLen[i]!,
        ).toString('latin1'),
        wireLen: frames.wireLen[i]!,
      });
    }
    at = slice.number + slice.to - slice.from;
  }
  return found;
}

/** Longer than the longest frame by what frames are shifted against each other. */
const PATTERN = Buffer.from(Uint8Array.from({ length: 262_144 + 256 }, (_, i) => i * 7 + (i >> 8))).toString(
  'latin1',
);

function frame(n: number, length = 60): Frame {
  return {
    place: n % 3,
    time: START + n,
    bytes: PATTERN.slice(n % 256, (n % 256) + length),
    wireLen: length + (n % 5),
  };
}

function ringOf(options: Partial<RingOptions> = {}): PacketRing {
  return new PacketRing({ maxBytes: 4 * MIB, beginsSecs: 0, ...options });
}

/** Taps hand over batches of their own. */
function fill(ring: PacketRing, frames: readonly Frame[], gap = 0, nowSecs = 0): PacketRing {
  for (let from = 0; from < frames.length; ) {
    const { place } = frames[from]!;
    let to = from;
    while (to < frames.length && frames[to]!.place === place) to += 1;
    ring.append(place, batchOf(frames.slice(from, to), gap), nowSecs);
    from = to;
  }
  return ring;
}

/** One tap's, in one batch. */
function many(count: number, length: number): Frame[] {
  return Array.from({ length: count }, (_, n) => ({ ...frame(n, length), place: 1 }));
}

describe('what is put into the ring', () => {
  it('comes out as it was, in its order, wherever frames lie in their slab', () => {
    const frames = fc.array(
      fc.record({ place: fc.nat(3), length: fc.integer({ min: 0, max: 2000 }), more: fc.nat(100) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(frames, fc.nat(400), (given, gap) => {
        const expected = given.map(({ place, length, more }, n) => ({
          ...frame(n, length),
          place,
          wireLen: length + more,
        }));
        expect(held(fill(ringOf(), expected, gap))).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });

  it('makes room for what comes later, the oldest first and nothing between', () => {
    const frames = many(4500, 1000);

    const left = held(fill(ringOf(), frames));

    expect(left.length).toBeGreaterThan(2000);
    expect(left.length).toBeLessThan(4300);
    expect(left).toEqual(frames.slice(-left.length));
  });

  it('is bounded by frames too, however small they are', () => {
    const frames = many(40_000, 4);

    const left = held(fill(ringOf(), frames));

    expect(left.length).toBeLessThanOrEqual(4 * 8192);
    expect(left).toEqual(frames.slice(-left.length));
  });

  it('takes no more memory than it was given, tables included', () => {
    expect(ringOf({ maxBytes: 64 * MIB }).capacityBytes).toBeLessThanOrEqual(64 * MIB);
    expect(ringOf({ maxBytes: 64 * MIB }).capacityBytes).toBeGreaterThan(62 * MIB);
  });

  it('is cut to the snaplen, and says how long it was', () => {
    const given = [frame(1, 1500), frame(2, 127), frame(3, 129)];

    expect(held(fill(ringOf({ snaplenBytes: 128 }), given))).toEqual(
      given.map((each) => ({ ...each, bytes: each.bytes.slice(0, 128) })),
    );
  });

  it('may be as large as the largest frame that is captured', () => {
    const given = [frame(0), frame(1, 262_144), frame(2)];

    expect(held(fill(ringOf(), given))).toEqual(given);
  });

  it('may lie in its slab in any order', () => {
    const batch = batchOf([frame(0), frame(3)]);
    batch.offset.set([60, 0]);
    const ring = ringOf();
    ring.append(0, batch, 0);

    expect(held(ring).map(({ bytes }) => bytes)).toEqual([frame(3).bytes, frame(0).bytes]);
  });
});

describe('a reader', () => {
  it('goes on where it stopped, also in the middle of a segment', () => {
    const ring = fill(ringOf(), many(10, 100));
    const stopped = ring.end;
    fill(ring, [frame(77), frame(78)]);

    expect(held(ring, stopped)).toEqual([frame(77), frame(78)]);
    expect(ring.slice(ring.end)).toBeUndefined();
  });

  it('that is too late gets the oldest, and can tell how many it missed', () => {
    const ring = fill(ringOf(), many(4500, 1000));

    expect(ring.end).toBe(4500);
    expect(ring.slice(0)!.number).toBe(ring.begin);
    expect(held(ring, 0)).toHaveLength(4500 - ring.begin);
  });
});

describe('how far back it reaches', () => {
  it('is by when frames arrived: the window ends with the second', () => {
    const ring = ringOf();
    for (const nowSecs of [10, 20, 21, 30]) fill(ring, [frame(nowSecs)], 0, nowSecs);

    expect(held(ring, ring.firstSince(20)).map(({ time }) => time - START)).toEqual([20, 21, 30]);
    expect(held(ring, ring.firstSince(21)).map(({ time }) => time - START)).toEqual([21, 30]);
    expect(ring.firstSince(31)).toBe(ring.end);
  });

  it.each([
    ['back', START - 3_600_000_000],
    ['ahead', START + 3_600_000_000],
  ])('is the same when packet time jumps %s', (_, time) => {
    const ring = ringOf();
    fill(ring, [frame(0)], 0, 10);
    fill(ring, [{ ...frame(1), time }], 0, 11);
    fill(ring, [frame(2)], 0, 12);

    expect(held(ring, ring.firstSince(11)).map((each) => each.time)).toEqual([time, START + 2]);
  });

  it('is to its beginning until something had to go, then to the first whole second', () => {
    const ring = ringOf({ beginsSecs: 7 });
    fill(ring, many(1500, 1000), 0, 8);
    fill(ring, many(800, 1000), 0, 9);
    expect(ring.keptSinceSecs).toBe(7);

    fill(ring, many(1200, 1000), 0, 10);

    // Of the frames of second 8 those are gone that filled the first segment.
    expect(ring.keptSinceSecs).toBe(9);
    expect(ring.begin).toBeGreaterThan(0);
    expect(held(ring, ring.firstSince(9))).toHaveLength(2000);
  });
});
