import { describe, expect, it } from 'vitest';
import { openFile } from '../../capture/file.ts';
import { PcapngClock } from '../../capture/pcapng-time.ts';
import { collect, payload, scratchFolder } from '../support/frames.ts';
import { PcapngBlocks } from '../support/pcap-writer.ts';

const write = scratchFolder();
const LITTLE = new PcapngBlocks(true);
const BIG = new PcapngBlocks(false);
const MICROS = 1_790_000_000_123_456n;

const IF_NAME = 2;
const IF_DESCRIPTION = 3;
const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;
const ISB_IFDROP = 5;
const ISB_OSDROP = 7;

const text = (value: string): Uint8Array => Buffer.from(value);

async function read(...blocks: readonly Uint8Array[]) {
  const path = write('test.pcapng', Buffer.concat(blocks));
  const source = await openFile({ path });
  return { path, source, ...(await collect(source)) };
}

describe('pcapng', () => {
  it.each([
    ['little endian', LITTLE],
    ['big endian', BIG],
  ])('%s: packets of all three kinds, with the interface that they name', async (_name, blocks) => {
    const { source, frames, end } = await read(
      blocks.section(),
      blocks.interface(1, [
        [IF_NAME, text('br-1a2b3c4d5e6f')],
        [IF_DESCRIPTION, text('network shop_data')],
      ]),
      blocks.interface(276, [[IF_NAME, text('any')]]),
      blocks.enhancedPacket(1, MICROS, payload(61), { wireLen: 1500 }),
      blocks.obsoletePacket(0, MICROS + 1n, payload(62)),
      blocks.simplePacket(payload(63)),
    );

    expect(end).toEqual({ reason: 'end-of-file' });
    expect(source.interfaces).toEqual([
      { name: 'br-1a2b3c4d5e6f', linkType: 1, description: 'network shop_data' },
      { name: 'any', linkType: 276 },
    ]);
    const time = { sec: 1_790_000_000, nsec: 123_456_000 };
    const later = { sec: 1_790_000_000, nsec: 123_457_000 };
    expect(frames).toEqual([
      { ...time, wireLen: 1500, interface: 'any', data: payload(61) },
      { ...later, wireLen: 62, interface: 'br-1a2b3c4d5e6f', data: payload(62) },
      // It has no time of its own: that of the packet before it.
      { ...later, wireLen: 63, interface: 'br-1a2b3c4d5e6f', data: payload(63) },
    ]);
  });

  it('knows the interfaces in front of the first packet as soon as it is open', async () => {
    const path = write(
      'early.pcapng',
      Buffer.concat([LITTLE.section(), LITTLE.interface(1, [[IF_NAME, text('eth0')]])]),
    );

    const source = await openFile({ path });

    expect(source.interfaces).toEqual([{ name: 'eth0', linkType: 1 }]);
    source.close();
  });

  it('cuts a simple packet at the snaplen of its interface', async () => {
    const { frames } = await read(
      LITTLE.section(),
      LITTLE.interface(1, [], 10),
      LITTLE.simplePacket(payload(12), 400),
    );

    expect(frames[0]!.data).toEqual(payload(12).subarray(0, 10));
    expect(frames[0]!.wireLen).toBe(400);
  });

  it('reads sections of different byte orders, each with its own interfaces', async () => {
    const { source, frames } = await read(
      LITTLE.section(),
      LITTLE.interface(1, [[IF_NAME, text('eth0')]]),
      LITTLE.enhancedPacket(0, MICROS, payload(4)),
      BIG.section(),
      BIG.interface(101, [[IF_NAME, text('tun0')]]),
      BIG.enhancedPacket(0, MICROS, payload(5)),
    );

    expect(frames.map((frame) => frame.interface)).toEqual(['eth0', 'tun0']);
    expect(source.interfaces.map((one) => one.linkType)).toEqual([1, 101]);
  });

  it('does not count an interface twice that a later section describes the same', async () => {
    const part = [
      LITTLE.section(),
      LITTLE.interface(1, [[IF_NAME, text('eth0')]]),
      LITTLE.enhancedPacket(0, MICROS, payload(4)),
    ];
    const { source, frames } = await read(...part, ...part, ...part);

    expect(frames.length).toBe(3);
    expect(source.interfaces).toEqual([{ name: 'eth0', linkType: 1 }]);
  });

  it('names interfaces without a name after the file and their number', async () => {
    const { source } = await read(LITTLE.section(), LITTLE.interface(1), LITTLE.interface(1));

    expect(source.interfaces.map((one) => one.name)).toEqual(['test.pcapng', 'test.pcapng#1']);
  });

  it('skips blocks that it does not know, also one longer than its memory', async () => {
    const { frames, end } = await read(
      LITTLE.section(),
      LITTLE.interface(1),
      LITTLE.block(4, payload(100)),
      LITTLE.enhancedPacket(0, MICROS, payload(1)),
      LITTLE.block(0x0bad, payload(3_000_000)),
      LITTLE.enhancedPacket(0, MICROS, payload(2)),
      LITTLE.block(10, payload(600_000)),
      LITTLE.enhancedPacket(0, MICROS, payload(3)),
    );

    expect(frames.map((frame) => frame.data.length)).toEqual([1, 2, 3]);
    expect(end).toEqual({ reason: 'end-of-file' });
  });

  it('reads packets with options', async () => {
    const { frames } = await read(
      LITTLE.section(),
      LITTLE.interface(1),
      LITTLE.enhancedPacket(0, MICROS, payload(5), { options: [[1, text('a comment of a person')]] }),
      LITTLE.enhancedPacket(0, MICROS, payload(6)),
    );

    expect(frames.map((frame) => frame.data.length)).toEqual([5, 6]);
  });

  it('adds up the drops that the capturing program reported', async () => {
    const drops = (id: number, byInterface: bigint, byKernel: bigint): Buffer =>
      LITTLE.statistics(id, [
        [ISB_IFDROP, LITTLE.u64(byInterface)],
        [ISB_OSDROP, LITTLE.u64(byKernel)],
      ]);
    const { source } = await read(
      LITTLE.section(),
      LITTLE.interface(1),
      LITTLE.interface(1),
      drops(0, 1n, 5n),
      // Counters are totals: this one replaces the one before it.
      drops(0, 2n, 7n),
      drops(1, 0n, 10n),
      drops(9, 1000n, 1000n),
      LITTLE.section(),
      LITTLE.interface(1),
      drops(0, 1n, 100n),
    );

    expect(source.stats()).toEqual({ received: 0, droppedByInterface: 3, droppedByKernel: 117 });
  });

  it('does not claim to know drops that no block reports', async () => {
    const { source } = await read(LITTLE.section(), LITTLE.interface(1), LITTLE.statistics(0, []));

    expect(source.stats()).toEqual({ received: 0 });
  });

  it('keeps every frame whole over many chunks', async () => {
    const packets = Array.from({ length: 4000 }, (_, i) =>
      LITTLE.enhancedPacket(0, MICROS + BigInt(i), payload((i * 977) % 2500, i)),
    );
    const { frames, end } = await read(LITTLE.section(), LITTLE.interface(1), ...packets);

    expect(end.reason).toBe('end-of-file');
    expect(frames.length).toBe(4000);
    const wrong = frames.findIndex(
      (frame, i) => frame.nsec !== (123_456 + i) * 1000 || !frame.data.equals(payload((i * 977) % 2500, i)),
    );
    expect(wrong).toBe(-1);
  });
});

