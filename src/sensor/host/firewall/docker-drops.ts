/**
 * Which rules of a ruleset hold packets of containers back, why, and between which bridges: the engine's own, and the
 * operator's in DOCKER-USER. Pure; it knows what engines 17 to 29 write, and takes nothing else for theirs.
 */
import type { BlockedRecord } from '../../../model/blocked.ts';
import {
  type Backend,
  type Chain,
  type Counters,
  type Family,
  isDockerChain,
  type Match,
  NFTABLES_TABLE,
  OPERATOR_CHAIN,
  type Rule,
  type Ruleset,
  type Table,
} from './ruleset.ts';

export interface Drop {
  /** The rule wherever it stands: the same text a second time in a chain is another. */
  readonly key: string;
  readonly family: Family;
  readonly backend: Backend;
  readonly table: string;
  readonly chain: string;
  readonly rule: string;
  readonly verdict: 'drop' | 'reject';
  readonly reason: BlockedRecord['reason'];
  /** Interface that the packets came in by; absent where the rule does not say. */
  readonly from?: string;
  /** Interface that they were to leave by. */
  readonly to?: string;
  /** Prefixes by which a network can be known where no interface tells. */
  readonly source?: string;
  readonly destination?: string;
  readonly counters: Counters;
}

/** Chains that the operator's may jump to, one after the other. */
const MAX_JUMPS = 64;

export function dropsOf(ruleset: Ruleset, bridges: ReadonlySet<string>): Drop[] {
  const seen = new Map<string, number>();
  const drops: Drop[] = [];
  const add = (table: Table, chain: Chain, rule: Found): void => {
    const base = `${ruleset.family} ${ruleset.backend} ${table.name} ${chain.name} ${rule.text}`;
    const nth = (seen.get(base) ?? 0) + 1;
    seen.set(base, nth);
    const { family, backend } = ruleset;
    const { text, ...rest } = rule;
    drops.push({
      ...{ key: `${base} ${nth}`, family, backend, table: table.name, chain: chain.name, rule: text },
      ...rest,
    });
  };
  for (const table of ruleset.tables) {
    const operators = operatorChains(table);
    for (const chain of table.chains) {
      const { name, policy, counters } = chain;
      if (table.name === 'filter' && name === 'FORWARD' && policy === 'DROP' && counters !== undefined) {
        add(table, chain, { text: '-P FORWARD DROP', verdict: 'drop', reason: 'policy', counters });
      }
      for (const rule of chain.rules) {
        const { verdict, text, counters: counted } = rule;
        if ((verdict !== 'drop' && verdict !== 'reject') || counted === undefined) continue;
        const place = placeOf(table, chain, rule, operators, bridges);
        if (place !== undefined) add(table, chain, { text, verdict, counters: counted, ...place });
      }
    }
  }
  return drops;
}

type Place = Pick<Drop, 'reason' | 'from' | 'to' | 'source' | 'destination'>;
type Found = Place & Pick<Drop, 'verdict' | 'counters'> & { readonly text: string };

function placeOf(
  table: Table,
  { name }: Chain,
  rule: Rule,
  operators: ReadonlySet<string>,
  bridges: ReadonlySet<string>,
): Place | undefined {
  if (table.name === NFTABLES_TABLE) return nftablesPlace(name, rule);
  if (table.name === 'raw') return name === 'PREROUTING' ? rawPlace(rule) : undefined;
  if (table.name !== 'filter') return undefined;
  const ends = endsOf(rule);
  const isWithin = ends.from !== undefined && ends.from === ends.to;
  if (operators.has(name)) return { reason: 'operator', ...ends, ...prefixesOf(rule) };
  if (isDockerChain(name)) {
    if (isWithin) return { reason: 'icc', ...ends };
    // Of an internal network: what is not from it, or not for it.
    if (rule.source?.isNegated === true || rule.destination?.isNegated === true) {
      return { reason: 'internal', ...ends };
    }
    return { reason: name === 'DOCKER' ? 'unpublished' : 'isolation', ...ends };
  }
  if (name === 'FORWARD') {
    const isOurs = [ends.from, ends.to].some((end) => end !== undefined && bridges.has(end));
    // Of other firewalls there are many; those that name no bridge of Docker are none of our business.
    return isOurs ? { reason: isWithin ? 'icc' : 'operator', ...ends } : undefined;
  }
  return name === 'INPUT' && isForEncryptedOverlay(rule) ? { reason: 'overlay' } : undefined;
}

/** Chains of the engine's table are named for the bridge that they guard. */
function nftablesPlace(chain: string, { comment = '', destination }: Rule): Place | undefined {
  const [, direction, bridge] = /^filter-forward-(in|out)__(.+)$/.exec(chain) ?? [];
  if (bridge !== undefined) {
    if (comment.includes('ICC')) return { reason: 'icc', from: bridge, to: bridge };
    const ends = direction === 'in' ? { to: bridge } : { from: bridge };
    if (comment.includes('INTERNAL')) return { reason: 'internal', ...ends };
    return { reason: comment.includes('UNPUBLISHED') ? 'unpublished' : 'isolation', ...ends };
  }
  if (!chain.startsWith('raw-')) return undefined;
  return directPlace(destination);
}

/** Since engine 28: what goes straight to a container's address, or from elsewhere to a port on loopback. */
function rawPlace({ destination, inInterface }: Rule): Place | undefined {
  return inInterface?.isNegated === true ? directPlace(destination) : undefined;
}

function directPlace(destination: Match | undefined): Place | undefined {
  if (destination === undefined || destination.isNegated) return undefined;
  const isLoopback = destination.value.startsWith('127.') || destination.value.startsWith('::1');
  return isLoopback ? { reason: 'loopback' } : { reason: 'direct', destination: destination.value };
}

/** The engine refuses what comes in clear for an overlay that is encrypted: VXLAN that IPsec has not unpacked. */
function isForEncryptedOverlay({ protocol, others }: Rule): boolean {
  return protocol?.value === 'udp' && others.includes('-m policy') && others.includes('--pol none');
}

/** DOCKER-USER, and the chains of the operator's that it leads to (ufw-docker has one). */
function operatorChains({ chains }: Table): ReadonlySet<string> {
  const byName = new Map(chains.map((chain) => [chain.name, chain]));
  const reached = new Set<string>();
  const waiting = [OPERATOR_CHAIN];
  while (waiting.length > 0 && reached.size < MAX_JUMPS) {
    const chain = byName.get(waiting.pop()!);
    if (chain === undefined || reached.has(chain.name)) continue;
    reached.add(chain.name);
    for (const { verdict, target } of chain.rules) {
      if (verdict === 'jump' && target !== undefined && !isDockerChain(target)) waiting.push(target);
    }
  }
  return reached;
}

/** Names only: `br-+` is many bridges, `! -o br-1` any other. */
function endsOf({ inInterface, outInterface }: Rule): Pick<Place, 'from' | 'to'> {
  const from = nameIn(inInterface);
  const to = nameIn(outInterface);
  return { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
}

function nameIn(match: Match | undefined): string | undefined {
  return match === undefined || match.isNegated || /[+*]$/.test(match.value) ? undefined : match.value;
}

function prefixesOf({ source, destination }: Rule): Pick<Place, 'source' | 'destination'> {
  return {
    ...(source === undefined || source.isNegated ? {} : { source: source.value }),
    ...(destination === undefined || destination.isNegated ? {} : { destination: destination.value }),
  };
}
