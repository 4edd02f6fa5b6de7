/**
 * A set of packets that open a connection, described by what firewalls ask of them. A field that is absent is not fixed:
 * any value is among them. What earlier rules took out of the set stands in `without`.
 */
import { type Cidr, cidrContains, parseCidr } from '../../../../model/ip.ts';
import type { Family } from '../../../host/firewall/ruleset.ts';

/** A name; or an interface of the host of which is known only that it is none of these. */
export type Interface = string | ReadonlySet<string>;

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** What can be carved out of a set. */
export interface Part {
  readonly source?: Cidr;
  readonly destination?: Cidr;
  /** As iptables names them: `tcp`, `ipv6-icmp`. */
  readonly protocols?: readonly string[];
  readonly sourcePorts?: readonly PortRange[];
  readonly destinationPorts?: readonly PortRange[];
}

export interface Packets extends Part {
  readonly family: Family;
  readonly from: Interface;
  /** Undefined for packets to the host itself. */
  readonly to?: Interface;
  /** To whom they were sent before the engine's DNAT rewrote them; absent where nothing did. */
  readonly sentTo?: { readonly destination?: Cidr; readonly port: number };
  readonly without?: readonly Part[];
  /** The packet's mark; absent: 0, as it comes from a link. `unknown` once a rule that is not modelled may have set it. */
  readonly mark?: number | 'unknown';
}

/** Whether nothing is left: some part that was taken holds all of them. */
export function isEmpty({ without = [], ...packets }: Packets): boolean {
  return without.some(
    (part) =>
      (part.source === undefined || isWithin(packets.source, part.source)) &&
      (part.destination === undefined || isWithin(packets.destination, part.destination)) &&
      (part.protocols === undefined || packets.protocols?.every((one) => part.protocols!.includes(one))) &&
      (part.sourcePorts === undefined || areWithin(packets.sourcePorts, part.sourcePorts)) &&
      (part.destinationPorts === undefined || areWithin(packets.destinationPorts, part.destinationPorts)),
  );
}

export function isWithin(inner: Cidr | undefined, outer: Cidr): boolean {
  return inner !== undefined && inner.prefixBits >= outer.prefixBits && cidrContains(outer, inner.base);
}

/** Undefined where they have nothing in common; prefixes are nested or apart. */
export function overlap(a: Cidr, b: Cidr): Cidr | undefined {
  if (isWithin(a, b)) return a;
  return isWithin(b, a) ? b : undefined;
}

export function areWithin(inner: readonly PortRange[] | undefined, outer: readonly PortRange[]): boolean {
  return inner?.every(({ from, to }) => outer.some((range) => range.from <= from && to <= range.to)) === true;
}

export function portsInBoth(a: readonly PortRange[], b: readonly PortRange[]): PortRange[] {
  return a.flatMap((one) =>
    b
      .map((other) => ({ from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) }))
      .filter(({ from, to }) => from <= to),
  );
}

/** `10.0.0.0/8`, `10.0.0.1`; undefined for what is neither, as a set's name. */
export function prefixOf(text: string): Cidr | undefined {
  return parseCidr(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
}

export function port(number: number): readonly PortRange[] {
  return [{ from: number, to: number }];
}
