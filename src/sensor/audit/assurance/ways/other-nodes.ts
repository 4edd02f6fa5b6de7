/** An overlay spans the nodes of a Swarm: who is on it elsewhere, and what they may, this engine does not tell. */
import { defineWay } from '../way.ts';

export default defineWay({
  id: 'other-nodes',
  title: 'by members on other nodes of the Swarm',
  needs: [],
  isAbout: ({ scope, driver }) => scope === 'swarm' || driver === 'overlay',
  look: () => ({
    shut: { reason: 'not known' },
    notKnown: [
      {
        reason:
          'the network spans the nodes of a Swarm, and members on other nodes are not seen from this one',
        remedy: 'Run the audit on each node that has tasks on it.',
      },
    ],
  }),
});
