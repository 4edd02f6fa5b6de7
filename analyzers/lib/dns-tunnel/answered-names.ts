/**
 * Which of the names that were answered with addresses the client connected to afterwards: who looks a host up to use it
 * does, a tunnel never. Kept only while a zone is near a threshold.
 */
import type { DnsRecord } from '../../../src/model/dns.ts';
import type { Micros } from '../../../src/model/time.ts';
import { isAddressType } from './downlink-bytes.ts';
import type { LatelyAnswered } from './lately-answered.ts';

const MAX_NAMES = 64;
/** Names that were answered last, among which the same one is looked for. */
const LATELY = 16;
const MAX_ADDRESSES = 8;
/** One connection vouches for this many names at most: A and AAAA, a CNAME, a retry. */
const NAMES_PER_CONTACT = 4;
/** A name answered less than this ago may still be contacted. */
const GRACE: Micros = 1_000_000;
const WITHIN: Micros = 60_000_000;

interface AnsweredName {
  readonly name: string;
  time: Micros;
  readonly addresses: string[];
  /** The address that was. */
  contacted: string | undefined;
}

export interface Contacted {
  /** Of the names. */
  readonly share: number;
  readonly names: number;
  /** Different ones that were connected to: tenants and hosts have their own, a wildcard has one. */
  readonly addresses: number;
}

export class AnsweredNames {
  readonly #names: AnsweredName[] = [];
  readonly #answered: LatelyAnswered;
  /** What is asked several times over while a zone is judged. */
  #contacted: Contacted | undefined;
  #countedAt: Micros = 0;

  constructor(answered: LatelyAnswered) {
    this.#answered = answered;
  }

  note(record: DnsRecord): void {
    const addresses: string[] = [];
    for (const { type, data } of record.answers) if (isAddressType(type)) addresses.push(data);
    if (addresses.length === 0) return;
    this.#contacted = undefined;
    for (const address of addresses) this.#answered.add(address);
    const known = this.#lately(record.query);
    if (known === undefined) {
      if (this.#names.length >= MAX_NAMES) this.#names.shift();
      const kept = addresses.slice(0, MAX_ADDRESSES);
      this.#names.push({ name: record.query, time: record.time, addresses: kept, contacted: undefined });
      return;
    }
    for (const address of addresses) {
      if (known.addresses.length < MAX_ADDRESSES && !known.addresses.includes(address))
        known.addresses.push(address);
    }
  }

  /** Among the latest few: A and AAAA, and retries, come together. */
  #lately(name: string): AnsweredName | undefined {
    const from = Math.max(0, this.#names.length - LATELY);
    for (let i = this.#names.length - 1; i >= from; i--)
      if (this.#names[i]!.name === name) return this.#names[i];
    return undefined;
  }

  /** The client opened a flow to `ip`. */
  noteContact(ip: string, now: Micros): void {
    let left = NAMES_PER_CONTACT;
    for (let i = this.#names.length - 1; i >= 0 && left > 0; i--) {
      const answer = this.#names[i]!;
      if (now - answer.time > WITHIN) return;
      if (answer.contacted !== undefined || !answer.addresses.includes(ip)) continue;
      answer.contacted = ip;
      this.#contacted = undefined;
      left -= 1;
    }
  }

  contacted(now: Micros): Contacted {
    if (this.#contacted === undefined || this.#countedAt !== now) {
      this.#contacted = this.#count(now);
      this.#countedAt = now;
    }
    return this.#contacted;
  }

  #count(now: Micros): Contacted {
    let names = 0;
    let contacted = 0;
    const addresses = new Set<string>();
    for (const answer of this.#names) {
      if (answer.contacted === undefined && now - answer.time < GRACE) continue;
      names += 1;
      if (answer.contacted === undefined) continue;
      contacted += 1;
      addresses.add(answer.contacted);
    }
    return { share: names === 0 ? 0 : contacted / names, names, addresses: addresses.size };
  }

  clockSet(shift: Micros): void {
    this.#contacted = undefined;
    for (const answer of this.#names) answer.time += shift;
  }
}
