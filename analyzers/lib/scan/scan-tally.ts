/** What one scanner did, folded: totals, samples, and how many hosts were tried at several ports lately. Bounded. */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import { endpointLabel } from '../../../src/model/endpoint.ts';
import type { FlowRecord } from '../../../src/model/flow.ts';
import { type ClockStep, formatMicros, type Micros } from '../../../src/model/time.ts';
import { FewTexts } from '../few.ts';
import { Sample } from '../sample.ts';
import type { Failure } from './attempts.ts';

const MAX_PEERS = 16;
const MAX_SHOWN = 100;
/** Hosts whose ports are counted beside each other; the one tried longest ago goes. */
const MAX_DEPTHS = 64;

interface Depth {
  ports: number;
  last: Micros;
}

export class ScanTally {
  first: Micros;
  /** A finding was reported of it, under this message. */
  kind: string | undefined;
  /** The numbers with which it last crossed a threshold; later ones may be below it. */
  crossed: Readonly<Record<string, string | number>> = {};
  probes = 0;
  #last: Micros;
  readonly #hosts = new Sample(MAX_SHOWN);
  readonly #ports = new Sample(MAX_SHOWN);
  readonly #peers: Endpoint[] = [];
  readonly #peerIps = new FewTexts();
  readonly #probeKinds = new FewTexts();
  readonly #failed: Record<Failure, number> = { refused: 0, unanswered: 0, vacant: 0 };
  readonly #depths = new Map<string, Depth>();

  constructor(first: Micros) {
    this.first = first;
    this.#last = first;
  }

  /** What is worth keeping in a crowd. */
  get weight(): number {
    return this.#hosts.count + this.#ports.count + (this.kind === undefined ? 0 : 1000);
  }

  get last(): Micros {
    return this.#last;
  }

  get peers(): readonly Endpoint[] {
    return [...this.#peers];
  }

  add(target: Endpoint, port: string, how: Failure, time: Micros): void {
    this.#failed[how]++;
    this.#addTarget(target, port, time);
  }

  noteProbe(flow: FlowRecord, port: string, time: Micros): void {
    this.probes++;
    if (flow.probe !== undefined) this.#probeKinds.add(flow.probe.toUpperCase());
    this.#addTarget(flow.resp, port, time);
  }

  #addTarget(target: Endpoint, port: string, time: Micros): void {
    this.#last = Math.max(this.#last, time);
    // By address: the name that it is shown with may be learned later.
    if (!this.#peerIps.has(target.ip) && this.#peers.length < MAX_PEERS) {
      this.#peerIps.add(target.ip);
      this.#peers.push(target);
    }
    this.#hosts.add(hostText(target));
    this.#ports.add(port);
  }

  /** How many ports of this host failed within the minute. */
  noteDepth(host: string, ports: number, time: Micros): void {
    this.#depths.delete(host);
    if (this.#depths.size >= MAX_DEPTHS) this.#depths.delete(this.#depths.keys().next().value!);
    this.#depths.set(host, { ports, last: time });
  }

  /** Whether since then so many hosts were tried at so many ports each, and at so many in all. */
  isDeep(hosts: number, portsEach: number, pairs: number, since: Micros): boolean {
    let deep = 0;
    let sum = 0;
    for (const { ports, last } of this.#depths.values()) {
      if (last < since || ports < portsEach) continue;
      deep++;
      sum += ports;
    }
    return deep >= hosts && sum >= pairs;
  }

  evidence(sampleSize: number) {
    const isMinimum = this.#hosts.isMinimum || this.#ports.isMinimum;
    return {
      hosts: this.#hosts.first().slice(0, sampleSize),
      hostCount: this.#hosts.count,
      ports: this.#ports.first().slice(0, sampleSize),
      portCount: this.#ports.count,
      countsAreMinimum: isMinimum ? true : undefined,
      ...this.#failed,
      probes: this.probes,
      probeKinds: this.#probeKinds.size === 0 ? undefined : [...this.#probeKinds],
      firstAttempt: formatMicros(this.first),
      lastAttempt: formatMicros(this.#last),
      ...this.crossed,
    };
  }

  clockSet({ from, to }: ClockStep): void {
    this.first += to - from;
    this.#last += to - from;
    for (const depth of this.#depths.values()) depth.last += to - from;
  }
}

/** `shop/db 172.30.0.2`, else the address alone. */
function hostText(target: Endpoint): string {
  return target.workload === undefined ? target.ip : `${endpointLabel(target)} ${target.ip}`;
}
