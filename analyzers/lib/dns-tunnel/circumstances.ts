/**
 * Circumstances that move the thresholds of dns-tunnel, one line each. They multiply; none is an exemption, so a channel
 * that dresses up as one of them is found later, not never.
 */
import type { Scope } from '../../../src/model/endpoint.ts';
import type { Micros } from '../../../src/model/time.ts';
import type { ClientZone } from './client-zone.ts';

/** A statistic of fewer questions or answers than this decides nothing. */
const ENOUGH = 4;

/** Types that no resolver library asks for by itself: data, obsolete, private (IANA DNS parameters; iodine, dns2tcp). */
const DATA_TYPES: ReadonlySet<string> = new Set(
  'NULL KEY ANY * SIG NXT MD MF MB MG MR MINFO WKS X25 ISDN GPOS PX EID NIMLOC ATMA SINK TYPE65399 TYPE65280'.split(
    ' ',
  ),
);
/** What stub resolvers ask for a host; which of them it was says nothing. */
export const HOST_TYPES: ReadonlySet<string> = new Set(['A', 'AAAA', 'HTTPS']);
const TXT: ReadonlySet<string> = new Set(['TXT']);
/** Asked for by mail servers and administrators, never by who looks a host up. */
const NO_HOST_TYPES: ReadonlySet<string> = new Set(['TXT', 'MX', 'CNAME', ...DATA_TYPES]);

/**
 * Top-level domains that no server of the internet has, by decision (RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal`)
 * or because so many sites use them that none will (`.corp`, `.home`, `.lan`).
 */
const LOCAL: ReadonlySet<string> = new Set(
  'local internal lan home corp intranet private localdomain localhost consul test invalid docker cluster svc'.split(
    ' ',
  ),
);

/** What is known beside the pair itself. */
export interface Surroundings {
  readonly now: Micros;
  /** Named by the operator as known. */
  readonly isDeclared: boolean;
  /** Other clients that ask this zone for names of the same length. */
  readonly alike: number;
  /** The client answers others: what it asks, others asked. */
  readonly isResolver: boolean;
}

/** One way to the zone, and how much of what was said took it. */
export interface Way {
  readonly share: number;
  readonly scope: Scope;
  /** The resolver serves more than this zone, or is no address of the internet. */
  readonly isShared: boolean;
  /** Configured resolvers are known, and this is none of them. */
  readonly isForeign: boolean;
}

export interface Circumstance {
  readonly id: string;
  readonly factor: number;
  /** Of the bytes that it holds for, where it does not hold for all. */
  readonly share?: number;
}

/** What circumstances make of a threshold. */
export interface Weight {
  readonly factor: number;
  readonly circumstances: readonly Circumstance[];
}

interface Rule {
  readonly id: string;
  readonly factor: number;
  /** Cheap, and true wherever it holds; only of what lowers thresholds. */
  readonly mayHold?: (pair: ClientZone) => boolean;
  readonly holds: (pair: ClientZone, around: Surroundings) => boolean;
}

/** Holds for the bytes that took a certain way. */
interface WayRule {
  readonly id: string;
  readonly factor: number;
  readonly mayHold?: (pair: ClientZone) => boolean;
  readonly holds: (way: Way, pair: ClientZone, around: Surroundings) => boolean;
}

const RULES: readonly Rule[] = [
  {
    id: 'record types that carry data',
    factor: 0.5,
    mayHold: (pair) => pair.types.hasOther(HOST_TYPES),
    holds: (pair) =>
      enoughTyped(pair) &&
      (pair.types.shareOf(DATA_TYPES) > 0.5 ||
        pair.types.shareOf(TXT) > 0.8 ||
        (pair.types.shareOf(NO_HOST_TYPES) > 0.9 && pair.underscored < pair.queries / 2)) &&
      !pair.isKnown,
  },
  {
    id: 'new names by the clock',
    factor: 0.5,
    mayHold: (pair) => pair.rhythm?.isRegular === true,
    holds: (pair, around) =>
      pair.kind !== 'reverse' && pair.rhythm?.isRegular === true && !isContacted(pair, around.now),
  },
  {
    id: 'an order without any pattern',
    factor: 0.5,
    mayHold: (pair) => pair.isOrderChance,
    holds: (pair, around) => pair.isOrderChance && !isContacted(pair, around.now),
  },
  {
    id: 'the answers are contacted',
    factor: 4,
    holds: (pair, around) => isContacted(pair, around.now),
  },
  {
    id: 'each name leads elsewhere',
    factor: 16,
    holds: (pair, around) => isContacted(pair, around.now) && leadsElsewhere(pair, around.now),
  },
  {
    id: 'three other clients ask alike',
    factor: 4,
    holds: (_, around) => around.alike >= 3,
  },
  {
    id: 'quiet for a day before',
    factor: 4,
    holds: (pair, around) => pair.isLearned(around.now),
  },
  {
    id: 'the client is a resolver itself',
    factor: 4,
    holds: (_, around) => around.isResolver,
  },
  {
    id: 'names of a protocol',
    factor: 4,
    holds: (pair) => pair.queries >= ENOUGH && pair.serviceQueries / pair.queries > 0.9,
  },
  {
    id: 'answers that are verdicts (127.0.0.0/8)',
    factor: 4,
    holds: (pair) => givesVerdicts(pair),
  },
  {
    id: 'addresses are what it is asked for',
    factor: 8,
    holds: (pair) => givesVerdicts(pair) && pair.addressNames > pair.names * 0.9,
  },
  {
    id: 'a search list, asked without the zone too',
    factor: 16,
    holds: (pair) => pair.searched >= ENOUGH && pair.searched > pair.names * 0.6,
  },
  {
    id: 'names without a dot',
    factor: 16,
    holds: (pair) => pair.kind === 'bare',
  },
];

