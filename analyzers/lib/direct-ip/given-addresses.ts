/**
 * Every address that an answer gives, whatever the name on its record: A, AAAA, and the hints of HTTPS and SVCB records
 * (RFC 9460 7.3). For those who must not accuse a client of knowing an address; never to say which name an address has.
 */
import type { DnsAnswer, DnsRecord } from '../../../src/model/dns.ts';
import { formatIp, parseIp } from '../../../src/model/ip.ts';

export interface GivenAddresses {
  /** As `formatIp` writes them. */
  readonly addresses: readonly string[];
  /** The record keeps less than the message held, so that there may be others. */
  readonly isPartial: boolean;
}

/** What a DnsRecord keeps of an answer section. */
const MAX_ANSWERS = 32;
const SERVICE_TYPES: ReadonlySet<string> = new Set(['HTTPS', 'SVCB', 'TYPE64', 'TYPE65']);
/** SvcParamKeys. */
const IPV4_HINT = 4;
const IPV6_HINT = 6;

export function givenAddresses({ answers }: DnsRecord): GivenAddresses {
  const addresses: string[] = [];
  let isPartial = answers.length >= MAX_ANSWERS;
  for (const answer of answers) {
    if (answer.type === 'A' || answer.type === 'AAAA') {
      addresses.push(answer.data);
    } else if (SERVICE_TYPES.has(answer.type)) {
      addresses.push(...hints(answer));
      isPartial ||= answer.data.endsWith('~');
    }
  }
  return { addresses, isPartial };
}

function hints({ data }: DnsAnswer): string[] {
  const hex = /^\\# \d+ ([0-9a-f]*)/.exec(data)?.[1];
  return hex === undefined ? hintsInText(data) : hintsInBytes(hex);
}

/** `1 . alpn=h2 ipv4hint=198.51.100.7,198.51.100.8 ipv6hint=2001:db8::7`. */
function hintsInText(data: string): string[] {
  const lists = [...data.matchAll(/\bipv[46]hint="?([0-9a-f.:,]+)/g)];
  return lists
    .flatMap(([, list]) => list!.split(','))
    .flatMap((text) => {
      const words = parseIp(text);
      return words === undefined ? [] : [formatIp(...words)];
    });
}

/** priority 2 | target name | (key 2 | length 2 | value)*, in the hex of RFC 3597, perhaps cut short. */
function hintsInBytes(hex: string): string[] {
  const bytes = Uint8Array.from({ length: hex.length >> 1 }, (_, i) =>
    Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
  );
  let at = 2;
  while (at < bytes.length && bytes[at] !== 0) at += bytes[at]! + 1;
  at += 1;
  const found: string[] = [];
  const data = new DataView(bytes.buffer);
  while (at + 4 <= bytes.length) {
    const key = data.getUint16(at);
    const end = Math.min(at + 4 + data.getUint16(at + 2), bytes.length);
    at += 4;
    if (key === IPV4_HINT)
      for (; at + 4 <= end; at += 4) found.push(formatIp(0, 0, 0xffff, data.getUint32(at)));
    if (key === IPV6_HINT) {
      for (; at + 16 <= end; at += 16) {
        const word = (i: number): number => data.getUint32(at + 4 * i);
        found.push(formatIp(word(0), word(1), word(2), word(3)));
      }
    }
    at = end;
  }
  return found;
}
