/** Mounts that bring along a socket which commands the host's containers: the socket itself, or a directory that holds one. */
import type { ContainerMount } from '../../docker/container-facts.ts';

const SOCKETS = [
  'docker.sock',
  'containerd.sock',
  'podman.sock',
  'crio.sock',
  'buildkitd.sock',
  'dockershim.sock',
];
/** A mount of any of these brings the socket along. */
const HOLDERS: ReadonlySet<string> = new Set([
  '/',
  '/run',
  '/var',
  '/var/run',
  '/run/docker',
  '/run/containerd',
]);

export function holdsEngineSocket({ type, source }: ContainerMount): boolean {
  if (type !== 'bind') return false;
  const path = source.replace(/\/+$/, '') || '/';
  return HOLDERS.has(path) || SOCKETS.some((name) => path.endsWith(`/${name}`));
}
