/**
 * A pcap-filter(7) expression over the frames of a file. libpcap compiles it, once for each link type, and runs
 * it, one call a batch; the frames that fail are taken out of the batch's arrays, the slab stays as it is.
 */
import { captureError } from './capture-error.ts';
import type { FrameFilter } from './file-reading.ts';
import { MAX_FRAME_BYTES } from './format.ts';
import { type CompiledFilter, compileFilter, nativeBindingProblem } from './native/index.ts';
import type { CaptureInterface, FrameBatch, LinkType } from './source.ts';

interface LinkFilter {
  readonly compiled: CompiledFilter;
  keep: Uint8Array;
}

export class FileFilter implements FrameFilter {
  readonly #expression: string;
  readonly #byLinkType = new Map<LinkType, LinkFilter>();
  /** By index of the interface. */
  readonly #byInterface: LinkFilter[] = [];

  /** Throws CAPTURE_NO_BINDING where libpcap cannot be asked; the expression is looked at in `prepare`. */
  constructor(expression: string) {
    const problem = nativeBindingProblem();
    if (problem !== undefined) {
      // The binding's own advice, another backend, would not help: that one has no filter.
      throw captureError(
        'CAPTURE_NO_BINDING',
        'cannot apply a filter to a file: libpcap compiles it, and the libpcap binding does not load (bridgewatch doctor says why); run npm run build:native, or leave the filter out',
        problem,
      );
    }
    this.#expression = expression;
  }

  prepare(interfaces: readonly CaptureInterface[]): void {
    for (let index = this.#byInterface.length; index < interfaces.length; index++) {
      const { linkType } = interfaces[index]!;
      let filter = this.#byLinkType.get(linkType);
      if (filter === undefined) {
        const compiled = compileFilter(this.#expression, linkType, MAX_FRAME_BYTES);
        filter = { compiled, keep: new Uint8Array(0) };
        this.#byLinkType.set(linkType, filter);
      }
      this.#byInterface.push(filter);
    }
  }

  apply(batch: FrameBatch): void {
    const { data, offset, capLen, wireLen, tsSec, tsNsec, ifIndex, count } = batch;
    for (const filter of this.#byLinkType.values()) {
      if (filter.keep.length < offset.length) filter.keep = new Uint8Array(offset.length);
      filter.compiled.apply(data, offset, capLen, wireLen, count, filter.keep);
    }
    let kept = 0;
    for (let i = 0; i < count; i++) {
      if (this.#byInterface[ifIndex[i]!]!.keep[i] === 0) continue;
      offset[kept] = offset[i]!;
      capLen[kept] = capLen[i]!;
      wireLen[kept] = wireLen[i]!;
      tsSec[kept] = tsSec[i]!;
      tsNsec[kept] = tsNsec[i]!;
      ifIndex[kept] = ifIndex[i]!;
      kept++;
    }
    batch.count = kept;
  }

  close(): void {
    for (const { compiled } of this.#byLinkType.values()) compiled.close();
    this.#byLinkType.clear();
  }
}
