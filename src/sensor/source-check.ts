/**
 * Whether frames come from whom they say: at each new flow and each message of ARP or neighbour
 * discovery the source's MAC and address must agree with the inventory of that bridge. What disagrees beyond doubt is a
 * spoof at once; else it is looked at again some seconds later, when the engine has told all about that time.
 *
 * It must never accuse: a frame that the host forwards carries the bridge's MAC and anybody's address; containers that
 * are just coming or going; those whose address nobody knows (yet); times in which the engine did not answer.
 * Bounded: so many suspicions, so many looks a second, so many records an interval; what is left out is counted.
 */

import { formatIp, parseIp } from '../model/ip.ts';
import type { Network } from '../model/network.ts';
import type { LossRecord } from '../model/record.ts';
import type { SpoofRecord } from '../model/spoof.ts';
import type { Micros } from '../model/time.ts';
import { MICROS_PER_SECOND } from '../model/time.ts';
import { newNeighborClaim, readNeighborClaim } from './decode/ndp.ts';
import { formatMac, LAYER, macHalves, type PacketView } from './decode/packet-view.ts';
import type { InventoryState } from './docker/inventory-state.ts';
import { SourceCache } from './source-cache.ts';
import {
  type HostMacs,
  isBeyondDoubt,
  type Judgement,
  judgeSource,
  mayDisagree,
} from './source-judgement.ts';
import type { Tap } from './taps/tap.ts';

export interface SourceCheckOptions {
  readonly state: InventoryState;
  readonly host: HostMacs;
  readonly onSpoof: (record: SpoofRecord) => void;
  readonly onLoss: (loss: LossRecord) => void;
  /** What is younger is judged only beyond doubt: events may still be on their way. 0 for files, whose inventory is whole. */
  readonly graceSecs?: number;
  /** For taps of files, which may belong to no network: the one network of these two addresses. */
  readonly networkOf?: (tap: Tap, ip: string, otherIp: string) => Network | undefined;
}

/** What looks at sources: at new flows, and at each message of ARP and neighbour discovery. */
export interface SourceWatch {
  onFlow(view: PacketView, tap: Tap, time: Micros): void;
  onArp(view: PacketView, tap: Tap, time: Micros): void;
  onNeighbor(data: DataView, view: PacketView, tap: Tap, time: Micros): void;
  /** Once a second of packet time. */
  tick(now: Micros): void;
  finish(now: Micros): void;
  clockSet(): void;
}

interface Suspicion {
  readonly network: Network;
  readonly tap: Tap;
  readonly ip: string;
  readonly target: string;
  readonly mac: string;
  readonly layer: SpoofRecord['layer'];
  /** Since the last record. */
  count: number;
  first: Micros;
  last: Micros;
  toldAt: Micros | undefined;
}

/** An event is told within half a second, an address looked up in a few milliseconds; some times that. */
const GRACE_SECS = 3;
/** A spoof that goes on is told once in this time. */
const INTERVAL_SECS = 60;
/** About 400 bytes each. */
const MAX_SUSPICIONS = 4096;
/** New flows whose source was not checked before; each look costs some 2 us. */
const MAX_LOOKS_PER_SECOND = 5000;
const MAX_RECORDS_PER_INTERVAL = 200;

export class SourceCheck implements SourceWatch {
  readonly #options: SourceCheckOptions;
  readonly #graceMicros: number;
  readonly #suspicions = new Map<string, Suspicion>();
  readonly #agreeing = new SourceCache();
  readonly #neighbor = newNeighborClaim();
  #looksLeft = MAX_LOOKS_PER_SECOND;
  #recordsLeft = MAX_RECORDS_PER_INTERVAL;
  #intervalEnd: Micros = 0;
  #intervalStart: Micros = 0;
  /** Of this interval: sources that were not looked at, or whose record was not written. */
  #leftOut = 0;

  constructor(options: SourceCheckOptions) {
    this.#options = options;
    this.#graceMicros = (options.graceSecs ?? GRACE_SECS) * MICROS_PER_SECOND;
  }

  /** The first packet of a flow. */
  onFlow(view: PacketView, tap: Tap, time: Micros): void {
    if ((view.layers & LAYER.SRC_MAC) === 0) return;
    this.#check(view, view.words, view.srcMacHi, view.srcMacLo, tap, time, 'ip');
  }

  onArp(view: PacketView, tap: Tap, time: Micros): void {
    this.#checkClaim(view, view.words, view.arpSenderMacHi, view.arpSenderMacLo, tap, time, 'arp');
  }

  /** Each ICMPv6 packet that `isNeighborDiscovery`. */
  onNeighbor(data: DataView, view: PacketView, tap: Tap, time: Micros): void {
    const claim = this.#neighbor;
    if (!readNeighborClaim(data, view, claim)) return;
    this.#checkClaim(view, claim.words, claim.macHi, claim.macLo, tap, time, 'ndp');
  }

