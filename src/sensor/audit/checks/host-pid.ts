/** `--pid host`: the container sees the host's processes, and through /proc their network namespaces. */
import { defineCheck } from '../check.ts';
import { judgeContainers, serviceRemedy } from '../lib/verdicts.ts';

const GRAVE: ReadonlySet<string> = new Set(['ALL', 'SYS_ADMIN', 'SYS_PTRACE']);

export default defineCheck({
  id: 'host-pid',
  title: "No container sees the host's processes",
  group: 'privileges',
  severity: 'medium',
  argument:
    'It reads command lines and environments of every process, secrets among them: medium. With SYS_PTRACE, SYS_ADMIN or --privileged it enters any process and its networks: high. Monitoring agents need it, this one too.',
  needs: ['containers'],
  cis: ['5.16'],
  run: ({ containers }) =>
    judgeContainers(
      containers,
      { right: 'See their own processes only.', none: 'No container runs.' },
      (container) => {
        if (container.pidMode !== 'host') return undefined;
        const isGrave = container.isPrivileged || container.capAdd.some((name) => GRAVE.has(name));
        return {
          severity: isGrave ? 'high' : 'medium',
          explanation: `${container.label} runs in the host's PID namespace${isGrave ? ' and may enter its processes: every network of this host is open to it' : ": it reads the host's processes and their environments"}.`,
          evidence: { pid: 'host', privileged: container.isPrivileged, capAdd: container.capAdd },
          remedy: serviceRemedy(
            container,
            'Take it out, unless the container watches the host.',
            ['# no `pid: host`'],
            'without --pid host',
          ),
        };
      },
    ),
});
