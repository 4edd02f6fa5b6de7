/**
 * The pcapng format (draft-ietf-opsawg-pcapng): blocks, of which those with frames fill a batch and those that
 * describe interfaces or count losses are remembered. It must never believe a length before it is compared
 * with what is there, and must not keep more for a file than MAX_INTERFACES small objects.
 */
import { type FormatReader, MAX_FRAME_BYTES, MAX_RECORD_BYTES, type ScanEnd } from './format.ts';
import { type InterfaceDescription, LossCounters, parseInterfaceDescription } from './pcapng-blocks.ts';
import { PcapngClock } from './pcapng-time.ts';
import type { CaptureInterface, FrameBatch, LinkType } from './source.ts';

export const PCAPNG_SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const PACKET_OBSOLETE = 2;
const SIMPLE_PACKET = 3;
const INTERFACE_STATISTICS = 5;
const ENHANCED_PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

// type, total length and the total length again at the end
const MIN_BLOCK_BYTES = 12;
// the same, and the five numbers of an enhanced packet
const MIN_PACKET_BLOCK_BYTES = 32;
const MAX_INTERFACES = 4096;

/** An interface as the records of its section refer to it. */
interface SectionInterface {
  readonly index: number;
  readonly snaplenBytes: number;
  readonly clock: PcapngClock;
}

export interface PcapngReaderOptions {
  /** Names interfaces whose description has no if_name. */
  readonly fileName: string;
  readonly linkTypeOverride?: LinkType;
}

export class PcapngReader implements FormatReader {
  readonly interfaces: CaptureInterface[] = [];
  position = 0;
  owedBytes = 0;
  problem: string | undefined;
  readonly #options: PcapngReaderOptions;
  readonly #losses = new LossCounters();
  /** Indexes of `interfaces` by description: a file joined from many says the same again in each section. */
  readonly #known = new Map<string, number>();
  #littleEndian = true;
  #section: SectionInterface[] = [];
  // Simple packets carry no time: they get that of the frame before them.
  #lastSec = 0;
  #lastNsec = 0;

  constructor(options: PcapngReaderOptions) {
    this.#options = options;
  }

  get droppedByKernel(): number | undefined {
    return this.#losses.byKernel;
  }

  get droppedByInterface(): number | undefined {
    return this.#losses.byInterface;
  }

  get countedSince(): string | undefined {
    return this.#losses.since;
  }

