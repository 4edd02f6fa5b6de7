/** What all tunnels are made of: names left of a zone, answers that carry something, and how much of it is data. */
import type { DnsAnswer } from '../../../src/model/dns.ts';
import { addressAnswer, bytesAnswer, type Exchange, nameAnswer, textAnswer } from './exchange.ts';
import { BASE32, HEX, type Random } from './random.ts';

export interface Tunnel {
  /** The attacker's domain. */
  readonly zone: string;
  /** How many questions in all. */
  readonly count: number;
  /** Between two questions. */
  readonly everySecs: number;
}

export function dotted(zone: string): string[] {
  return zone === '' ? [] : zone.split('.');
}

/** Labels of at most `length` characters: no label is longer than 63 (RFC 1035). */
export function split(text: string, length = 60): string[] {
  const labels: string[] = [];
  for (let i = 0; i < text.length; i += length) labels.push(text.slice(i, i + length));
  return labels;
}

/** Hexadecimal, four bits a character. */
export function hex(from: Random, bytes: number): string {
  return from.text(HEX, bytes * 2);
}

/** Base32, five bits a character. */
export function base32(from: Random, bytes: number): string {
  return from.text(BASE32, Math.ceil((bytes * 8) / 5));
}

/** A name server of the attacker's answers a data type with what that type can hold. */
export function dataAnswer(
  from: Random,
  qtype: string,
  bytes: number,
  zone: string,
): Omit<DnsAnswer, 'name'> {
  switch (qtype) {
    case 'A':
      return addressAnswer(`198.51.100.${from.int(1, 250)}`, 0);
    case 'AAAA':
      return addressAnswer(
        `2001:db8:${Array.from({ length: 6 }, () => from.int(1, 0xffff).toString(16)).join(':')}`,
        0,
      );
    case 'TXT':
      return textAnswer(from.text(BASE32, Math.max(1, bytes)), 0);
    case 'CNAME':
    case 'NS':
    case 'MX':
    case 'SRV':
      return nameAnswer(qtype, `${split(from.text(BASE32, Math.max(1, bytes))).join('.')}.${zone}`, 0);
    default:
      return bytesAnswer(qtype, from.bytes(bytes), 0);
  }
}

/** One question of a tunnel, answered at once with a little nothing unless told otherwise. */
export function exchange(at: number, labels: readonly string[], fields: Partial<Exchange> = {}): Exchange {
  return { kind: 'exchange', at, labels, answerAfterSecs: 0.01, ...fields };
}
