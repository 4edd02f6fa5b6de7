/**
 * When flows of dual-homed containers speak, and how much each side says: what tells a relay. It judges nothing. A host
 * without such a container pays one look at a flag for a packet, other flows of a host with one a look at a number; a
 * packet allocates nothing. A record is made when a burst is over (see src/model/burst.ts).
 *
 * Memory: four bytes for each flow that the flow table has room for, from the first dual-homed container on, and 4,096
 * flows of 60 bytes. Beyond those, of eight the one goes that has been silent for longest, and is counted.
 */
import type { FlowBurst } from '../../model/burst.ts';
import type { FlowRecord } from '../../model/flow.ts';
import type { IpWords } from '../../model/ip.ts';
import type { Network } from '../../model/network.ts';
import { type ClockStep, MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import { LAYER, type PacketView } from '../decode/packet-view.ts';

/** The containers that are on an internal network and on another one besides. */
export interface DualHomed {
  /** Rises when the others have other answers. */
  readonly version: number;
  readonly isAny: boolean;
  /** The one that holds the address on that network. */
  holderOf(networkId: string, ip: IpWords): string | undefined;
}

export interface BurstIntakeOptions {
  readonly dualHomed: DualHomed;
  /** Of the flow table; slots are below it. */
  readonly maxFlows: number;
  /** Whether anybody listens, now. */
  readonly isWanted: () => boolean;
  readonly networkOf: (slot: number) => Network | undefined;
  readonly endsOf: (slot: number) => { readonly orig: IpWords; readonly resp: IpWords };
  /** IP bytes and packets of the flow so far, of both sides; undefined where its opening was not seen. */
  readonly saidSoFar: (slot: number) => { readonly bytes: number; readonly packets: number } | undefined;
  readonly recordOf: (slot: number) => FlowRecord;
  readonly onBurst: (burst: FlowBurst) => void;
}

/** Zhang & Paxson 2000: a silence of this length ends an ON period. */
const IDLE: Micros = MICROS_PER_SECOND / 2;
/** An ON period that goes on is told in such parts. */
const STRETCH: Micros = MICROS_PER_SECOND;
/** IP bytes of a segment without data: IPv6, TCP and its options. */
const MAX_HEADER_BYTES = 100;
const MAX_ROWS = 4096;
const LOOK_AT = 8;

const KIND = { CONTAINER_ORIG: 1, INTERNAL: 2, WHOLE: 4, ORIG_FIRST: 8, SPEAKING: 16, SPOKE: 32 } as const;

export class BurstIntake {
  /** Flows given up for want of room. */
  lost = 0;
  /** False spares the pipeline every call for a packet. */
  isNeeded = false;
  readonly #options: BurstIntakeOptions;
  /** By slot: row + 1, or minus the generation in which the flow was found to be none of ours. */
  #states: Int32Array | undefined;
  #generation = 1;
  #version = -1;
  readonly #slots = new Int32Array(MAX_ROWS).fill(-1);
  readonly #kinds = new Uint8Array(MAX_ROWS);
  readonly #stretches = new Uint32Array(MAX_ROWS);
  readonly #begins = new Float64Array(MAX_ROWS);
  readonly #lasts = new Float64Array(MAX_ROWS);
  readonly #origBytes = new Float64Array(MAX_ROWS);
  readonly #respBytes = new Float64Array(MAX_ROWS);
  readonly #containers: string[] = new Array(MAX_ROWS).fill('');
  readonly #free: number[] = [];
  #used = 0;
  #hand = 0;

  constructor(options: BurstIntakeOptions) {
    this.#options = options;
  }

  /** Containers or listeners may have come or gone. */
  refresh(): void {
    const { dualHomed, isWanted, maxFlows } = this.#options;
    this.isNeeded = isWanted() && dualHomed.isAny;
    if (!this.isNeeded || dualHomed.version === this.#version) return;
    this.#version = dualHomed.version;
    this.#generation++;
    this.#states ??= new Int32Array(maxFlows);
  }

  /** A packet of a flow that has begun; the view is borrowed for the call. */
  onPacket(p: PacketView, time: Micros, slot: number, fromOrig: boolean): void {
    const bytes = p.payloadLength;
    if (bytes === 0 || (p.layers & (LAYER.TCP | LAYER.UDP)) === 0) return;
    const states = this.#states!;
    let state = states[slot]!;
    if (state <= 0) {
      if (state === -this.#generation) return;
      state = this.#begin(p, slot, time) + 1;
      states[slot] = state === 0 ? -this.#generation : state;
      if (state === 0) return;
    }
    this.#count(state - 1, bytes, time, fromOrig);
  }

  /** Once a second of packet time: what has fallen silent. */
  tick(time: Micros): void {
    this.refresh();
    for (let row = 0; row < this.#used; row++) {
      if (this.#isSpeaking(row) && time - this.#lasts[row]! >= IDLE) this.#tell(row);
    }
  }

  /** Input has ended. */
  finish(): void {
    for (let row = 0; row < this.#used; row++) if (this.#isSpeaking(row)) this.#tell(row);
  }

  /** The slot will be another flow's. */
  onFlowEnd(slot: number): void {
    const states = this.#states;
    if (states === undefined) return;
    const row = states[slot]! - 1;
    states[slot] = 0;
    if (row < 0) return;
    if (this.#isSpeaking(row)) this.#tell(row);
    this.#slots[row] = -1;
    this.#free.push(row);
  }

  clockSet({ from, to }: ClockStep): void {
    for (let row = 0; row < this.#used; row++) {
      this.#begins[row]! += to - from;
      this.#lasts[row]! += to - from;
    }
  }

  #count(row: number, bytes: number, time: Micros, fromOrig: boolean): void {
    if (this.#isSpeaking(row)) {
      if (time - this.#lasts[row]! >= IDLE) this.#tell(row);
      else if (time - this.#begins[row]! >= STRETCH) this.#tellStretch(row, time);
    }
    if (!this.#isSpeaking(row)) this.#open(row, time, fromOrig);
    if (fromOrig) this.#origBytes[row]! += bytes;
    else this.#respBytes[row]! += bytes;
    if (time > this.#lasts[row]!) this.#lasts[row] = time;
  }

  #isSpeaking(row: number): boolean {
    return (this.#kinds[row]! & KIND.SPEAKING) !== 0;
  }

  #open(row: number, time: Micros, fromOrig: boolean): void {
    this.#kinds[row] =
      (this.#kinds[row]! & ~KIND.ORIG_FIRST) | KIND.SPEAKING | (fromOrig ? KIND.ORIG_FIRST : 0);
    this.#begins[row] = time;
    this.#lasts[row] = time;
    this.#stretches[row] = 0;
    this.#origBytes[row] = 0;
    this.#respBytes[row] = 0;
  }

  /** It speaks on. Stretches of both flows of a relay begin together as long as their ON periods did. */
  #tellStretch(row: number, time: Micros): void {
    this.#emit(row);
    const stretches = Math.floor((time - this.#begins[row]!) / STRETCH);
    this.#begins[row]! += stretches * STRETCH;
    this.#stretches[row]! += stretches;
    this.#origBytes[row] = 0;
    this.#respBytes[row] = 0;
  }

  #tell(row: number): void {
    this.#emit(row);
    this.#kinds[row]! &= ~KIND.SPEAKING;
  }

  #emit(row: number): void {
    const kind = this.#kinds[row]!;
    this.#kinds[row] = kind | KIND.SPOKE;
    this.#options.onBurst({
      time: this.#begins[row]!,
      end: this.#lasts[row]!,
      flow: this.#options.recordOf(this.#slots[row]!),
      containerId: this.#containers[row]!,
      isContainerOrig: (kind & KIND.CONTAINER_ORIG) !== 0,
      isInternal: (kind & KIND.INTERNAL) !== 0,
      isOrigFirst: (kind & KIND.ORIG_FIRST) !== 0,
      isOpening: (kind & KIND.WHOLE) !== 0 && (kind & KIND.SPOKE) === 0,
      stretch: this.#stretches[row]!,
      origBytes: this.#origBytes[row]!,
      respBytes: this.#respBytes[row]!,
    });
  }

  /** -1 where the flow is none of ours. The packet is counted already. */
  #begin(p: PacketView, slot: number, time: Micros): number {
    const { dualHomed, networkOf, endsOf, saidSoFar } = this.#options;
    const network = networkOf(slot);
    if (network === undefined) return -1;
    const { orig, resp } = endsOf(slot);
    const ofOrig = dualHomed.holderOf(network.id, orig);
    const ofResp = dualHomed.holderOf(network.id, resp);
    // Who is dual-homed itself needs nobody to relay; what came to it from elsewhere is its service, and no way out.
    const isOurs = network.internal
      ? (ofOrig === undefined) !== (ofResp === undefined)
      : ofOrig !== undefined && ofOrig !== ofResp;
    if (!isOurs) return -1;
    const said = saidSoFar(slot);
    const headerBytes = (p.layers & LAYER.TCP) === 0 ? 0 : MAX_HEADER_BYTES;
    const isFirstData =
      said !== undefined && said.bytes - p.ipTotalLength <= (said.packets - 1) * headerBytes;
    const row = this.#free.pop() ?? (this.#used < MAX_ROWS ? this.#used++ : this.#giveUp());
    this.#slots[row] = slot;
    this.#containers[row] = (ofOrig ?? ofResp)!;
    this.#kinds[row] =
      (ofOrig === undefined ? 0 : KIND.CONTAINER_ORIG) |
      (network.internal ? KIND.INTERNAL : 0) |
      (isFirstData ? KIND.WHOLE : 0);
    this.#lasts[row] = time;
    return row;
  }

  /** The row of eight that has been silent for longest. */
  #giveUp(): number {
    let row = this.#hand;
    for (let i = 1; i < LOOK_AT; i++) {
      const other = (this.#hand + i) % MAX_ROWS;
      if (this.#lasts[other]! < this.#lasts[row]!) row = other;
    }
    this.#hand = (this.#hand + LOOK_AT) % MAX_ROWS;
    this.lost++;
    // What it would have said is lost with it. Until the containers change, it is not taken up again.
    this.#states![this.#slots[row]!] = -this.#generation;
    return row;
  }
}
