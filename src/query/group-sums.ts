/**
 * Sums of groups whose keys are whole numbers, in typed arrays: a tenth of a microsecond a row. Bounded: when there are too
 * many groups the smaller half are put together, and how much any other may lack by that is known.
 */

/** Some 60 bytes each, with two fields and one sum. */
export const MAX_GROUPS = 300_000;

/** Where in a group's cells what stands. */
const FLOWS = 0;
const FIRST = 1;
const LAST = 2;
const SUMS = 3;

export interface GroupSum {
  /** The numbers of its key's values. */
  readonly key: readonly number[];
  readonly flows: number;
  readonly sums: readonly number[];
  /** The earliest and the latest time. */
  readonly first: number;
  readonly last: number;
}

export interface OtherGroups extends Omit<GroupSum, 'key'> {
  /** How many were put together; more than there are, where some of them came again later. */
  readonly groups: number;
}

export class GroupSums {
  /** The key of the row that is added next. */
  readonly key: Int32Array;
  /** What is summed of the row that is added next. */
  readonly values: Float64Array;
  readonly #maxGroups: number;
  readonly #rewrite: ((key: Int32Array) => void) | undefined;
  /** Which sum makes a group large; -1: the flows. */
  readonly #sortBy: number;
  readonly #mask: number;
  /** Where a group stands, plus 1; 0: nowhere. */
  readonly #slots: Int32Array;
  readonly #keys: Int32Array;
  /** Of each group its flows, first, last and sums, side by side: one miss of the cache instead of four. */
  readonly #cells: Float64Array;
  readonly #width: number;
  #size = 0;
  #folded = 0;
  #foldedFlows = 0;
  #foldedFirst = Number.POSITIVE_INFINITY;
  #foldedLast = Number.NEGATIVE_INFINITY;
  readonly #foldedSums: Float64Array;
  #mayLack = 0;

