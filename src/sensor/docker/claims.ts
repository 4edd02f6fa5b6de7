/**
 * Who may have held an address at a time. Who surely did leaves no room for others; where nobody surely did, all who
 * may have are in question, containers whose address nobody could ask for included. One width more, for packets that
 * came just outside of everything the engine told: a lone holder is likely then.
 */
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import type { Interval } from './address-book.ts';
import type { Arrival } from './arrivals.ts';

/** A list tells of the start, which is up to 0.5 s after the connect (measured on 20.10). */
export const SLACK_MICROS = 2 * MICROS_PER_SECOND;

export interface Claims {
  /** Of the address. Of several intervals of one container the later stands last. */
  readonly intervals: readonly Interval[];
  /** May have had any address of the network. */
  readonly arrivals: readonly Arrival[];
  /** Surely held, so nobody else's. */
  readonly isSure: boolean;
}

/** `isGap`: nobody tells us at present what changes, so what is open is not sure. */
export function claimsAt(
  intervals: readonly Interval[],
  arrivals: readonly Arrival[],
  time: Micros,
  isGap: boolean,
): Claims {
  const sure = intervals.filter((interval) => isSure(interval, time, isGap));
  if (sure.length > 0) return { intervals: sure, arrivals, isSure: true };
  const possible = intervals.filter(({ earliest, latest }) => time >= earliest && time <= latest);
  if (possible.length > 0 || arrivals.length > 0) return { intervals: possible, arrivals, isSure: false };
  const near = intervals.filter(({ from, to }) => time >= from - SLACK_MICROS && time <= to + SLACK_MICROS);
  return { intervals: near, arrivals: [], isSure: false };
}

function isSure({ sureFrom, sureTo, to }: Interval, time: Micros, isGap: boolean): boolean {
  if (isGap && to === Number.POSITIVE_INFINITY) return false;
  return time >= sureFrom && time < sureTo;
}

/** When the answer of `claimsAt` can change. */
export function* bordersOf(interval: Interval): Generator<Micros> {
  const { from, to, sureFrom, sureTo, earliest, latest } = interval;
  yield from;
  yield to;
  yield sureFrom;
  yield sureTo;
  yield earliest;
  // They still count at this instant, and end after it.
  yield latest + 1;
  yield from - SLACK_MICROS;
  yield to + SLACK_MICROS + 1;
}

/**
 * Engines up to 27 make a MAC from the IPv4 address (libnetwork, netutils.GenerateMACFromIP): the next holder of the
 * address has the same one, so it tells nobody apart.
 */
export function isMadeFromAddress(mac: string, ips: readonly string[]): boolean {
  if (!mac.startsWith('02:42:')) return false;
  const digits = mac.slice(6);
  return ips.some((ip) => !ip.includes(':') && hexOf(ip) === digits);
}

function hexOf(ip: string): string {
  return ip
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join(':');
}
