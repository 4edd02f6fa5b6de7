/**
 * The lab's Docker host as a machine of its own: private mounts, /run, /sys, resolv.conf and host name, in the lab's
 * network namespace. One sleeping process holds it; everything else enters with nsenter. The process ids are the
 * machine's, so that /proc/<pid> of a container is the same inside and outside.
 */
import { cpSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LAB_MARK, type LabNames, netnsPath } from './remains.ts';
import { type RunningProcess, start, waitFor } from './run.ts';

export const LAB_HOSTNAME = 'lab-host';

/**
 * /sys is mounted anew because sysfs shows the interfaces of the namespace it was mounted in; the control groups
 * are carried over, since dockerd fails without them (which is why `ip netns exec` does not do).
 */
const SETUP = `
set -eu
dir=$1 resolv=$2 memory=$3
hostname ${LAB_HOSTNAME}
mount --rbind /sys/fs/cgroup "$dir/cgroup"
mount -t sysfs sysfs /sys
mount --move "$dir/cgroup" /sys/fs/cgroup
if [ -n "$resolv" ]; then mount --bind "$dir/resolv.conf" "$resolv"; fi
mount --bind "$dir/run" /run
if [ -n "$memory" ]; then mount -t tmpfs -o "size=$memory" tmpfs "$dir/docker"; fi
if [ ! -L /var/run ]; then mount --bind "$dir/run" /var/run; fi
echo ready
exec sleep infinity
`;

export interface Machine {
  /** Process id of the holder: /proc/<pid>/root is the lab host's file tree, seen from outside. */
  readonly pid: number;
  readonly holder: RunningProcess;
  enter(argv: readonly string[], cwd?: string): string[];
}

export async function createMachine(names: LabNames, nameserver: string): Promise<Machine> {
  for (const part of ['run', 'cgroup', 'home', 'docker']) mkdirSync(join(names.dir, part));
  const resolvConf = join(names.dir, 'resolv.conf');
  writeFileSync(resolvConf, `nameserver ${nameserver}\n`);
  const resolvTarget = placeForResolvConf(names.dir, resolvConf);

  let ready = false;
  const argv = [
    'nsenter',
    `--net=${netnsPath(names.hostNetns)}`,
    'unshare',
    '--mount',
    '--uts',
    '--propagation',
    'private',
  ];
  const holder = start([...argv, 'sh', '-c', SETUP, 'sh', names.dir, resolvTarget, memoryForImages()], {
    env: labEnvironment(names),
    onLine: (line) => {
      if (line === 'ready') ready = true;
    },
  });
  await waitFor('the lab host to have its mounts', () => {
    if (!holder.running()) throw new Error(holder.output().trim());
    return ready;
  });
  return {
    pid: holder.pid,
    holder,
    enter: (command, cwd) => [
      ...['nsenter', '--target', String(holder.pid), '--mount', '--net', '--uts', '--'],
      ...(cwd === undefined ? [] : ['env', '--chdir', cwd]),
      ...command,
    ],
  };
}

/** Images and layers live in memory where there is plenty: quicker, and gone with the lab's mounts. */
function memoryForImages(): string {
  const kibibytes = Number(/^MemAvailable: +(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0);
  return kibibytes > 8 * 2 ** 20 ? '4g' : '';
}

/** Only what a program needs: no proxy settings or credentials of whoever runs the lab. */
export function labEnvironment(names: LabNames): NodeJS.ProcessEnv {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: join(names.dir, 'home'),
    LANG: 'C.UTF-8',
    [LAB_MARK]: names.id,
  };
}

/** With systemd-resolved, resolv.conf is a link into /run, which is the lab's own: put the file where it points. */
function placeForResolvConf(dir: string, resolvConf: string): string {
  const real = realpathSync('/etc/resolv.conf');
  if (!real.startsWith('/run/')) return real;
  const inside = join(dir, real);
  mkdirSync(dirname(inside), { recursive: true });
  cpSync(resolvConf, inside);
  return '';
}
