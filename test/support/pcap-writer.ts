/**
 * Writes capture files for tests, block by block and byte for byte, so that a test can also write wrong ones.
 * Nothing here is checked: what a test asks for is what the file gets.
 */

export interface PcapFrame {
  readonly data: Uint8Array;
  readonly sec: number;
  /** Micro- or nanoseconds, as the file's magic says. */
  readonly fraction: number;
  /** Bytes captured as the record claims; the length of `data` when absent. */
  readonly capLen?: number;
  readonly wireLen?: number;
}

export interface PcapOptions {
  readonly magic?: number;
  readonly littleEndian?: boolean;
  readonly version?: readonly [number, number];
  readonly snaplenBytes?: number;
  readonly linkType?: number;
}

/** A classic pcap file. */
export function pcapFile(frames: readonly PcapFrame[], options: PcapOptions = {}): Buffer {
  const littleEndian = options.littleEndian ?? true;
  const [major, minor] = options.version ?? [2, 4];
  const header = fields(littleEndian, [
    [4, options.magic ?? 0xa1b2c3d4],
    [2, major],
    [2, minor],
    [4, 0],
    [4, 0],
    [4, options.snaplenBytes ?? 65_535],
    [4, options.linkType ?? 1],
  ]);
  return Buffer.concat([header, ...frames.map((frame) => pcapRecord(frame, littleEndian))]);
}

export function pcapRecord(frame: PcapFrame, littleEndian = true): Buffer {
  const header = fields(littleEndian, [
    [4, frame.sec],
    [4, frame.fraction],
    [4, frame.capLen ?? frame.data.length],
    [4, frame.wireLen ?? frame.data.length],
  ]);
  return Buffer.concat([header, frame.data]);
}

/** Options of a pcapng block: code and value, which is padded here. */
export type PcapngOption = readonly [code: number, value: Uint8Array];

/** Makes blocks of one byte order. */
export class PcapngBlocks {
  readonly littleEndian: boolean;

  constructor(littleEndian = true) {
    this.littleEndian = littleEndian;
  }

  /** Any block; `claimed` is the length it claims, where that shall be a lie. */
  block(type: number, body: Uint8Array, claimed?: number): Buffer {
    const padded = pad(body);
    const total = claimed ?? padded.length + 12;
    return Buffer.concat([
      this.fields([
        [4, type],
        [4, total],
      ]),
      padded,
      this.fields([[4, total]]),
    ]);
  }

  section(): Buffer {
    const body = this.fields([
      [4, 0x1a2b3c4d],
      [2, 1],
      [2, 0],
      [4, 0xffffffff],
      [4, 0xffffffff],
    ]);
    return this.block(0x0a0d0d0a, body);
  }

  interface(linkType: number, options: readonly PcapngOption[] = [], snaplenBytes = 0): Buffer {
    const body = this.fields([
      [2, linkType],
      [2, 0],
      [4, snaplenBytes],
    ]);
    return this.block(1, Buffer.concat([body, this.options(options)]));
  }

  /** `units` since the epoch, in the interface's own unit. */
  enhancedPacket(
    id: number,
    units: bigint,
    data: Uint8Array,
    extra: { wireLen?: number; capLen?: number; options?: readonly PcapngOption[] } = {},
  ): Buffer {
    const body = this.fields([
      [4, id],
      [4, Number(units >> 32n)],
      [4, Number(units & 0xffffffffn)],
      [4, extra.capLen ?? data.length],
      [4, extra.wireLen ?? data.length],
    ]);
    return this.block(6, Buffer.concat([body, pad(data), this.options(extra.options ?? [])]));
  }

  obsoletePacket(id: number, units: bigint, data: Uint8Array): Buffer {
    const body = this.fields([
      [2, id],
      [2, 0],
      [4, Number(units >> 32n)],
      [4, Number(units & 0xffffffffn)],
      [4, data.length],
      [4, data.length],
    ]);
    return this.block(2, Buffer.concat([body, pad(data)]));
  }

  simplePacket(data: Uint8Array, wireLen = data.length): Buffer {
    return this.block(3, Buffer.concat([this.fields([[4, wireLen]]), data]));
  }

  statistics(id: number, options: readonly PcapngOption[]): Buffer {
    const body = this.fields([
      [4, id],
      [4, 0],
      [4, 0],
    ]);
    return this.block(5, Buffer.concat([body, this.options(options)]));
  }

  u64(value: bigint): Buffer {
    const buffer = Buffer.alloc(8);
    new DataView(buffer.buffer, buffer.byteOffset).setBigInt64(
      0,
      BigInt.asIntN(64, value),
      this.littleEndian,
    );
    return buffer;
  }

  options(options: readonly PcapngOption[]): Buffer {
    if (options.length === 0) return Buffer.alloc(0);
    const parts = options.map(([code, value]) =>
      Buffer.concat([
        this.fields([
          [2, code],
          [2, value.length],
        ]),
        pad(value),
      ]),
    );
    return Buffer.concat([...parts, Buffer.alloc(4)]);
  }

  fields(values: readonly (readonly [size: 2 | 4, value: number])[]): Buffer {
    return fields(this.littleEndian, values);
  }
}

function fields(littleEndian: boolean, values: readonly (readonly [size: 2 | 4, value: number])[]): Buffer {
  const buffer = Buffer.alloc(values.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  let at = 0;
  for (const [size, value] of values) {
    if (size === 2) view.setUint16(at, value, littleEndian);
    else view.setUint32(at, value, littleEndian);
    at += size;
  }
  return buffer;
}

function pad(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
