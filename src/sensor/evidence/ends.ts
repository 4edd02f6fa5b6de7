/**
 * A few addresses and MACs, and whether a decoded frame has to do with any of them. Asked for every frame of a sweep:
 * numbers only, nothing is made.
 */
import { type IpWords, parseIp } from '../../model/ip.ts';
import { LAYER, macHalves, type PacketView } from '../decode/packet-view.ts';

/** Beyond it an end is not added: a list that long is a sample anyway. */
const MAX_ENDS = 512;

const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/;

export class Ends {
  readonly #addresses: IpWords[] = [];
  /** Of all addresses: what is not in here is none of them. */
  readonly #mixed = new Set<number>();
  readonly #macs: (readonly [hi: number, lo: number])[] = [];
  readonly #macTails = new Set<number>();

  get size(): number {
    return this.#addresses.length + this.#macs.length;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** Text that is no address adds nothing. */
  addAddress(text: string): void {
    const words = parseIp(text);
    if (words !== undefined) this.#addWords(words);
  }

  /** Text that is no MAC of one device adds nothing. */
  addMac(text: string): void {
    if (!MAC.test(text)) return;
    const [hi, lo] = macHalves(text);
    // The lowest bit of the first byte: a group, such as broadcast. Cooked frames have no MAC, which reads as zeros.
    if ((hi & 0x010000) === 0 && hi + lo !== 0) this.#addHalves(hi, lo);
  }

  addAll(others: Ends): void {
    for (const words of others.#addresses) this.#addWords(words);
    for (const [hi, lo] of others.#macs) this.#addHalves(hi, lo);
  }

  /** Whether it comes from, goes to, asks for or tells of one of them; of a frame in a frame its own layer only. */
  areIn(view: PacketView): boolean {
    const { layers } = view;
    if ((layers & (LAYER.IP | LAYER.ARP)) !== 0) {
      if (this.#hasWords(view.words, 0) || this.#hasWords(view.words, 4)) return true;
    }
    if ((layers & LAYER.ND_TARGET) !== 0 && this.#hasWords(view.ndTarget, 0)) return true;
    if (this.#macTails.size === 0) return false;
    if ((layers & LAYER.SRC_MAC) !== 0 && this.#hasMac(view.srcMacHi, view.srcMacLo)) return true;
    if ((layers & LAYER.DST_MAC) !== 0 && this.#hasMac(view.dstMacHi, view.dstMacLo)) return true;
    return (
      (layers & LAYER.ARP) !== 0 &&
      (this.#hasMac(view.arpSenderMacHi, view.arpSenderMacLo) ||
        this.#hasMac(view.arpTargetMacHi, view.arpTargetMacLo))
    );
  }

  #addWords(words: IpWords): void {
    if (this.size >= MAX_ENDS || this.#hasWords(words, 0)) return;
    this.#addresses.push(words);
    this.#mixed.add(mixed(words, 0));
  }

  #addHalves(hi: number, lo: number): void {
    if (this.size >= MAX_ENDS || this.#hasMac(hi, lo)) return;
    this.#macs.push([hi, lo]);
    this.#macTails.add(lo);
  }

  #hasWords(words: ArrayLike<number>, at: number): boolean {
    if (!this.#mixed.has(mixed(words, at))) return false;
    for (const [w0, w1, w2, w3] of this.#addresses) {
      if (words[at] === w0 && words[at + 1] === w1 && words[at + 2] === w2 && words[at + 3] === w3)
        return true;
    }
    return false;
  }

  #hasMac(hi: number, lo: number): boolean {
    if (!this.#macTails.has(lo)) return false;
    for (const mac of this.#macs) if (mac[0] === hi && mac[1] === lo) return true;
    return false;
  }
}

/** Small enough to be no heap number. */
function mixed(words: ArrayLike<number>, at: number): number {
  const all = words[at]! ^ (words[at + 1]! << 1) ^ (words[at + 2]! << 2) ^ words[at + 3]!;
  return (all ^ (all >>> 30)) & 0x3fffffff;
}
