/**
 * What protocol a flow speaks, and whom its client asked for, told by the first bytes of each side and never by a
 * port. It looks at few packets of a flow: when both sides have spoken, or after a small budget, it has decided, and
 * the flow table stops calling.
 *
 * Memory: 16 bytes a flow at the table's limit, touched only for flows that carry payload; names, and searches that
 * need several packets, are kept apart, the latter bounded by MAX_SEARCHES (the oldest is given up, and counted).
 */
import type { FlowRecord } from '../../model/flow.ts';
import { FRAGMENT, LAYER, type PacketView } from '../decode/packet-view.ts';
import type { FlowContent } from '../flow-facts.ts';
import {
  CertificateSearch,
  ClientHelloSearch,
  type FoundName,
  HttpHostSearch,
  type NameSearch,
  QuicSearch,
} from './name-search.ts';
import { isPostgresqlTlsRequest } from './postgresql.ts';
import { type FirstBytes, type Recognizer, VERDICT } from './recognizer.ts';
import { TCP_RECOGNIZERS, UDP_RECOGNIZERS } from './recognizers.ts';

/** What the intake must know of the flow table. */
export interface ContentFlows {
  readonly maxFlows: number;
  closeContent(slot: number): void;
  /** Bytes of this direction have not passed the capture. */
  lacksBytes(slot: number, fromOrig: boolean): boolean;
}

/** Words of a flow: what either side's first bytes fit, the result, and what the answer must repeat. */
const ROW_WORDS = 4;
const W = { ORIG: 0, RESP: 1, RESULT: 2, TOKEN: 3 } as const;

/** Candidates of a side in bits 0..28, by their place in the list. */
const CANDIDATES = (1 << 29) - 1;
/** What was seen may not be the side's beginning, so that what it does not fit proves nothing. */
const UNCERTAIN = 1 << 29;
const SPOKE = 1 << 30;
/** One candidate, which no other side need confirm. */
const SURE = 1 << 31;

/** RESULT: 1 + place in the list of the transport in bits 0..7, packets looked at in 8..15. */
const SERVICE_MASK = 0xff;
const PACKET = 1 << 8;
const PACKETS_SHIFT = 8;
const PACKETS_MASK = 0xff;
const IS_UDP = 1 << 16;
const OFFERS_POSTGRESQL = 1 << 17;

/** Packets with payload, of both sides together. A certificate chain takes 4 of them, a slow greeting more. */
const MAX_PACKETS = 16;
const MAX_SEARCHES = 1024;
/** Datagrams a second whose keys are derived: 40 us each. A flood of them must not eat the packet loop. */
const MAX_QUIC_PER_SEC = 500;

const TLS = TCP_RECOGNIZERS.findIndex(({ service }) => service === 'tls');
const HTTP = TCP_RECOGNIZERS.findIndex(({ service }) => service === 'http');
const POSTGRESQL = TCP_RECOGNIZERS.findIndex(({ service }) => service === 'postgresql');
const QUIC = UDP_RECOGNIZERS.findIndex(({ service }) => service === 'quic');

type ServerName = Required<Pick<FlowRecord, 'serverName' | 'serverNameFrom'>>;

