/** Worlds in which something is missing, made with mount namespaces of their own, so that nothing here changes. */
import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { quoted, ROOT } from './bridgewatch.ts';

export const BINDING_FOLDER = join(ROOT, 'capture/native/build');

/** Why private mounts cannot be made here; undefined when they can. */
export const NO_PRIVATE_MOUNTS = ((): string | undefined => {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'mount namespaces need root and unshare(1)';
  }
})();

/** Wrapper for a command: first these shell commands in a mount namespace of its own, then the command. */
export function inPrivateMounts(...commands: readonly string[]): string[] {
  return ['unshare', '--mount', 'sh', '-c', `${commands.join(' && ')} && exec "$@"`, 'sh'];
}

/** Every copy of libpcap that the loader knows is an empty file. */
export function withoutLibpcap(): string[] {
  return inPrivateMounts(...libpcapFiles().map((file) => `mount --bind /dev/null ${quoted(file)}`));
}

export function libpcapFiles(): string[] {
  const known = execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8' });
  const paths = [...known.matchAll(/libpcap\.so\S* .*=> (\S+)/g)].map(([, path]) => realpathSync(path!));
  return [...new Set(paths)];
}

/** As on a machine without a compiler: nothing was ever built. */
export function withoutBinding(): string[] {
  return inPrivateMounts(`mount -t tmpfs none ${quoted(BINDING_FOLDER)}`);
}

/** Root by name, and no capability: what `nobody` may do, but able to read a checkout that only root may enter. */
export const POWERLESS = ['setpriv', '--inh-caps=-all', '--bounding-set=-all', '--'];
