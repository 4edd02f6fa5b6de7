/** Switches of the kernel, set for a container, that take a protection of the network away. */
import { defineCheck } from '../check.ts';
import { judgeContainers, listed, serviceRemedy } from '../lib/verdicts.ts';

interface Switch {
  readonly pattern: RegExp;
  readonly isWeak: (value: string) => boolean;
  readonly why: string;
}

/** Documentation/networking/ip-sysctl.rst. */
const SWITCHES: readonly Switch[] = [
  {
    pattern: /^net\.ipv4\.ip_forward$|^net\.ipv[46]\.conf\..+\.forwarding$/,
    isWeak: isOn,
    why: 'it routes between its networks',
  },
  {
    pattern: /^net\.ipv4\.conf\..+\.rp_filter$/,
    isWeak: (value) => value === '0',
    why: 'it takes packets with forged sources',
  },
  {
    pattern: /^net\.ipv[46]\.conf\..+\.accept_redirects$/,
    isWeak: isOn,
    why: 'a neighbour can turn its routes',
  },
  { pattern: /^net\.ipv[46]\.conf\..+\.accept_source_route$/, isWeak: isOn, why: 'senders choose the way' },
  { pattern: /^net\.ipv6\.conf\..+\.accept_ra$/, isWeak: isOn, why: 'a neighbour can become its router' },
  {
    pattern: /^net\.ipv4\.conf\..+\.route_localnet$/,
    isWeak: isOn,
    why: 'others reach what it keeps on 127.0.0.1',
  },
  { pattern: /^net\.ipv4\.conf\..+\.proxy_arp$/, isWeak: isOn, why: 'it answers ARP for others' },
];

export default defineCheck({
  id: 'network-sysctls',
  title: 'No container has a protection of its network stack turned off',
  group: 'privileges',
  severity: 'low',
  argument:
    "Each takes one protection away, in the container's own namespace only: low. Forwarding in a container that is on two networks joins them: medium.",
  needs: ['containers'],
  run: ({ containers }) =>
    judgeContainers(
      containers,
      { right: 'Keep the protections of their network stack.', none: 'No container runs.' },
      (container) => {
        const weak = Object.entries(container.sysctls).flatMap(([name, value]) => {
          const match = SWITCHES.find(({ pattern, isWeak }) => pattern.test(name) && isWeak(value));
          return match === undefined ? [] : [{ name, value, why: match.why }];
        });
        if (weak.length === 0) return undefined;
        const forwards = weak.some(({ name }) => name.includes('forward'));
        const joins = forwards && container.networks.length > 1;
        return {
          severity: joins ? 'medium' : 'low',
          explanation: `${container.label} runs with ${listed(weak.map(({ name, value }) => `${name}=${value}`))}: ${listed(weak.map(({ why }) => why))}${joins ? ` (${listed(container.networks)})` : ''}.`,
          evidence: {
            sysctls: weak.map(({ name, value }) => `${name}=${value}`),
            networks: container.networks,
          },
          remedy: serviceRemedy(
            container,
            'Leave them at what the kernel has, unless the container is a router.',
            ['sysctls: {}', ...weak.map(({ name }) => `# no ${name}`)],
            `without ${weak.map(({ name }) => `--sysctl ${name}`).join(' and ')}`,
          ),
        };
      },
    ),
});

function isOn(value: string): boolean {
  return value !== '0';
}
