/**
 * What a message says of routers, resolvers and prefixes, as numbers: one object, reused for every message, so that
 * reading one allocates nothing. Bounded: what does not fit in is not read; nobody gives out that many.
 */
export const MAX_ADDRESSES = 8;

/** As in `RouterClaim.protocol`. */
export type RouterProtocol = 'router-advertisement' | 'redirect' | 'dhcp' | 'dhcpv6';

/** Up to eight addresses, four words each, most significant first, IPv4 in mapped form. */
export class AddressWords {
  readonly words = new Uint32Array(MAX_ADDRESSES * 4);
  /** Bits of prefixes, of 128; unused for addresses. */
  readonly bits = new Uint8Array(MAX_ADDRESSES);
  count = 0;

  clear(): void {
    this.count = 0;
  }

  /** False when it is full. */
  addV4(address: number, bits = 32): boolean {
    return this.#add(0, 0, 0xffff, address, 96 + bits);
  }

  addV6(data: DataView, at: number, bits = 128): boolean {
    return this.#add(
      data.getUint32(at),
      data.getUint32(at + 4),
      data.getUint32(at + 8),
      data.getUint32(at + 12),
      bits,
    );
  }

  addWords(words: ArrayLike<number>, from: number): boolean {
    return this.#add(words[from]!, words[from + 1]!, words[from + 2]!, words[from + 3]!, 128);
  }

  #add(w0: number, w1: number, w2: number, w3: number, bits: number): boolean {
    if (this.count >= MAX_ADDRESSES) return false;
    const at = this.count * 4;
    this.words[at] = w0;
    this.words[at + 1] = w1;
    this.words[at + 2] = w2;
    this.words[at + 3] = w3;
    this.bits[this.count] = bits;
    this.count++;
    return true;
  }
}

export class RouterMessage {
  readonly routers = new AddressWords();
  readonly resolvers = new AddressWords();
  readonly prefixes = new AddressWords();
  /** -1 where the message has none. */
  lifetimeSecs = -1;

  clear(): void {
    this.routers.clear();
    this.resolvers.clear();
    this.prefixes.clear();
    this.lifetimeSecs = -1;
  }
}
