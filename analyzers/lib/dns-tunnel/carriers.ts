/**
 * Which resolvers carried what one client said to one zone, by bytes and span: what is known of a resolver holds for what
 * went through it, and for nothing else. Bounded: further resolvers share one place, where nothing good is known of any.
 */
import type { Endpoint } from '../../../src/model/endpoint.ts';
import type { ClockStep, Micros } from '../../../src/model/time.ts';
import { RollingBytes } from './rolling-bytes.ts';
import type { PerSpan, Span } from './spans.ts';

/** resolv.conf has three at most. */
const TOLD_APART = 3;

interface Carrier {
  server: Endpoint;
  /** Several servers, of which `server` is the latest. */
  isMixed: boolean;
  readonly bytes: RollingBytes;
}

export interface CarrierShare {
  readonly server: Endpoint;
  readonly isMixed: boolean;
  /** Of the bytes. */
  readonly share: number;
}

/** Made when a second resolver carries something: most zones are asked through one, ever. */
export class Carriers {
  readonly #carriers: Carrier[];

  /** All that was said before went through `first`. */
  constructor(first: Endpoint, bytesBefore: PerSpan, now: Micros) {
    this.#carriers = [{ server: first, isMixed: false, bytes: new RollingBytes(bytesBefore, now) }];
  }

  add(server: Endpoint, bytes: number, now: Micros): void {
    let carrier = this.#carriers.find((known) => known.server.ip === server.ip && !known.isMixed);
    if (carrier === undefined && this.#carriers.length <= TOLD_APART) {
      const isMixed = this.#carriers.length === TOLD_APART;
      carrier = { server, isMixed, bytes: new RollingBytes() };
      this.#carriers.push(carrier);
    }
    carrier ??= this.#carriers[TOLD_APART]!;
    carrier.server = server;
    carrier.bytes.add(now, bytes);
  }

  /** Most first; empty when nothing was carried within the span. */
  shares(span: Span, now: Micros): CarrierShare[] {
    let all = 0;
    for (const { bytes } of this.#carriers) all += bytes.sum(span, now);
    if (all === 0) return [];
    return this.#carriers
      .map(({ server, isMixed, bytes }) => ({ server, isMixed, share: bytes.sum(span, now) / all }))
      .filter(({ share }) => share > 0)
      .sort((a, b) => b.share - a.share);
  }

  clockSet(step: ClockStep): void {
    for (const { bytes } of this.#carriers) bytes.clockSet(step);
  }
}