describe('pcapng, damaged', () => {
  const start = [LITTLE.section(), LITTLE.interface(1), LITTLE.enhancedPacket(0, MICROS, payload(4))];
  const startBytes = 28 + 20 + 36;

  it('cut inside a block: delivers what is whole, and says where it ends', async () => {
    const { path, frames, end } = await read(
      ...start,
      LITTLE.enhancedPacket(0, MICROS, payload(40)).subarray(0, 50),
    );

    expect(frames.length).toBe(1);
    expect(end).toEqual({
      reason: 'truncated',
      detail: `${path} ends inside a record, at byte ${startBytes}, after packet 1`,
    });
  });

  it('cut inside a skipped block', async () => {
    const { end } = await read(...start, LITTLE.block(0x0bad, payload(3_000_000)).subarray(0, 2_000_000));

    expect(end.reason).toBe('truncated');
  });

  const huge = { capLen: 262_145 };
  it.each([
    ['a length below that of an empty block', LITTLE.block(4, payload(4), 8), 'claims a length of 8 bytes'],
    ['a length that is not a multiple of 4', LITTLE.block(4, payload(4), 17), 'claims a length of 17 bytes'],
    ['two different lengths', tampered(LITTLE.block(4, payload(4))), 'does not end with its own length'],
    [
      'a packet block of 4 GiB',
      LITTLE.block(6, payload(40), 0xffff_fffc),
      'claims a length of 4294967292 bytes',
    ],
    ['more bytes than the block has', LITTLE.enhancedPacket(0, 0n, payload(4), { capLen: 5 }), 'room for 4'],
    [
      'more bytes than a frame may have',
      LITTLE.enhancedPacket(0, 0n, payload(262_148), huge),
      'claims 262145',
    ],
    ['an interface that is not there', LITTLE.enhancedPacket(1, 0n, payload(4)), 'interface 1, which is not'],
    ['a packet block without room', LITTLE.block(6, payload(16)), 'cannot hold a packet'],
    ['a short interface description', LITTLE.block(1, payload(4)), 'too short'],
    ['a section header without byte order', LITTLE.block(0x0a0d0d0a, payload(16)), 'without a byte order'],
    ['a section of another version', version2(), 'version 2'],
  ])('%s ends the reading with its place', async (_name, bad, words) => {
    const { path, frames, end } = await read(...start, bad, LITTLE.enhancedPacket(0, MICROS, payload(9)));

    expect(frames.length).toBe(1);
    expect(end).toMatchObject({ reason: 'failed', detail: expect.stringContaining(words) });
    expect(end).toMatchObject({
      detail: expect.stringContaining(`${path} is corrupt at byte ${startBytes}, after packet 1: `),
    });
  });

  it('a simple packet before any interface', async () => {
    const { end } = await read(LITTLE.section(), LITTLE.simplePacket(payload(4)));

    expect(end).toMatchObject({
      reason: 'failed',
      detail: expect.stringContaining('no interface is described'),
    });
  });

  it('takes 4,096 interfaces and not one more', async () => {
    const named = (i: number): Buffer => LITTLE.interface(1, [[IF_NAME, text(`veth${i}`)]]);
    const most = Array.from({ length: 4096 }, (_, i) => named(i));

    const whole = await read(LITTLE.section(), ...most);
    const more = await read(LITTLE.section(), ...most, named(4096));
    const inSections = await read(LITTLE.section(), ...most, LITTLE.section(), named(4096));

    expect(whole.end).toEqual({ reason: 'end-of-file' });
    expect(whole.source.interfaces.length).toBe(4096);
    expect(more.end).toMatchObject({ reason: 'failed', detail: expect.stringContaining('4096 interfaces') });
    expect(inSections.end).toMatchObject({ reason: 'failed' });
    expect(inSections.source.interfaces.length).toBe(4096);
  });

  it('does not read options beyond their block', async () => {
    const option = LITTLE.fields([
      [2, IF_NAME],
      [2, 0xfff0],
    ]);
    const body = Buffer.concat([LITTLE.fields([[4, 1]]), Buffer.alloc(4), option]);
    const { source, end } = await read(LITTLE.section(), LITTLE.block(1, body));

    expect(source.interfaces).toEqual([{ name: 'test.pcapng', linkType: 1 }]);
    expect(end.reason).toBe('end-of-file');
  });
});

