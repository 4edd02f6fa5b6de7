/** A slab that refuses every read outside the bytes that a decoder was given, and too many of them. */
export class GuardedView extends DataView<ArrayBuffer> {
  from = 0;
  to = 0;
  reads = 0;
  /** A decoder that reads more often does not end. */
  maxReads = Number.POSITIVE_INFINITY;

  #check(offset: number, size: number): void {
    this.reads++;
    if (this.reads > this.maxReads) throw new Error('does not end');
    if (offset < this.from || offset + size > this.to) {
      throw new RangeError(`read [${offset}, ${offset + size}) outside [${this.from}, ${this.to})`);
    }
  }

  override getUint8(offset: number): number {
    this.#check(offset, 1);
    return super.getUint8(offset);
  }

  override getUint16(offset: number, little?: boolean): number {
    this.#check(offset, 2);
    return super.getUint16(offset, little);
  }

  override getInt16(offset: number, little?: boolean): number {
    this.#check(offset, 2);
    return super.getInt16(offset, little);
  }

  override getUint32(offset: number, little?: boolean): number {
    this.#check(offset, 4);
    return super.getUint32(offset, little);
  }

  override getInt32(offset: number, little?: boolean): number {
    this.#check(offset, 4);
    return super.getInt32(offset, little);
  }
}
