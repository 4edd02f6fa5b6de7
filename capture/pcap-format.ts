/**
 * The classic pcap format (draft-ietf-opsawg-pcap): a header of 24 bytes, then records of 16 bytes and a frame.
 * One scan fills the arrays of a batch. It must never believe a length before it is compared with what is there.
 */
import { type FormatReader, MAX_FRAME_BYTES, type ScanEnd } from './format.ts';
import type { CaptureInterface, FrameBatch, LinkType } from './source.ts';

export const PCAP_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

export const PCAP_MAGIC_MICROS = 0xa1b2c3d4;
export const PCAP_MAGIC_NANOS = 0xa1b23c4d;
/** Alexey Kuznetzov's patched libpcap of Linux 2.2 days: longer record headers, of which variants disagree. */
export const PCAP_MAGIC_MODIFIED = 0xa1b2cd34;

// The upper bits of the link type field carry the length of a frame check sequence.
const LINK_TYPE_MASK = 0x03ff_ffff;

export interface PcapHeader {
  readonly littleEndian: boolean;
  readonly nanos: boolean;
  readonly versionMajor: number;
  readonly versionMinor: number;
  readonly snaplenBytes: number;
  readonly linkType: LinkType;
}

/**
 *  0 magic, in the writer's byte order      8 offset from UTC (never used)   16 snaplen
 *  4 version major, 6 version minor        12 accuracy (never used)          20 link type
 *
 * `undefined` when the magic is none of the two that are read here.
 */
export function parsePcapHeader(view: DataView, at: number): PcapHeader | undefined {
  const magic = view.getUint32(at, true);
  const littleEndian = magic === PCAP_MAGIC_MICROS || magic === PCAP_MAGIC_NANOS;
  const canonical = littleEndian ? magic : view.getUint32(at, false);
  if (canonical !== PCAP_MAGIC_MICROS && canonical !== PCAP_MAGIC_NANOS) return undefined;
  return {
    littleEndian,
    nanos: canonical === PCAP_MAGIC_NANOS,
    versionMajor: view.getUint16(at + 4, littleEndian),
    versionMinor: view.getUint16(at + 6, littleEndian),
    snaplenBytes: view.getUint32(at + 16, littleEndian),
    linkType: view.getUint32(at + 20, littleEndian) & LINK_TYPE_MASK,
  };
}

/**
 * A record:
 *  0 seconds, unsigned    4 micro- or nanoseconds    8 bytes captured    12 bytes on the wire    16 frame
 *
 * A frame longer than the header's snaplen is delivered whole, as Wireshark does: writers exist that put 0 there.
 */
export class PcapReader implements FormatReader {
  readonly interfaces: readonly CaptureInterface[];
  readonly owedBytes = 0;
  position = 0;
  problem: string | undefined;
  // The format has no place for them.
  readonly droppedByKernel = undefined;
  readonly droppedByInterface = undefined;
  readonly #littleEndian: boolean;
  readonly #unitsPerSecond: number;
  readonly #nsecPerUnit: number;

  constructor(header: PcapHeader, only: CaptureInterface) {
    this.interfaces = [only];
    this.#littleEndian = header.littleEndian;
    this.#unitsPerSecond = header.nanos ? 1_000_000_000 : 1_000_000;
    this.#nsecPerUnit = header.nanos ? 1 : 1000;
  }

  scan(slab: DataView, start: number, end: number, batch: FrameBatch): ScanEnd {
    const { offset, capLen, wireLen, tsSec, tsNsec, ifIndex } = batch;
    const littleEndian = this.#littleEndian;
    const unitsPerSecond = this.#unitsPerSecond;
    const nsecPerUnit = this.#nsecPerUnit;
    const maxFrames = offset.length;
    let count = batch.count;
    let position = start;
    let result: ScanEnd = 'full';

    while (count < maxFrames) {
      const available = end - position - RECORD_HEADER_BYTES;
      if (available < 0) {
        result = 'more';
        break;
      }
      const captured = slab.getUint32(position + 8, littleEndian);
      if (captured > MAX_FRAME_BYTES) {
        this.problem = `the record claims a frame of ${captured} bytes, more than the ${MAX_FRAME_BYTES} that a frame may have`;
        result = 'corrupt';
        break;
      }
      if (available < captured) {
        result = 'more';
        break;
      }
      let seconds = slab.getUint32(position, littleEndian);
      let units = slab.getUint32(position + 4, littleEndian);
      if (units >= unitsPerSecond) {
        seconds += Math.floor(units / unitsPerSecond);
        units %= unitsPerSecond;
      }
      const onWire = slab.getUint32(position + 12, littleEndian);
      offset[count] = position + RECORD_HEADER_BYTES;
      capLen[count] = captured;
      // Fewer bytes on the wire than captured cannot be; such writers exist.
      wireLen[count] = Math.max(onWire, captured);
      tsSec[count] = seconds;
      tsNsec[count] = units * nsecPerUnit;
      ifIndex[count] = 0;
      count++;
      position += RECORD_HEADER_BYTES + captured;
    }
    batch.count = count;
    this.position = position;
    return result;
  }
}
