/** One tracked connection, when it lived, and how it looks from the places where a bridge's tap may see it. */
import type { Micros } from '../../../model/time.ts';
import type { Tuple } from './message.ts';

/** Something happened within this time; when exactly is not known, because the kernel stamps its events only when told to. */
export interface Span {
  readonly from: Micros;
  readonly to: Micros;
}

export interface Connection {
  readonly orig: Tuple;
  readonly reply: Tuple;
  readonly id: number;
  readonly zone: number;
  /** In the order of the kernel's events. */
  readonly number: number;
  readonly opened: Span;
  /** Absent while it lives. */
  closed: Span | undefined;
  /** It was there before we looked: nothing is known of its order among others. */
  readonly listed: boolean;
  /** The handshake was through; always for what has none. */
  established: boolean;
  /** When the kernel spoke of it last. */
  heardAt: Micros;
}

/** Either end was rewritten. */
export function isTranslated({ orig, reply }: Pick<Connection, 'orig' | 'reply'>): boolean {
  return isSourceTranslated({ orig, reply }) || isDestinationTranslated({ orig, reply });
}

export function isSourceTranslated({ orig, reply }: Pick<Connection, 'orig' | 'reply'>): boolean {
  return reply.dst !== orig.src || reply.dstPort !== orig.srcPort;
}

export function isDestinationTranslated({ orig, reply }: Pick<Connection, 'orig' | 'reply'>): boolean {
  return reply.src !== orig.dst || reply.srcPort !== orig.dstPort;
}

/** Addresses and ports as text; ICMP by its addresses alone, since a flow carries no identifier. */
export function flowKey(
  protocol: number,
  src: string,
  srcPort: number | undefined,
  dst: string,
  dstPort: number | undefined,
): string {
  return `${protocol} ${src} ${srcPort} ${dst} ${dstPort}`;
}

/**
 * Every way its packets may look on a bridge, from the one who opened it: as asked for; with the destination rewritten
 * only (a bridge that hands its frames to iptables, between PREROUTING and POSTROUTING); as delivered.
 */
export function flowKeys({ orig, reply }: Connection): readonly string[] {
  const { protocol } = orig;
  const asked = flowKey(protocol, orig.src, orig.srcPort, orig.dst, orig.dstPort);
  const halfway = flowKey(protocol, orig.src, orig.srcPort, reply.src, reply.srcPort);
  const delivered = flowKey(protocol, reply.dst, reply.dstPort, reply.src, reply.srcPort);
  if (halfway === asked) return delivered === asked ? [asked] : [asked, delivered];
  return delivered === halfway ? [asked, halfway] : [asked, halfway, delivered];
}
