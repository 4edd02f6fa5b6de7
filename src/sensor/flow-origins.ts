/**
 * What a flow's first packet says and no record could learn later, by the flow's slot: the MACs of both ends, and whether
 * it came out of a tunnel. Typed arrays beside the flow table: an object a flow would keep the garbage collector busy.
 */
import { formatMac, LAYER, type PacketView } from './decode/packet-view.ts';
import { WordTexts } from './flow/texts.ts';

/** The originator's MAC in two halves of 24 bits, then the responder's. */
const MAC_WORDS = 4;
const FLAG = { MACS: 1, TUNNELLED: 2 } as const;
const BOTH_MACS = LAYER.SRC_MAC | LAYER.DST_MAC;

export class FlowOrigins {
  readonly #macs: Int32Array;
  readonly #flags: Uint8Array;
  readonly #texts = new WordTexts((_, __, hi, lo) => formatMac(hi, lo));

  constructor(maxFlows: number) {
    this.#macs = new Int32Array(maxFlows * MAC_WORDS);
    this.#flags = new Uint8Array(maxFlows);
  }

  /** `fromOrig`: the packet at hand, the flow's first, came from the originator. */
  note(slot: number, view: PacketView, fromOrig: boolean): void {
    const hasMacs = (view.layers & BOTH_MACS) === BOTH_MACS;
    this.#flags[slot] = (hasMacs ? FLAG.MACS : 0) | (view.depth > 0 ? FLAG.TUNNELLED : 0);
    if (!hasMacs) return;
    const macs = this.#macs;
    const base = slot * MAC_WORDS;
    const source = base + (fromOrig ? 0 : 2);
    const destination = base + (fromOrig ? 2 : 0);
    macs[source] = view.srcMacHi;
    macs[source + 1] = view.srcMacLo;
    macs[destination] = view.dstMacHi;
    macs[destination + 1] = view.dstMacLo;
  }

  /** Seen inside a tunnel: the tap's own network says nothing about its addresses. */
  isTunnelled(slot: number): boolean {
    return (this.#flags[slot]! & FLAG.TUNNELLED) !== 0;
  }

  /** As text; undefined where the link has no MACs. */
  mac(slot: number, ofOrig: boolean): string | undefined {
    if ((this.#flags[slot]! & FLAG.MACS) === 0) return undefined;
    const at = slot * MAC_WORDS + (ofOrig ? 0 : 2);
    return this.#texts.of(0, 0, this.#macs[at]!, this.#macs[at + 1]!);
  }
}
