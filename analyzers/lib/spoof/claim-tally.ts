/** What one sender has claimed so far: the numbers of a finding, bounded by its samples. */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { SpoofRecord } from '../../../src/model/spoof.ts';
import { type ClockStep, formatMicros, type Micros } from '../../../src/model/time.ts';
import { Sample } from '../sample.ts';
import { rightfulOf } from './ends.ts';

const MAX_PEERS = 16;

export class ClaimTally {
  first: Micros;
  readonly #addresses: Sample;
  readonly #macs: Sample;
  readonly #protocols = new Set<SpoofRecord['layer']>();
  readonly #peers = new Map<string, Endpoint>();
  #claims = 0;
  #last: Micros;
  #rivalMac: string | undefined;
  /** The gateway's address is among them. */
  isGateway = false;

  constructor(record: SpoofRecord, sampleSize: number) {
    this.first = record.first;
    this.#last = record.time;
    this.#addresses = new Sample(sampleSize);
    this.#macs = new Sample(sampleSize);
  }

  get addressCount(): number {
    return this.#addresses.count;
  }

  get peers(): readonly Endpoint[] {
    return [...this.#peers.values()];
  }

  /** The rightful MAC is still there too. */
  get isContested(): boolean {
    return this.#rivalMac !== undefined;
  }

  add(record: SpoofRecord): void {
    this.first = Math.min(this.first, record.first);
    this.#last = Math.max(this.#last, record.time);
    this.#claims += record.count;
    this.#addresses.add(record.ip);
    this.#macs.add(record.mac);
    this.#protocols.add(record.layer);
    this.#rivalMac = record.rivalMac ?? this.#rivalMac;
    this.isGateway ||= record.mismatch === 'gateway-address';
    const rightful = rightfulOf(record);
    if (rightful !== undefined && this.#peers.size < MAX_PEERS) this.#peers.set(rightful.ip, rightful);
  }

  evidence() {
    return {
      addresses: this.#addresses.first(),
      addressCount: this.#addresses.count,
      ...(this.#addresses.isMinimum ? { addressCountIsMinimum: true } : {}),
      macs: this.#macs.first(),
      protocols: [...this.#protocols].sort(),
      claims: this.#claims,
      ...(this.#rivalMac === undefined ? {} : { rivalMac: this.#rivalMac }),
      firstClaim: formatMicros(this.first),
      lastClaim: formatMicros(this.#last),
    };
  }

  clockSet({ from, to }: ClockStep): void {
    this.first += to - from;
    this.#last += to - from;
  }
}
