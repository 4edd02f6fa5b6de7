/**
 * What `nft -j list table ip docker-bridges` and `nft -j list ruleset` print (libnftables-json(5)): one list of objects,
 * each a table, a chain, a rule, a set. Rules are lists of expressions; those that compare what the engine's rules compare
 * are taken apart, others are kept as JSON. A verdict map becomes a rule for each of its elements.
 */
import {
  type Chain,
  type Counters,
  type Match,
  type MatchField,
  type Rule,
  type Ruleset,
  RulesetError,
} from './ruleset.ts';

type Json = Readonly<Record<string, unknown>>;

const FAMILIES = { ip: 'ipv4', ip6: 'ipv6' } as const;

const META_FIELDS: Readonly<Record<string, MatchField>> = {
  iifname: 'inInterface',
  iif: 'inInterface',
  oifname: 'outInterface',
  oif: 'outInterface',
  l4proto: 'protocol',
};

const PAYLOAD_FIELDS: Readonly<Record<string, MatchField>> = {
  saddr: 'source',
  daddr: 'destination',
  sport: 'sourcePorts',
  dport: 'destinationPorts',
};

const VERDICTS = ['accept', 'drop', 'reject', 'return'] as const;

interface OpenChain extends Omit<Chain, 'rules'> {
  readonly rules: Rule[];
}

export interface NftOptions {
  /** Tables of the family `inet`, which meet packets of both, are in both rulesets, named `inet NAME`. */
  readonly withInet?: boolean;
}

/** Of the families `ip` and `ip6`, a ruleset each. */
export function parseNftJson(text: string, { withInet = false }: NftOptions = {}): Ruleset[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new RulesetError('nft did not print JSON');
  }
  const objects = isJson(parsed) ? parsed['nftables'] : undefined;
  if (!Array.isArray(objects)) throw new RulesetError('nft printed JSON without a list `nftables`');
  const rulesets = new Map<string, Map<string, Map<string, OpenChain>>>();
  const known = objects.filter(isJson);
  const maps = mapsOf(known);
  const places = ({ family, table }: Json) =>
    family === 'inet' && withInet
      ? ['ip', 'ip6'].map((each) => tableOf(rulesets, each, `inet ${String(table)}`))
      : [tableOf(rulesets, family, table)];
  for (const object of known) {
    const { table, chain, rule } = object;
    if (isJson(table)) places({ family: table['family'], table: table['name'] });
    if (isJson(chain)) for (const chains of places(chain)) readChain(chain, chains);
    if (isJson(rule)) for (const chains of places(rule)) readRule(rule, chains, maps);
  }
  return [...rulesets].map(([family, tables]) => ({
    family: FAMILIES[family as keyof typeof FAMILIES],
    backend: 'nftables',
    tables: [...tables].map(([name, chains]) => ({ name, chains: [...chains.values()] })),
  }));
}

/** Undefined for families that carry no addresses of one kind (inet, bridge, arp, netdev). */
function tableOf(
  rulesets: Map<string, Map<string, Map<string, OpenChain>>>,
  family: unknown,
  name: unknown,
): Map<string, OpenChain> | undefined {
  if (typeof family !== 'string' || typeof name !== 'string' || !Object.hasOwn(FAMILIES, family)) {
    return undefined;
  }
  const tables = rulesets.get(family) ?? new Map<string, Map<string, OpenChain>>();
  rulesets.set(family, tables);
  const chains = tables.get(name) ?? new Map<string, OpenChain>();
  tables.set(name, chains);
  return chains;
}

type Maps = ReadonlyMap<string, readonly unknown[]>;

/** Elements by family, table and name. */
function mapsOf(objects: readonly Json[]): Maps {
  const found = objects.flatMap(({ map }): [string, readonly unknown[]][] => {
    if (!isJson(map) || !Array.isArray(map['elem'])) return [];
    return [[mapKey(map, map['name']), map['elem']]];
  });
  return new Map(found);
}

function mapKey({ family, table }: Json, name: unknown): string {
  return `${String(family)} ${String(table)} ${String(name)}`;
}

function readChain({ name, policy, hook, type }: Json, chains: Map<string, OpenChain> | undefined): void {
  if (typeof name !== 'string') return;
  chains?.set(name, {
    name,
    ...(typeof policy === 'string' ? { policy: policy.toUpperCase() } : {}),
    ...(typeof hook === 'string' ? { hook } : {}),
    ...(typeof type === 'string' ? { type } : {}),
    rules: [],
  });
}

function readRule(rule: Json, chains: Map<string, OpenChain> | undefined, maps: Maps): void {
  const { chain, expr, comment } = rule;
  if (chains === undefined || typeof chain !== 'string' || !Array.isArray(expr)) return;
  const open = chains.get(chain) ?? { name: chain, rules: [] };
  chains.set(chain, open);
  const said = typeof comment === 'string' ? comment : undefined;
  for (const expressions of unmapped(expr.filter(isJson), rule, maps)) {
    open.rules.push(ruleOf(expressions, said));
  }
}

