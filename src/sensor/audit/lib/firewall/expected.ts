/**
 * Which rules the engine keeps to hold one network apart from all else, and which of them are not there. What it wrote
 * differs by version: stages of isolation up to 27, chains below DOCKER-FORWARD from 28 on (28.0 still with the first
 * stage), a table of its own under nftables (moby, integration/network/bridge/iptablesdoc and nftablesdoc). By these no
 * verdict is given, because rules that are there may be out of reach: they tell what to look for.
 */
import { formatCidr } from '../../../../model/ip.ts';
import { type Chain, NFTABLES_TABLE, type Rule, type Ruleset } from '../../../host/firewall/ruleset.ts';
import type { Bridged } from './networks.ts';
import { prefixOf } from './packets.ts';

/** As its tool would print them; empty where all are there. */
export function missingRules(rulesets: readonly Ruleset[], bridged: Bridged): string[] {
  const ours = rulesets.filter(({ family }) => family === bridged.family);
  const tables = ours.flatMap((ruleset) => ruleset.tables);
  const nft = tables.find(({ name }) => name === NFTABLES_TABLE);
  if (nft !== undefined) return missing(chainsOf(nft.chains), ofNftables(bridged));
  const filter = tables.filter(({ name }) => name === 'filter');
  const dockers =
    filter.find(({ chains }) => chains.some(({ name }) => name.startsWith('DOCKER'))) ?? filter[0];
  const chains = chainsOf(dockers?.chains ?? []);
  if (!chains.has('DOCKER-FORWARD')) return missing(chains, ofStages(bridged, 'FORWARD'));
  if (bridged.network.internal) {
    return chains.has('DOCKER-INTERNAL')
      ? missing(chains, ofDockerForward(bridged))
      : missing(chains, ofStages(bridged, 'DOCKER-FORWARD'));
  }
  return missing(chains, ofDockerForward(bridged));
}

interface Wanted {
  readonly chain: string;
  readonly text: string;
  is(rule: Rule): boolean;
}

function missing(chains: ReadonlyMap<string, Chain>, wanted: readonly Wanted[]): string[] {
  return wanted.filter(({ chain, is }) => chains.get(chain)?.rules.some(is) !== true).map(({ text }) => text);
}

function chainsOf(chains: readonly Chain[]): ReadonlyMap<string, Chain> {
  return new Map(chains.map((chain) => [chain.name, chain]));
}

function jump(chain: string, target: string): Wanted {
  return { chain, text: `-A ${chain} -j ${target}`, is: (rule) => rule.target === target && isBare(rule) };
}

function ofStages({ bridge, network, subnets }: Bridged, caller: string): Wanted[] {
  const [first, second] = ['DOCKER-ISOLATION-STAGE-1', 'DOCKER-ISOLATION-STAGE-2'] as const;
  if (network.internal) return [jump(caller, first), ...internalDropsIn(first, bridge, subnets)];
  return [
    jump(caller, first),
    {
      chain: first,
      text: `-A ${first} -i ${bridge} ! -o ${bridge} -j ${second}`,
      is: ({ inInterface, target }) => inInterface?.value === bridge && target === second,
    },
    {
      chain: second,
      text: `-A ${second} -o ${bridge} -j DROP`,
      is: ({ outInterface, verdict }) => outInterface?.value === bridge && verdict === 'drop',
    },
  ];
}

function ofDockerForward(bridged: Bridged): Wanted[] {
  const { bridge, network, subnets } = bridged;
  const forward = jump('FORWARD', 'DOCKER-FORWARD');
  if (network.internal) {
    const chain = 'DOCKER-INTERNAL';
    return [forward, jump('DOCKER-FORWARD', chain), ...internalDropsIn(chain, bridge, subnets)];
  }
  return [
    forward,
    jump('DOCKER-FORWARD', 'DOCKER-BRIDGE'),
    {
      chain: 'DOCKER-BRIDGE',
      text: `-A DOCKER-BRIDGE -o ${bridge} -j DOCKER`,
      is: ({ outInterface, target }) => outInterface?.value === bridge && target === 'DOCKER',
    },
    ...(isBehindNat(bridged)
      ? [
          {
            chain: 'DOCKER',
            text: `-A DOCKER ! -i ${bridge} -o ${bridge} -j DROP`,
            is: ({ outInterface, verdict }: Rule) => outInterface?.value === bridge && verdict === 'drop',
          },
        ]
      : []),
  ];
}

function internalDropsIn(chain: string, bridge: string, subnets: Bridged['subnets']): Wanted[] {
  return subnets.flatMap((subnet) => [
    {
      chain,
      text: `-A ${chain} ! -s ${formatCidr(subnet)} -o ${bridge} -j DROP`,
      is: ({ source, outInterface, verdict }: Rule) =>
        outInterface?.value === bridge && verdict === 'drop' && isAllBut(source, subnet),
    },
    {
      chain,
      text: `-A ${chain} ! -d ${formatCidr(subnet)} -i ${bridge} -j DROP`,
      is: ({ destination, inInterface, verdict }: Rule) =>
        inInterface?.value === bridge && verdict === 'drop' && isAllBut(destination, subnet),
    },
  ]);
}

function ofNftables(bridged: Bridged): Wanted[] {
  const { bridge, network } = bridged;
  const [into, out] = [`filter-forward-in__${bridge}`, `filter-forward-out__${bridge}`] as const;
  const called = (direction: 'oifname' | 'iifname', chain: string): Wanted => ({
    chain: 'filter-FORWARD',
    text: `${direction} ${bridge} jump ${chain}`,
    is: ({ target }) => target === chain,
  });
  const drop = (chain: string, text: string): Wanted => ({
    chain,
    text: `${chain}: ${text}`,
    is: ({ verdict, comment }) => verdict === 'drop' && comment !== 'ICC',
  });
  if (network.internal) {
    return [
      called('oifname', into),
      called('iifname', out),
      drop(into, `iifname != ${bridge} drop`),
      drop(out, `oifname != ${bridge} drop`),
    ];
  }
  return [called('oifname', into), ...(isBehindNat(bridged) ? [drop(into, 'drop')] : [])];
}

/** Not so in the gateway modes of engine 27 and later that leave the containers' own addresses open. */
export function isBehindNat({ network, family }: Pick<Bridged, 'network' | 'family'>): boolean {
  const mode = network.options[`com.docker.network.bridge.gateway_mode_${family}`];
  return mode !== 'routed' && mode !== 'nat-unprotected';
}

function isBare({ inInterface, outInterface, source, destination, protocol, others }: Rule): boolean {
  const asked = [inInterface, outInterface, source, destination, protocol];
  return asked.every((match) => match === undefined) && others.length === 0;
}

function isAllBut(match: Rule['source'], subnet: Bridged['subnets'][number]): boolean {
  const prefix = match?.isNegated === true ? prefixOf(match.value) : undefined;
  return prefix !== undefined && formatCidr(prefix) === formatCidr(subnet);
}
