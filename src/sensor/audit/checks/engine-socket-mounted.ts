/** A socket that commands the host's containers, or a directory that holds one, mounted into a container. */
import { defineCheck } from '../check.ts';
import { holdsEngineSocket } from '../lib/engine-sockets.ts';
import { judgeContainers, listed, serviceRemedy } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'engine-socket-mounted',
  title: "No container holds the engine's socket",
  group: 'exposure',
  severity: 'high',
  argument:
    'Who may write to the socket may start a privileged container: an intruder in this one is root on the host. `:ro` changes nothing, since it protects the file and not what is said through it. High and no more, because somebody has to get in first; for agents that need it (this one, Traefik, Portainer) it is the price, and worth a proxy that lets reads through only.',
  needs: ['containers'],
  cis: ['5.32', '5.6'],
  run: ({ containers }) =>
    judgeContainers(
      containers,
      { right: 'Have no socket of the engine mounted.', none: 'No container runs.' },
      (container) => {
        const mounts = container.mounts.filter(holdsEngineSocket);
        if (mounts.length === 0) return undefined;
        const sources = mounts.map(({ source }) => source);
        return {
          explanation: `${container.label} has ${listed(sources)} of the host mounted: who gets into it commands the engine, and with it the host.`,
          evidence: {
            mounts: mounts.map(
              ({ source, destination, isWritable }) => `${source}:${destination}${isWritable ? '' : ':ro'}`,
            ),
          },
          remedy: serviceRemedy(
            container,
            'Take the mount out, or put a proxy before it that lets through only what is asked.',
            [
              'environment:',
              '  DOCKER_HOST: tcp://socket-proxy:2375  # instead of the mount',
              'networks: [socket]  # internal, with the proxy and nobody else on it',
            ],
            'without -v of the socket',
          ),
        };
      },
    ),
});
