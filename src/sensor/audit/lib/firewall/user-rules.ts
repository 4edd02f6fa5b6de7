/**
 * Which of the operator's rules (DOCKER-USER, and the chains that it leads to) any packet can reach, and why the others
 * are never met. By the packets that can be there at all: what is forwarded to a bridge has an address of that network,
 * because DNAT came first, and nothing that is forwarded has an address of the host's own.
 */
import type { Cidr } from '../../../../model/ip.ts';
import {
  type Chain,
  isDockerChain,
  OPERATOR_CHAIN,
  type Rule,
  type Ruleset,
  type Table,
} from '../../../host/firewall/ruleset.ts';
import { fitOf, rangesOf } from './match.ts';
import type { Bridged } from './networks.ts';
import { areWithin, type Interface, isWithin, type Packets, port, prefixOf } from './packets.ts';
import { walk } from './walk.ts';

export interface UserRule {
  readonly chain: string;
  readonly rule: Rule;
  /** Why no packet meets it; absent where some may. */
  readonly never?: Never;
}

export interface Never {
  readonly why: string;
  /** The rule that was meant, as far as that can be told; absent where it cannot. */
  readonly meant?: string;
  readonly mend: string;
}

export interface HostSide {
  readonly places: readonly Bridged[];
  readonly ways: readonly Interface[];
  /** All interfaces of the host; undefined where they are not known. */
  readonly interfaces: readonly string[] | undefined;
  /** Addresses of the host that are known. */
  readonly addresses: readonly string[];
  readonly published: readonly {
    readonly hostPort: number;
    readonly containerPort: number;
    readonly protocol: string;
  }[];
}

/** What RETURN at the end says the chain's end says too; engines up to 27 write it there. */
export function userRules(ruleset: Ruleset): readonly { readonly chain: string; readonly rule: Rule }[] {
  return userChains(ruleset).flatMap(({ name, rules }) =>
    rules.filter((rule) => !isBareReturn(rule)).map((rule) => ({ chain: name, rule })),
  );
}

/** Whether FORWARD leads there. */
export function isUserChainAsked(ruleset: Ruleset): boolean {
  const forward = filterOf(ruleset)?.chains.find(({ name }) => name === 'FORWARD');
  return forward?.rules.some(({ target }) => target === OPERATOR_CHAIN) === true;
}

export function judgeUserRules(ruleset: Ruleset, host: HostSide): UserRule[] {
  const filter = filterOf(ruleset);
  const forward = filter?.chains.find(({ name }) => name === 'FORWARD');
  if (filter === undefined || forward === undefined) return [];
  const met = new Set<Rule>();
  const rules = userRules(ruleset);
  const all = possible(ruleset, rules, host);
  const upToIt = forward.rules.findIndex(({ target }) => target === OPERATOR_CHAIN) + 1;
  const base = { ...forward, rules: forward.rules.slice(0, upToIt) };
  for (const packets of all) walk(filter, base, packets, met);
  return rules.map(({ chain, rule }) => {
    const never = neverBecause(rule, all, met, host);
    return { chain, rule, ...(never === undefined ? {} : { never }) };
  });
}

function neverBecause(
  rule: Rule,
  all: readonly Packets[],
  met: ReadonlySet<Rule>,
  host: HostSide,
): Never | undefined {
  const absent = absentInterface(rule, host);
  if (absent !== undefined) {
    const mend =
      'Name an interface that there is (`ip -br link`); a network keeps its bridge by com.docker.network.bridge.name.';
    return { why: absent, mend };
  }
  const address = ownAddress(rule, host);
  if (address !== undefined) {
    return {
      why: `${address} is an address of this host: what was sent there has a container's address by then (DNAT), or is not forwarded`,
      meant: rule.text.replace(` -d ${rule.destination!.value}`, ` ${ORIGINAL} --ctorigdst ${address}`),
      mend: 'Ask for the address that it was sent to (--ctorigdst).',
    };
  }
  const asked = publishedPort(rule, host);
  if (asked !== undefined) {
    const { hostPort, containerPort } = asked;
    const meant = rule.text.replace(/ -m \w+ --dport \d+/, ` ${ORIGINAL} --ctorigdstport ${hostPort}`);
    return {
      why: `port ${hostPort} is the published one: by then packets have the container's, ${containerPort} (DNAT)`,
      ...(meant === rule.text ? {} : { meant }),
      mend: 'Ask for the port that it was sent to (--ctorigdstport), or for the port of the container.',
    };
  }
  // What DNAT has rewritten is not walked here: its old address is asked for on purpose.
  if (met.has(rule) || !isAboutOpening(rule) || rule.others.some((text) => text.includes('--ctorig'))) {
    return undefined;
  }
  return all.some((packets) => fitOf(rule, packets).kind !== 'none')
    ? {
        why: 'rules before it decide about all that it is about',
        mend: 'Put it before the rule that decides, or take it away.',
      }
    : {
        why: 'nothing that is forwarded is like this',
        mend: 'Ask for what packets are by then: addresses of containers, and the bridges that they are on.',
      };
}

/** Of the packets that a client sends, not of the answers. */
const ORIGINAL = '-m conntrack --ctdir ORIGINAL';

