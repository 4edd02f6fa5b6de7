/** Subnets of networks that are somebody else's too: the LAN's, a VPN's, another network's route. */
import { type Cidr, cidrContains, formatCidr, parseCidr } from '../../../model/ip.ts';
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import type { HostRoute } from '../../host/routes.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { daemonJson, ENGINE, judgeNetworks, listed } from '../lib/verdicts.ts';

const FREE_POOL = { 'default-address-pools': [{ base: '10.213.0.0/16', size: 24 }] };

export default defineCheck({
  id: 'address-overlap',
  title: "No network has addresses that the host's other networks have",
  group: 'engine',
  severity: 'medium',
  argument:
    "Where both have them, the host's answers go to the wrong one: a VPN's or the LAN's machines are not reached, or containers get what was meant for these. Medium: it breaks more often than it is used, and whoever holds the address in a container then gets the host's packets for it.",
  needs: ['engine', 'networks', 'host'],
  run: ({ engine, networks, host }) => {
    // Behind a bridge of the engine's is the engine's own; its gateway is ours.
    const own = new Set(networks.flatMap(({ bridge }) => (bridge === undefined ? [] : [bridge])));
    const others = host.routes.filter(
      (route) => !route.isDefault && !own.has(route.interface) && route.interface !== 'lo',
    );
    const ofNetworks = judgeNetworks(
      networks.filter(
        ({ driver, subnets }) => (driver === 'bridge' || driver === 'overlay') && subnets.length > 0,
      ),
      { right: 'Have addresses that no other route of this host has.', none: 'No network has addresses.' },
      (network) => {
        const clashes = clashesOf(network, others);
        if (clashes.length === 0) return undefined;
        return {
          explanation: `${network.name} (${listed(network.subnets)}) has addresses that this host reaches elsewhere too: ${listed(clashes.map(({ cidr, interface: name }) => `${formatCidr(cidr)} by ${name}`))}.`,
          evidence: {
            subnets: network.subnets,
            routes: clashes.map(({ cidr, interface: name }) => `${formatCidr(cidr)} ${name}`),
          },
          remedy: {
            what: 'Give the engine pools that nobody else has, then make the network anew: it keeps its addresses till then.',
            daemonJson: daemonJson(FREE_POOL),
          },
        };
      },
    );
    const pools = clashesOf({ subnets: engine.addressPools }, others);
    return pools.length === 0 ? ofNetworks : [...ofNetworks, poolVerdict(engine.addressPools, pools)];
  },
});

/** No network has them yet; the next one may. */
function poolVerdict(pools: readonly string[], clashes: readonly HostRoute[]): Verdict {
  const routes = clashes.map(({ cidr, interface: name }) => `${formatCidr(cidr)} ${name}`);
  return {
    outcome: 'fail',
    severity: 'low',
    objects: [ENGINE],
    explanation: `The engine gives out addresses of ${listed(pools)}, which this host reaches elsewhere too: ${listed(routes)}.`,
    evidence: { pools, routes },
    remedy: { what: 'Give it pools that nobody else has.', daemonJson: daemonJson(FREE_POOL) },
  };
}

function clashesOf({ subnets }: Pick<NetworkFacts, 'subnets'>, routes: readonly HostRoute[]): HostRoute[] {
  const own = subnets.map(parseCidr).filter((cidr) => cidr !== undefined);
  return routes.filter(({ cidr }) => own.some((subnet) => overlap(subnet, cidr)));
}

function overlap(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && (cidrContains(a, b.base) || cidrContains(b, a.base));
}
