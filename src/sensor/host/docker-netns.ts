/**
 * Where libnetwork binds the namespaces of sandboxes and overlay networks, as these directories look from here. In a
 * container they are nowhere in our own file system, and are seen, with the host's PID namespace, through a process
 * of the host; no mount has to propagate for that.
 */
import { type EngineProcess, findEngines } from './engine-process.ts';

/**
 * `/var/run` is mostly a link to `/run`, and a link that begins with `/` leads from `/proc/<pid>/root` back into our own
 * file system (path_resolution(7)); so both are said.
 */
export const NETNS_DIRS: readonly string[] = [
  '/var/run/docker/netns',
  '/proc/1/root/run/docker/netns',
  '/proc/1/root/var/run/docker/netns',
];

/**
 * The engine's own view first: its mount namespace may be no other process's (snap, a unit with private mounts).
 * `ourDataRoot` is asked where several engines run, for that of the one we talk with.
 */
export async function netnsDirs(
  ourDataRoot: () => Promise<string | undefined>,
  proc = '/proc',
): Promise<readonly string[]> {
  const engines = await findEngines(proc);
  const dataRoot = engines.length > 1 ? await ourDataRoot() : engines[0]?.dataRoot;
  const engine = engines.find((each) => each.dataRoot === dataRoot);
  return engine === undefined ? NETNS_DIRS : [...dirsOf(engine), ...NETNS_DIRS];
}

function dirsOf({ root, execRoot }: EngineProcess): string[] {
  const dir = `${execRoot}/netns`;
  const behindLink = dir.replace(/^\/var\/run\//, '/run/');
  return [...new Set([behindLink, dir])].map((path) => `${root}${path}`);
}
