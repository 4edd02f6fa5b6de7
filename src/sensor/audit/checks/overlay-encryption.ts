/** Overlay networks in clear: VXLAN on UDP 4789, for whoever sees the wire between the nodes. */
import { defineCheck } from '../check.ts';
import { compose, composeNetworkName, judgeNetworks } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'overlay-encryption',
  title: 'Overlay networks are encrypted',
  group: 'drivers',
  severity: 'medium',
  argument:
    "Frames between nodes can be read, and forged, by whoever is on the wire: medium, since it takes a place there; where all nodes share a network that nobody else is on, or a VPN, it is no matter. overlay-cleartext tells when such frames are really seen. Swarm's own ingress is left out: it carries what came from outside in clear, or in TLS of its own.",
  needs: ['networks'],
  cis: ['7.3'],
  run: ({ networks }) =>
    judgeNetworks(
      networks.filter(({ driver, isIngress }) => driver === 'overlay' && !isIngress),
      { right: 'Are encrypted.', none: 'There is no overlay network.' },
      (network) =>
        'encrypted' in network.options
          ? undefined
          : {
              explanation: `${network.name} crosses the wire between nodes in clear (VXLAN, UDP 4789).`,
              evidence: { options: Object.keys(network.options) },
              remedy: {
                what: 'Make it anew with the option `encrypted`, which cannot be added later; the nodes need UDP 4789 and ESP (IP protocol 50) between them.',
                compose: compose('networks', composeNetworkName(network), [
                  'driver: overlay',
                  'driver_opts:',
                  '  encrypted: ""',
                ]),
              },
            },
    ),
});
