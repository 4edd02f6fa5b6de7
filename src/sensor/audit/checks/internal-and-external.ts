/** A container on an internal network and on one that is not: the only way out of the internal one, and a way in. */
import { shellWord } from '../../../model/shell.ts';
import { defineCheck } from '../check.ts';
import { composeNetworkName, judgeMembers, listed, serviceRemedy } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'internal-and-external',
  title: 'No container joins an internal network to the outside',
  group: 'segmentation',
  severity: 'low',
  argument:
    'A reverse proxy before an internal tier is built just so, and is the reason why the tier can be internal: low, worth knowing by name, because who gets into it is past the wall. Medium where the container can route by itself (NET_ADMIN, forwarding): then it needs no program to be a bridge. High where it is privileged. Whether it relays is told by internal-relay while it happens.',
  needs: ['networks', 'containers'],
  run: ({ networks, containers }) => {
    const internal = new Set(networks.filter((network) => network.internal).map(({ name }) => name));
    const external = new Set(networks.filter((network) => !network.internal).map(({ name }) => name));
    const named = (names: readonly string[]) =>
      networks
        .filter(({ name }) => names.includes(name))
        .map(composeNetworkName)
        .join(', ');
    const members = containers.filter((container) => container.networks.some((name) => internal.has(name)));
    return judgeMembers(
      members,
      networks,
      { right: 'Are on internal networks only.', none: 'No container is on an internal network.' },
      (container) => {
        const inside = container.networks.filter((name) => internal.has(name));
        const outside = container.networks.filter((name) => external.has(name));
        if (outside.length === 0) return undefined;
        const forwards = Object.entries(container.sysctls).some(
          ([name, value]) => /ip_forward|forwarding/.test(name) && value !== '0',
        );
        const routes = container.capAdd.some((name) => name === 'NET_ADMIN' || name === 'ALL') || forwards;
        const severity = container.isPrivileged ? 'high' : routes ? 'medium' : 'low';
        return {
          severity,
          explanation: `${container.label} is on ${listed(inside)} (internal) and on ${listed(outside)}: who gets into it is past the wall${severity === 'low' ? '' : ', and it may route between them'}.`,
          evidence: { internal: inside, external: outside, forwards, privileged: container.isPrivileged },
          remedy: serviceRemedy(
            container,
            'Keep on both sides only what has to be, with nothing else in it; take the others off one side.',
            [`networks: [${named(inside)}]  # without ${named(outside)}`],
            `with fewer networks, or run docker network disconnect ${shellWord(outside[0]!)} ${shellWord(container.name)}`,
          ),
        };
      },
    );
  },
});
