/**
 * Disks that can be filled: small file systems in memory, in a mount namespace of their own that nobody else sees, which
 * ends with the process that holds it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const MAY_MOUNT = ['unshare', '--mount', '--propagation', 'private', 'mount', '-t', 'tmpfs', 'none', '/mnt'];

export const SMALL_DISKS_MISSING = ((): string | undefined => {
  const [file = '', ...args] = MAY_MOUNT;
  const tried = spawnSync(file, args, { encoding: 'utf8' });
  if (tried.status === 0) return undefined;
  return `no mount namespace can be made here (${tried.error?.message ?? tried.stderr.trim()})`;
})();

export interface SmallDisks {
  /** Before a command line: it sees the disks. */
  readonly prefix: readonly string[];
  /** A path below the folder of the disks, as everybody else may open it. */
  seen(path: string): string;
  fill(disk: string): void;
  free(disk: string): void;
  dispose(): Promise<void>;
}

/** Each name is a folder of `directory`. */
export async function mountSmallDisks(
  directory: string,
  sizes: Readonly<Record<string, string>>,
): Promise<SmallDisks> {
  const mounts = Object.entries(sizes).map(([name, size]) => {
    mkdirSync(join(directory, name), { recursive: true });
    return `mount -t tmpfs -o size=${size},mode=0755 none '${join(directory, name)}'`;
  });
  const script = `set -e; ${mounts.join('; ')}; echo mounted; exec cat`;
  // It ends with its stdin, and so with us, however we end.
  const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(holder, 'exit');
  const isThere = once(holder.stdout, 'data').then(() => true);
  if ((await Promise.race([isThere, exited.then(() => false)])) === false)
    throw new Error('the small disks could not be mounted');
  const seen = (path: string) => join(`/proc/${holder.pid}/root`, path);
  const ballast = (disk: string) => seen(join(directory, disk, 'ballast'));
  return {
    prefix: ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`],
    seen,
    fill(disk) {
      const file = openSync(ballast(disk), 'w');
      let size = 1_048_576;
      while (size >= 1) {
        try {
          // The last bytes too, or small writes would pass.
          if (writeSync(file, Buffer.alloc(size)) < size) size = Math.floor(size / 2);
        } catch {
          size = Math.floor(size / 2);
        }
      }
      closeSync(file);
    },
    free: (disk) => rmSync(ballast(disk), { force: true }),
    async dispose() {
      holder.stdin.end();
      await exited;
    },
  };
}
