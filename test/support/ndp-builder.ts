/** Messages of neighbour discovery (RFC 4861 4) as whole Ethernet frames, to all nodes; tests may leave most to defaults. */
import {
  concat,
  ethernet,
  icmpv6,
  ip as ipBytes,
  ipv6,
  mac as macBytes,
  u16,
  u32,
} from './packet-builder.ts';

interface Sender {
  readonly mac: string;
  readonly ip: string;
  readonly dst?: string;
  readonly dstMac?: string;
  readonly hopLimit?: number;
  readonly options?: readonly Uint8Array[];
}

export function neighborSolicitation(fields: Sender & { readonly target: string }): Uint8Array {
  const options = fields.options ?? (fields.ip === '::' ? [] : [linkLayerOption(1, fields.mac)]);
  return frameOf(fields, 135, u32(0), concat(ipBytes(fields.target), ...options));
}

export function neighborAdvertisement(
  fields: Sender & { readonly target: string; readonly linkLayer?: string },
): Uint8Array {
  const options = fields.options ?? [linkLayerOption(2, fields.linkLayer ?? fields.mac)];
  return frameOf(fields, 136, u32(0x6000_0000), concat(ipBytes(fields.target), ...options));
}

export function routerAdvertisement(fields: Sender & { readonly lifetimeSecs?: number }): Uint8Array {
  const options = fields.options ?? [linkLayerOption(1, fields.mac)];
  const head = concat(Uint8Array.of(64, 0), u16(fields.lifetimeSecs ?? 1800));
  return frameOf(fields, 134, head, concat(u32(0), u32(0), ...options));
}

/** ICMPv6 redirect: `target` is the better hop towards `destination`. */
export function redirect6(
  fields: Sender & { readonly target: string; readonly destination: string },
): Uint8Array {
  const body = concat(ipBytes(fields.target), ipBytes(fields.destination), ...(fields.options ?? []));
  return frameOf(fields, 137, u32(0), body);
}

/** 1: of the source; 2: of the target. */
export function linkLayerOption(type: 1 | 2, mac: string): Uint8Array {
  return concat(Uint8Array.of(type, 1), macBytes(mac));
}

export function prefixOption(prefix: string, bits: number): Uint8Array {
  return concat(Uint8Array.of(3, 4, bits, 0xc0), u32(86_400), u32(14_400), u32(0), ipBytes(prefix));
}

/** RFC 8106 5.1. */
export function resolversOption(...addresses: readonly string[]): Uint8Array {
  return concat(Uint8Array.of(25, 1 + 2 * addresses.length, 0, 0), u32(1800), ...addresses.map(ipBytes));
}

function frameOf(fields: Sender, type: number, rest: Uint8Array, body: Uint8Array): Uint8Array {
  const words = new DataView(rest.buffer, rest.byteOffset);
  const message = icmpv6({ type, id: words.getUint16(0), seq: words.getUint16(2) }, body);
  const packet = ipv6(
    { src: fields.ip, dst: fields.dst ?? 'ff02::1', hopLimit: fields.hopLimit ?? 255 },
    message,
  );
  return ethernet({ src: fields.mac, dst: fields.dstMac ?? '33:33:00:00:00:01' }, packet);
}
