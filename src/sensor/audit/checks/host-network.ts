/** `network_mode: host`: no network of its own, so nothing between it and the host's. */
import { defineCheck } from '../check.ts';
import { judgeContainers, serviceRemedy } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'host-network',
  title: "No container is on the host's network",
  group: 'privileges',
  severity: 'medium',
  argument:
    'It listens on every address of the host without being published, reaches what the host keeps on loopback, and no network of Docker holds it. Medium: it is a choice that somebody made, often for speed that a published port has too.',
  needs: ['containers'],
  cis: ['5.10'],
  run: ({ containers }) =>
    judgeContainers(
      containers,
      { right: 'Have a network namespace of their own.', none: 'No container runs.' },
      (container) =>
        container.networkMode === 'host'
          ? {
              explanation: `${container.label} is on the host's network: what it opens is open on the host, and what the host keeps on 127.0.0.1 is open to it.`,
              evidence: { networkMode: 'host', image: container.image },
              remedy: serviceRemedy(
                container,
                'Put it on a network of its own and publish what has to be reached.',
                ['# no `network_mode: host`', 'networks: [front]', 'ports:', '  - "127.0.0.1:8080:8080"'],
                'with --network NAME -p 127.0.0.1:8080:8080',
              ),
            }
          : undefined,
    ),
});
