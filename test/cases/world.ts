/**
 * The small shop of shop.ndjson and the fake outside, as packets: what the makers of the cases have in common. Each
 * case names what it is about; times are seconds after T0.
 */
import {
  type CapturedFrame,
  concat,
  frame,
  pcapFile,
  type TcpFields,
  tcp,
  u16,
  udp,
} from '../support/packet-builder.ts';

/** 2026-01-01T00:00:00Z, in microseconds. */
export const T0 = 1_767_225_600_000_000;

export interface Host {
  readonly ip: string;
  readonly mac: string;
}

export const DB: Host = { ip: '172.30.0.2', mac: '02:42:ac:1e:00:02' };
export const DB6: Host = { ip: 'fd00:30::2', mac: '02:42:ac:1e:00:02' };
export const API: Host = { ip: '172.30.0.3', mac: '02:42:ac:1e:00:03' };
export const PROXY: Host = { ip: '172.31.0.4', mac: '02:42:ac:1f:00:04' };
/** The bridge of shop_data: this host, as its containers see it. */
const BRIDGE_MAC = '02:42:00:00:00:01';
export const GATEWAY: Host = { ip: '172.30.0.1', mac: BRIDGE_MAC };
/** What lies behind the gateway has its MAC. */
export const outside = (ip: string): Host => ({ ip, mac: BRIDGE_MAC });
export const OUTSIDE = outside('198.51.100.7');
export const OUTSIDE6 = outside('2001:db8::7');

export type Timed = readonly [secs: number, frame: Uint8Array];

/** An Ethernet frame between two hosts around a transport segment. */
export function between(from: Host, to: Host, segment: Uint8Array): Uint8Array {
  return frame({ src: from.ip, dst: to.ip, srcMac: from.mac, dstMac: to.mac }, segment);
}

export function tcpBetween(from: Host, to: Host, fields: TcpFields, payload?: Uint8Array): Uint8Array {
  return between(from, to, tcp(fields, payload));
}

export function udpBetween(
  from: Host,
  to: Host,
  ports: readonly [sport: number, dport: number],
  payload?: Uint8Array,
): Uint8Array {
  return between(from, to, udp({ sport: ports[0], dport: ports[1] }, payload));
}

/** Handshake, one request, one answer, both FINs; eight segments, 10 ms apart. */
export function tcpExchange(
  from: Host,
  to: Host,
  { sport, dport, startSecs = 0 }: { sport: number; dport: number; startSecs?: number },
  [request, reply]: readonly [Uint8Array, Uint8Array] = [text('hello'), text('world')],
): Timed[] {
  const out = (flags: string, seq: number, ack: number, payload?: Uint8Array) =>
    tcpBetween(from, to, { sport, dport, flags, seq, ack }, payload);
  const back = (flags: string, seq: number, ack: number, payload?: Uint8Array) =>
    tcpBetween(to, from, { sport: dport, dport: sport, flags, seq, ack }, payload);
  const asked = 101 + request.length;
  const answered = 501 + reply.length;
  return inTurn(startSecs, [
    out('S', 100, 0),
    back('SA', 500, 101),
    out('A', 101, 501),
    out('PA', 101, 501, request),
    back('PA', 501, asked, reply),
    out('FA', asked, answered),
    back('FA', answered, asked + 1),
    out('A', asked + 1, answered + 1),
  ]);
}

/** One frame after the other, 10 ms apart. */
export function inTurn(startSecs: number, frames: readonly Uint8Array[]): Timed[] {
  return frames.map((bytes, i) => [startSecs + i * 0.01, bytes] as const);
}

export function text(words: string): Uint8Array {
  return Uint8Array.from(Buffer.from(words, 'latin1'));
}

/** DNS over TCP: each message behind its length (RFC 1035 4.2.2). */
export function dnsStream(...messages: readonly Uint8Array[]): Uint8Array {
  return concat(...messages.flatMap((message) => [u16(message.length), message]));
}

/** The capture file; frames stand in it in the order given, whatever their times. */
export function capture(timed: readonly Timed[], linkType?: number): Uint8Array {
  return pcapFile(
    timed.map(([secs, bytes]) => captured(secs, bytes)),
    linkType,
  );
}

/** Cut as a snaplen would: what the wire carried is still told. */
export function cutCapture(timed: readonly Timed[], snaplenBytes: number): Uint8Array {
  return pcapFile(
    timed.map(([secs, bytes]) => ({
      ...captured(secs, bytes.subarray(0, snaplenBytes)),
      wireLen: bytes.length,
    })),
  );
}

function captured(secs: number, bytes: Uint8Array): CapturedFrame {
  return { frame: bytes, timeMicros: T0 + Math.round(secs * 1_000_000) };
}