  scan(slab: DataView, start: number, end: number, batch: FrameBatch): ScanEnd {
    const skipped = Math.min(this.owedBytes, end - start);
    this.owedBytes -= skipped;
    let position = start + skipped;
    let result: ScanEnd | undefined;
    while (result === undefined) {
      position = this.#takeEnhancedPackets(slab, position, end, batch);
      this.position = position;
      if (end - position < MIN_BLOCK_BYTES) return 'more';
      const type = slab.getUint32(position, this.#littleEndian);
      // The one block type that reads the same in both byte orders: it says which one follows.
      if (type === PCAPNG_SECTION_HEADER && !this.#readByteOrder(slab, position)) return 'corrupt';
      const total = slab.getUint32(position + 4, this.#littleEndian);
      if (total < MIN_BLOCK_BYTES || total % 4 !== 0) {
        return this.#corrupt(`the block of type ${type} claims a length of ${total} bytes`);
      }
      if (total > end - position) {
        if (total <= MAX_RECORD_BYTES) return 'more';
        if (isUsed(type)) return this.#corrupt(`the block of type ${type} claims a length of ${total} bytes`);
        this.owedBytes = total - (end - position);
        this.position = end;
        return 'more';
      }
      if (slab.getUint32(position + total - 4, this.#littleEndian) !== total) {
        return this.#corrupt(`the block of type ${type} does not end with its own length of ${total} bytes`);
      }
      result = this.#readBlock(type, slab, position, total, batch);
      if (result === undefined) position += total;
    }
    return result;
  }

  #readBlock(
    type: number,
    slab: DataView,
    at: number,
    total: number,
    batch: FrameBatch,
  ): ScanEnd | undefined {
    switch (type) {
      case ENHANCED_PACKET:
        return this.#refuseEnhancedPacket(slab, at, total, batch);
      case SIMPLE_PACKET:
        return this.#readSimplePacket(slab, at, total, batch);
      case PACKET_OBSOLETE:
        return this.#readObsoletePacket(slab, at, total, batch);
      case PCAPNG_SECTION_HEADER:
        return this.#readSectionHeader(slab, at, total);
      case INTERFACE_DESCRIPTION:
        return this.#readInterface(slab, at, total);
      case INTERFACE_STATISTICS:
        return this.#readStatistics(slab, at, total);
      // Name resolution, secrets, custom blocks and those still to be invented.
      default:
        return undefined;
    }
  }

  /**
   * Takes enhanced packets, of which most files consist, as long as they follow each other and nothing is wrong with
   * them; answers where it stopped. 8 interface, 12 time high, 16 time low, 20 bytes captured, 24 bytes on the
   * wire, 28 frame, options.
   */
  #takeEnhancedPackets(slab: DataView, start: number, end: number, batch: FrameBatch): number {
    const { offset, capLen, wireLen, tsSec, tsNsec, ifIndex } = batch;
    const littleEndian = this.#littleEndian;
    const section = this.#section;
    const maxFrames = offset.length;
    let count = batch.count;
    let position = start;
    while (count < maxFrames && end - position >= MIN_PACKET_BLOCK_BYTES) {
      if (slab.getUint32(position, littleEndian) !== ENHANCED_PACKET) break;
      const total = slab.getUint32(position + 4, littleEndian);
      if (total < MIN_PACKET_BLOCK_BYTES || total > end - position || (total & 3) !== 0) break;
      if (slab.getUint32(position + total - 4, littleEndian) !== total) break;
      const captured = slab.getUint32(position + 20, littleEndian);
      if (captured > total - MIN_PACKET_BLOCK_BYTES || captured > MAX_FRAME_BYTES) break;
      const from = section[slab.getUint32(position + 8, littleEndian)];
      if (from === undefined) break;
      const { clock } = from;
      clock.read(slab.getUint32(position + 12, littleEndian), slab.getUint32(position + 16, littleEndian));
      const onWire = slab.getUint32(position + 24, littleEndian);
      offset[count] = position + 28;
      capLen[count] = captured;
      // Fewer bytes on the wire than captured cannot be; such writers exist.
      wireLen[count] = Math.max(onWire, captured);
      tsSec[count] = clock.sec;
      tsNsec[count] = clock.nsec;
      ifIndex[count] = from.index;
      count++;
      position += total;
    }
    if (count > batch.count) {
      this.#lastSec = tsSec[count - 1]!;
      this.#lastNsec = tsNsec[count - 1]!;
    }
    batch.count = count;
    return position;
  }

  /** The block is whole, but was not taken: the batch is full, or something is wrong with it. */
  #refuseEnhancedPacket(slab: DataView, at: number, total: number, batch: FrameBatch): ScanEnd {
    if (total >= MIN_PACKET_BLOCK_BYTES && batch.count >= batch.offset.length) return 'full';
    const id = total < MIN_PACKET_BLOCK_BYTES ? 0 : slab.getUint32(at + 8, this.#littleEndian);
    return this.#corrupt(
      this.#packetProblem(slab, at, total, id) ?? 'an enhanced packet that cannot be read',
    );
  }

  /** As an enhanced packet, but 8 interface (16 bits), 10 drops (16 bits). */
  #readObsoletePacket(slab: DataView, at: number, total: number, batch: FrameBatch): ScanEnd | undefined {
    const littleEndian = this.#littleEndian;
    const id = total < MIN_PACKET_BLOCK_BYTES ? 0 : slab.getUint16(at + 8, littleEndian);
    const problem = this.#packetProblem(slab, at, total, id);
    if (problem !== undefined) return this.#corrupt(problem);
    if (batch.count >= batch.offset.length) return 'full';

    const { clock, index } = this.#section[id]!;
    clock.read(slab.getUint32(at + 12, littleEndian), slab.getUint32(at + 16, littleEndian));
    const captured = slab.getUint32(at + 20, littleEndian);
    const i = batch.count++;
    batch.offset[i] = at + 28;
    batch.capLen[i] = captured;
    batch.wireLen[i] = Math.max(slab.getUint32(at + 24, littleEndian), captured);
    batch.tsSec[i] = this.#lastSec = clock.sec;
    batch.tsNsec[i] = this.#lastNsec = clock.nsec;
    batch.ifIndex[i] = index;
    return undefined;
  }

