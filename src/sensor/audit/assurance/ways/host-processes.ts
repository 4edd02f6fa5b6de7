/** A member in the host's PID namespace: with the right to enter processes it is on all their networks. */
import { entersProcesses } from '../../lib/capabilities.ts';
import { containerObject, serviceRemedy } from '../../lib/verdicts.ts';
import { defineWay } from '../way.ts';

export default defineWay({
  id: 'host-processes',
  title: "through the host's processes (a member with `--pid host`)",
  toldBy: 'host-pid',
  needs: ['containers'],
  look: ({ members }) => ({
    open: members
      .map(({ container }) => container)
      .filter(({ pidMode }) => pidMode === 'host')
      .map((container) => ({
        mark: 'possible' as const,
        severity: entersProcesses(container) ? ('high' as const) : ('medium' as const),
        objects: [containerObject(container)],
        explanation: `${container.label} sees the host's processes${entersProcesses(container) ? ' and may enter them: every network of this host is open to it' : ', and may speak with those that trust its user'}.`,
        evidence: { pid: 'host', privileged: container.isPrivileged, capAdd: container.capAdd },
        remedy: serviceRemedy(
          container,
          'Take it out, or take the container off this network.',
          ['# no `pid: host`'],
          'without --pid host',
        ),
      })),
    shut: { reason: "no member sees the host's processes" },
  }),
});
