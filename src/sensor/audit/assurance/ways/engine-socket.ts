/** A member that holds the engine's socket: it starts a container wherever it likes, this network's wall or not. */
import { holdsEngineSocket } from '../../lib/engine-sockets.ts';
import { containerObject, listed, serviceRemedy } from '../../lib/verdicts.ts';
import { defineWay } from '../way.ts';

export default defineWay({
  id: 'engine-socket',
  title: 'through the engine, by a member that holds its socket',
  toldBy: 'engine-socket-mounted',
  needs: ['containers'],
  look: ({ members }) => ({
    open: members.flatMap(({ container }) => {
      const sources = container.mounts.filter(holdsEngineSocket).map(({ source }) => source);
      if (sources.length === 0) return [];
      return [
        {
          mark: 'possible' as const,
          severity: 'high' as const,
          objects: [containerObject(container)],
          explanation: `${container.label} has ${listed(sources)} mounted: it can start a container on any network, or join this one to another.`,
          evidence: { mounts: sources },
          remedy: serviceRemedy(
            container,
            'Take the mount out, or put a proxy before it that lets through only what is asked.',
            ['# no mount of the socket'],
            'without -v of the socket',
          ),
        },
      ];
    }),
    shut: { reason: "no member holds the engine's socket" },
  }),
});
