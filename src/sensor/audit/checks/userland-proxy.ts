/** docker-proxy: a process for each published port, which makes connections of its own and so hides who asked. */
import { defineCheck } from '../check.ts';
import { daemonJson, ENGINE } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'userland-proxy',
  title: 'The userland proxy is off',
  group: 'engine',
  severity: 'informational',
  argument:
    "Each published port costs a process of root's, and what goes through it comes to the container from the gateway's address: logs and allow-lists there see nobody. Hairpin NAT does the same without. Informational, because the proxy is the default, and IPv6 clients of IPv4 containers need it.",
  needs: ['settings', 'containers'],
  cis: ['2.16'],
  run: ({ settings, containers }) => {
    const ports = containers.reduce((sum, { published = [] }) => sum + published.length, 0);
    const evidence = { userlandProxy: settings.userlandProxy ?? true, publishedPorts: ports };
    if (settings.userlandProxy === false) {
      return [{ outcome: 'pass', objects: [ENGINE], explanation: 'The userland proxy is off.', evidence }];
    }
    return [
      {
        outcome: 'fail',
        objects: [ENGINE],
        explanation: `The userland proxy is on: each published address and port (${ports} now) has a process of root's, and who comes through it has the gateway's address.`,
        evidence,
        remedy: {
          what: `Turn it off in ${settings.configFile} and start the engine again, unless clients come by IPv6 to containers without it.`,
          daemonJson: daemonJson({ 'userland-proxy': false }),
        },
      },
    ];
  },
});
