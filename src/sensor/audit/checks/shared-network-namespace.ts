/** `network_mode: container:` and `service:`: two containers with one address, one loopback and one set of ports. */
import { defineCheck } from '../check.ts';
import { judgeContainers, serviceRemedy } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'shared-network-namespace',
  title: "No container shares another's network namespace",
  group: 'privileges',
  severity: 'low',
  argument:
    "What one keeps on 127.0.0.1 the other reaches, and on the wire nobody can tell them apart. Low, because a VPN or a proxy beside its service is built so on purpose; medium where the one that joins has NET_ADMIN, and so commands the other's routes.",
  needs: ['containers'],
  run: ({ containers }) =>
    judgeContainers(
      containers,
      { right: 'Share their network namespace with no other.', none: 'No container runs.' },
      (container) => {
        const id = /^container:(.+)$/.exec(container.networkMode)?.[1];
        if (id === undefined) return undefined;
        const owner =
          containers.find((other) => other.id === id || other.name === id)?.label ?? id.slice(0, 12);
        const commands = container.isPrivileged || container.capAdd.includes('NET_ADMIN');
        return {
          severity: commands ? 'medium' : 'low',
          explanation: `${container.label} shares the network namespace of ${owner}${commands ? ', and commands its routes' : ''}: each reaches what the other keeps on 127.0.0.1.`,
          evidence: { owner, networkMode: container.networkMode },
          remedy: serviceRemedy(
            container,
            `Give it a network with ${owner} instead, unless the two are meant to be one.`,
            ['# no `network_mode:`', 'networks: [pair]'],
            'with --network NAME',
          ),
        };
      },
    ),
});
