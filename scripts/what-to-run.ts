/**
 * What `make run` does with the Docker it found: watch it, wait for it, or show the lab. No I/O, so that each case
 * of this decision can be tested.
 */
import type { DockerHere } from './docker-here.ts';

export interface Plan {
  readonly action: 'watch' | 'wait' | 'lab';
  /** What was looked for, where, and what follows; for a person. */
  readonly explanation: readonly string[];
}

export interface Wishes {
  /** LAB=no. */
  readonly labForbidden: boolean;
  readonly root: boolean;
}

export function whatToRun(docker: DockerHere, wishes: Wishes): Plan {
  if (docker.silence === undefined) {
    return { action: 'watch', explanation: [`The Docker engine at ${docker.address} answers: watching it.`] };
  }
  const said = docker.source === 'default' ? 'the usual place' : `from $${docker.source}`;
  const looked = `No Docker engine answers at ${docker.address} (${said}): ${docker.silence}.`;
  const wait = (...lines: string[]): Plan => ({
    action: 'wait',
    explanation: [looked, ...lines, 'The agent starts and waits for the engine.'],
  });
  if (docker.source !== 'default') return wait('You named it, so no other is looked for.');
  if (docker.dockerd !== undefined && !docker.dockerdIsOurs) {
    return wait(
      `Docker is installed (${docker.dockerd}) but not running; it is left alone (systemctl start docker).`,
      'To see Bridgewatch at work without it: make lab',
    );
  }
  const none =
    docker.dockerd === undefined
      ? 'This machine has no dockerd (in PATH, /usr/sbin, /usr/local/bin, /snap/bin).'
      : `The only Docker here (${docker.dockerd}) was installed by \`make setup\` for the lab; it is no service.`;
  if (wishes.labForbidden) return wait(none, 'LAB=no: no lab either.');
  if (!wishes.root) return wait(none, 'A sealed lab could show the same, but it needs root.');
  return {
    action: 'lab',
    explanation: [
      looked,
      none,
      'So here is a sealed lab instead: a real engine and real containers in network namespaces of their own, with',
      'no way to your network, and nothing left of it after Ctrl-C. (LAB=no turns this off.)',
    ],
  };
}
