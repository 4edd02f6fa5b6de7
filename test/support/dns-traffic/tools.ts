/**
 * Tools that people really use, by the shape of their questions. Captures of the real programs are tested elsewhere;
 * these vary what a capture fixes: record type, encoding, idle or busy, with or without a domain.
 */
import { addressAnswer, type Happening } from './exchange.ts';
import { BASE32, BASE64, LETTERS, type Random } from './random.ts';
import { base32, dataAnswer, dotted, exchange, hex, split, type Tunnel } from './tunnel.ts';

export interface Iodine extends Omit<Tunnel, 'everySecs' | 'count'> {
  readonly type: 'NULL' | 'TXT' | 'CNAME' | 'MX' | 'SRV' | 'A';
  readonly codec: 'base32' | 'base64' | 'base128';
  /** Lazy mode: a question waits at the server, up to 4 s; without, it polls. */
  readonly lazy: boolean;
  /** Questions with data after the handshake; 0 is an idle tunnel. */
  readonly data: number;
  /** Keep-alives after that. */
  readonly pings: number;
}

/** Upstream bytes that may stand in a label: base128 of iodine is raw 8-bit, 0xbc to 0xfd with letters and digits. */
const BASE128 =
  'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789' +
  Array.from({ length: 66 }, (_, i) => String.fromCharCode(0xbc + i)).join('');
const CODECS = { base32: BASE32, base64: `${BASE64.slice(0, 62)}-+`, base128: BASE128 };
const BITS = { base32: 5, base64: 6, base128: 7 };

/**
 * iodine 0.7 (yarrick/iodine, client.c; names as in ndpi's dns-tunnel-iodine.pcap): version `v`, login `l`, codec check
 * `y`, case checks `z` with fixed sentences, codec switch `s`, options `o`, fragment size probes `r` of nearly full
 * length, then data with the user's hexadecimal digit in front, pings `p`.
 */
export function* iodine(from: Random, tunnel: Iodine): Generator<Happening> {
  const { zone, type, codec, lazy, data, pings } = tunnel;
  const alphabet = CODECS[codec];
  let at = 0;
  let nonce = from.int(0, 1000);
  const counter = (): string => {
    nonce += 1;
    return `${BASE32[(nonce >> 10) & 31]}${BASE32[(nonce >> 5) & 31]}${BASE32[nonce & 31]}`;
  };
  const ask = (name: string, afterSecs: number, answerBytes: number, up = 0) => {
    at += afterSecs;
    return exchange(at, [...split(name, 57), ...dotted(zone)], {
      qtype: type,
      answers: [dataAnswer(from, type === 'A' ? 'CNAME' : type, answerBytes, zone)],
      up,
      down: up > 0 ? answerBytes : 0,
    });
  };
  yield ask(`vaaaaka${counter()}a`, 0, 9);
  yield ask(`l${base32(from, 19)}`, 0.01, 30);
  yield ask(`yr${from.text(BASE32, 4)}`, 0.01, 48);
  for (const sentence of [
    'aA-Aaahhh-Drink-mal-ein-J\xe4germeister-',
    'aA-La-fl\xfbte-na\xefve-fran\xe7aise-est-retir\xe9-\xe0-Cr\xe8te',
    'aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ',
    'aA0123456789\xbc\xbd\xbe\xbf\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7\xc8\xc9\xca\xcb\xcc\xcd\xce\xcf',
  ])
    yield ask(`z${counter()}${sentence}`, 0.01, 50);
  yield ask(`sa${codec === 'base32' ? 'f' : codec === 'base64' ? 'g' : 'h'}${counter()}`, 0.01, 8);
  yield ask(`oa${lazy ? 'l' : 'i'}${counter()}`, 0.01, 4);
  for (let size = 768; size >= 24; size /= 2) {
    yield ask(`r${from.text(BASE32, 200)}`, 0.02, Math.min(size, 200));
  }
  yield ask(`naa${counter()}`, 0.01, 2);
  for (let i = 0; i < data; i++) {
    const characters = from.int(60, 200);
    const up = Math.floor((characters * BITS[codec]) / 8);
    yield ask(`0${counter()}${from.text(alphabet, characters)}`, from.gap(0.05), 100, up);
  }
  for (let i = 0; i < pings; i++) yield ask(`paa${counter()}${from.text(BASE32, 3)}`, lazy ? 4 : 1, 2);
}

export interface Dnscat2 extends Tunnel {
  readonly encrypted: boolean;
  /** Without a domain the client asks its own server for `dnscat.<hex>`. */
  readonly withDomain: boolean;
  /** Bytes of each message beside its header; 0 is an idle session. */
  readonly payload: number;
}

/**
 * dnscat2 (iagox86/dnscat2, client/tunnel_drivers/driver_dns.c; doc/protocol.md): the packet in hex, labels of 60, types
 * TXT, CNAME and MX at random. Header: packet id 2, type 1, session 2, seq 2, ack 2; encrypted ones add a signature of 6
 * and a nonce of 2, and begin with the exchange of 64-byte keys.
 */
