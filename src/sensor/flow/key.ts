/**
 * Finding a flow by its key: addresses, protocol, ports, interface, VLAN tags and tunnel. Both directions of a
 * conversation find the same row. Open addressing on one typed array; no Map, no string.
 *
 * VLAN tags and the VXLAN identifier are part of the key because the same private addresses live on many networks;
 * so is the interface, because on a Docker host each bridge is a network of its own.
 */
import { LAYER, type PacketView } from '../decode/packet-view.ts';
import { icmpAnswerType } from './icmp-ports.ts';
import { type FlowRows, KEY_FLAG, ROW_WORDS, W } from './rows.ts';

/** An entry is 0 when empty, else slot + 1 in the low bits and the hash's top bits above, to spare most misses. */
const SLOT_BITS = 22;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
const TAG_MASK = ~SLOT_MASK;

export const MAX_FLOWS = SLOT_MASK - 1;

/** Packets come in trains, so these are a dozen flows or two: as many rows as a processor waits for at once. */
export const WARM_AT_ONCE = 64;

export class FlowIndex {
  readonly #rows: FlowRows;
  readonly #entries: Int32Array;
  readonly #mask: number;
  readonly #seed: number;

  // The key of the packet at hand, filled by `read`.
  ports = 0;
  meta = 0;
  tunnel = 0;
  ifIndex = 0;
  #hash = 0;
  readonly #warmHashes = new Int32Array(WARM_AT_ONCE);
  /** Keeps the loads of `warm` from being optimised away. */
  warmed = 0;
  /** Of the last `find`: the packet goes from the row's responder to its originator. */
  reversed = false;

  /** `seed` keeps senders from choosing keys that collide. */
  constructor(rows: FlowRows, seed: number) {
    this.#rows = rows;
    this.#entries = rows.entries;
    this.#mask = rows.entries.length - 1;
    this.#seed = seed | 0;
  }

  /** Takes the key from a decoded packet. */
  read(p: PacketView, ifIndex: number): void {
    this.#readNumbers(p, ifIndex);
    // Warmed: taken once, because another table or interface would hash the packet otherwise.
    this.#hash = p.flowHash === 0 ? this.#hashPacket(p) : p.flowHash;
    p.flowHash = 0;
  }

