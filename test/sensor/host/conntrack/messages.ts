/** Messages of connection tracking for tests: recorded ones, and a writer for those that nobody could record. */
import { parseIp } from '../../../../src/model/ip.ts';
import type { ConnectionNews, Tuple } from '../../../../src/sensor/host/conntrack/message.ts';

/** Recorded on Linux 6.18, x86: `wget http://127.0.0.1:8080` in a namespace with one rule that asks for the state. */
export const RECORDED = {
  opened:
    'c4000000000100060000000000000000020000003400018014000180080001007f000001080002007f0000011c000280050001000600000006000200d2540000060003001f9000003400028014000180080001007f000001080002007f0000011c0002800500010006000000060002001f90000006000300d254000008000c00960a112108000300000000080800070000000078300004802c0001800500010001000000050002000a000000050003000000000006000400030000000600050000000000',
  established:
    'c4000000000100000000000000000000020000003400018014000180080001007f000001080002007f0000011c000280050001000600000006000200d2540000060003001f9000003400028014000180080001007f000001080002007f0000011c0002800500010006000000060002001f90000006000300d254000008000c00960a1121080003000000000e0800070000069780300004802c0001800500010003000000050002000a000000050003000a00000006000400230000000600050023000000',
  openedOverIpv6:
    'f40000000001000600000000000000000a0000004c0001802c000180140003000000000000000000000000000000000114000400000000000000000000000000000000011c00028005000100060000000600020088240000060003001f9000004c0002802c000180140003000000000000000000000000000000000114000400000000000000000000000000000000011c0002800500010006000000060002001f900000060003008824000008000c004a5105fe08000300000000080800070000000078300004802c0001800500010001000000050002000a000000050003000000000006000400030000000600050000000000',
} as const;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** `198.51.100.1:5000 > 172.30.0.2:80`, brackets around IPv6; without ports for what has none. */
export function tuple(text: string, protocol = 6): Tuple {
  const [from, to] = text.split(' > ');
  const [src, srcPort] = end(from!);
  const [dst, dstPort] = end(to!);
  return { src, dst, protocol, srcPort, dstPort };
}

function end(text: string): [ip: string, port: number | undefined] {
  const [, v6, v4, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text)!;
  return [(v6 ?? v4)!, port === undefined ? undefined : Number(port)];
}

/** What the kernel would tell; the answers go the other way unless said otherwise. */
export function news(
  type: ConnectionNews['type'],
  orig: string,
  options: Partial<ConnectionNews> & { readonly answers?: string; readonly protocol?: number } = {},
): ConnectionNews {
  const { answers, protocol = 6, ...rest } = options;
  const asked = tuple(orig, protocol);
  const back = { src: asked.dst, srcPort: asked.dstPort, dst: asked.src, dstPort: asked.srcPort, protocol };
  return {
    type,
    orig: asked,
    reply: answers === undefined ? back : tuple(answers, protocol),
    id: 1,
    zone: 0,
    ...rest,
  };
}

const CODES = {
  opened: [0x100, 0x600],
  changed: [0x100, 0],
  closed: [0x102, 0],
  listed: [0x100, 2],
} as const;

/** The bytes of one message, little-endian machine. */
export function encode(told: ConnectionNews): Uint8Array {
  const [kind, flags] = CODES[told.type];
  const isV6 = told.orig.src.includes(':');
  const id = new Uint8Array(4);
  new DataView(id.buffer).setUint32(0, told.id);
  const state = Uint8Array.of(told.established === true ? 3 : 1);
  const body = concat([
    Uint8Array.of(isV6 ? 10 : 2, 0, 0, 0),
    attribute(1, encodeTuple(told.orig), true),
    attribute(2, encodeTuple(told.reply), true),
    attribute(12, id),
    attribute(18, Uint8Array.of(told.zone >> 8, told.zone)),
    ...(told.orig.protocol === 6 ? [attribute(4, attribute(1, attribute(1, state), true), true)] : []),
  ]);
  return concat([header(16 + body.length, kind, flags), body]);
}

export function header(length: number, kind: number, flags: number, sequence = 0): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = viewOf(bytes);
  view.setUint32(0, length, true);
  view.setUint16(4, kind, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  return bytes;
}

/** NLMSG_DONE (kind 3) or NLMSG_ERROR (kind 2) with an errno. */
export function control(kind: 2 | 3, sequence: number, errno = 0, flags = 0): Uint8Array {
  const code = new Uint8Array(4);
  viewOf(code).setInt32(0, -errno, true);
  return concat([header(20, kind, flags, sequence), code]);
}

function encodeTuple({ src, dst, protocol, srcPort, dstPort }: Tuple): Uint8Array {
  const isV6 = src.includes(':');
  return concat([
    attribute(
      1,
      concat([attribute(isV6 ? 3 : 1, address(src)), attribute(isV6 ? 4 : 2, address(dst))]),
      true,
    ),
    attribute(
      2,
      concat([
        attribute(1, Uint8Array.of(protocol)),
        ...(srcPort === undefined ? [] : [attribute(2, Uint8Array.of(srcPort >> 8, srcPort))]),
        ...(dstPort === undefined ? [] : [attribute(3, Uint8Array.of(dstPort >> 8, dstPort))]),
      ]),
      true,
    ),
  ]);
}

function address(ip: string): Uint8Array {
  const bytes = new Uint8Array(16);
  for (const [i, word] of parseIp(ip)!.entries()) viewOf(bytes).setUint32(4 * i, word);
  return ip.includes(':') ? bytes : bytes.slice(12);
}

function attribute(type: number, value: Uint8Array, nested = false): Uint8Array {
  const bytes = new Uint8Array((4 + value.length + 3) & ~3);
  viewOf(bytes).setUint16(0, 4 + value.length, true);
  viewOf(bytes).setUint16(2, type | (nested ? 0x8000 : 0), true);
  bytes.set(value, 4);
  return bytes;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
