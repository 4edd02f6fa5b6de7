/**
 * The parts of a look-up in a few characters each. Not escaped: names and data of DNS are so in the record, labels of
 * containers are not; who prints it chooses between `escapedText` and `escapeText`.
 */
import { workloadLabel } from '../../model/network.ts';
import type { PublicDns, PublicEndpoint } from '../../model/serialize.ts';

const DNS_PORT = 53;
const PATHS = { dns: '', mdns: 'mDNS', llmnr: 'LLMNR' } as const;

export function askerText({ client }: PublicDns, isLong = true): string {
  const { workload, attribution, scope, ip } = client;
  if (workload !== undefined) return workloadLabel(workload);
  const candidates = attribution.candidates ?? [];
  return candidates.length > 0 ? `${candidates.join('|')}?` : isLong ? `${scope} ${ip}` : ip;
}

/** `A`; with the operation where it is another than a question. */
export function typeText({ opcode, qtype }: PublicDns): string {
  return opcode === 'QUERY' ? qtype : `${opcode} ${qtype}`;
}

/**
 * What the answer comes down to: the first record of the type that was asked for, `+2` when there are two more; the
 * code where it says no; `NODATA` for a yes that holds nothing (RFC 2308); `?` when no answer was seen.
 */
export function answerText(record: PublicDns): string {
  const { rcode } = record;
  if (rcode === undefined) return '?';
  if (rcode !== 'NOERROR') return rcode;
  const [first, ...more] = answersOf(record);
  if (first === undefined) return record.flags.includes('TC') ? 'truncated' : 'NODATA';
  return more.length === 0 ? first : `${first} +${more.length}`;
}

/** The data of those that are of the asked type; of all, where none is, as with a CNAME that leads nowhere. */
export function answersOf({ answers, qtype }: PublicDns): readonly string[] {
  const wanted = answers.filter(({ type }) => type === qtype);
  return (wanted.length > 0 ? wanted : answers).map(({ data }) => data);
}

/** `engine` is Docker's embedded resolver; `engine -> 10.0.0.2` where it is known whom it asked. */
export function resolverText({ server, upstream, protocol, transport }: PublicDns): string {
  if (protocol !== 'dns') return PATHS[protocol];
  const carrier = transport === 'tcp' ? '/tcp' : '';
  const asked = `${serverText(server)}${carrier}`;
  return upstream === undefined ? asked : `${asked} -> ${serverText(upstream.server)}`;
}

/** The one that the answer really comes from, as far as it is known. */
export function lastResolverText({ server, upstream, protocol }: PublicDns): string {
  return protocol === 'dns' ? serverText(upstream?.server ?? server) : PATHS[protocol];
}

function serverText({ scope, workload, ip, port }: PublicEndpoint): string {
  if (scope === 'engine') return 'engine';
  if (workload !== undefined) return workloadLabel(workload);
  if (port === undefined || port === DNS_PORT) return ip;
  return `${ip.includes(':') ? `[${ip}]` : ip}:${port}`;
}

/** From microseconds to `640 us`, `1.2 ms`, `35 ms`, `2.1 s`; empty when unknown. */
export function latencyText(micros: number | undefined): string {
  if (micros === undefined) return '';
  if (micros < 1000) return `${Math.round(micros)} us`;
  const [value, unit] = micros < 1_000_000 ? [micros / 1000, 'ms'] : [micros / 1_000_000, 's'];
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

const UNITS_OF_NAME = /\\\d{3}|\\.|./gs;

/**
 * A name that fits: its beginning and its end stay, and the end, which says whose it is, the longer of the two. No
 * escape is cut in two.
 */
export function cutName(name: string, width: number): string {
  if (name.length <= width) return name;
  const units = name.match(UNITS_OF_NAME) ?? [];
  const headRoom = Math.floor((width - 1) / 3);
  const head = fitting(units, headRoom);
  const tail = fitting([...units].reverse(), width - 1 - head.join('').length).reverse();
  return `${head.join('')}~${tail.join('')}`;
}

/** How many more there are stays. */
export function cutAnswer(answer: string, width: number): string {
  if (answer.length <= width) return answer;
  const more = / \+\d+$/.exec(answer)?.[0] ?? '';
  const units = answer.slice(0, answer.length - more.length).match(UNITS_OF_NAME) ?? [];
  return `${fitting(units, width - 1 - more.length).join('')}~${more}`;
}

function fitting(units: readonly string[], width: number): string[] {
  let used = 0;
  const end = units.findIndex((unit) => {
    used += unit.length;
    return used > width;
  });
  return units.slice(0, end < 0 ? units.length : end);
}
