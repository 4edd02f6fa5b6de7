/** What several formats need to know of a record and none of them has in its own words. */
import { createHash } from 'node:crypto';
import { parseIp } from '../../model/ip.ts';
import type { PublicFinding, PublicFlow, PublicRecord } from '../../model/serialize.ts';

/** `2026-11-23T14:02:07.000123Z`; years beyond 9999 are longer, and no peer reads them. */
const TIME_LENGTH = 27;

/** A time that other products read; undefined for what no packet should carry. */
export function readableTime(text: string | undefined): string | undefined {
  return text?.length === TIME_LENGTH ? text : undefined;
}

/** The time by which a record is ordered; undefined when it has none that others can read. */
export function timeOf(record: PublicRecord): string | undefined {
  switch (record.kind) {
    case 'finding':
      return readableTime(record.lastSeen);
    case 'flow':
    case 'traffic':
      return readableTime(record.end);
    case 'summary':
      return readableTime(record.last);
    default:
      return readableTime(record.time);
  }
}

export function millisOf(text: string | undefined): number | undefined {
  const readable = readableTime(text);
  // Three digits of a second: with six, Date.parse takes three times as long.
  return readable === undefined ? undefined : Date.parse(`${readable.slice(0, 23)}Z`);
}

export function microsOf(text: string): number | undefined {
  const millis = millisOf(text);
  return millis === undefined ? undefined : millis * 1000 + Number(text.slice(23, 26));
}

/** Undefined unless both are readable and in order. */
export function microsBetween(from: string, to: string): number | undefined {
  const start = microsOf(from);
  const end = microsOf(to);
  return start === undefined || end === undefined || end < start ? undefined : end - start;
}

/**
 * Tells this record from every other one, and is the same when it is sent again: for whoever drops duplicates. Undefined
 * for kinds that carry nothing of that sort.
 */
export function uidOf(record: PublicRecord): string | undefined {
  switch (record.kind) {
    case 'finding':
      return `${record.id}:${record.status}:${record.severity}:${record.count}:${record.lastSeen}${whyAgain(record)}`;
    case 'flow':
      return `${record.uid}:${record.reason}:${record.end}`;
    case 'dns':
      return `${record.client.ip}:${record.client.port ?? 0}:${record.id}:${record.time}`;
    default:
      return undefined;
  }
}

/** What people decide has a finding told again while nothing else in it changes. */
function whyAgain({ status, reason, muted, acknowledged }: PublicFinding): string {
  if (status !== 'update') return '';
  const why = [reason, muted?.id, acknowledged?.at].join('\n');
  return `:${createHash('sha256').update(why).digest('hex').slice(0, 8)}`;
}

/** Fields of type `ip` refuse a whole document for one text that is none. */
export function ipOrNothing(text: string): string | undefined {
  return parseIp(text) === undefined ? undefined : text;
}

const IANA_NUMBERS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, icmp6: 58 };

/** `tcp` to 6, `ip-47` to 47 (IANA protocol numbers). */
export function ianaNumber(protocol: string): number | undefined {
  const number = IANA_NUMBERS[protocol] ?? Number(/^ip-(\d{1,3})$/.exec(protocol)?.[1]);
  return Number.isInteger(number) ? number : undefined;
}

/** By our mnemonics (IANA, DNS OpCodes). */
export const DNS_OPCODES: Readonly<Record<string, number>> = {
  QUERY: 0,
  IQUERY: 1,
  STATUS: 2,
  NOTIFY: 4,
  UPDATE: 5,
  DSO: 6,
};

/** Nothing will be added to its counts. */
export function isOver({ reason }: PublicFlow): boolean {
  return reason !== 'start' && reason !== 'answered' && reason !== 'active';
}

/** What became of a connection, as far as its packets tell; `unknown` while it runs. */
export function outcomeOf(flow: PublicFlow): 'success' | 'failure' | 'unknown' {
  if (!isOver(flow)) return 'unknown';
  switch (flow.connState) {
    case 'SF':
    case 'S1':
    case 'S2':
    case 'S3':
    case 'RSTO':
    case 'RSTR':
      return 'success';
    case 'S0':
    case 'REJ':
    case 'SH':
    case 'RSTOS0':
      return 'failure';
    default:
      return 'unknown';
  }
}

export interface ImageReference {
  readonly name: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** `registry:5000/team/app:1.2@sha256:...` in its parts. */
export function imageReference(image: string): ImageReference {
  const [reference = image, digest] = image.split('@', 2);
  const colon = reference.lastIndexOf(':');
  // A colon before a slash is that of a registry's port.
  if (colon < 0 || reference.includes('/', colon)) return { name: reference, tag: undefined, digest };
  return { name: reference.slice(0, colon), tag: reference.slice(colon + 1), digest };
}

/** From 1, `informational`, to 5, `critical`, as OCSF counts them. */
export const SEVERITY_NUMBERS: Readonly<Record<PublicFinding['severity'], number>> = {
  informational: 1,
  low: 2,
  medium: 3,
  high: 4,
  critical: 5,
};

/** A list that would be empty says nothing. */
export function unlessEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}
