/**
 * One client, many zones, little to each: the tunnel that stays below every zone's threshold. Zones that belong together
 * show it, by the address that answers for them or by names of one length.
 */
import type { Micros } from '../../../src/model/time.ts';
import type { ClientZone } from './client-zone.ts';

const DAY: Micros = 86_400_000_000;
const MIN_NAMES = 3;
/** The length of a label from which one is enough: hosts have short names. */
const LONG_NAME = 12;
const MIN_ZONES = 4;
/** Names of a zone whose mean length says something. */
const NAMES_OF_A_SHAPE = 6;
const SAME_SHAPE = 0.2;

/** Ten minutes, or a day. */
export type SpreadSpan = 0 | 2;

export interface Spread {
  readonly zones: readonly ClientZone[];
  readonly bytes: number;
  readonly names: number;
  /** The zones have something in common beside the client. */
  readonly isLinked: boolean;
}

/** Undefined when there are too few zones to speak of. */
export function spreadOf(pairs: Iterable<ClientZone>, span: SpreadSpan, now: Micros): Spread | undefined {
  const zones: Said[] = [];
  for (const pair of pairs) {
    const said = isNewAndUnused(pair, span, now) ? saidTo(pair, span, now) : undefined;
    if (said !== undefined) zones.push(said);
  }
  if (zones.length < MIN_ZONES) return undefined;
  const bytes = sumOf(zones);
  return {
    zones: zones.map(({ pair }) => pair),
    bytes,
    names: zones.reduce((sum, { names }) => sum + names, 0),
    isLinked: isMost(ofOneAddress(zones), bytes) || isMost(ofOneShape(zones), bytes),
  };
}

interface Said {
  readonly pair: ClientZone;
  readonly bytes: number;
  readonly names: number;
}

function isNewAndUnused(pair: ClientZone, span: SpreadSpan, now: Micros): boolean {
  if (pair.isKnown || (pair.kind !== 'registered' && pair.kind !== 'unlisted')) return false;
  if (now - pair.quietSince >= DAY) return false;
  // Within a day much is used before anybody looks whether it is.
  if (span === 2 && pair.hasAddresses && pair.answered === undefined) return false;
  return pair.contacted(now).share <= 0.6;
}

function saidTo(pair: ClientZone, span: SpreadSpan, now: Micros): Said | undefined {
  const { names: bytes, distinctNames: names } = pair.said(span, now);
  if (names === 0 || (names < MIN_NAMES && bytes / names < LONG_NAME)) return undefined;
  return { pair, bytes, names };
}

function ofOneAddress(zones: readonly Said[]): readonly Said[] {
  const byAddress = new Map<string, Said[]>();
  for (const zone of zones) {
    const { address } = zone.pair;
    if (address === undefined) continue;
    const others = byAddress.get(address);
    if (others === undefined) byAddress.set(address, [zone]);
    else others.push(zone);
  }
  let most: readonly Said[] = [];
  for (const group of byAddress.values()) if (group.length > most.length) most = group;
  return most;
}

function ofOneShape(zones: readonly Said[]): readonly Said[] {
  const shaped = zones.filter(({ names }) => names >= NAMES_OF_A_SHAPE);
  const lengths = shaped.map(({ bytes, names }) => bytes / names).sort((a, b) => a - b);
  const median = lengths[lengths.length >> 1] ?? 0;
  return shaped.filter(({ bytes, names }) => Math.abs(bytes / names / median - 1) <= SAME_SHAPE);
}

function isMost(zones: readonly Said[], bytes: number): boolean {
  return zones.length >= MIN_ZONES && sumOf(zones) >= bytes / 2;
}

function sumOf(zones: readonly Said[]): number {
  return zones.reduce((sum, { bytes }) => sum + bytes, 0);
}