/** Of packets that open a connection; replies are let through by other rules, and are not walked here. */
function isAboutOpening({ connState }: Rule): boolean {
  if (connState === undefined) return true;
  return connState.value.toUpperCase().split(',').includes('NEW') !== connState.isNegated;
}

function absentInterface({ inInterface, outInterface }: Rule, { interfaces }: HostSide): string | undefined {
  if (interfaces === undefined) return undefined;
  const absent = [inInterface, outInterface].find((match) => {
    if (match === undefined || match.isNegated || /[,@]/.test(match.value)) return false;
    const stem = /[+*]$/.test(match.value) ? match.value.slice(0, -1) : undefined;
    return !interfaces.some((name) => (stem === undefined ? name === match.value : name.startsWith(stem)));
  });
  if (absent === undefined) return undefined;
  const { value } = absent;
  return /^br-[0-9a-f]{12}$/.test(value)
    ? `${value} is the bridge of no network: it was made anew under another name`
    : `there is no interface ${value}`;
}

function ownAddress({ destination }: Rule, { addresses }: HostSide): string | undefined {
  const prefix = destination === undefined || destination.isNegated ? undefined : prefixOf(destination.value);
  if (prefix?.prefixBits !== 128) return undefined;
  return addresses.find((address) => isWithin(prefixOf(address), prefix));
}

/** For packets that come in: those that a container sends may well be for such a port of somebody else's. */
function publishedPort(rule: Rule, { published, places }: HostSide) {
  const { destinationPorts, inInterface, source, protocol, others } = rule;
  if (destinationPorts === undefined || destinationPorts.isNegated || others.length > 0) return undefined;
  if (
    inInterface !== undefined &&
    !inInterface.isNegated &&
    places.some(({ bridge }) => bridge === inInterface.value)
  ) {
    return undefined;
  }
  const from = source === undefined || source.isNegated ? undefined : prefixOf(source.value);
  if (from !== undefined && places.some(({ subnets }) => subnets.some((subnet) => isWithin(from, subnet)))) {
    return undefined;
  }
  const wanted = rangesOf(destinationPorts.value);
  // A range is seldom meant for one published port.
  if (wanted === undefined || wanted.some((range) => range.from !== range.to)) return undefined;
  const ofIts = published.filter((each) => protocol === undefined || each.protocol === protocol.value);
  if (ofIts.some(({ containerPort }) => areWithin(port(containerPort), wanted))) return undefined;
  const asked = wanted.map(({ from: number }) => ofIts.find(({ hostPort }) => hostPort === number));
  return asked.every((each) => each !== undefined) ? asked[0] : undefined;
}

/** All that can be forwarded, by where it comes from and goes to; of the host's interfaces those that rules name. */
function possible(
  { family }: Ruleset,
  rules: readonly { readonly rule: Rule }[],
  { places, ways, interfaces = [], addresses }: HostSide,
): Packets[] {
  const here = places.filter((place) => place.family === family);
  const bridges = new Map(here.map(({ bridge, subnets }) => [bridge, subnets]));
  const named = new Set(rules.flatMap(({ rule }) => [rule.inInterface?.value, rule.outInterface?.value]));
  const others = [
    ...new Set<Interface>([...ways, ...interfaces.filter((name) => named.has(name) && !bridges.has(name))]),
  ];
  const own = addresses.flatMap((address): { destination: Cidr }[] => {
    const destination = prefixOf(address);
    return destination === undefined ? [] : [{ destination }];
  });
  const ends: readonly Interface[] = [...bridges.keys(), ...others];
  return ends.flatMap((from) =>
    ends.flatMap((to): Packets[] => {
      const sources = typeof from === 'string' ? bridges.get(from) : undefined;
      const destinations = typeof to === 'string' ? bridges.get(to) : undefined;
      const base = { family, from, to, without: own };
      return (sources ?? [undefined]).flatMap((source) =>
        (destinations ?? [undefined]).map((destination) => ({
          ...base,
          ...(source === undefined ? {} : { source }),
          ...(destination === undefined ? {} : { destination }),
        })),
      );
    }),
  );
}

/** DOCKER-USER and what it jumps to, the engine's own aside. */
function userChains(ruleset: Ruleset): Chain[] {
  const chains = new Map(filterOf(ruleset)?.chains.map((chain) => [chain.name, chain]));
  const found = new Map<string, Chain>();
  const waiting: string[] = [OPERATOR_CHAIN];
  while (waiting.length > 0) {
    const chain = chains.get(waiting.pop()!);
    if (chain === undefined || found.has(chain.name)) continue;
    found.set(chain.name, chain);
    for (const { verdict, target = '' } of chain.rules) {
      if (verdict === 'jump' && !isDockerChain(target)) waiting.push(target);
    }
  }
  return [...found.values()];
}

function filterOf({ backend, tables }: Ruleset): Table | undefined {
  return backend === 'nftables' ? undefined : tables.find(({ name }) => name === 'filter');
}

function isBareReturn({ verdict, text }: Rule): boolean {
  return verdict === 'return' && /^-A \S+ -j RETURN$/.test(text);
}
