/** Capabilities that command a network namespace: routes, addresses, firewall, taps. */
import type { ContainerFacts } from '../../docker/container-facts.ts';
import { defineCheck } from '../check.ts';
import { judgeContainers, listed, serviceRemedy } from '../lib/verdicts.ts';

const COMMANDING: ReadonlySet<string> = new Set(['ALL', 'NET_ADMIN', 'SYS_ADMIN', 'SYS_MODULE', 'BPF']);

export default defineCheck({
  id: 'net-admin',
  title: 'No container commands a network namespace',
  group: 'privileges',
  severity: 'medium',
  argument:
    "With NET_ADMIN a container changes its own addresses and routes: it takes its neighbours' addresses, and gives itself a way out of a network that has none. Medium in a namespace of its own, where VPN clients need it; high on the host's network, where the routes and the firewall are the host's, and with SYS_ADMIN, SYS_MODULE or ALL, which lead to the host by themselves.",
  needs: ['containers'],
  cis: ['5.4'],
  run: ({ containers }) =>
    judgeContainers(
      containers.filter(({ isPrivileged }) => !isPrivileged),
      { right: 'Have no capability over networks.', none: 'No container runs that is not privileged.' },
      (container) => {
        const has = container.capAdd.filter((name) => COMMANDING.has(name));
        if (has.length === 0) return undefined;
        const onHost = container.networkMode === 'host';
        const isGrave = onHost || has.some((name) => name !== 'NET_ADMIN' && name !== 'BPF');
        return {
          severity: isGrave ? 'high' : 'medium',
          explanation: `${container.label} has ${listed(has)}${onHost ? " on the host's network: the host's routes and firewall are its to change" : ': it can change its addresses and routes, and pose as its neighbours'}.`,
          evidence: { capAdd: has, networkMode: container.networkMode },
          remedy: remedyOf(container, has),
        };
      },
    ),
});

function remedyOf(container: ContainerFacts, has: readonly string[]) {
  const rest = container.capAdd.filter((name) => !has.includes(name));
  return serviceRemedy(
    container,
    'Take the capability away; a VPN client that needs it belongs on a network of its own.',
    [`cap_add: [${rest.join(', ')}]  # without ${has.join(', ')}`],
    `without ${has.map((name) => `--cap-add ${name}`).join(' and ')}`,
  );
}
