/**
 * NET_RAW, which Docker gives to every container: frames without a route or an address of its own. Past the firewall it
 * leads nowhere; it takes neighbours' addresses, so one that has a way out goes it for all.
 */
import { commandingCapabilities, hasRawSockets } from '../../lib/capabilities.ts';
import { compose, containerObject, listed } from '../../lib/verdicts.ts';
import { defineWay } from '../way.ts';

export default defineWay({
  id: 'raw-sockets',
  title: 'by frames that a member makes itself (NET_RAW)',
  toldBy: 'net-raw',
  needs: ['containers'],
  look: ({ members }) => {
    // Who commands the whole namespace is told already.
    const raw = members
      .map(({ container }) => container)
      .filter(
        (container) =>
          hasRawSockets(container) &&
          !container.isPrivileged &&
          commandingCapabilities(container).length === 0,
      );
    const shut = { reason: 'no member has raw sockets' };
    if (raw.length === 0) return { shut };
    const labels = [...new Set(raw.map(({ label }) => label))];
    const service = raw.find(({ composeService }) => composeService !== undefined)?.composeService;
    return {
      shut,
      open: [
        {
          mark: 'possible' as const,
          severity: 'low',
          objects: raw.map(containerObject),
          explanation: `${listed(labels)} can send any frame (NET_RAW): without a route to the bridge, and in a neighbour's name to whoever has a way out.`,
          evidence: { containers: labels },
          remedy: {
            what: 'Drop it in each; ping works without (engine 20.10 and later).',
            compose: compose('services', service ?? 'SERVICE', ['cap_drop: [NET_RAW]']),
          },
        },
      ],
    };
  },
});