  /** Once a second of packet time. */
  tick(now: Micros): void {
    this.#looksLeft = MAX_LOOKS_PER_SECOND;
    if (now >= this.#intervalEnd) this.#beginInterval(now);
    for (const [key, suspicion] of this.#suspicions) this.#review(key, suspicion, now);
  }

  finish(now: Micros): void {
    for (const [key, suspicion] of this.#suspicions) {
      suspicion.toldAt = undefined;
      this.#review(key, suspicion, now);
    }
    this.#beginInterval(now);
  }

  /** What was suspected belongs to the old clock. */
  clockSet(): void {
    this.#suspicions.clear();
    this.#intervalEnd = 0;
  }

  /** The message names a MAC; the frame that brought it may carry another: a container's tells who sent it. */
  #checkClaim(
    view: PacketView,
    ip: Uint32Array,
    macHi: number,
    macLo: number,
    tap: Tap,
    time: Micros,
    layer: SpoofRecord['layer'],
  ): void {
    const { srcMacHi, srcMacLo, layers } = view;
    const isOthers = (layers & LAYER.SRC_MAC) !== 0 && (srcMacHi !== macHi || srcMacLo !== macLo);
    if (isOthers && !this.#check(view, ip, srcMacHi, srcMacLo, tap, time, layer)) {
      if (this.#options.state.book.byMac(formatMac(srcMacHi, srcMacLo)).length > 0) return;
    }
    this.#check(view, ip, macHi, macLo, tap, time, layer);
  }

  /** False when it is suspected. */
  #check(
    view: PacketView,
    words: Uint32Array,
    macHi: number,
    macLo: number,
    tap: Tap,
    time: Micros,
    layer: SpoofRecord['layer'],
  ): boolean {
    // Inside a tunnel the addresses are another network's.
    if (view.depth > 0 || (tap.network === undefined && this.#options.networkOf === undefined)) return true;
    const { state } = this.#options;
    if (this.#agreeing.has(words, macHi, macLo, tap.index, state.version, time)) return true;
    if (this.#looksLeft <= 0) {
      this.#leftOut++;
      return true;
    }
    this.#looksLeft--;
    const ip = formatIp(words[0]!, words[1]!, words[2]!, words[3]!);
    const target = formatIp(view.words[4]!, view.words[5]!, view.words[6]!, view.words[7]!);
    const network = tap.network ?? this.#options.networkOf?.(tap, ip, target);
    const mac = formatMac(macHi, macLo);
    if (network === undefined) {
      // To another target it may belong to one; a file says nothing of MACs that no container has.
      if (state.book.byMac(mac).length === 0)
        this.#agreeing.add(words, macHi, macLo, tap.index, state.version, time);
      return true;
    }
    if (!mayDisagree(state, network, ip, mac)) {
      this.#agreeing.add(words, macHi, macLo, tap.index, state.version, time);
      return true;
    }
    this.#suspect({ network, tap, ip, target, mac, layer }, time);
    return false;
  }

  #suspect(source: Omit<Suspicion, 'count' | 'first' | 'last' | 'toldAt'>, time: Micros): void {
    const key = `${source.layer} ${source.network.id} ${source.mac} ${source.ip}`;
    const known = this.#suspicions.get(key);
    if (known !== undefined) {
      if (known.count === 0) known.first = time;
      known.count++;
      known.last = time;
      return;
    }
    if (this.#suspicions.size >= MAX_SUSPICIONS) {
      this.#leftOut++;
      return;
    }
    const suspicion = { ...source, count: 1, first: time, last: time, toldAt: undefined };
    this.#suspicions.set(key, suspicion);
    if (this.#graceMicros > 0) this.#tellIfBeyondDoubt(suspicion, time);
  }

  #tellIfBeyondDoubt(suspicion: Suspicion, time: Micros): void {
    const { state, host } = this.#options;
    const { network, ip, mac } = suspicion;
    const judgement = judgeSource(state, host, network, ip, mac, time);
    if (judgement === undefined || !isBeyondDoubt(judgement, state, network, ip, mac, time)) return;
    this.#tell(suspicion, judgement, time);
  }

  #review(key: string, suspicion: Suspicion, now: Micros): void {
    const { count, toldAt, first } = suspicion;
    if (toldAt !== undefined && now - toldAt < INTERVAL_SECS * MICROS_PER_SECOND) return;
    if (count === 0) {
      this.#suspicions.delete(key);
      return;
    }
    if (now - first < this.#graceMicros) return;
    const { state, host } = this.#options;
    const { network, ip, mac } = suspicion;
    const judgement = judgeSource(state, host, network, ip, mac, first);
    if (judgement === undefined) {
      this.#suspicions.delete(key);
      return;
    }
    this.#tell(suspicion, judgement, now);
  }

  #tell(suspicion: Suspicion, judgement: Judgement, now: Micros): void {
    const { network, tap, ip, mac, layer, target, count, first, last } = suspicion;
    const { holderMac, ...said } = judgement;
    const rivalMac = this.#isRivalMet(suspicion, holderMac) ? { rivalMac: holderMac } : {};
    suspicion.count = 0;
    suspicion.toldAt = now;
    if (this.#recordsLeft <= 0) {
      this.#leftOut++;
      return;
    }
    this.#recordsLeft--;
    this.#options.onSpoof({
      kind: 'spoof',
      time: last,
      network: network.name,
      interface: tap.interface,
      ip,
      mac,
      layer,
      target,
      ...rivalMac,
      ...said,
      count,
      first,
    });
  }

  /** Whether the rightful MAC was seen with the address after the wrong one. */
  #isRivalMet({ ip, tap, first }: Suspicion, mac: string | undefined): boolean {
    const words = parseIp(ip);
    if (mac === undefined || words === undefined) return false;
    const [hi, lo] = macHalves(mac);
    const met = this.#agreeing.lastMet(words, hi, lo, tap.index);
    return met !== undefined && met > first;
  }

  #beginInterval(now: Micros): void {
    if (this.#leftOut > 0) {
      this.#options.onLoss({
        kind: 'loss',
        time: now,
        source: 'source-check',
        where: 'sources',
        count: this.#leftOut,
        first: this.#intervalStart,
        last: now,
      });
    }
    this.#leftOut = 0;
    this.#recordsLeft = MAX_RECORDS_PER_INTERVAL;
    this.#intervalStart = now;
    this.#intervalEnd = now + INTERVAL_SECS * MICROS_PER_SECOND;
  }
}
