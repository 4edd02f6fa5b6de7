/** What one container sent out of one internal network, folded: totals, and a bounded sample of the destinations. */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { workloadLabel } from '../../../src/model/network.ts';
import { type ClockStep, formatMicros, type Micros } from '../../../src/model/time.ts';

/** Distinct destinations are counted exactly up to this; it bounds a tally at about 40 KB. */
const MAX_COUNTED = 512;
const MAX_PEERS = 16;

export class EgressTally {
  #first: Micros;
  readonly #sampleSize: number;
  /** What is counted, by address, port and protocol, with its label: a name may be learned later than the address. */
  readonly #destinations = new Map<string, string>();
  readonly #answered = new Map<string, string>();
  readonly #ports = new Set<number>();
  readonly #protocols = new Set<string>();
  readonly #peers: Endpoint[] = [];
  #last: Micros;
  #flows = 0;
  #packets = 0;
  #bytes = 0;
  #answerBytes = 0;
  #resets = 0;
  #isPingOnly = true;
  #isDnsOnly = true;
  #isOpenerSeen = false;

  constructor(first: Micros, sampleSize: number) {
    this.#first = first;
    this.#last = first;
    this.#sampleSize = sampleSize;
  }

  get first(): Micros {
    return this.#first;
  }

  /** What was seen is told by the clock as it is now. */
  clockSet({ from, to }: ClockStep): void {
    this.#first += to - from;
    this.#last += to - from;
  }

  get isAnswered(): boolean {
    return this.#answered.size > 0;
  }

  /** Nothing but ICMP: it proves that an address answers, and reaches no service. */
  get isPingOnly(): boolean {
    return this.#isPingOnly;
  }

  /** Whether at least one flow was seen from its first packet, so that who opened it is a fact. */
  get isOpenerSeen(): boolean {
    return this.#isOpenerSeen;
  }

  get peers(): readonly Endpoint[] {
    return [...this.#peers];
  }

  addFlow(flow: FlowRecord, isOpenerSeen: boolean): void {
    this.#flows += 1;
    this.#isOpenerSeen ||= isOpenerSeen;
    addDestination(this.#destinations, flow);
    if (this.#peers.length < MAX_PEERS && !this.#peers.some((peer) => peer.ip === flow.resp.ip)) {
      this.#peers.push(flow.resp);
    }
    const port = flow.resp.port;
    if (port !== undefined && this.#ports.size < this.#sampleSize) this.#ports.add(port);
    if (this.#protocols.size < this.#sampleSize) this.#protocols.add(flow.protocol);
    if (flow.protocol !== 'icmp' && flow.protocol !== 'icmp6') this.#isPingOnly = false;
    if (port !== 53) this.#isDnsOnly = false;
  }

  addTraffic(packets: number, bytes: number, answerBytes: number, time: Micros): void {
    this.#packets += packets;
    this.#bytes += bytes;
    this.#answerBytes += answerBytes;
    this.#last = Math.max(this.#last, time);
  }

  addAnswer(flow: FlowRecord): void {
    addDestination(this.#answered, flow);
  }

  addReset(): void {
    this.#resets += 1;
  }

  evidence() {
    return {
      destinations: sample(this.#destinations, this.#sampleSize),
      destinationCount: this.#destinations.size,
      destinationCountIsMinimum: this.#destinations.size >= MAX_COUNTED ? true : undefined,
      answeredDestinations: this.isAnswered ? sample(this.#answered, this.#sampleSize) : undefined,
      answeredCount: this.#answered.size,
      ports: [...this.#ports],
      protocols: [...this.#protocols],
      flows: this.#flows,
      packets: this.#packets,
      bytes: this.#bytes,
      answerBytes: this.#answerBytes,
      resets: this.#resets,
      dnsOnly: this.#isDnsOnly,
      firstPacket: formatMicros(this.first),
      lastPacket: formatMicros(this.#last),
    };
  }
}

/** `198.51.100.7:443/tcp`, `[2001:db8::7]:53/udp`, `198.51.100.7/icmp`. */
function destination(flow: FlowRecord): string {
  const { ip, port } = flow.resp;
  const address = ip.includes(':') && port !== undefined ? `[${ip}]` : ip;
  return `${address}${port === undefined ? '' : `:${port}`}/${flow.protocol}`;
}

/** With the container's name, or the name by which the container knows the address: `api.example.com (198.51.100.7:443/tcp)`. */
export function destinationLabel(flow: FlowRecord): string {
  const { workload, names } = flow.resp;
  const where = destination(flow);
  if (workload !== undefined) return `${workloadLabel(workload)} ${where}`;
  return names[0] === undefined ? where : `${names[0]} (${where})`;
}

function addDestination(labels: Map<string, string>, flow: FlowRecord): void {
  const where = destination(flow);
  if (labels.has(where) ? flow.resp.names.length > 0 : labels.size < MAX_COUNTED)
    labels.set(where, destinationLabel(flow));
}

function sample(labels: ReadonlyMap<string, string>, size: number): string[] {
  const out: string[] = [];
  for (const label of labels.values()) {
    if (out.length >= size) break;
    out.push(label);
  }
  return out;
}
