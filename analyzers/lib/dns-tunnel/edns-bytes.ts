/**
 * How many bytes of an EDNS option (RFC 6891) in a question can be a message. The options that resolvers send are free up
 * to the length their RFC gives them; what is longer, and every other option, counts.
 */
import type { DnsQuery } from '../../../src/sensor/analysis/analyzer.ts';

const PADDING = 12;

/** Most bytes that an option of this code has in a question (IANA DNS EDNS0 Option Codes). */
const USUAL_BYTES: ReadonlyMap<number, number> = new Map([
  [3, 0], // NSID, RFC 5001: empty in questions
  [8, 11], // Client Subnet, RFC 7871: family, two prefix lengths, an address cut to /24 or /56
  [9, 0], // EXPIRE, RFC 7314: empty in questions
  [10, 24], // COOKIE, RFC 7873: 8 of the client, and the 16 of the server that RFC 9018 settled on
  [11, 2], // edns-tcp-keepalive, RFC 7828
  [15, 2], // Extended DNS Error, RFC 8914: its code
]);

export function messageBytes({ code, data }: DnsQuery['options'][number]): number {
  if (code === PADDING) return isZero(data) ? 0 : data.length;
  return Math.max(0, data.length - (USUAL_BYTES.get(code) ?? 0));
}

/** RFC 7830: padding should be zeros. */
function isZero(data: Uint8Array): boolean {
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) return false;
  return true;
}
