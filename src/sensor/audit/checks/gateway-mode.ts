/** Gateway modes since engine 27: `routed` and `nat-unprotected` leave the container's own address open. */
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import { defineCheck } from '../check.ts';
import { compose, composeNetworkName, judgeNetworks } from '../lib/verdicts.ts';

const KEYS = [
  'com.docker.network.bridge.gateway_mode_ipv4',
  'com.docker.network.bridge.gateway_mode_ipv6',
] as const;

export default defineCheck({
  id: 'gateway-mode',
  title: 'No network lets the outside reach its containers directly',
  group: 'drivers',
  severity: 'medium',
  argument:
    "`nat-unprotected` opens every port of every container on the network to whoever has a route, published or not: high. `routed` opens the ports that are published, at the container's own address, so binding them to an address of the host means nothing: medium.",
  needs: ['networks'],
  engines: '>=27.0',
  run: ({ networks }) =>
    judgeNetworks(
      networks.filter(({ driver }) => driver === 'bridge'),
      { right: 'Have NAT or nothing before them.', none: 'There is no bridge network.' },
      (network) => {
        const open = modesOf(network).filter(({ mode }) => mode === 'routed' || mode === 'nat-unprotected');
        if (open.length === 0) return undefined;
        const isBare = open.some(({ mode }) => mode === 'nat-unprotected');
        return {
          severity: isBare ? 'high' : 'medium',
          explanation: `${network.name} has gateway mode ${[...new Set(open.map(({ mode }) => mode))].join(' and ')}: whoever has a route to it reaches ${isBare ? 'every port of its containers' : 'their published ports at their own addresses'}.`,
          evidence: { modes: open.map(({ key, mode }) => `${key}=${mode}`) },
          remedy: {
            what: 'Make the network anew with `nat`, the default, or with `isolated` where the host has no business there (engine 28 and later, internal networks).',
            compose: compose('networks', composeNetworkName(network), [
              'driver_opts:',
              ...open.map(({ key }) => `  ${key}: nat`),
            ]),
          },
        };
      },
    ),
});

function modesOf({ options }: NetworkFacts) {
  return KEYS.flatMap((key) => {
    const mode = options[key];
    return mode === undefined ? [] : [{ key, mode }];
  });
}
