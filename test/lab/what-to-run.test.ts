import { describe, expect, it } from 'vitest';
import type { DockerHere } from '../../scripts/docker-here.ts';
import { whatToRun } from '../../scripts/what-to-run.ts';

const nothing: DockerHere = {
  address: '/var/run/docker.sock',
  source: 'default',
  silence: 'no such socket',
  dockerd: undefined,
  dockerdIsOurs: false,
};
const anyone = { labForbidden: false, root: true };

describe('what `make run` does', () => {
  it('watches an engine that answers, whoever installed it', () => {
    for (const dockerdIsOurs of [true, false]) {
      const plan = whatToRun(
        { ...nothing, silence: undefined, dockerd: '/usr/sbin/dockerd', dockerdIsOurs },
        anyone,
      );
      expect(plan.action).toBe('watch');
    }
  });

  it('brings up the lab where the machine has no dockerd at all', () => {
    expect(whatToRun(nothing, anyone).action).toBe('lab');
  });

  it('waits for an installed engine that is merely stopped, and leaves it alone', () => {
    const plan = whatToRun({ ...nothing, dockerd: '/usr/bin/dockerd' }, anyone);

    expect(plan.action).toBe('wait');
    expect(plan.explanation.join(' ')).toContain('/usr/bin/dockerd');
  });

  it('brings up the lab where the only dockerd is the one that set-up installed for it', () => {
    expect(whatToRun({ ...nothing, dockerd: '/usr/sbin/dockerd', dockerdIsOurs: true }, anyone).action).toBe(
      'lab',
    );
  });

  it('brings up no lab with LAB=no, without root, or when an engine was named', () => {
    expect(whatToRun(nothing, { labForbidden: true, root: true }).action).toBe('wait');
    expect(whatToRun(nothing, { labForbidden: false, root: false }).action).toBe('wait');
    expect(whatToRun({ ...nothing, source: 'DOCKER_HOST' }, anyone).action).toBe('wait');
  });

  it('says where it looked and why there was no answer', () => {
    const plan = whatToRun(
      { ...nothing, address: '/srv/d.sock', source: 'DOCKER_HOST', silence: 'EPERM' },
      anyone,
    );

    expect(plan.explanation[0]).toBe('No Docker engine answers at /srv/d.sock (from $DOCKER_HOST): EPERM.');
  });
});
