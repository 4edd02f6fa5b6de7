/**
 * VXLAN that travels in clear, counted by network identifier and pair of hosts. What is inside is looked at for its ends
 * only: its flows are seen where the containers are. Per frame it compares numbers; a record with strings is made
 * when a pair is first seen, then once a minute.
 */
import type { Endpoint } from '../../model/endpoint.ts';
import { formatIp, type IpWords } from '../../model/ip.ts';
import type { Network } from '../../model/network.ts';
import type { OverlayTraffic } from '../../model/overlay.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import { formatMac, LAYER, type PacketView } from '../decode/packet-view.ts';
import type { AddressNames } from '../flow-facts.ts';
import type { Tap } from '../taps/tap.ts';

export interface OverlayIntakeOptions {
  readonly names: AddressNames;
  readonly onTraffic: (traffic: OverlayTraffic) => void;
}

interface Pair {
  readonly vni: number;
  readonly tap: number;
  /** Source, then destination. */
  readonly words: Uint32Array;
  toldAt: Micros;
  frames: number;
  bytes: number;
}

/** Some 200 bytes each; a Swarm of 50 nodes with 20 networks has as many. */
const MAX_PAIRS = 1024;
const INTERVAL: Micros = 60 * MICROS_PER_SECOND;
/** Where libnetwork writes the identifiers of a network, one for each of its subnets. */
const VNI_OPTION = 'com.docker.network.driver.overlay.vxlanid_list';

export class OverlayIntake {
  readonly #options: OverlayIntakeOptions;
  /** By hash; the few that share one are told apart. */
  readonly #pairs = new Map<number, Pair[]>();
  #count = 0;
  /** The pair of the frame before: they come in runs. */
  #latest: Pair | undefined;
  #byVni: ReadonlyMap<number, Network | undefined> = new Map();
  /** Frames of pairs for which there was no room. */
  lost = 0;

  constructor(options: OverlayIntakeOptions) {
    this.#options = options;
  }

  setNetworks(networks: readonly Network[]): void {
    this.#byVni = networksByVni(networks);
  }

  /** `view`: the outer packet, whose inner frame came by VXLAN. `bytes`: of it. */
  onPacket(view: PacketView, tap: Tap, time: Micros): void {
    const inner = view.inner!;
    const pair = this.#pairOf(view, inner.vni, tap.index);
    if (pair === undefined) {
      this.lost++;
      return;
    }
    pair.frames++;
    pair.bytes += view.payloadLength;
    if (time - pair.toldAt < INTERVAL) return;
    pair.toldAt = time;
    this.#tell(pair, view, tap, time);
    pair.frames = 0;
    pair.bytes = 0;
  }

  /** What comes next is told at once. */
  clockSet(): void {
    this.#pairs.clear();
    this.#count = 0;
    this.#latest = undefined;
  }

  #pairOf(view: PacketView, vni: number, tap: number): Pair | undefined {
    const { words } = view;
    if (this.#latest !== undefined && isPair(this.#latest, words, vni, tap)) return this.#latest;
    const hash = hashOf(words, vni, tap);
    const alike = this.#pairs.get(hash);
    if (alike !== undefined) {
      for (let i = 0; i < alike.length; i++) {
        if (isPair(alike[i]!, words, vni, tap)) {
          this.#latest = alike[i];
          return this.#latest;
        }
      }
    }
    if (this.#count >= MAX_PAIRS) return undefined;
    this.#count++;
    const pair: Pair = {
      vni,
      tap,
      words: Uint32Array.from(words),
      toldAt: Number.NEGATIVE_INFINITY,
      frames: 0,
      bytes: 0,
    };
    if (alike === undefined) this.#pairs.set(hash, [pair]);
    else alike.push(pair);
    this.#latest = pair;
    return pair;
  }

  #tell({ vni, frames, bytes }: Pair, view: PacketView, tap: Tap, time: Micros): void {
    const inner = view.inner!;
    const network = this.#byVni.get(vni);
    const innerEnds =
      (inner.layers & LAYER.IP) === 0
        ? undefined
        : {
            from: this.#end(inner, 0, macOf(inner, LAYER.SRC_MAC), network, time),
            to: this.#end(inner, 4, undefined, network, time),
          };
    this.#options.onTraffic({
      ...{ time, interface: tap.interface, vni, frames, bytes },
      ...(network === undefined ? {} : { network }),
      sender: this.#end(view, 0, undefined, undefined, time),
      receiver: this.#end(view, 4, undefined, undefined, time),
      ...(innerEnds === undefined ? {} : { inner: innerEnds }),
    });
  }

  #end(
    view: PacketView,
    at: 0 | 4,
    mac: string | undefined,
    network: Network | undefined,
    time: Micros,
  ): Endpoint {
    const [w0, w1, w2, w3] = view.words.subarray(at, at + 4) as unknown as IpWords;
    const ip = formatIp(w0, w1, w2, w3);
    const { scope, workload, names, attribution } = this.#options.names.resolve(ip, mac, network?.id, time);
    return { ip, ...(mac === undefined ? {} : { mac }), scope, workload, names, attribution };
  }
}

/** An identifier that two networks claim (they may be of two Swarms) names neither. */
export function networksByVni(networks: readonly Network[]): ReadonlyMap<number, Network | undefined> {
  const byVni = new Map<number, Network | undefined>();
  for (const network of networks) {
    const list = network.driver === 'overlay' ? network.options[VNI_OPTION] : undefined;
    for (const text of list?.split(',') ?? []) {
      if (!/^\d{1,8}$/.test(text)) continue;
      const vni = Number(text);
      byVni.set(vni, byVni.has(vni) ? undefined : network);
    }
  }
  return byVni;
}

function macOf(view: PacketView, layer: number): string | undefined {
  return (view.layers & layer) === 0 ? undefined : formatMac(view.srcMacHi, view.srcMacLo);
}

function isPair(pair: Pair, words: Uint32Array, vni: number, tap: number): boolean {
  if (pair.vni !== vni || pair.tap !== tap) return false;
  const known = pair.words;
  for (let i = 0; i < 8; i++) if (known[i] !== words[i]) return false;
  return true;
}

function hashOf(words: Uint32Array, vni: number, tap: number): number {
  let hash = vni ^ (tap << 24);
  for (let i = 0; i < 8; i++) hash = Math.imul(hash ^ words[i]!, 0x9e3779b1) ^ (hash >>> 15);
  return hash;
}
