/** Overlay networks that any container of any node may join, without a service of the Swarm. */
import { defineCheck } from '../check.ts';
import { compose, composeNetworkName, judgeNetworks } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'attachable-overlay',
  title: 'Only services join overlay networks',
  group: 'drivers',
  severity: 'low',
  argument:
    'Whoever may start a container on any node of the Swarm, a worker too, can put it on an attachable network, past what managers deploy. Low: he has root on a node then. It is made so for a debug session and forgotten.',
  needs: ['networks'],
  run: ({ networks }) =>
    judgeNetworks(
      networks.filter(({ driver }) => driver === 'overlay'),
      { right: 'Are for services only.', none: 'There is no overlay network.' },
      (network) =>
        network.isAttachable
          ? {
              explanation: `${network.name} is attachable: a container that is started on any node can join it.`,
              evidence: { attachable: true },
              remedy: {
                what: 'Make it anew without `attachable`, unless containers outside services need it.',
                compose: compose('networks', composeNetworkName(network), [
                  'driver: overlay',
                  'attachable: false',
                ]),
              },
            }
          : undefined,
    ),
});