export class ContentIntake implements FlowContent {
  /** Searches given up because there were too many at once. */
  evicted = 0;
  readonly #flows: ContentFlows;
  readonly #words: Int32Array;
  readonly #names = new Map<number, ServerName>();
  /** With the side whose bytes each reads. */
  readonly #searches = new Map<number, { readonly search: NameSearch; readonly fromOrig: boolean }>();
  readonly #quicBudget = { left: MAX_QUIC_PER_SEC, refused: 0 };
  readonly #bytes: FirstBytes = {
    data: new DataView(new ArrayBuffer(0)),
    at: 0,
    end: 0,
    length: 0,
    token: 0,
  };

  constructor(flows: ContentFlows) {
    this.#flows = flows;
    this.#words = new Int32Array(flows.maxFlows * ROW_WORDS);
  }

  /** Names not looked for, because too many flows wanted one at once. */
  get lost(): number {
    return this.evicted + this.#quicBudget.refused;
  }

  /** Once a second of packet time. */
  tick(): void {
    this.#quicBudget.left = MAX_QUIC_PER_SEC;
  }

  /** A packet with payload, of a flow that is still open. The slab is borrowed for the call. */
  onPacket(data: DataView, p: PacketView, slot: number, fromOrig: boolean): void {
    // A later fragment begins nothing.
    if (p.payloadEnd <= p.payloadAt || p.fragment === FRAGMENT.LATER) return;
    const words = this.#words;
    const row = slot * ROW_WORDS;
    const bytes = this.#bytes;
    bytes.data = data;
    bytes.at = p.payloadAt;
    bytes.end = p.payloadEnd;
    bytes.length = p.payloadLength;
    if (words[row + W.RESULT] === 0 && (p.layers & LAYER.UDP) !== 0) words[row + W.RESULT] = IS_UDP;
    words[row + W.RESULT]! += PACKET;
    const seq = p.words[8]!;
    if (this.#searches.size > 0) this.#continueSearch(slot, fromOrig, seq);
    if ((words[row + (fromOrig ? W.ORIG : W.RESP)]! & SPOKE) === 0) this.#look(slot, fromOrig, seq);
    if (this.#isDecided(slot)) this.#close(slot);
  }

  /** The slot will be another flow's; its records are made. */
  onFlowEnd(slot: number): void {
    const row = slot * ROW_WORDS;
    if (this.#words[row + W.RESULT] === 0) return;
    this.#words.fill(0, row, row + ROW_WORDS);
    this.#names.delete(slot);
    this.#searches.delete(slot);
  }

  of(slot: number): Pick<FlowRecord, 'service' | 'serverName' | 'serverNameFrom'> | undefined {
    const result = this.#words[slot * ROW_WORDS + W.RESULT]!;
    const index = (result & SERVICE_MASK) - 1;
    const name = this.#names.get(slot);
    if (index < 0) return name;
    const recognizers = (result & IS_UDP) === 0 ? TCP_RECOGNIZERS : UDP_RECOGNIZERS;
    return { service: recognizers[index]!.service, ...name };
  }

  /** As far as it is known; a name from the list of recognisers, so nothing is made for the answer. */
  serviceOf(slot: number): string | undefined {
    const result = this.#words[slot * ROW_WORDS + W.RESULT]!;
    const index = (result & SERVICE_MASK) - 1;
    if (index < 0) return undefined;
    return ((result & IS_UDP) === 0 ? TCP_RECOGNIZERS : UDP_RECOGNIZERS)[index]!.service;
  }

  serverName(slot: number): string | undefined {
    return this.#names.size === 0 ? undefined : this.#names.get(slot)?.serverName;
  }

  /** The first bytes of one side. */
  #look(slot: number, fromOrig: boolean, seq: number): void {
    const words = this.#words;
    const row = slot * ROW_WORDS;
    const isUdp = (words[row + W.RESULT]! & IS_UDP) !== 0;
    const recognizers = isUdp ? UDP_RECOGNIZERS : TCP_RECOGNIZERS;
    const isUncertain = !isUdp && this.#flows.lacksBytes(slot, fromOrig);
    this.#bytes.token = words[row + W.TOKEN]!;
    const isFirst = !isUncertain && (words[row + (fromOrig ? W.RESP : W.ORIG)]! & SPOKE) === 0;
    let candidates = fitting(recognizers, this.#bytes, fromOrig, isFirst);
    words[row + W.TOKEN] = this.#bytes.token;
    let asClient = fromOrig;
    if ((candidates & SURE) === 0 && (isUncertain || isUdp)) {
      // Who opened it is a guess in the middle of a flow, and where nobody opens anything.
      const turned = fitting(recognizers, this.#bytes, !fromOrig, false);
      if ((turned & SURE) !== 0) {
        candidates = turned;
        asClient = !fromOrig;
      } else if (candidates === 0 && isUncertain) {
        // Nor is this the beginning: the next packet may begin something.
        return;
      }
    }
    words[row + (fromOrig ? W.ORIG : W.RESP)] = candidates | SPOKE | (isUncertain ? UNCERTAIN : 0);
    if ((candidates & SURE) !== 0) this.#startSearch(slot, candidates, asClient, fromOrig, seq);
    this.#conclude(slot);
  }

  #isDecided(slot: number): boolean {
    const words = this.#words;
    const row = slot * ROW_WORDS;
    if (((words[row + W.RESULT]! >>> PACKETS_SHIFT) & PACKETS_MASK) >= MAX_PACKETS) return true;
    if (this.#searches.size > 0 && this.#searches.has(slot)) return false;
    const resp = words[row + W.RESP]!;
    if ((resp & SURE) !== 0) return true;
    return (words[row + W.ORIG]! & resp & SPOKE) !== 0;
  }

  #close(slot: number): void {
    const pending = this.#searches.get(slot);
    if (pending !== undefined) {
      this.#found(slot, pending.search.giveUp(), pending.fromOrig);
      this.#searches.delete(slot);
    }
    this.#conclude(slot);
    this.#flows.closeContent(slot);
  }

  /**
   * The responder's word counts more than the originator's: a scanner's request is not yet a service. What neither is
   * sure of, both must fit.
   */
  #conclude(slot: number): void {
    const words = this.#words;
    const row = slot * ROW_WORDS;
    const orig = words[row + W.ORIG]!;
    const resp = words[row + W.RESP]!;
    const isUdp = (words[row + W.RESULT]! & IS_UDP) !== 0;
    let fits = 0;
    if ((resp & SURE) !== 0) fits = resp & CANDIDATES;
    else if ((resp & SPOKE) !== 0) fits = orig & resp & CANDIDATES;
    if (fits === 0 && (orig & SURE) !== 0 && (resp & (SPOKE | UNCERTAIN)) !== SPOKE) fits = orig & CANDIDATES;
    let index = 31 - Math.clz32(fits & -fits);
    if (index === TLS && !isUdp && (words[row + W.RESULT]! & OFFERS_POSTGRESQL) !== 0) index = POSTGRESQL;
    words[row + W.RESULT] = (words[row + W.RESULT]! & ~SERVICE_MASK) | (index + 1);
  }

  #startSearch(slot: number, candidates: number, asClient: boolean, fromOrig: boolean, seq: number): void {
    const row = slot * ROW_WORDS;
    const index = 31 - Math.clz32(candidates & CANDIDATES);
    const bytes = this.#bytes;
    if ((this.#words[row + W.RESULT]! & IS_UDP) !== 0) {
      if (index === QUIC && asClient) this.#search(slot, new QuicSearch(this.#quicBudget), fromOrig, seq);
    } else if (index === TLS) {
      const isOtherSilent = (this.#words[row + (fromOrig ? W.RESP : W.ORIG)]! & SPOKE) === 0;
      if (asClient) this.#foundOr(slot, ClientHelloSearch.readWhole(bytes), ClientHelloSearch, fromOrig, seq);
      else if (isOtherSilent) this.#search(slot, new CertificateSearch(), fromOrig, seq);
    } else if (index === HTTP) {
      if (asClient) this.#foundOr(slot, HttpHostSearch.readWhole(bytes), HttpHostSearch, fromOrig, seq);
    } else if (index === POSTGRESQL && asClient && isPostgresqlTlsRequest(bytes)) {
      this.#keepSearch(slot, new ClientHelloSearch((seq + bytes.length) >>> 0), fromOrig);
    }
  }

  #foundOr(
    slot: number,
    found: FoundName | undefined,
    Search: new () => NameSearch,
    fromOrig: boolean,
    seq: number,
  ): void {
    if (found === undefined) this.#search(slot, new Search(), fromOrig, seq);
    else this.#found(slot, found, fromOrig);
  }

  /** Begins with the packet at hand. */
  #search(slot: number, search: NameSearch, fromOrig: boolean, seq: number): void {
    const found = search.take(this.#bytes, seq);
    if (found === undefined) this.#keepSearch(slot, search, fromOrig);
    else this.#found(slot, found, fromOrig);
  }

  #keepSearch(slot: number, search: NameSearch, fromOrig: boolean): void {
    this.#searches.set(slot, { search, fromOrig });
    if (this.#searches.size <= MAX_SEARCHES) return;
    // The map keeps the order of insertion.
    const oldest = this.#searches.keys().next().value!;
    this.#searches.delete(oldest);
    this.evicted++;
  }

  #continueSearch(slot: number, fromOrig: boolean, seq: number): void {
    const pending = this.#searches.get(slot);
    if (pending === undefined || pending.fromOrig !== fromOrig) return;
    const found = pending.search.take(this.#bytes, seq);
    if (found === undefined) return;
    this.#searches.delete(slot);
    this.#found(slot, found, fromOrig);
  }

  /** `fromOrig`: whose bytes it was found in. */
  #found(slot: number, found: FoundName, fromOrig: boolean): void {
    const { serverName, serverNameFrom } = found;
    const row = slot * ROW_WORDS;
    if (serverName !== undefined) this.#names.set(slot, { serverName, serverNameFrom });
    if (found.offersPostgresql) {
      this.#words[row + W.RESULT]! |= OFFERS_POSTGRESQL;
      this.#conclude(slot);
    }
    if (found.wantsCertificate) this.#keepSearch(slot, new CertificateSearch(), !fromOrig);
  }
}

/** Bits of the recognisers whose rule for this side fits; one bit and SURE when one of them needs no other. */
function fitting(
  recognizers: readonly Recognizer[],
  bytes: FirstBytes,
  asClient: boolean,
  isFirst: boolean,
): number {
  let candidates = 0;
  for (let i = 0; i < recognizers.length; i++) {
    const { client, server, opens } = recognizers[i]!;
    const verdict = asClient ? client(bytes) : server(bytes);
    if (verdict === VERDICT.SURE) return (1 << i) | SURE;
    if (verdict !== VERDICT.MAYBE) continue;
    // `opens` is told when nobody has spoken before: then this side must be it.
    if (!isFirst || opens === undefined || (opens === 'client') === asClient) candidates |= 1 << i;
  }
  return candidates;
}
