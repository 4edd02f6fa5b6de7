/**
 * The two pcapng blocks that describe rather than carry frames: interface descriptions and interface statistics,
 * with the options in them. Texts come from the file: they are capped here and escaped where they are shown.
 */
import type { LinkType } from './source.ts';

const MAX_TEXT_BYTES = 255;

const OPTION_END = 0;
const IF_NAME = 2;
const IF_DESCRIPTION = 3;
const IF_TSRESOL = 9;
const IF_TSOFFSET = 14;
const ISB_STARTTIME = 2;
const ISB_IFDROP = 5;
const ISB_OSDROP = 7;

export interface InterfaceDescription {
  readonly linkType: LinkType;
  /** 0: no limit. */
  readonly snaplenBytes: number;
  readonly name?: string;
  readonly description?: string;
  /** if_tsresol as written; absent means microseconds. */
  readonly tsresol?: number;
  readonly tsoffsetSecs?: number;
}

/** 8 link type (16 bits), 10 reserved, 12 snaplen, 16 options. The block is whole and at least 20 bytes. */
export function parseInterfaceDescription(
  slab: DataView,
  at: number,
  total: number,
  littleEndian: boolean,
): InterfaceDescription {
  let name: string | undefined;
  let description: string | undefined;
  let tsresol: number | undefined;
  let tsoffsetSecs: number | undefined;
  forEachOption(slab, at + 16, at + total - 4, littleEndian, (code, valueAt, length) => {
    if (code === IF_NAME) name = text(slab, valueAt, length);
    else if (code === IF_DESCRIPTION) description = text(slab, valueAt, length);
    else if (code === IF_TSRESOL && length >= 1) tsresol = slab.getUint8(valueAt);
    else if (code === IF_TSOFFSET && length >= 8)
      tsoffsetSecs = Number(slab.getBigInt64(valueAt, littleEndian));
  });
  return {
    linkType: slab.getUint16(at + 8, littleEndian),
    snaplenBytes: slab.getUint32(at + 12, littleEndian),
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    ...(tsresol !== undefined && { tsresol }),
    ...(tsoffsetSecs !== undefined && { tsoffsetSecs }),
  };
}

/**
 * Sums the drop counters of interface statistics blocks. A block's counters are totals since its interface's
 * capture began, so the latest of a section replaces those before it.
 */
export class LossCounters {
  #kernelBefore: number | undefined;
  #interfaceBefore: number | undefined;
  readonly #kernel = new Map<number, number>();
  readonly #interface = new Map<number, number>();
  /** When the capture began that the first statistics count from, as the file writes it (isb_starttime). */
  since: string | undefined;

  /** Drops by the operating system (isb_osdrop); `undefined` when no block says. */
  get byKernel(): number | undefined {
    return sum(this.#kernelBefore, this.#kernel);
  }

  /** Drops by the interface (isb_ifdrop); `undefined` when no block says. */
  get byInterface(): number | undefined {
    return sum(this.#interfaceBefore, this.#interface);
  }

  /** 8 interface, 12 time, 20 options. The block is whole and at least 24 bytes. */
  read(slab: DataView, at: number, total: number, id: number, littleEndian: boolean): void {
    forEachOption(slab, at + 20, at + total - 4, littleEndian, (code, valueAt, length) => {
      if (length < 8) return;
      if (code === ISB_STARTTIME)
        this.since ??= `${slab.getUint32(valueAt, littleEndian)}:${slab.getUint32(valueAt + 4, littleEndian)}`;
      else if (code === ISB_IFDROP) this.#interface.set(id, Number(slab.getBigUint64(valueAt, littleEndian)));
      else if (code === ISB_OSDROP) this.#kernel.set(id, Number(slab.getBigUint64(valueAt, littleEndian)));
    });
  }

  /** Another section has interfaces and captures of its own. */
  endSection(): void {
    this.#kernelBefore = this.byKernel;
    this.#interfaceBefore = this.byInterface;
    this.#kernel.clear();
    this.#interface.clear();
  }
}

function sum(before: number | undefined, counters: ReadonlyMap<number, number>): number | undefined {
  if (before === undefined && counters.size === 0) return undefined;
  let total = before ?? 0;
  for (const value of counters.values()) total += value;
  return total;
}

/** Options: code (16 bits), length (16 bits), value padded to 4 bytes. What does not fit ends the list. */
function forEachOption(
  slab: DataView,
  start: number,
  end: number,
  littleEndian: boolean,
  onOption: (code: number, valueAt: number, length: number) => void,
): void {
  let at = start;
  while (end - at >= 4) {
    const code = slab.getUint16(at, littleEndian);
    const length = slab.getUint16(at + 2, littleEndian);
    if (code === OPTION_END || length > end - at - 4) return;
    onOption(code, at + 4, length);
    at += 4 + Math.ceil(length / 4) * 4;
  }
}

function text(slab: DataView, at: number, length: number): string | undefined {
  const bytes = new Uint8Array(slab.buffer, slab.byteOffset + at, Math.min(length, MAX_TEXT_BYTES));
  const decoded = new TextDecoder().decode(bytes).replace(/\0.*$/s, '');
  return decoded === '' ? undefined : decoded;
}
