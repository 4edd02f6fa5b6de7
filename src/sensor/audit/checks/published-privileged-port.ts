/** Ports below 1024 of the host that a container answers, HTTP's left out: whoever asks there takes it for the host itself. */
import type { PublishedPort } from '../../docker/engine-json.ts';
import { defineCheck } from '../check.ts';
import { portLines, portText, publishText } from '../lib/published-ports.ts';
import { judgeContainers, listed, serviceRemedy } from '../lib/verdicts.ts';

/** ip(7): below it a process has to be root's, or to have NET_BIND_SERVICE. */
const FIRST_UNPRIVILEGED = 1024;
/** HTTP, TLS and QUIC: what reverse proxies are published for. */
const WEB: ReadonlySet<number> = new Set([80, 443]);

export default defineCheck({
  id: 'published-privileged-port',
  title: "Containers answer none of the host's privileged ports but the web's",
  group: 'exposure',
  severity: 'low',
  argument:
    "A port below 1024 is root's to bind, so who asks there takes the answer for the host's own: SSH, mail, DNS, time. The engine binds it for any container, with no right of the container's own. A check of its own and not a part of published-any-address, because it is about the number, on loopback too. Low, since the port has to be published by somebody who may. 80 and 443 pass: reverse proxies are made for them, and a line that every host gets is read by nobody.",
  needs: ['containers'],
  cis: ['5.8'],
  run: ({ containers }) =>
    judgeContainers(
      containers,
      { right: "Publish none of the host's privileged ports but the web's.", none: 'No container runs.' },
      (container) => {
        const low = (container.published ?? []).filter(isPrivileged);
        if (low.length === 0) return undefined;
        const moved = low.map((port) => ({ ...port, hostPort: port.hostPort + 8000 }));
        return {
          explanation: `${container.label} publishes ${listed(low.map(portText))}: it answers where the host's own services are looked for.`,
          evidence: { ports: low.map(portText) },
          remedy: serviceRemedy(
            container,
            'Publish it above 1023, or leave it where it is if it is the service that is looked for there.',
            portLines(moved),
            `with -p ${publishText(moved[0]!)}`,
          ),
        };
      },
    ),
});

/** 0: of a Compose file, where the engine is to choose; it chooses high ones. */
function isPrivileged({ hostPort }: PublishedPort): boolean {
  return hostPort > 0 && hostPort < FIRST_UNPRIVILEGED && !WEB.has(hostPort);
}