const WAY_RULES: readonly WayRule[] = [
  {
    id: 'no domain, straight to a server outside',
    factor: 0.25,
    mayHold: (pair) => pair.kind === 'no-zone',
    holds: ({ scope }, pair) => pair.kind === 'no-zone' && scope === 'internet' && pair.names >= ENOUGH,
  },
  {
    id: 'not a configured resolver',
    factor: 0.5,
    holds: ({ isForeign }) => isForeign,
  },
  {
    id: 'no such top-level domain, and told so',
    factor: 16,
    holds: ({ isShared }, pair) =>
      isShared &&
      (pair.kind === 'unlisted' || pair.kind === 'no-zone') &&
      pair.nameErrors >= ENOUGH &&
      pair.nameErrors / (pair.nameErrors + pair.noErrors) >= 0.9,
  },
  {
    id: 'a local top-level domain',
    factor: 16,
    holds: ({ isShared }, pair) => isShared && pair.kind === 'unlisted' && LOCAL.has(pair.zone),
  },
  {
    id: 'known service',
    factor: 1024,
    holds: ({ isShared }, pair, around) => isShared && (around.isDeclared || pair.isKnown),
  },
];

const LOWERING = [...RULES, ...WAY_RULES].filter(({ factor }) => factor < 1);

/** The least that circumstances can multiply by as they are: below this share of a threshold nothing has crossed one. */
export function leastFactor(pair: ClientZone): number {
  let least = 1;
  for (const { factor, mayHold } of LOWERING) if (mayHold === undefined || mayHold(pair)) least *= factor;
  return Math.min(least, pair.toldUp?.factor ?? 1, pair.toldDown?.factor ?? 1);
}

/**
 * Each byte counts against the threshold of the way that it took, so that what is known of one resolver neither excuses
 * nor accuses what went through another: 100 bytes at factor 1 and 1000 at factor 10 are 200. `isLenient` leaves out what
 * lowers thresholds. The shares of the ways add up to 1.
 */
export function weigh(
  pair: ClientZone,
  around: Surroundings,
  ways: readonly Way[],
  { isLenient = false } = {},
): Weight {
  const circumstances: Circumstance[] = [];
  let common = 1;
  for (const { id, factor, holds } of RULES) {
    if ((isLenient && factor < 1) || !holds(pair, around)) continue;
    circumstances.push({ id, factor });
    common *= factor;
  }
  const factors = ways.map(() => 1);
  for (const { id, factor, holds } of WAY_RULES) {
    if (isLenient && factor < 1) continue;
    let share = 0;
    for (const [i, way] of ways.entries()) {
      if (!holds(way, pair, around)) continue;
      share += way.share;
      factors[i]! *= factor;
    }
    if (share > 0) circumstances.push(share > 0.995 ? { id, factor } : { id, factor, share });
  }
  let perFactor = 0;
  for (const [i, { share }] of ways.entries()) perFactor += share / factors[i]!;
  return { factor: common / perFactor, circumstances };
}

/** Most of what it looked up in the zone it connected to. */
export function isContacted(pair: ClientZone, now: Micros): boolean {
  const { share, names } = pair.contacted(now);
  return names >= ENOUGH && share > 0.6;
}

/** At least every other name it connected to has an address of its own. */
function leadsElsewhere(pair: ClientZone, now: Micros): boolean {
  const { share, names, addresses } = pair.contacted(now);
  return addresses >= ENOUGH && addresses >= (share * names) / 2;
}

/** A few listed, the others not: nine in ten answers are one or the other. */
function givesVerdicts({ verdicts, nameErrors, noErrors }: ClientZone): boolean {
  const answers = nameErrors + noErrors;
  return answers >= ENOUGH && verdicts >= answers * 0.03 && verdicts + nameErrors >= answers * 0.9;
}

function enoughTyped(pair: ClientZone): boolean {
  return pair.types.all >= ENOUGH;
}
