/**
 * Channels built against a detector: each hides from something that detectors look at. Written from what DNS can carry,
 * not from what our detector does; how much data each exchange moves stands beside it.
 */

import type { Dress } from './dressed.ts';
import {
  addressAnswer,
  bytesAnswer,
  type Exchange,
  type Happening,
  outsideServer,
  textAnswer,
} from './exchange.ts';
import { BASE32, HEX, LETTERS, type Random } from './random.ts';
import { base32, dataAnswer, dotted, exchange, hex, type Tunnel } from './tunnel.ts';

/** Names that say something, in any dress. */
export function* dressed(
  from: Random,
  tunnel: Tunnel,
  dress: Dress,
  fields: Partial<Exchange> = {},
): Generator<Happening> {
  const answers = [addressAnswer('198.51.100.80', 30)];
  for (let i = 0; i < tunnel.count; i++) {
    const labels = [...dress.labels(from, i), ...dotted(tunnel.zone)];
    yield exchange(i * tunnel.everySecs, labels, { answers, up: dress.bytes, ...fields });
  }
}

/** One name or a few; which record type comes next carries the data. */
export function* typeMix(
  from: Random,
  tunnel: Tunnel,
  types: readonly string[],
  names: number,
): Generator<Happening> {
  const hosts = Array.from({ length: names }, (_, i) => `ns${i + 1}`);
  for (let i = 0; i < tunnel.count; i++) {
    const qtype = from.pick(types);
    const labels = [from.pick(hosts), ...dotted(tunnel.zone)];
    const up = Math.log2(types.length * names) / 8;
    yield exchange(i * tunnel.everySecs, labels, { qtype, rcode: 'NOERROR', up });
  }
}

/** A fixed set of names with TTL 0, asked again and again: their order carries the data. */
export function* fixedAlphabet(from: Random, tunnel: Tunnel, size: number): Generator<Happening> {
  const hosts = Array.from({ length: size }, (_, i) => `n${i.toString(36)}`);
  for (let i = 0; i < tunnel.count; i++) {
    const labels = [from.pick(hosts), ...dotted(tunnel.zone)];
    const answers = [addressAnswer('198.51.100.80', 0)];
    yield exchange(i * tunnel.everySecs, labels, { answers, up: Math.log2(size) / 8 });
  }
}

/** One name; upper and lower case carry a bit a letter (what resolvers do for safety as `0x20`). */
export function* letterCase(from: Random, tunnel: Tunnel, name: string): Generator<Happening> {
  const full = `${name}.${tunnel.zone}`;
  const letters = full.replace(/[^a-z]/g, '').length;
  for (let i = 0; i < tunnel.count; i++) {
    const cased = [...full].map((char) => (from.next() < 0.5 ? char.toUpperCase() : char)).join('');
    const answers = [addressAnswer('198.51.100.80', 0)];
    yield exchange(i * tunnel.everySecs, cased.split('.'), { answers, up: letters / 8 });
  }
}

/** One innocent name; an EDNS option carries the data. */
export function* ednsOption(from: Random, tunnel: Tunnel, code: number, bytes: number): Generator<Happening> {
  for (let i = 0; i < tunnel.count; i++) {
    const data = Uint8Array.from(Buffer.from(from.bytes(bytes), 'latin1'));
    const answers = [addressAnswer('198.51.100.80', 30)];
    const labels = ['www', ...dotted(tunnel.zone)];
    yield exchange(i * tunnel.everySecs, labels, { options: [{ code, data }], answers, up: bytes });
  }
}

/** Registered domains, each with its share of the names, so that none has many. */
export function* manyZones(
  from: Random,
  tunnel: Omit<Tunnel, 'zone'>,
  zones: number,
  bytes: number,
): Generator<Happening> {
  const endings = ['com', 'net', 'org', 'info', 'io', 'co.uk', 'xyz', 'de'];
  const domains = Array.from(
    { length: zones },
    () => `${from.text(LETTERS, from.int(6, 12))}.${from.pick(endings)}`,
  );
  for (let i = 0; i < tunnel.count; i++) {
    const labels = [base32(from, bytes), ...dotted(domains[i % zones]!)];
    const answers = [addressAnswer('198.51.100.80', 30)];
    yield exchange(i * tunnel.everySecs, labels, { answers, up: bytes });
  }
}

/** No domain of one's own: the last label is invented too, and only the server asked can be the receiver. */
export function* noDomain(from: Random, tunnel: Omit<Tunnel, 'zone'>, bytes: number): Generator<Happening> {
  for (let i = 0; i < tunnel.count; i++) {
    const labels = [base32(from, bytes), from.text(LETTERS, 6)];
    yield exchange(i * tunnel.everySecs, labels, { rcode: 'NOERROR', server: outsideServer, up: bytes });
  }
}

/** Data comes in only: short names that count, full answers. */
export function* downlink(
  from: Random,
  tunnel: Tunnel,
  qtype: string,
  bytes: number,
  names = 64,
): Generator<Happening> {
  for (let i = 0; i < tunnel.count; i++) {
    const answers = [dataAnswer(from, qtype, bytes, tunnel.zone)];
    const labels = [`${i % names}`, ...dotted(tunnel.zone)];
    yield exchange(i * tunnel.everySecs, labels, { qtype, answers, down: answers[0]!.bytes });
  }
}

