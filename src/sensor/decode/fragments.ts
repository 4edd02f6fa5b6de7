/**
 * Remembers the datagrams whose fragments are passing: later fragments have no ports, so they get those of the
 * first; overlapping bounds are marked. Nothing is reassembled and no bytes are kept. Direct-mapped, so that its
 * memory is fixed: a new datagram takes the place of the old one in its cell.
 */
import { ANOMALY } from './anomaly.ts';
import { LAYER, type PacketView } from './packet-view.ts';

const CELLS = 256;
/** 64 KiB in fragments of 1,500 bytes are 45; what comes beyond is not checked for overlap. */
const MAX_BOUNDS = 48;
/** addresses 8 | id | protocol | born | ports | first seen | bounds in use | transport */
const HEAD = 15;
const ID = 8;
const PROTOCOL = 9;
const BORN = 10;
const PORTS = 11;
const KNOWN = 12;
const USED = 13;
const TRANSPORT = 14;
const STRIDE = HEAD + MAX_BOUNDS;
/** Identifiers come round again; a cell this many fragments old belongs to another datagram. */
const MAX_AGE = 4096;

export class FragmentTracker {
  /** 62 KiB, made when the first fragment is seen: most interfaces never see one. */
  #cells: Uint32Array | undefined;
  #clock = 0;

  /** Call for each fragment, after the first one's transport header was decoded. */
  observe(p: PacketView): void {
    this.#cells ??= new Uint32Array(CELLS * STRIDE);
    const cells = this.#cells;
    this.#clock = (this.#clock + 1) >>> 0;
    const base = (this.#hash(p) % CELLS) * STRIDE;
    if (!this.#isSame(cells, base, p)) this.#start(cells, base, p);

    if ((p.layers & LAYER.PORTS) !== 0) {
      cells[base + PORTS] = ((p.srcPort << 16) | p.dstPort) >>> 0;
      cells[base + TRANSPORT] = p.ipProtocol;
      cells[base + KNOWN] = 1;
    } else if (cells[base + KNOWN] === 1) {
      const ports = cells[base + PORTS]!;
      p.srcPort = ports >>> 16;
      p.dstPort = ports & 0xffff;
      // IPv6: the fragment names the header after it, which may be one more extension.
      p.ipProtocol = cells[base + TRANSPORT]!;
      p.layers |= LAYER.PORTS;
    }
    this.#checkOverlap(cells, base, p);
  }

  #hash(p: PacketView): number {
    const words = p.words;
    let h = p.fragmentId ^ (p.fragmentProtocol << 24);
    for (let i = 0; i < 8; i++) h = Math.imul(h ^ words[i]!, 0x9e3779b1) ^ (h >>> 15);
    return (h ^ (h >>> 16)) >>> 0;
  }

  #isSame(cells: Uint32Array, base: number, p: PacketView): boolean {
    for (let i = 0; i < 8; i++) if (cells[base + i] !== p.words[i]) return false;
    return (
      cells[base + ID] === p.fragmentId &&
      cells[base + PROTOCOL] === p.fragmentProtocol &&
      (this.#clock - cells[base + BORN]!) >>> 0 < MAX_AGE
    );
  }

  #start(cells: Uint32Array, base: number, p: PacketView): void {
    for (let i = 0; i < 8; i++) cells[base + i] = p.words[i]!;
    cells[base + ID] = p.fragmentId;
    cells[base + PROTOCOL] = p.fragmentProtocol;
    cells[base + BORN] = this.#clock;
    cells[base + KNOWN] = 0;
    cells[base + USED] = 0;
  }

  /** The same bounds again are a copy (two taps, a retransmission); other bounds over known bytes are an attack. */
  #checkOverlap(cells: Uint32Array, base: number, p: PacketView): void {
    const from = p.fragmentOffset >>> 3;
    const to = Math.min(from + Math.ceil(p.fragmentBytes / 8), 0xffff);
    const used = cells[base + USED]!;
    for (let i = 0; i < used; i++) {
      const bounds = cells[base + HEAD + i]!;
      const otherFrom = bounds >>> 16;
      const otherTo = bounds & 0xffff;
      if (from === otherFrom && to === otherTo) return;
      if (from < otherTo && otherFrom < to) {
        p.note(ANOMALY['fragment-overlap']);
        return;
      }
    }
    if (used === MAX_BOUNDS) return;
    cells[base + HEAD + used] = ((from << 16) | to) >>> 0;
    cells[base + USED] = used + 1;
  }
}
