/**
 * A real Docker engine of the lab's own, in the lab's host: its data, containerd and socket are under the lab's
 * directory, and it reads none of the machine's Docker configuration. No registry can be reached from it.
 */
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { runtimeOptions } from './bounded-runtime.ts';
import type { Machine } from './machine.ts';
import { labEnvironment } from './machine.ts';
import type { LabNames } from './remains.ts';
import { type RunningProcess, run, start, waitFor } from './run.ts';

export interface Engine {
  readonly process: RunningProcess;
  /** The API socket as seen from outside the lab's host; inside it is /var/run/docker.sock. */
  readonly socket: string;
  readonly storageDriver: string;
}

export async function startEngine(
  names: LabNames,
  machine: Machine,
  options: readonly string[] = [],
): Promise<Engine> {
  const storageDriver = (await overlayWorks(names, machine)) ? 'overlay2' : 'vfs';
  const config = join(names.dir, 'daemon.json');
  // ip6tables: without it an engine before 27 does not enforce `internal` for IPv6 at all.
  const settings = { experimental: true, ip6tables: true, ...runtimeOptions(names.dir) };
  writeFileSync(config, JSON.stringify(settings));
  const argv = [
    ...['dockerd', '--config-file', config, '--data-root', join(names.dir, 'docker')],
    ...[
      '--exec-root',
      '/var/run/docker',
      '--pidfile',
      '/var/run/docker.pid',
      '--host',
      'unix:///var/run/docker.sock',
    ],
    ...['--storage-driver', storageDriver, '--exec-opt', 'native.cgroupdriver=cgroupfs'],
    ...['--cgroup-parent', `/${names.cgroup}`, ...options],
  ];
  const socket = join(names.dir, 'run/docker.sock');
  const engine = start(machine.enter(argv), { env: labEnvironment(names) });
  await waitFor(
    'dockerd to answer',
    () => {
      if (!engine.running())
        throw new Error(`dockerd ended: ${engine.output().trim().split('\n').slice(-5).join('\n')}`);
      return ping(socket);
    },
    { timeoutMs: 60_000 },
  );
  return { process: engine, socket, storageDriver };
}

/** overlayfs on overlayfs (a lab inside a container) is refused by most kernels: try instead of guessing. */
async function overlayWorks(names: LabNames, machine: Machine): Promise<boolean> {
  const script = `
    cd "$1" && mkdir -p try/lower try/upper try/work try/merged &&
    mount -t overlay overlay -o lowerdir=try/lower,upperdir=try/upper,workdir=try/work try/merged && umount try/merged && rm -r try`;
  const answer = await run(machine.enter(['sh', '-c', script, 'sh', join(names.dir, 'docker')]), {
    env: labEnvironment(names),
    accept: 'any',
  });
  return answer.code === 0;
}

function ping(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const req = request({ socketPath, path: '/_ping', timeout: 2_000 }, (res) => {
      res.resume();
      resolve(res.statusCode === 200);
    });
    req.on('error', () => resolve(false));
    req.on('timeout', () => req.destroy());
    req.end();
  });
}