describe('pcapng time', () => {
  /** The definition, in whole numbers. */
  function exact(units: bigint, unitsPerSecond: bigint, offset: bigint): { sec: number; nsec: number } {
    return {
      sec: Number(units / unitsPerSecond + offset),
      nsec: Number(((units % unitsPerSecond) * 1_000_000_000n) / unitsPerSecond),
    };
  }

  const SECONDS = [0n, 1n, 1_790_000_000n, 4_294_967_294n];
  const POWERS_OF_10 = [0, 1, 3, 6, 7, 9, 10, 12, 15].map((power) => [power, 10n ** BigInt(power)] as const);
  const POWERS_OF_2 = [0, 1, 10, 20, 23, 24, 31].map((power) => [0x80 | power, 2n ** BigInt(power)] as const);

  it.each([...POWERS_OF_10, ...POWERS_OF_2])('is exact for if_tsresol %i', (tsresol, unitsPerSecond) => {
    const clock = new PcapngClock(tsresol, 0);
    for (const second of SECONDS) {
      for (const part of [0n, 1n, unitsPerSecond / 3n, unitsPerSecond - 1n]) {
        const units = second * unitsPerSecond + part;
        if (part >= unitsPerSecond || units >= 1n << 64n) continue;

        clock.read(Number(units >> 32n), Number(units & 0xffffffffn));

        expect({ sec: clock.sec, nsec: clock.nsec }).toEqual(exact(units, unitsPerSecond, 0n));
      }
    }
  });

  it('adds if_tsoffset, and stays within what a batch can hold', () => {
    const at = (offset: number, units: bigint): number => {
      const clock = new PcapngClock(6, offset);
      clock.read(Number(units >> 32n), Number(units & 0xffffffffn));
      return clock.sec;
    };

    expect(at(1_790_000_000, 5_000_000n)).toBe(1_790_000_005);
    expect(at(-3, 5_000_000n)).toBe(2);
    expect(at(-6, 5_000_000n)).toBe(0);
    expect(at(4_294_967_290, 5_000_000n)).toBe(4_294_967_295);
    expect(at(4_294_967_291, 5_000_000n)).toBe(4_294_967_295);
  });

  it('comes from the options of the interface', async () => {
    const { frames } = await read(
      LITTLE.section(),
      LITTLE.interface(1, [
        [IF_TSRESOL, Uint8Array.of(9)],
        [IF_TSOFFSET, LITTLE.u64(-10n)],
      ]),
      LITTLE.interface(1, [[IF_TSRESOL, Uint8Array.of(0x80 | 10)]]),
      LITTLE.enhancedPacket(0, 1_790_000_000_123_456_789n, payload(1)),
      LITTLE.enhancedPacket(1, 1_790_000_000n * 1024n + 512n, payload(1)),
    );

    expect(frames).toMatchObject([
      { sec: 1_789_999_990, nsec: 123_456_789 },
      { sec: 1_790_000_000, nsec: 500_000_000 },
    ]);
  });
});

function tampered(block: Buffer): Buffer {
  block.writeUInt32LE(99, block.length - 4);
  return block;
}

function version2(): Buffer {
  const section = LITTLE.section();
  section.writeUInt16LE(2, 12);
  return section;
}