/** `oifname vmap @jumps` as `oifname "br-1" jump a`, `oifname "br-2" jump b`; as it is where that cannot be told. */
function unmapped(expressions: readonly Json[], rule: Json, maps: Maps): (readonly Json[])[] {
  const { vmap } = expressions.at(-1) ?? {};
  if (!isJson(vmap)) return [expressions];
  const { key, data } = vmap;
  const named = typeof data === 'string' ? maps.get(mapKey(rule, data.replace(/^@/, ''))) : undefined;
  const elements = isJson(data) && Array.isArray(data['set']) ? data['set'] : (named ?? []);
  const rules = elements.map((element): readonly Json[] | undefined => {
    if (!Array.isArray(element) || !isJson(element[1])) return undefined;
    const held = isJson(element[0]) && isJson(element[0]['elem']) ? element[0]['elem']['val'] : element[0];
    const match = { op: '==', left: key, right: held };
    if (comparisonOf(match)?.field === undefined) return undefined;
    return [...expressions.slice(0, -1), { match }, element[1]];
  });
  const isWhole = rules.length > 0 && rules.every((each) => each !== undefined);
  return isWhole ? (rules as (readonly Json[])[]) : [expressions];
}

function ruleOf(expressions: readonly Json[], comment: string | undefined): Rule {
  const matches: { -readonly [K in MatchField]?: Match } = {};
  const others: string[] = [];
  const words: string[] = [];
  let counters: Counters | undefined;
  let verdict: Rule['verdict'] = 'none';
  let isGoto = false;
  let target: string | undefined;
  for (const expression of expressions) {
    const [kind = '', value] = Object.entries(expression)[0] ?? [];
    const compared = kind === 'match' && isJson(value) ? comparisonOf(value) : undefined;
    if (kind === 'counter') {
      if (isJson(value)) counters = countersOf(value);
    } else if (compared !== undefined) {
      words.push(`${compared.name} ${compared.match.isNegated ? '!= ' : ''}${compared.match.value}`);
      if (compared.field === undefined || matches[compared.field] !== undefined) others.push(words.at(-1)!);
      else matches[compared.field] = compared.match;
      if (compared.protocol !== undefined)
        matches.protocol ??= { value: compared.protocol, isNegated: false };
    } else if (isVerdict(kind)) {
      verdict = kind;
      target = kind;
      words.push(kind);
    } else if ((kind === 'jump' || kind === 'goto') && isJson(value)) {
      verdict = 'jump';
      isGoto = kind === 'goto';
      target = String(value['target']);
      words.push(`${kind} ${target}`);
    } else {
      others.push(JSON.stringify(expression));
      words.push(others.at(-1)!);
    }
  }
  if (comment !== undefined) words.push(`comment ${JSON.stringify(comment)}`);
  return {
    text: words.join(' '),
    ...(counters === undefined ? {} : { counters }),
    ...matches,
    ...(comment === undefined ? {} : { comment }),
    verdict,
    ...(isGoto ? { isGoto } : {}),
    ...(target === undefined ? {} : { target }),
    targetOptions: [],
    others,
  };
}

interface Comparison {
  /** As nft(8) writes it: `iifname`, `ip daddr`. */
  readonly name: string;
  readonly field: MatchField | undefined;
  /** That the comparison takes for granted: `tcp dport`. */
  readonly protocol?: string;
  readonly match: Match;
}

function comparisonOf({ op, left, right }: Json): Comparison | undefined {
  if (!isJson(left)) return undefined;
  const match = { value: valueText(right), isNegated: op === '!=' };
  if (op !== '==' && op !== '!=' && op !== 'in') return undefined;
  const { meta, payload, ct } = left;
  if (isJson(meta) && typeof meta['key'] === 'string') {
    return { name: meta['key'], field: own(META_FIELDS, meta['key']), match };
  }
  if (isJson(payload) && typeof payload['field'] === 'string') {
    const protocol = String(payload['protocol']);
    const field = own(PAYLOAD_FIELDS, payload['field']);
    const isPort = field === 'sourcePorts' || field === 'destinationPorts';
    const name = `${protocol} ${payload['field']}`;
    return { name, field, match, ...(isPort && protocol !== 'th' ? { protocol } : {}) };
  }
  if (isJson(ct) && ct['key'] === 'state') return { name: 'ct state', field: 'connState', match };
  return undefined;
}

/** An address, a prefix, a name, a number, or several of these. */
function valueText(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map(valueText).join(',');
  if (isJson(value)) {
    const { prefix, set, range } = value;
    if (isJson(prefix)) return `${String(prefix['addr'])}/${String(prefix['len'])}`;
    if (Array.isArray(set)) return set.map(valueText).join(',');
    if (Array.isArray(range)) return range.map(valueText).join('-');
  }
  return JSON.stringify(value) ?? '';
}

function countersOf({ packets, bytes }: Json): Counters | undefined {
  return typeof packets === 'number' && typeof bytes === 'number' ? { packets, bytes } : undefined;
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function isVerdict(kind: string): kind is (typeof VERDICTS)[number] {
  return (VERDICTS as readonly string[]).includes(kind);
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
