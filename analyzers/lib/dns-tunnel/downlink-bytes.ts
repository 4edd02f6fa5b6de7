/**
 * What comes in with the answers of one zone: bytes of distinct record data. Records that a resolver makes up anew by
 * itself (signatures), or that belong to the delegation, say nothing of their own.
 */
import type { DnsRecord } from '../../../src/model/dns.ts';
import type { ClockStep, Micros } from '../../../src/model/time.ts';
import { DistinctHistory, type SampleBudget } from './distinct-history.ts';
import { hashText } from './name-hash.ts';
import type { Span } from './spans.ts';

/** Keys, signatures and proofs (RFC 4034, RFC 5155). */
const NOT_DATA: ReadonlySet<string> = new Set(
  'RRSIG DNSKEY DS NSEC NSEC3 NSEC3PARAM CDS CDNSKEY SOA OPT'.split(' '),
);
/**
 * Keys for encrypted hellos (ECH) change by the hour in these: counted is what two addresses of each family and the
 * protocols take (RFC 9460), which stays.
 */
const SERVICE_BINDING: ReadonlySet<string> = new Set(['HTTPS', 'SVCB']);
const SERVICE_BINDING_BYTES = 64;
const MAX_WEIGHT = 255;
/** Keys and policies (`_domainkey`, `_dmarc`, `_acme-challenge`) are long and change: so much less is counted. */
const UNDERSCORED_SHARE = 1 / 16;

export function isAddressType(type: string): boolean {
  return type === 'A' || type === 'AAAA';
}

export class DownlinkBytes {
  /** Answers that said something new. */
  answers = 0;
  readonly #budget: SampleBudget;
  #data: DistinctHistory | undefined;
  /** Apart, because addresses that are connected to are addresses. */
  #addresses: DistinctHistory | undefined;

  constructor(budget: SampleBudget) {
    this.#budget = budget;
  }

  /** Returns whether it said something new. */
  note(record: DnsRecord): boolean {
    let isNew = false;
    const isUnderscored = record.query.startsWith('_') || record.query.includes('._');
    for (const { type, bytes, data } of record.answers) {
      if (NOT_DATA.has(type) || bytes === 0) continue;
      const history = this.#historyOf(type);
      const whole = SERVICE_BINDING.has(type) ? Math.min(bytes, SERVICE_BINDING_BYTES) : bytes;
      const counted = isUnderscored ? Math.ceil(whole * UNDERSCORED_SHARE) : whole;
      const hash = hashText(data, bytes);
      // Longer data in pieces, each with a hash of its own: a piece's weight has 8 bits.
      for (let left = counted, piece = 0; left > 0; left -= MAX_WEIGHT, piece++) {
        const pieceHash = (hash + piece * 0x9e37_79b1) % 2 ** 53;
        if (history.add(record.time, pieceHash, Math.min(left, MAX_WEIGHT)) === 'new') isNew = true;
      }
    }
    if (isNew) this.answers += 1;
    return isNew;
  }

  upperBound(span: Span, now: Micros): number {
    return (this.#data?.upperBound(span, now) ?? 0) + (this.#addresses?.upperBound(span, now) ?? 0);
  }

  bytes(span: Span, now: Micros, withAddresses: boolean): number {
    const data = this.#data?.sum(span, now).bytes ?? 0;
    return withAddresses ? data + (this.#addresses?.sum(span, now).bytes ?? 0) : data;
  }

  clockSet(step: ClockStep): void {
    this.#data?.clockSet(step);
    this.#addresses?.clockSet(step);
  }

  release(): void {
    this.#data?.release();
    this.#addresses?.release();
  }

  /** Most zones have one kind. */
  #historyOf(type: string): DistinctHistory {
    if (isAddressType(type)) {
      this.#addresses ??= new DistinctHistory(this.#budget);
      return this.#addresses;
    }
    this.#data ??= new DistinctHistory(this.#budget);
    return this.#data;
  }
}