  #packetProblem(slab: DataView, at: number, total: number, id: number): string | undefined {
    if (total < MIN_PACKET_BLOCK_BYTES) return `a packet block of ${total} bytes cannot hold a packet`;
    if (this.#section[id] === undefined)
      return `a packet of interface ${id}, which is not described before it`;
    const captured = slab.getUint32(at + 20, this.#littleEndian);
    const room = total - MIN_PACKET_BLOCK_BYTES;
    if (captured <= room && captured <= MAX_FRAME_BYTES) return undefined;
    return `a packet claims ${captured} bytes captured in a block with room for ${room}`;
  }

  /** 8 bytes on the wire, 12 frame. It belongs to the section's first interface; only the snaplen says how much there is. */
  #readSimplePacket(slab: DataView, at: number, total: number, batch: FrameBatch): ScanEnd | undefined {
    if (total < 16) return this.#corrupt(`a simple packet block of ${total} bytes cannot hold a packet`);
    const from = this.#section[0];
    if (from === undefined) return this.#corrupt('a simple packet, but no interface is described before it');
    if (batch.count >= batch.offset.length) return 'full';
    const onWire = slab.getUint32(at + 8, this.#littleEndian);
    const room = total - 16;
    const limit = from.snaplenBytes === 0 ? room : Math.min(room, from.snaplenBytes);
    const captured = Math.min(onWire, limit);
    if (captured > MAX_FRAME_BYTES) return this.#corrupt(`a simple packet claims ${captured} bytes captured`);
    const i = batch.count++;
    batch.offset[i] = at + 12;
    batch.capLen[i] = captured;
    batch.wireLen[i] = onWire;
    batch.tsSec[i] = this.#lastSec;
    batch.tsNsec[i] = this.#lastNsec;
    batch.ifIndex[i] = from.index;
    return undefined;
  }

  /** 8 byte order magic. */
  #readByteOrder(slab: DataView, at: number): boolean {
    if (slab.getUint32(at + 8, true) === BYTE_ORDER_MAGIC) this.#littleEndian = true;
    else if (slab.getUint32(at + 8, false) === BYTE_ORDER_MAGIC) this.#littleEndian = false;
    else {
      this.problem = 'a section header without a byte order magic';
      return false;
    }
    return true;
  }

  /** 12 version major, 14 version minor, 16 section length (not needed to read it), 24 options. */
  #readSectionHeader(slab: DataView, at: number, total: number): ScanEnd | undefined {
    if (total < 28) return this.#corrupt(`a section header of ${total} bytes is too short`);
    const major = slab.getUint16(at + 12, this.#littleEndian);
    if (major !== 1) return this.#corrupt(`a section of pcapng version ${major}; only version 1 is known`);
    this.#section = [];
    this.#losses.endSection();
    return undefined;
  }

  #readInterface(slab: DataView, at: number, total: number): ScanEnd | undefined {
    if (total < 20) return this.#corrupt(`an interface description of ${total} bytes is too short`);
    if (this.#section.length >= MAX_INTERFACES)
      return this.#corrupt(`more than ${MAX_INTERFACES} interfaces`);
    const description = parseInterfaceDescription(slab, at, total, this.#littleEndian);
    const index = this.#indexOf(description, this.#section.length);
    if (index >= MAX_INTERFACES) return this.#corrupt(`more than ${MAX_INTERFACES} interfaces`);
    this.#section.push({
      index,
      snaplenBytes: description.snaplenBytes,
      clock: new PcapngClock(description.tsresol, description.tsoffsetSecs),
    });
    return undefined;
  }

  #indexOf(described: InterfaceDescription, id: number): number {
    const linkType = this.#options.linkTypeOverride ?? described.linkType;
    const name = described.name ?? (id === 0 ? this.#options.fileName : `${this.#options.fileName}#${id}`);
    const key = JSON.stringify([id, linkType, name, described.description]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const index = this.interfaces.length;
    if (index >= MAX_INTERFACES) return index;
    this.#known.set(key, index);
    this.interfaces.push(
      described.description === undefined
        ? { name, linkType }
        : { name, linkType, description: described.description },
    );
    return index;
  }

  #readStatistics(slab: DataView, at: number, total: number): ScanEnd | undefined {
    if (total < 24) return this.#corrupt(`interface statistics of ${total} bytes are too short`);
    const id = slab.getUint32(at + 8, this.#littleEndian);
    // Statistics of an interface that the section does not have say nothing, but the blocks after them do.
    if (id < this.#section.length) this.#losses.read(slab, at, total, id, this.#littleEndian);
    return undefined;
  }

  #corrupt(problem: string): 'corrupt' {
    this.problem = problem;
    return 'corrupt';
  }
}

/** Blocks whose content is read must be whole in the slab; others may be longer than it. */
function isUsed(type: number): boolean {
  return (
    type === ENHANCED_PACKET ||
    type === SIMPLE_PACKET ||
    type === PACKET_OBSOLETE ||
    type === PCAPNG_SECTION_HEADER ||
    type === INTERFACE_DESCRIPTION ||
    type === INTERFACE_STATISTICS
  );
}