  /** All of the key but the addresses. */
  #readNumbers(p: PacketView, ifIndex: number): void {
    this.ifIndex = ifIndex;
    this.meta = p.ipProtocol | (p.vlanOuter << 8) | (p.vlanInner << 20);
    this.tunnel = p.vni + 1;
    if ((p.layers & LAYER.PORTS) !== 0) {
      this.ports = (p.srcPort << 16) | p.dstPort;
    } else if ((p.layers & (LAYER.ICMP | LAYER.ICMPV6)) !== 0) {
      const answer = icmpAnswerType((p.layers & LAYER.ICMPV6) !== 0, p.icmpType);
      if (answer < 0) this.tunnel |= KEY_FLAG.ONE_WAY;
      this.ports = (p.icmpType << 16) | (answer < 0 ? p.icmpCode : answer);
    } else {
      this.ports = 0;
      this.tunnel |= KEY_FLAG.PORTLESS;
    }
  }

  /**
   * Touches index entries and rows of several packets, so that their memory is fetched together and not one after
   * the other: a random row outside the caches costs 100-200 ns, eight at once hardly more. Changes nothing.
   */
  warm(views: readonly PacketView[], count: number, ifIndexes: ArrayLike<number>): void {
    const hashes = this.#warmHashes;
    const entries = this.#entries;
    const words = this.#rows.words;
    const many = Math.min(count, hashes.length);
    // Three loops, because only independent loads overlap.
    let before: PacketView | undefined;
    let portsBefore = 0;
    let metaBefore = 0;
    let tunnelBefore = 0;
    for (let i = 0; i < many; i++) {
      const view = views[i]!;
      this.#readNumbers(view, ifIndexes[i]!);
      // Packets come in trains: a question and its answer, the segments of a window.
      const isSameFlow =
        before !== undefined &&
        this.meta === metaBefore &&
        this.tunnel === tunnelBefore &&
        this.ifIndex === ifIndexes[i - 1]! &&
        isSamePair(view, before, this.ports, portsBefore);
      view.flowHash = isSameFlow ? before!.flowHash : this.#hashPacket(view);
      hashes[i] = view.flowHash;
      before = view;
      portsBefore = this.ports;
      metaBefore = this.meta;
      tunnelBefore = this.tunnel;
    }
    for (let i = 0; i < many; i++) hashes[i] = entries[hashes[i]! & this.#mask]! & SLOT_MASK;
    let sum = 0;
    for (let i = 0; i < many; i++) {
      const base = Math.max(hashes[i]! - 1, 0) * ROW_WORDS;
      sum ^= words[base]! ^ words[base + ROW_WORDS / 2]!;
    }
    this.warmed = sum;
  }

  /** The row of the key that was read, or -1. */
  find(p: PacketView): number {
    const entries = this.#entries;
    const mask = this.#mask;
    const hash = this.#hash;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const entry = entries[i]!;
      if (entry === 0) return -1;
      if (((entry ^ hash) & TAG_MASK) !== 0) continue;
      const slot = (entry & SLOT_MASK) - 1;
      if (this.#matches(slot * ROW_WORDS, p)) return slot;
    }
  }

  /** Enters a row under the key that was read; the row must hold the key already or get it now. */
  insert(slot: number): void {
    const mask = this.#mask;
    let i = this.#hash & mask;
    while (this.#entries[i] !== 0) i = (i + 1) & mask;
    this.#entries[i] = (this.#hash & TAG_MASK) | (slot + 1);
  }

  /** Takes a row out and closes the gap, so that no tombstones pile up. */
  remove(slot: number): void {
    const entries = this.#entries;
    const mask = this.#mask;
    let hole = this.#hashRow(slot) & mask;
    while ((entries[hole]! & SLOT_MASK) !== slot + 1) hole = (hole + 1) & mask;
    for (let i = (hole + 1) & mask; entries[i] !== 0; i = (i + 1) & mask) {
      const home = this.#hashRow((entries[i]! & SLOT_MASK) - 1) & mask;
      // May move back into the hole only if its home does not lie after the hole.
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      entries[hole] = entries[i]!;
      hole = i;
    }
    entries[hole] = 0;
  }

  #matches(base: number, p: PacketView): boolean {
    const r = this.#rows.words;
    if (r[base + W.META] !== this.meta) return false;
    if (r[base + W.TUNNEL] !== this.tunnel || r[base + W.INTERFACE] !== this.ifIndex) return false;
    const w = p.words;
    const ports = r[base + W.PORTS]!;
    const orig3 = r[base + 3]!;
    const resp3 = r[base + 7]!;
    const src3 = w[3]! | 0;
    const dst3 = w[7]! | 0;
    if (orig3 === src3 && resp3 === dst3 && ports === this.ports) {
      if (
        r[base] === (w[0]! | 0) &&
        r[base + 1] === (w[1]! | 0) &&
        r[base + 2] === (w[2]! | 0) &&
        r[base + 4] === (w[4]! | 0) &&
        r[base + 5] === (w[5]! | 0) &&
        r[base + 6] === (w[6]! | 0)
      ) {
        this.reversed = false;
        return true;
      }
    }
    if ((this.tunnel & KEY_FLAG.ONE_WAY) !== 0) return false;
    if (orig3 === dst3 && resp3 === src3 && ports === ((this.ports << 16) | (this.ports >>> 16))) {
      if (
        r[base] === (w[4]! | 0) &&
        r[base + 1] === (w[5]! | 0) &&
        r[base + 2] === (w[6]! | 0) &&
        r[base + 4] === (w[0]! | 0) &&
        r[base + 5] === (w[1]! | 0) &&
        r[base + 6] === (w[2]! | 0)
      ) {
        this.reversed = true;
        return true;
      }
    }
    return false;
  }

  #hashPacket(p: PacketView): number {
    const w = p.words;
    return this.#hashKey(
      this.#hashEnd(w[0]! | 0, w[1]! | 0, w[2]! | 0, w[3]! | 0, this.ports >>> 16),
      this.#hashEnd(w[4]! | 0, w[5]! | 0, w[6]! | 0, w[7]! | 0, this.ports & 0xffff),
      this.meta,
      this.tunnel,
      this.ifIndex,
    );
  }

  #hashRow(slot: number): number {
    const r = this.#rows.words;
    const base = slot * ROW_WORDS;
    const ports = r[base + W.PORTS]!;
    return this.#hashKey(
      this.#hashEnd(r[base]!, r[base + 1]!, r[base + 2]!, r[base + 3]!, ports >>> 16),
      this.#hashEnd(r[base + 4]!, r[base + 5]!, r[base + 6]!, r[base + 7]!, ports & 0xffff),
      r[base + W.META]!,
      r[base + W.TUNNEL]!,
      r[base + W.INTERFACE]!,
    );
  }

  /** One end of a conversation: multiply and fold, as in MurmurHash3's mixing. */
  #hashEnd(w0: number, w1: number, w2: number, w3: number, port: number): number {
    let h = Math.imul(w3 ^ this.#seed, 0x85ebca6b);
    h = Math.imul((h ^ (h >>> 15)) + w2, 0xc2b2ae35);
    h = Math.imul((h ^ (h >>> 13)) + w1, 0x27d4eb2f);
    h = Math.imul((h ^ (h >>> 16)) + w0, 0x165667b1);
    h = Math.imul((h ^ (h >>> 15)) + port, 0x9e3779b1);
    return h ^ (h >>> 14);
  }

  /** Adding the two ends makes both directions hash alike. */
  #hashKey(a: number, b: number, meta: number, tunnel: number, ifIndex: number): number {
    let h = Math.imul((a + b) ^ this.#seed, 0x9e3779b1);
    h = Math.imul((h ^ (h >>> 15)) + meta, 0x85ebca6b);
    h = Math.imul((h ^ (h >>> 13)) + tunnel + Math.imul(ifIndex, 0x27d4eb2f), 0xc2b2ae35);
    return h ^ (h >>> 16);
  }
}

/** The same two ends, in either direction. */
function isSamePair(a: PacketView, b: PacketView, portsOfA: number, portsOfB: number): boolean {
  const v = a.words;
  const w = b.words;
  if (v[3] === w[3] && v[7] === w[7] && portsOfA === portsOfB) {
    return v[0] === w[0] && v[1] === w[1] && v[2] === w[2] && v[4] === w[4] && v[5] === w[5] && v[6] === w[6];
  }
  if (v[3] === w[7] && v[7] === w[3] && portsOfA === ((portsOfB << 16) | (portsOfB >>> 16))) {
    return v[0] === w[4] && v[1] === w[5] && v[2] === w[6] && v[4] === w[0] && v[5] === w[1] && v[6] === w[2];
  }
  return false;
}
