/**
 * Who asks a network for the holder of an address: ARP requests and neighbour solicitations become records, each
 * question of a sender at most once a second, and so many a second in all; what is left out is counted. Whether
 * anybody holds the address is what attribution says of it, and stays undefined where nobody can know.
 *
 * It must never take an announcement for a question, nor an address of somebody else's LAN for nobody's.
 */
import { type Endpoint, isVacant } from '../../model/endpoint.ts';
import { formatIp, type IpWords, isIpv4Words } from '../../model/ip.ts';
import type { NeighborRequest } from '../../model/neighbor.ts';
import type { Network } from '../../model/network.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import { formatMac, LAYER, type PacketView } from '../decode/packet-view.ts';
import type { AddressNames } from '../flow-facts.ts';
import type { Tap } from '../taps/tap.ts';
import { RecentQuestions } from './recent-questions.ts';

export interface NeighborIntakeOptions {
  readonly names: AddressNames;
  /** The network of an interface that is no network's own: by the addresses, as for flows. */
  readonly networkAmong: (tap: Tap, a: IpWords, b: IpWords) => Network | undefined;
  readonly onRequest: (request: NeighborRequest) => void;
}

const ARP_REQUEST = 1;
/** Of neighbour solicitations; the advertisement that answers has the next number. */
const SOLICITATION = 135;
/** RFC 4861 7.1.1: what has crossed a router is none of this network's. */
const ND_HOP_LIMIT = 255;
/** About 10 us each. */
const MAX_A_SECOND = 1000;

export class NeighborIntake {
  readonly #options: NeighborIntakeOptions;
  readonly #recent = new RecentQuestions();
  readonly #target = new Uint32Array(4);
  #left = MAX_A_SECOND;
  #second: Micros = Number.NEGATIVE_INFINITY;
  /** Questions that were not told for want of room or time. */
  lost = 0;

  constructor(options: NeighborIntakeOptions) {
    this.#options = options;
  }

  onArp(view: PacketView, tap: Tap, time: Micros): void {
    if (view.arpOp !== ARP_REQUEST) return;
    const { words } = view;
    // Gratuitous: it tells, and asks nobody.
    if (words[3] === words[7]) return;
    for (let i = 0; i < 4; i++) this.#target[i] = words[4 + i]!;
    this.#ask('arp', view.arpSenderMacHi, view.arpSenderMacLo, view, tap, time);
  }

  /** Any message with a target; only solicitations are questions. */
  onDiscovery(view: PacketView, tap: Tap, time: Micros): void {
    if (view.icmpType !== SOLICITATION || view.ttl !== ND_HOP_LIMIT) return;
    if ((view.layers & LAYER.SRC_MAC) === 0) return;
    this.#target.set(view.ndTarget);
    this.#ask('ndp', view.srcMacHi, view.srcMacLo, view, tap, time);
  }

  clockSet(): void {
    this.#recent.clear();
    this.#second = Number.NEGATIVE_INFINITY;
  }

  #ask(
    protocol: NeighborRequest['protocol'],
    macHi: number,
    macLo: number,
    view: PacketView,
    tap: Tap,
    time: Micros,
  ): void {
    const standing = this.#recent.note(macHi, macLo, this.#target, 0, tap.index, time);
    if (standing === 'told') return;
    if (standing === 'no-room' || !this.#mayTell(time)) {
      this.lost++;
      return;
    }
    this.#tell(protocol, formatMac(macHi, macLo), view, tap, time);
  }

  #mayTell(time: Micros): boolean {
    if (time - this.#second >= MICROS_PER_SECOND) {
      this.#second = time;
      this.#left = MAX_A_SECOND;
    }
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }

  #tell(protocol: NeighborRequest['protocol'], mac: string, view: PacketView, tap: Tap, time: Micros): void {
    const { words } = view;
    const asker: IpWords = [words[0]!, words[1]!, words[2]!, words[3]!];
    const [t0, t1, t2, t3] = this.#target as unknown as IpWords;
    const target: IpWords = [t0, t1, t2, t3];
    // Inside a tunnel the addresses are another network's.
    const network = view.depth > 0 ? undefined : this.#options.networkAmong(tap, asker, target);
    const asked = this.#named(formatIp(...target), undefined, network, time);
    this.#options.onRequest({
      time,
      ...(network === undefined ? {} : { network }),
      interface: tap.interface,
      protocol,
      sender: this.#sender(asker, mac, network, time),
      target: asked,
      isAssigned: isAssigned(asked),
    });
  }

  /** The address can be chosen freely, the MAC is who it was: asked for as one that says nothing by itself. */
  #sender(words: IpWords, mac: string, network: Network | undefined, time: Micros): Endpoint {
    const ip = formatIp(...words);
    const nobody = isIpv4Words(words[0], words[1], words[2]) ? '0.0.0.0' : '::';
    const byMac = this.#named(nobody, mac, network, time);
    const isKnown = byMac.workload !== undefined || byMac.scope === 'gateway';
    return isKnown ? { ...byMac, ip } : this.#named(ip, mac, network, time);
  }

  #named(ip: string, mac: string | undefined, network: Network | undefined, time: Micros): Endpoint {
    const { scope, workload, names, attribution } = this.#options.names.resolve(ip, mac, network?.id, time);
    return { ip, mac, scope, workload, names, attribution };
  }
}

/** Without an inventory, in its gaps and on a LAN with others nobody can know. */
function isAssigned(target: Endpoint): boolean | undefined {
  const { scope, workload, attribution } = target;
  if (scope === 'gateway' || scope === 'host' || workload !== undefined) return true;
  if (attribution.candidates !== undefined) return true;
  return isVacant(target) ? false : undefined;
}
