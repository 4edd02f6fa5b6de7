/** Published on every address of the host, in which family: `0.0.0.0` alone, `[::]` alone, or both. */
import { defineCheck } from '../check.ts';
import { isOnAnyAddress, loopbackPorts, portText } from '../lib/published-ports.ts';
import { judgeContainers, listed, serviceRemedy } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'published-any-address',
  title: 'Ports are published on chosen addresses of the host only',
  group: 'exposure',
  severity: 'low',
  argument:
    'A web server is meant to be reached, so the fact alone is low; what a sensitive port adds is told by published-sensitive-port. It is worth a line because Docker opens the port past ufw and firewalld, and on IPv6 too, where nobody looked.',
  needs: ['containers'],
  cis: ['5.14'],
  run: ({ containers }) =>
    judgeContainers(
      containers,
      { right: 'Publish no port, or on chosen addresses only.', none: 'No container runs.' },
      (container) => {
        const open = (container.published ?? []).filter(isOnAnyAddress);
        if (open.length === 0) return undefined;
        const families = [...new Set(open.map(({ hostIp }) => (hostIp === '::' ? 'IPv6' : 'IPv4')))].sort();
        return {
          explanation: `${container.label} publishes ${listed(open.map(portText))}: whoever reaches any address of this host by ${families.join(' or ')} reaches the container, whatever ufw or firewalld say.`,
          evidence: { ports: open.map(portText), families },
          remedy: serviceRemedy(
            container,
            'Bind each port to the address that it is for; loopback where only a reverse proxy on this host asks.',
            loopbackPorts(open),
            `with -p 127.0.0.1:${open[0]!.hostPort}:${open[0]!.containerPort}`,
          ),
        };
      },
    ),
});
