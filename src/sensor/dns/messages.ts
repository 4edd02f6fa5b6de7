/**
 * DNS messages cut out of the packets of a conversation: a UDP payload is one, a TCP stream holds any number. What is
 * carried where DNS was to be expected and is none is handed on by its size. One packet at a time; nothing is allocated
 * for a packet of UDP.
 */

import { type DnsView, decodeDns } from '../decode/dns.ts';
import { isDns, mayBeLocalDns } from '../decode/dns-plausible.ts';
import { DnsTcpReassembler } from '../decode/dns-tcp.ts';
import { FRAGMENT, LAYER, type PacketView, TCP_FLAG } from '../decode/packet-view.ts';
import type { Carrier } from './record.ts';

export interface MessagesOptions {
  /** Set to what carries the packet before it is pushed. */
  readonly carrier: Carrier;
  readonly view: DnsView;
  /** A message, decoded to its first question into the view. The bytes are borrowed for the call. */
  readonly onMessage: (data: DataView) => void;
  readonly onNotDns: (bytes: number) => void;
}

/** RFC 1035 4.2.2: two bytes of length before each message of a stream. */
const LENGTH_BYTES = 2;

export class Messages {
  readonly #options: MessagesOptions;
  readonly #tcp: DnsTcpReassembler;

  constructor(options: MessagesOptions) {
    this.#options = options;
    this.#tcp = new DnsTcpReassembler({ onPassedOver: options.onNotDns });
  }

  onPacket(data: DataView, p: PacketView): void {
    // A later fragment holds no header of its own; what it carries cannot be read alone.
    if (p.fragment === FRAGMENT.LATER) return;
    const { carrier } = this.#options;
    if ((p.layers & LAYER.UDP) !== 0) {
      carrier.transport = 'udp';
      const complete = p.fragment === FRAGMENT.NONE && p.payloadEnd - p.payloadAt === p.payloadLength;
      this.#onMessage(data, p.payloadAt, p.payloadEnd, complete, p.payloadLength);
    } else if ((p.layers & LAYER.TCP) !== 0 && carrier.protocol === 'dns') {
      carrier.transport = 'tcp';
      const isSyn = (p.tcpFlags & TCP_FLAG.SYN) !== 0;
      const { key } = carrier.conversation;
      this.#tcp.push(
        key,
        carrier.fromOrig,
        p.words[8]!,
        isSyn,
        data,
        p.payloadAt,
        p.payloadEnd,
        this.#onTcpMessage,
      );
    }
  }

  /** The conversations with these keys, [from, to), are over. */
  end(from: number, to: number): void {
    this.#tcp.endRange(from, to);
  }

  /** The same for one. */
  endOne(key: number): void {
    this.#tcp.end(key);
  }

  /** Messages given up: connections or bytes beyond the reassembler's bounds, and holes in streams. */
  get lost(): number {
    return this.#tcp.evicted + this.#tcp.gaps;
  }

  readonly #onTcpMessage = (data: DataView, at: number, end: number): void =>
    this.#onMessage(data, at, end, true, LENGTH_BYTES + end - at);

  #onMessage(data: DataView, at: number, end: number, complete: boolean, wireBytes: number): void {
    const { view, carrier, onMessage, onNotDns } = this.#options;
    const isLocal = carrier.protocol !== 'dns';
    if (isLocal && !mayBeLocalDns(data, at, end, wireBytes)) return;
    view.anomalyCounts = carrier.tap.decoder.anomalyCounts;
    view.isMulticast = carrier.protocol === 'mdns';
    decodeDns(data, at, end, complete, view);
    if (isLocal || isDns(view)) onMessage(data);
    else if (wireBytes > 0) onNotDns(wireBytes);
  }
}
