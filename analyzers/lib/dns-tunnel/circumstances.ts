/**
 * Circumstances that move the thresholds of dns-tunnel, one line each. They multiply; none is an exemption, so a channel
 * that dresses up as one of them is found later, not never.
 */
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
  /** The resolver serves more than this zone, or is no address of the internet. */
  readonly isSharedResolver: boolean;
  /** Configured resolvers are known, and this is none of them. */
  readonly isForeignResolver: boolean;
  /** Named by the operator as known. */
  readonly isDeclared: boolean;
  /** Other clients that ask this zone for names of the same length. */
  readonly alike: number;
  /** The client answers others: what it asks, others asked. */
  readonly isResolver: boolean;
}

export interface Circumstance {
  readonly id: string;
  readonly factor: number;
}

interface Rule extends Circumstance {
  readonly holds: (pair: ClientZone, around: Surroundings) => boolean;
}

export const RULES: readonly Rule[] = [
  {
    id: 'record types that carry data',
    factor: 0.5,
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
    holds: (pair, around) =>
      pair.kind !== 'reverse' && pair.rhythm?.isRegular === true && !isContacted(pair, around.now),
  },
  {
    id: 'an order without any pattern',
    factor: 0.5,
    holds: (pair, around) => pair.isOrderChance && !isContacted(pair, around.now),
  },
  {
    id: 'no domain, straight to a server outside',
    factor: 0.25,
    holds: (pair) => pair.kind === 'no-zone' && pair.resolver.scope === 'internet' && pair.names >= ENOUGH,
  },
  {
    id: 'not a configured resolver',
    factor: 0.5,
    holds: (_, around) => around.isForeignResolver,
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
    id: 'no such top-level domain, and told so',
    factor: 16,
    holds: (pair, around) =>
      (pair.kind === 'unlisted' || pair.kind === 'no-zone') &&
      around.isSharedResolver &&
      pair.nameErrors >= ENOUGH &&
      pair.nameErrors / (pair.nameErrors + pair.noErrors) >= 0.9,
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
    id: 'a local top-level domain',
    factor: 16,
    holds: (pair, around) => pair.kind === 'unlisted' && around.isSharedResolver && LOCAL.has(pair.zone),
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
  {
    id: 'known service',
    factor: 1024,
    holds: (pair, around) => around.isSharedResolver && (around.isDeclared || pair.isKnown),
  },
];

/** The least that circumstances can multiply by: below this share of a threshold nothing needs to be looked at. */
export const LEAST_FACTOR = RULES.filter((rule) => rule.factor < 1).reduce(
  (product, rule) => product * rule.factor,
  1,
);

export function circumstancesOf(pair: ClientZone, around: Surroundings): readonly Circumstance[] {
  return RULES.filter((rule) => rule.holds(pair, around));
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
