/**
 * macvlan and ipvlan, internal, yet with a parent that was named: the engine leaves out the default route and no more, so
 * members stand on the parent's link. Without a parent it makes a dummy interface, which leads nowhere.
 */
import { compose, composeNetworkName, networkObject } from '../../lib/verdicts.ts';
import { markOf, talksToOutside } from '../marks.ts';
import { defineWay } from '../way.ts';

export default defineWay({
  id: 'lan-parent',
  title: "on the link of the network's parent (macvlan, ipvlan)",
  needs: [],
  isAbout: ({ driver }) => driver === 'macvlan' || driver === 'ipvlan',
  look: (inside) => {
    const { network } = inside;
    const parent = network.options['parent'];
    const shut = { reason: 'its parent is a dummy interface of the engine' };
    if (parent === undefined || parent === '' || /^d[mi]-/.test(parent)) return { shut };
    const { mark, said, evidence } = markOf(talksToOutside(inside));
    return {
      shut,
      open: [
        {
          mark,
          severity: 'high',
          objects: [networkObject(network)],
          explanation: `${network.name} (${network.driver}) is internal, but stands on ${parent}: its members have no default route, and speak with everybody on that link all the same, past the firewall of this host.${said}`,
          evidence: { parent, driver: network.driver, ...evidence },
          remedy: {
            what: `Make it anew without a parent: it is then a wire of its own.`,
            compose: compose('networks', composeNetworkName(network), [
              `driver: ${network.driver}`,
              'internal: true',
              `# no \`parent: ${parent}\``,
            ]),
          },
        },
      ],
    };
  },
});
