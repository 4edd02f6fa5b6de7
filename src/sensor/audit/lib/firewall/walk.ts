/**
 * How a set of packets fares through one base chain: where parts of it end, by which rule, and what of that is in doubt
 * because a rule asks what is not modelled. Rules that exist and are never reached end nothing.
 */
import type { Chain, Match, Rule, Table } from '../../../host/firewall/ruleset.ts';
import { type Fit, fitOf, markedBy } from './match.ts';
import { type Interface, isEmpty, type Packets } from './packets.ts';

/** Part of a set on its way, and the rules that may have taken it before, for all we know. */
export interface Flow {
  readonly packets: Packets;
  readonly doubts: readonly string[];
}

export interface Ending extends Flow {
  readonly verdict: 'accept' | 'drop';
  readonly chain: string;
  /** Absent where the policy of the chain decides. */
  readonly rule?: Rule;
  /** What decided, as its tool prints it; `-P FORWARD DROP` for a policy. */
  readonly text: string;
}

/** Beyond these a ruleset is too tangled to be followed; what is left is then in doubt. */
const MAX_FLOWS = 2000;
const MAX_DEPTH = 32;

/** Targets after which a packet goes on to the next rule (iptables-extensions(8)). */
const PASSING: ReadonlySet<string> = new Set(
  'LOG NFLOG ULOG AUDIT MARK CONNMARK SECMARK CONNSECMARK CT NOTRACK TOS DSCP TTL HL TCPMSS TCPOPTSTRIP CLASSIFY CHECKSUM SET TRACE TEE RATEEST IDLETIMER LED'.split(
    ' ',
  ),
);

/** `met` takes the rules that some of the packets reach, and are about. */
export function walk(table: Table, base: Chain, packets: Packets, met?: Set<Rule>): Ending[] {
  const walker = new Walker(chainsOf(table), met);
  const left = walker.run(base, [{ packets, doubts: [] }], 0);
  const verdict = base.policy === 'DROP' ? 'drop' : 'accept';
  const text = `-P ${base.name} ${base.policy ?? 'ACCEPT'}`;
  return [...walker.endings, ...left.map((flow) => ({ ...flow, verdict, chain: base.name, text }) as const)];
}

/** The same tables are walked for every pair of networks. */
const byName = new WeakMap<Table, ReadonlyMap<string, Chain>>();

function chainsOf(table: Table): ReadonlyMap<string, Chain> {
  const known = byName.get(table);
  if (known !== undefined) return known;
  const chains = new Map(table.chains.map((chain) => [chain.name, chain]));
  byName.set(table, chains);
  return chains;
}

/** Most rules are about one bridge, and most packets asked about go to one: a host has as many as networks, squared. */
const byTarget = new WeakMap<Chain, Map<string, readonly Rule[]>>();

/** Those that are not about another interface than these packets leave by. */
function rulesFor(chain: Chain, to: Interface | undefined): readonly Rule[] {
  if (typeof to !== 'string') return chain.rules;
  const known = byTarget.get(chain) ?? new Map<string, readonly Rule[]>();
  byTarget.set(chain, known);
  const rules = known.get(to) ?? chain.rules.filter(({ outInterface }) => isAbout(outInterface, to));
  known.set(to, rules);
  return rules;
}

function isAbout(match: Match | undefined, name: string): boolean {
  return match === undefined || match.isNegated || match.value === name || /[+*,@]/.test(match.value);
}

class Walker {
  readonly endings: Ending[] = [];
  readonly #chains: ReadonlyMap<string, Chain>;
  readonly #met: Set<Rule> | undefined;

  constructor(chains: ReadonlyMap<string, Chain>, met: Set<Rule> | undefined) {
    this.#chains = chains;
    this.#met = met;
  }

  /** What comes back out of the chain. All that enter go the same way: only what they are narrows on it. */
  run(chain: Chain, entering: readonly Flow[], depth: number): Flow[] {
    let flows: readonly Flow[] = entering;
    const returned: Flow[] = [];
    for (const rule of rulesFor(chain, entering[0]?.packets.to)) {
      if (flows.length === 0) break;
      const next: Flow[] = [];
      for (const flow of flows) {
        const { went, stayed } = this.#meet(chain, rule, flow, depth);
        returned.push(...went);
        next.push(...stayed);
      }
      flows = next.length <= MAX_FLOWS ? next : [tangled(entering[0]!, rule)];
    }
    return [...returned, ...flows];
  }