  /** `rewrite` may put a row into another group, by its key. */
  constructor(
    keys: number,
    sums: number,
    sortBy: number,
    maxGroups = MAX_GROUPS,
    rewrite: ((key: Int32Array) => void) | undefined = undefined,
  ) {
    this.#rewrite = rewrite;
    this.key = new Int32Array(keys);
    this.values = new Float64Array(sums);
    this.#foldedSums = new Float64Array(sums);
    this.#sortBy = sortBy;
    this.#maxGroups = maxGroups;
    const slots = 2 ** Math.ceil(Math.log2(maxGroups * 2 + 2));
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots);
    this.#keys = new Int32Array(maxGroups * keys);
    this.#width = SUMS + sums;
    this.#cells = new Float64Array(maxGroups * this.#width);
  }

  /** A group may have had that much more than it tells; 0: all are exact. */
  get mayLack(): number {
    return this.#mayLack;
  }

  add(time: number): void {
    this.#rewrite?.(this.key);
    const cells = this.#cells;
    const at = this.#find() * this.#width;
    cells[at + FLOWS]! += 1;
    if (time < cells[at + FIRST]!) cells[at + FIRST] = time;
    if (time > cells[at + LAST]!) cells[at + LAST] = time;
    for (let j = 0; j < this.values.length; j++) cells[at + SUMS + j]! += this.values[j]!;
  }

  /** What is in no group that could be told, because its key is one too many. */
  addToOthers(time: number): void {
    this.#folded += 1;
    this.#fold(1, this.values, time, time);
  }

  /** The largest first, and all others together; `before` decides between equals. Ends it. */
  result(top: number, before: (a: readonly number[], b: readonly number[]) => number) {
    const sizes = this.#sizes();
    const least = sizes.slice().sort().at(-top) ?? Number.NEGATIVE_INFINITY;
    const all: GroupSum[] = [];
    for (let group = 0; group < this.#size; group++) {
      if (sizes[group]! >= least) all.push(this.#groupAt(group));
      else this.#foldGroup(group);
    }
    const size = this.#sizeOf();
    all.sort((a, b) => size(b) - size(a) || before(a.key, b.key));
    for (const { flows, sums, first, last } of all.slice(top)) this.#fold(flows, sums, first, last);
    const groups = this.#folded + Math.max(0, all.length - top);
    const others: OtherGroups | undefined =
      groups === 0
        ? undefined
        : {
            groups,
            flows: this.#foldedFlows,
            sums: [...this.#foldedSums],
            first: this.#foldedFirst,
            last: this.#foldedLast,
          };
    return { groups: all.slice(0, top), others };
  }

  #groupAt(group: number): GroupSum {
    const keys = this.key.length;
    const at = group * this.#width;
    return {
      key: [...this.#keys.subarray(group * keys, (group + 1) * keys)],
      flows: this.#cells[at + FLOWS]!,
      sums: [...this.#cells.subarray(at + SUMS, at + this.#width)],
      first: this.#cells[at + FIRST]!,
      last: this.#cells[at + LAST]!,
    };
  }

  #sizeOf(): (group: Pick<GroupSum, 'flows' | 'sums'>) => number {
    const by = this.#sortBy;
    return by < 0 ? ({ flows }) => flows : ({ sums }) => sums[by]!;
  }

  #find(): number {
    let slot = this.#slotOf(this.key, 0);
    for (let place = this.#slots[slot]!; place !== 0; place = this.#slots[slot]!) {
      if (this.#isKeyOf(place - 1)) return place - 1;
      slot = (slot + 1) & this.#mask;
    }
    if (this.#size === this.#maxGroups) {
      this.#makeRoom();
      return this.#find();
    }
    return this.#put(slot);
  }

  #slotOf(keys: Int32Array, at: number): number {
    let hash = 0x811c9dc5;
    for (let j = 0; j < this.key.length; j++) {
      hash = Math.imul(hash ^ keys[at + j]!, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & this.#mask;
  }

  #isKeyOf(group: number): boolean {
    const at = group * this.key.length;
    for (let j = 0; j < this.key.length; j++) if (this.#keys[at + j] !== this.key[j]) return false;
    return true;
  }

  #put(slot: number): number {
    const group = this.#size++;
    this.#slots[slot] = group + 1;
    for (let j = 0; j < this.key.length; j++) this.#keys[group * this.key.length + j] = this.key[j]!;
    const at = group * this.#width;
    this.#cells.fill(0, at, at + this.#width);
    this.#cells[at + FIRST] = Number.POSITIVE_INFINITY;
    this.#cells[at + LAST] = Number.NEGATIVE_INFINITY;
    return group;
  }

  /** The smaller half goes; what is as large as the largest of them goes too, so that there is room in any case. */
  #makeRoom(): void {
    const sizes = this.#sizes();
    const most = sizes.slice().sort()[Math.floor(this.#maxGroups / 2)]!;
    this.#mayLack += most;
    this.#slots.fill(0);
    const before = this.#size;
    this.#size = 0;
    const [keys, width] = [this.key.length, this.#width];
    for (let group = 0; group < before; group++) {
      if (sizes[group]! <= most) {
        this.#foldGroup(group);
        continue;
      }
      let slot = this.#slotOf(this.#keys, group * keys);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
      // Never behind the one that is read.
      const to = this.#size++;
      this.#slots[slot] = to + 1;
      this.#keys.copyWithin(to * keys, group * keys, (group + 1) * keys);
      this.#cells.copyWithin(to * width, group * width, (group + 1) * width);
    }
  }

  #sizes(): Float64Array {
    const sizes = new Float64Array(this.#size);
    const at = this.#sortBy < 0 ? FLOWS : SUMS + this.#sortBy;
    for (let group = 0; group < this.#size; group++) sizes[group] = this.#cells[group * this.#width + at]!;
    return sizes;
  }

  #foldGroup(group: number): void {
    this.#folded += 1;
    const at = group * this.#width;
    const cells = this.#cells;
    const sums = cells.subarray(at + SUMS, at + this.#width);
    this.#fold(cells[at + FLOWS]!, sums, cells[at + FIRST]!, cells[at + LAST]!);
  }

  #fold(flows: number, sums: ArrayLike<number>, first: number, last: number): void {
    this.#foldedFlows += flows;
    for (let j = 0; j < this.values.length; j++) this.#foldedSums[j]! += sums[j]!;
    this.#foldedFirst = Math.min(this.#foldedFirst, first);
    this.#foldedLast = Math.max(this.#foldedLast, last);
  }
}
