/** `icc`: whether containers on the default bridge may talk with each other without having been linked. */
import { defineCheck } from '../check.ts';
import { daemonJson, networkObject } from '../lib/verdicts.ts';

const ICC = 'com.docker.network.bridge.enable_icc';

export default defineCheck({
  id: 'default-bridge-icc',
  title: 'Containers on the default bridge cannot talk with each other',
  group: 'segmentation',
  severity: 'low',
  argument:
    'As long as nobody is on the default bridge it costs nothing to shut it, and keeps apart whoever lands there by mistake: low. With two containers on it, it is what joins them; default-bridge tells that as medium.',
  needs: ['networks', 'containers'],
  cis: ['2.2'],
  run: ({ networks, containers }) => {
    const bridge = networks.find(({ isDefaultBridge }) => isDefaultBridge);
    if (bridge === undefined) {
      return [{ outcome: 'not-applicable', objects: [], explanation: 'The engine has no default bridge.' }];
    }
    const objects = [networkObject(bridge)];
    const members = containers.filter((container) => container.networks.includes(bridge.name)).length;
    const evidence = { icc: bridge.options[ICC] ?? 'true', containers: members };
    if (bridge.options[ICC] === 'false') {
      return [{ outcome: 'pass', objects, explanation: 'icc is off on the default bridge.', evidence }];
    }
    return [
      {
        outcome: 'fail',
        objects,
        explanation: `icc is on: ${members < 2 ? 'whoever is started without a network' : `the ${members} containers there, and whoever is started without a network,`} may talk to all others on the default bridge.`,
        evidence,
        remedy: {
          what: "Turn it off in the engine's daemon.json, and start the engine again. Networks of your own are not touched.",
          daemonJson: daemonJson({ icc: false }),
        },
      },
    ];
  },
});