/** Several addresses in each answer, as a balancer gives; every byte of them is data. */
export function* addressDownlink(from: Random, tunnel: Tunnel): Generator<Happening> {
  for (let i = 0; i < tunnel.count; i++) {
    const answers = Array.from({ length: 6 }, () => dataAnswer(from, 'AAAA', 16, tunnel.zone));
    const labels = ['cdn', ...dotted(tunnel.zone)];
    yield exchange(i * tunnel.everySecs, labels, { qtype: 'AAAA', answers, down: 6 * 14 });
  }
}

/** Port 53 without DNS: iodine's raw mode, a shell, OpenVPN moved there. */
export function* rawBytes(
  from: Random,
  tunnel: Omit<Tunnel, 'zone'>,
  transport: 'udp' | 'tcp',
  bytes: number,
): Generator<Happening> {
  for (let i = 0; i < tunnel.count; i++) {
    const at = i * tunnel.everySecs;
    const size = from.int(Math.ceil(bytes / 2), bytes);
    const server = outsideServer;
    yield { kind: 'raw', at, bytes: size, transport, fromClient: true, server, up: size };
    yield { kind: 'raw', at: at + 0.001, bytes: size, transport, fromClient: false, server, down: size };
  }
}

/** An innocent question with bytes after its last record. */
export function* trailing(tunnel: Tunnel, bytes: number): Generator<Happening> {
  for (let i = 0; i < tunnel.count; i++) {
    const answers = [addressAnswer('198.51.100.80', 30)];
    const fields = { trailingBytes: bytes, answers, up: bytes };
    yield exchange(i * tunnel.everySecs, ['www', ...dotted(tunnel.zone)], fields);
  }
}

/** Bursts, each below what a short window sees, with hours of silence between. */
export function* bursts(
  from: Random,
  tunnel: Tunnel,
  shape: { readonly names: number; readonly everyHours: number; readonly dress: Dress },
): Generator<Happening> {
  let at = 0;
  for (let i = 0; i < tunnel.count; i++) {
    at += i > 0 && i % shape.names === 0 ? shape.everyHours * 3600 : tunnel.everySecs;
    const answers = [addressAnswer('198.51.100.80', 30)];
    const labels = [...shape.dress.labels(from, i), ...dotted(tunnel.zone)];
    yield exchange(at, labels, { answers, up: shape.dress.bytes });
  }
}

/** Everything in one question. */
export function* oneShot(from: Random, zone: string, labelBytes: readonly number[]): Generator<Happening> {
  const labels = labelBytes.map((length) => from.text(BASE32, length));
  const up = Math.floor((labelBytes.reduce((sum, length) => sum + length, 0) * 5) / 8);
  yield exchange(0, [...labels, ...dotted(zone)], { rcode: 'NXDOMAIN', up });
}

/** Reverse names under a range whose name servers the attacker runs: nibbles of IPv6, 18 of them free. */
export function* reverseNibbles(from: Random, tunnel: Omit<Tunnel, 'zone'>): Generator<Happening> {
  for (let i = 0; i < tunnel.count; i++) {
    const labels = [...from.text(HEX, 20), ...'00008bd01002', 'ip6', 'arpa'];
    const answers = [{ ...textAnswer('host'), type: 'PTR', data: `h${i}.example.net` }];
    yield exchange(i * tunnel.everySecs, labels, { qtype: 'PTR', answers, up: 10 });
  }
}

/** The same with IPv4: an attacker's /24 of which only one byte is free, and free labels left of it. */
export function* reverseLabels(
  from: Random,
  tunnel: Omit<Tunnel, 'zone'>,
  bytes: number,
): Generator<Happening> {
  for (let i = 0; i < tunnel.count; i++) {
    const labels = [hex(from, bytes), `${from.int(0, 255)}`, '100', '51', '198', 'in-addr', 'arpa'];
    const answers = [{ ...textAnswer('host'), type: 'PTR', data: `h${i}.example.net` }];
    yield exchange(i * tunnel.everySecs, labels, { qtype: 'PTR', answers, up: bytes + 1 });
  }
}

/** The attacker answers with an address and the client connects to it, as one does to a content network. */
export function* contacted(from: Random, tunnel: Tunnel, dress: Dress): Generator<Happening> {
  for (let i = 0; i < tunnel.count; i++) {
    const ip = `198.51.100.${1 + (i % 200)}`;
    const labels = [...dress.labels(from, i), ...dotted(tunnel.zone)];
    const answers = [addressAnswer(ip, 30)];
    yield exchange(i * tunnel.everySecs, labels, { answers, contact: ip, up: dress.bytes });
  }
}

/** Each name is asked for bare first, as a search list in resolv.conf makes programs do. */
export function* searchListed(from: Random, tunnel: Tunnel, dress: Dress): Generator<Happening> {
  for (let i = 0; i < tunnel.count; i++) {
    const at = i * tunnel.everySecs;
    const labels = dress.labels(from, i);
    yield exchange(at, labels, { rcode: 'NXDOMAIN' });
    yield exchange(at + 0.01, [...labels, ...dotted(tunnel.zone)], { rcode: 'NXDOMAIN', up: dress.bytes });
  }
}

/** A type nobody has heard of, with raw bytes in the answer. */
export function* unknownType(from: Random, tunnel: Tunnel, bytes: number): Generator<Happening> {
  for (let i = 0; i < tunnel.count; i++) {
    const labels = [from.text(BASE32, 6), ...dotted(tunnel.zone)];
    const answers = [bytesAnswer('TYPE65399', from.bytes(bytes), 0)];
    yield exchange(i * tunnel.everySecs, labels, { qtype: 'TYPE65399', answers, up: 3, down: bytes });
  }
}
