/** macvlan and ipvlan: containers with addresses of the LAN, past the host's firewall. */
import { counted } from '../../../model/readable.ts';
import { defineCheck } from '../check.ts';
import { judgeNetworks } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'lan-driver',
  title: 'No network puts containers straight on the LAN',
  group: 'drivers',
  severity: 'low',
  argument:
    "On macvlan and ipvlan each port that a container opens is open on the LAN, without being published and past the host's firewall: neither Docker's rules nor yours are in the way. Low, since that is what the driver is chosen for; the wall has to stand elsewhere. Without a parent, or internal, they lead nowhere.",
  needs: ['networks', 'containers'],
  run: ({ networks, containers }) =>
    judgeNetworks(
      networks.filter(({ driver }) => driver === 'macvlan' || driver === 'ipvlan'),
      { right: 'Lead to no LAN.', none: 'There is no macvlan or ipvlan network.' },
      (network) => {
        const parent = network.options['parent'];
        // The engine makes a dummy interface (dm-...) where no parent is named.
        if (network.internal || parent === undefined || /^d[mi]-/.test(parent)) return undefined;
        const members = containers.filter(({ networks: names }) => names.includes(network.name));
        return {
          explanation: `${network.name} (${network.driver}) puts ${counted(members.length, 'container')} on the LAN behind ${parent}, past the firewall of this host.`,
          evidence: { parent, containers: members.map(({ label }) => label) },
          remedy: {
            what: `Keep on it only what the LAN is to reach, filter at the switch or in the container, and give it a VLAN of its own (parent: ${parent}.20).`,
          },
        };
      },
    ),
});
