/** `--privileged`: all capabilities, all devices, no seccomp profile. */
import { defineCheck } from '../check.ts';
import { judgeContainers, serviceRemedy } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'privileged',
  title: 'No container is privileged',
  group: 'privileges',
  severity: 'high',
  argument:
    "A privileged process can mount the host's disk, load a kernel module and enter the host's network namespace: no network option of Docker holds it. High, because it takes an intruder in the container to use it.",
  needs: ['containers'],
  cis: ['5.5'],
  run: ({ containers }) =>
    judgeContainers(containers, { right: 'Are not privileged.', none: 'No container runs.' }, (container) =>
      container.isPrivileged
        ? {
            explanation: `${container.label} is privileged: no network it is on, internal or not, holds who gets into it.`,
            evidence: { privileged: true, image: container.image },
            remedy: serviceRemedy(
              container,
              'Give it the capabilities and devices that it needs, and no more.',
              ['privileged: false', 'cap_drop: [ALL]', 'cap_add: []  # what it fails without'],
              'with --cap-drop ALL and --cap-add of what it fails without, instead of --privileged',
            ),
          }
        : undefined,
    ),
});
