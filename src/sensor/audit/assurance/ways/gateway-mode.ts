/** Gateway modes `routed` and `nat-unprotected`: the outside is let straight at the members' own addresses. */

import { openGatewayModes } from '../../lib/gateway-modes.ts';
import { compose, composeNetworkName, networkObject } from '../../lib/verdicts.ts';
import { markOf } from '../marks.ts';
import { defineWay } from '../way.ts';

export default defineWay({
  id: 'gateway-mode',
  title: 'by the gateway mode, which lets the outside at the members',
  toldBy: 'gateway-mode',
  needs: [],
  isAbout: ({ driver }) => driver === 'bridge',
  look: ({ network, talks = [] }) => {
    const modes = openGatewayModes(network);
    const shut = { reason: 'no gateway mode is set that opens it' };
    if (modes.length === 0) return { shut };
    const { mark, said, evidence } = markOf(talks.filter(({ direction }) => direction === 'ingress'));
    return {
      shut,
      open: [
        {
          mark,
          severity: 'medium',
          objects: [networkObject(network)],
          explanation: `${network.name} has gateway mode ${[...new Set(modes.map(({ mode }) => mode))].join(' and ')}: only the rules of \`internal\` still stand between the outside and its members.${said}`,
          evidence: { modes: modes.map(({ key, mode }) => `${key}=${mode}`), ...evidence },
          remedy: {
            what: 'Make the network anew with `isolated` (engine 28 and later) or `nat`.',
            compose: compose('networks', composeNetworkName(network), [
              'internal: true',
              'driver_opts:',
              ...modes.map(({ key }) => `  ${key}: isolated`),
            ]),
          },
        },
      ],
    };
  },
});