  /** `went`: back to the caller of the chain. `stayed`: on to the next rule. */
  #meet(
    chain: Chain,
    rule: Rule,
    flow: Flow,
    depth: number,
  ): { readonly went: readonly Flow[]; readonly stayed: readonly Flow[] } {
    const stays = { went: [], stayed: [flow] };
    const marks = setsMark(rule);
    const passes =
      (rule.verdict === 'none' && !rule.others.some(decidesUnseen)) ||
      (rule.verdict === 'other' && PASSING.has(rule.target ?? ''));
    if (passes && !marks && this.#met === undefined) return stays;
    const fit = fitOf(rule, flow.packets);
    if (fit.kind === 'none') return stays;
    const met: Flow =
      fit.kind === 'all'
        ? flow
        : {
            packets: fit.part,
            doubts: fit.kind === 'part' ? flow.doubts : [...flow.doubts, rule.text],
          };
    if (fit.kind !== 'all' && isEmpty(met.packets)) return stays;
    this.#met?.add(rule);
    if (marks) return { went: [], stayed: marked(rule, flow, fit) };
    if (passes) return stays;
    const before = this.endings.length;
    const { went, back } = this.#decide(chain, rule, met, depth);
    const after = this.endings.slice(before);
    if (fit.kind === 'all') return { went, stayed: back };
    // It came back as it went: the set need not be split.
    if (after.length === 0 && went.length === 0 && back.length === 1 && back[0] === met) return stays;
    if (fit.kind === 'part') {
      const rest = isEmpty(fit.rest) ? [] : [{ ...flow, packets: fit.rest }];
      return { went, stayed: [...back, ...rest] };
    }
    const mayDrop =
      after.some(({ verdict }) => verdict === 'drop') || back.some(({ doubts }) => doubts !== met.doubts);
    // What comes back from a chain that may have been entered is among those that may have passed it.
    return { went, stayed: [mayDrop ? { ...flow, doubts: [...flow.doubts, rule.text] } : flow] };
  }

  /** `back`: comes to the next rule after all. */
  #decide(
    chain: Chain,
    rule: Rule,
    flow: Flow,
    depth: number,
  ): { readonly went: readonly Flow[]; readonly back: readonly Flow[] } {
    const { verdict, target, text, isGoto } = rule;
    switch (verdict) {
      case 'accept':
        this.endings.push({ ...flow, verdict, chain: chain.name, rule, text });
        return NOTHING;
      case 'drop':
      case 'reject':
        this.endings.push({ ...flow, verdict: 'drop', chain: chain.name, rule, text });
        return NOTHING;
      case 'return':
        return { went: [flow], back: [] };
      case 'jump': {
        const called = this.#chains.get(target ?? '');
        // The kernel refuses loops and calls as deep; a text need not.
        if (called === undefined || depth >= MAX_DEPTH) return { went: [], back: [doubted(flow, rule)] };
        const came = this.run(called, [flow], depth + 1);
        return isGoto === true ? { went: came, back: [] } : { went: [], back: came };
      }
      default:
        // Another program decides (NFQUEUE), or something that nobody here knows.
        return { went: [], back: [doubted(flow, rule)] };
    }
  }
}

/** iptables' targets and nft's statement that change the mark of a packet. */
function setsMark({ target = '', verdict, others }: Rule): boolean {
  return (
    (verdict === 'other' && /^(?:CONN)?MARK$/.test(target)) ||
    (verdict === 'none' && others.some((text) => /^\{"mangle":\{"key":\{"meta":\{"key":"mark"/.test(text)))
  );
}

function marked(rule: Rule, flow: Flow, fit: Exclude<Fit, { readonly kind: 'none' }>): Flow[] {
  const { packets } = flow;
  if (fit.kind === 'all') return [{ ...flow, packets: { ...packets, mark: markedBy(rule, packets) } }];
  if (fit.kind === 'unknown') return [{ ...flow, packets: { ...packets, mark: 'unknown' } }];
  const part = { ...flow, packets: { ...fit.part, mark: markedBy(rule, packets) } };
  return isEmpty(fit.rest) ? [part] : [part, { ...flow, packets: fit.rest }];
}

const NOTHING = { went: [], back: [] } as const;

function doubted({ packets, doubts }: Flow, { text }: Rule): Flow {
  return { packets, doubts: [...doubts, text] };
}

function tangled(flow: Flow, { text }: Rule): Flow {
  return { packets: flow.packets, doubts: [`more than ${MAX_FLOWS} cases at ${text}`] };
}

/** Statements of nft that decide, and are not taken apart. */
function decidesUnseen(text: string): boolean {
  return /^\{"(?:vmap|queue|tproxy|fwd|synproxy)"/.test(text);
}