export function* dnscat2(from: Random, tunnel: Dnscat2): Generator<Happening> {
  const { zone, encrypted, withDomain, payload, count, everySecs } = tunnel;
  const session = hex(from, 2);
  const under = withDomain ? dotted(zone) : [];
  const question = (at: number, packet: string, up: number) => {
    const qtype = from.pick(['TXT', 'CNAME', 'MX']);
    const labels = [...(withDomain ? [] : ['dnscat']), ...split(packet), ...under];
    const answers = [dataAnswer(from, qtype, 18, zone === '' ? 'dnscat' : zone)];
    return exchange(at, labels, { qtype, answers, up, down: up > 0 ? 9 : 0 });
  };
  let at = 0;
  let asked = 0;
  if (encrypted) {
    yield question(at, `${hex(from, 2)}03${session}0000${hex(from, 64)}`, 0);
    yield question(at + 0.02, `${hex(from, 2)}03${session}0001${hex(from, 32)}`, 0);
    asked = 2;
  }
  yield question(at + 0.05, `${hex(from, 2)}00${session}${hex(from, encrypted ? 24 : 16)}`, 0);
  for (asked += 1; asked < count; asked++) {
    at += everySecs;
    const seq = payload === 0 ? '0000' : hex(from, 2);
    const sealed = encrypted ? hex(from, 8) : '';
    yield question(at, `${hex(from, 2)}01${session}${sealed}${seq}${'0000'}${hex(from, payload)}`, payload);
  }
}

/**
 * dns2tcp 0.5.2 (as in own captures of it): base64 without `=`, `=auth` and `=connect` as a label of their own, then
 * session, ack, seq and type (7 bytes, 10 characters) with up to 150 bytes; every other question has the header only.
 */
export function* dns2tcp(
  from: Random,
  tunnel: Tunnel & { readonly type: 'TXT' | 'KEY' },
): Generator<Happening> {
  const { zone, count, everySecs, type } = tunnel;
  const ask = (at: number, labels: readonly string[], up: number) =>
    exchange(at, [...labels, ...dotted(zone)], {
      qtype: type,
      answers: [dataAnswer(from, type, 40, zone)],
      up,
      down: up > 0 ? 30 : 0,
    });
  yield ask(0, [`AAAAAF${from.text(BASE64, 2)}AA`, '=auth'], 0);
  yield ask(0.05, [from.text(BASE64, 63), '=auth'], 0);
  yield ask(0.06, [from.text(BASE64, 12), '=connect'], 0);
  const session = from.text(BASE64, 2);
  for (let i = 0; i < count; i++) {
    const header = `${session}8AAA${BASE64[(i >> 6) & 63]}${BASE64[i & 63]}BA`;
    const isShort = i % 2 === 0;
    const body = isShort ? '' : from.text(BASE64, from.int(40, 190));
    const labels = split(`${header}${body}`, 63);
    yield ask(0.1 + i * everySecs, labels, isShort ? 0 : Math.floor(body.length * 0.75));
  }
}

/** OzymanDNS (Dan Kaminsky, droute.pl): base32 in labels of 63, `<n>-<n>.id-<n>.up|down` before the domain, TXT. */
export function* ozymandns(from: Random, tunnel: Tunnel): Generator<Happening> {
  const { zone, count, everySecs } = tunnel;
  const id = `id-${from.int(1, 65_535)}`;
  for (let i = 0; i < count; i++) {
    const isUp = i % 2 === 1;
    const data = base32(from, isUp ? 110 : 5);
    const labels = [...split(data, 63), `${i}-${from.int(0, 9)}`, id, isUp ? 'up' : 'down', ...dotted(zone)];
    const answers = [dataAnswer(from, 'TXT', 180, zone)];
    yield exchange(i * everySecs, labels, { qtype: 'TXT', answers, up: isUp ? 110 : 0, down: 110 });
  }
}

/** DNSExfiltrator (Arno0x): `init.<base32 of file|chunks>`, then `<number>.<base64url or base32 in labels of 63>`, TXT. */
export function* dnsExfiltrator(
  from: Random,
  tunnel: Tunnel & { readonly bytesPerName: number },
): Generator<Happening> {
  const { zone, count, everySecs, bytesPerName } = tunnel;
  const answers = [dataAnswer(from, 'TXT', 4, zone)];
  yield exchange(0, ['init', base32(from, 20), 'base32', ...dotted(zone)], { qtype: 'TXT', answers });
  for (let i = 0; i < count; i++) {
    const labels = [`${i}`, ...split(base32(from, bytesPerName), 63), ...dotted(zone)];
    yield exchange((i + 1) * everySecs, labels, { qtype: 'TXT', answers, up: bytesPerName });
  }
}

/**
 * Cobalt Strike's DNS beacon (its manual and published decoders): A questions. A task comes down 4 bytes an answer under
 * `www.<counter><random>.<id>`, output goes up in `post.<hex>` with the count of labels in front of the data.
 */
export function* cobaltStrike(from: Random, tunnel: Tunnel): Generator<Happening> {
  const { zone, count, everySecs } = tunnel;
  const id = hex(from, 4);
  const ask = (i: number, labels: readonly string[], up: number, down: number) =>
    exchange(i * everySecs, [...labels, id, ...dotted(zone)], {
      answers: [addressAnswer(down > 0 ? `10.${from.int(0, 255)}.${from.int(0, 255)}.7` : '0.0.0.0', 1)],
      up,
      down,
    });
  for (let i = 0; i < count; i++) {
    if (i % 3 === 0) yield ask(i, [`www.${i}${hex(from, 3)}`].flatMap(dotted), 0, 4);
    else yield ask(i, ['post', `1${hex(from, 28)}`, `${i}${hex(from, 3)}`], 28, 0);
  }
}

/** An implant that waits: a nonce against caches, the host's id, an A record that says "nothing to do". */
export function* idleBeacon(from: Random, tunnel: Tunnel): Generator<Happening> {
  const { zone, count, everySecs } = tunnel;
  const id = from.text(BASE32, 13);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const labels = [`${from.text(BASE32, 13)}${id}`, from.text(LETTERS, 2), ...dotted(zone)];
    at += everySecs * (0.9 + from.next() * 0.2);
    yield exchange(at, labels, { answers: [addressAnswer('0.0.0.0', 1)], up: 8 });
  }
}
