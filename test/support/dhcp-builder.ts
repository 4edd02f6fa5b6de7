/** Messages of DHCP (RFC 2131) and DHCPv6 (RFC 8415) servers, as UDP payloads. */
import { concat, ip as ipBytes, u16, u32 } from './packet-builder.ts';

export interface DhcpFields {
  /** 2 offer, 5 acknowledgement, 1 discover, ... */
  readonly type: number;
  readonly op?: number;
  readonly given?: string;
  readonly mask?: string;
  readonly routers?: readonly string[];
  readonly resolvers?: readonly string[];
  /** Further options, behind the others. */
  readonly options?: readonly Uint8Array[];
}

export function dhcpMessage(fields: DhcpFields): Uint8Array {
  const { type, op = 2, given = '0.0.0.0', mask, routers = [], resolvers = [], options = [] } = fields;
  const head = concat(
    Uint8Array.of(op, 1, 6, 0),
    u32(0x1234_5678),
    u32(0),
    u32(0),
    ipBytes(given),
    new Uint8Array(236 - 20),
    u32(0x6382_5363),
  );
  return concat(
    head,
    dhcpOption(53, Uint8Array.of(type)),
    ...(mask === undefined ? [] : [dhcpOption(1, ipBytes(mask))]),
    ...(routers.length === 0 ? [] : [dhcpOption(3, ...routers.map(ipBytes))]),
    ...(resolvers.length === 0 ? [] : [dhcpOption(6, ...resolvers.map(ipBytes))]),
    ...options,
    Uint8Array.of(255),
  );
}

export function dhcpOption(code: number, ...values: readonly Uint8Array[]): Uint8Array {
  const value = concat(...values);
  return concat(Uint8Array.of(code, value.length), value);
}

export function dhcpv6Message(type: number, ...options: readonly Uint8Array[]): Uint8Array {
  return concat(Uint8Array.of(type, 1, 2, 3), ...options);
}

export function dhcpv6Option(code: number, ...values: readonly Uint8Array[]): Uint8Array {
  const value = concat(...values);
  return concat(u16(code), u16(value.length), value);
}

/** An association of addresses (3) with one. */
export function dhcpv6Address(address: string): Uint8Array {
  return dhcpv6Option(3, u32(1), u32(0), u32(0), dhcpv6Option(5, ipBytes(address), u32(3600), u32(7200)));
}
