/**
 * What becomes of a set of packets that meets every base chain on its way: dropped by one it is dropped, and only what
 * all of them let pass gets through, whichever tool wrote them. `unknown` where that hangs on a condition that is not
 * modelled here, or where the rules of the family were not read.
 */
import type { Chain, Family, Ruleset, Table } from '../../../host/firewall/ruleset.ts';
import type { Packets } from './packets.ts';
import { type Ending, type Flow, walk } from './walk.ts';

export type Hook = 'prerouting' | 'input' | 'forward' | 'postrouting';

/** A packet's way through the host, before and after it is known where it goes. */
export const FORWARDED: readonly Hook[] = ['prerouting', 'forward', 'postrouting'];

export interface Fate {
  /** `open`: some of them surely get through. `held`: none does. */
  readonly state: 'held' | 'open' | 'unknown';
  /** What let them through, where some get or may get through; empty where no chain had anything to say. */
  readonly through: readonly Ending[];
  /** What dropped them, or some of them. */
  readonly by: readonly Ending[];
  /** Rules whose conditions decide, and are not known. */
  readonly doubts: readonly string[];
}

interface Passing extends Flow {
  readonly trail: readonly Ending[];
}

/** Of each table of iptables that can drop; `nat` only rewrites. */
const IPTABLES_TABLES: readonly string[] = ['raw', 'mangle', 'filter', 'security'];
const MAX_PASSING = 2000;

export function fateOf(rulesets: readonly Ruleset[], hooks: readonly Hook[], packets: Packets): Fate {
  const ours = rulesets.filter(({ family }) => family === packets.family);
  if (ours.length === 0) return { state: 'unknown', through: [], by: [], doubts: [unread(packets.family)] };
  let passing: readonly Passing[] = [{ packets, doubts: [], trail: [] }];
  const by: Ending[] = [];
  for (const { table, chain } of hooks.flatMap((hook) => baseChains(ours, hook))) {
    const next: Passing[] = [];
    for (const { packets: some, doubts, trail } of passing) {
      for (const ending of walk(table, chain, some)) {
        const all = [...doubts, ...ending.doubts];
        if (ending.verdict === 'drop') by.push({ ...ending, doubts: all });
        else next.push({ packets: ending.packets, doubts: all, trail: [...trail, ending] });
      }
    }
    passing = next.length <= MAX_PASSING ? next : [next.find(({ doubts }) => doubts.length > 0) ?? next[0]!];
  }
  const sure = passing.filter(({ doubts }) => doubts.length === 0);
  const told = sure.length > 0 ? sure : passing;
  const doubts = sure.length > 0 ? [] : [...new Set(passing.flatMap((each) => each.doubts))];
  const state = sure.length > 0 ? 'open' : passing.length > 0 ? 'unknown' : 'held';
  return { state, through: told.flatMap(({ trail }) => deciding(trail)), by, doubts };
}

/** Of the accepting ends those that a rule made, or else a policy of a chain that has rules. */
function deciding(trail: readonly Ending[]): readonly Ending[] {
  const made = trail.filter(({ rule }) => rule !== undefined);
  return made.length > 0 ? made : trail.filter(({ chain }) => chain === 'FORWARD' || chain === 'INPUT');
}

/** Rules or policies in words, each once. */
export function textsOf(endings: readonly Ending[]): string[] {
  return [...new Set(endings.map(({ text }) => text))];
}

function unread(family: Family): string {
  return `the rules for ${family === 'ipv4' ? 'IPv4' : 'IPv6'} could not be read`;
}

/** In the kernel's order as far as it matters: a drop is a drop, wherever it stands. */
function baseChains(
  rulesets: readonly Ruleset[],
  hook: Hook,
): { readonly table: Table; readonly chain: Chain }[] {
  return rulesets.flatMap(({ backend, tables }) =>
    tables.flatMap((table) =>
      table.chains
        .filter((chain) =>
          backend === 'nftables'
            ? chain.hook === hook && (chain.type ?? 'filter') === 'filter'
            : chain.name === hook.toUpperCase() && IPTABLES_TABLES.includes(table.name),
        )
        .map((chain) => ({ table, chain })),
    ),
  );
}
