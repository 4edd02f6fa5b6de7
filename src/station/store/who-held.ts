/**
 * Who held an address then, from the leases: the holders, whether anybody was watching at all, and, where nobody held
 * it, who did before and after. It never picks one of several: that is for whoever asks, with a network or a MAC.
 */
import type { LeaseRecord } from '../../model/lease.ts';
import { MICROS_PER_SECOND, type Micros } from '../../model/time.ts';
import type { LeaseSubject, StoredLease } from './lease-query.ts';
import type { StoreReader } from './reader.ts';
import { SIGN_OF_LIFE_EVERY, type Watch } from './watch-log.ts';

export type LeaseReader = Pick<StoreReader, 'queryLeases' | 'nearestLeases' | 'watchesAround'>;

/** A time in which no engine told the agent anything: a lease that is missing in it says nothing. */
export interface Gap {
  /** Absent when nobody had watched before. */
  readonly since: Micros | undefined;
  /** Absent while it lasts. */
  readonly until: Micros | undefined;
}

export interface Held {
  /** Those whose interval holds that time. */
  readonly holders: readonly StoredLease[];
  /** The last that was over by then; only where nobody held it. */
  readonly before: StoredLease | undefined;
  /** The first that began later; only where nobody held it. */
  readonly after: StoredLease | undefined;
  /** The gap that the time falls into. */
  readonly gap: Gap | undefined;
}

/** An agent that runs signs every 10 s; one that is busy, a little later. */
const SIGN_IS_FRESH = SIGN_OF_LIFE_EVERY + 5 * MICROS_PER_SECOND;
/** Docker tells of a connect up to some 10 ms after the interface is up, and a list only of the start (0.5 s later). */
const SLACK = 2 * MICROS_PER_SECOND;
/** More holders at once than any engine has; a bound, no more. */
const MAX_HOLDERS = 10_000;

export function whoHeld(reader: LeaseReader, subject: LeaseSubject, at: Micros): Held {
  const holders = reader.queryLeases({ ...subject, at, limit: MAX_HOLDERS });
  const near =
    holders.length > 0 ? { before: undefined, after: undefined } : reader.nearestLeases(subject, at);
  return { holders, ...near, gap: gapAt(reader.watchesAround(at), at) };
}

/** Until when what is open is known to be held; undefined while an agent watches. */
export function knownUntil(reader: LeaseReader, now: Micros): Micros | undefined {
  return gapAt(reader.watchesAround(now), now)?.since;
}

/** Ids of the containers, each once: several leases may be of one. */
export function containersOf(leases: readonly StoredLease[]): string[] {
  return [...new Set(leases.map(({ lease }) => lease.workload.containerId))];
}

/** One end of a stored flow, as its packets showed it. */
export interface SeenEnd {
  readonly ip: string;
  readonly mac: string | undefined;
  /** Where it was captured, as its whole id or the beginning of it. */
  readonly networkId: string | undefined;
  /** Of the first and the last packet. */
  readonly start: Micros;
  readonly end: Micros;
}

export interface HeldEnd {
  readonly holders: readonly StoredLease[];
  /** Why the holder is likely, no more; absent when there is nothing to say against it. */
  readonly caveat: string | undefined;
}

/** Who held an end of a flow while it went on: on its network if anybody did, by the MAC where that decides. */
export function whoWasEnd(reader: LeaseReader, seen: SeenEnd): HeldEnd {
  const { ip, mac, networkId, start, end } = seen;
  const during = (subject: LeaseSubject, slack: Micros) =>
    reader.queryLeases({ ...subject, since: start - slack, until: end + slack + 1, limit: MAX_HOLDERS });
  const here = { ip, network: networkId };
  const exact = during(here, 0);
  const near = exact.length > 0 ? exact : during(here, SLACK);
  if (near.length > 0) {
    const caveat = exact.length > 0 ? undefined : 'seen just outside the time in which it held the address';
    return decidedByMac(near, mac, caveat);
  }
  if (networkId === undefined) return { holders: [], caveat: undefined };
  const elsewhere = during({ ip }, 0);
  // A frame that was routed carries the MAC of the bridge: it tells nothing of this end.
  if (elsewhere.length > 0) return { holders: elsewhere, caveat: 'its address belongs to another network' };
  const byMac = mac === undefined ? [] : during({ mac, network: networkId }, 0);
  return { holders: byMac, caveat: byMac.length === 0 ? undefined : 'by its MAC alone' };
}

function decidedByMac(
  holders: readonly StoredLease[],
  mac: string | undefined,
  caveat: string | undefined,
): HeldEnd {
  if (mac === undefined) return { holders, caveat };
  const matching = holders.filter(({ lease }) => lease.mac === mac);
  if (matching.length > 0) return { holders: matching, caveat };
  const told = holders.find(({ lease }) => lease.mac !== undefined)?.lease.mac;
  const foreign = told === undefined ? undefined : `its MAC is ${told}, the frame carried ${mac}`;
  const caveats = [caveat, foreign].filter((text) => text !== undefined);
  return { holders, caveat: caveats.length === 0 ? undefined : caveats.join('; ') };
}

/** Whether a lease that was over before, or began after, may have held the address in the gap all the same. */
export function mayReach(lease: LeaseRecord, gap: Gap | undefined): boolean {
  return gap !== undefined && lease.uncertain === true;
}

function gapAt({ before, after }: ReturnType<LeaseReader['watchesAround']>, at: Micros): Gap | undefined {
  if (before !== undefined && at <= freshUntil(before, after)) return undefined;
  return { since: before?.aliveAt, until: after?.from };
}

/** The latest watch may have gone on since its last sign; an earlier one is over. */
function freshUntil(watch: Watch, next: Watch | undefined): Micros {
  return next === undefined ? watch.aliveAt + SIGN_IS_FRESH : watch.aliveAt;
}
