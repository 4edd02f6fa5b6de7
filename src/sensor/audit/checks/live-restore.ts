/** live-restore: containers that outlive the engine, so that a security update of it costs nothing. */
import { defineCheck } from '../check.ts';
import { daemonJson, ENGINE } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'live-restore',
  title: 'Containers outlive an update of the engine',
  group: 'engine',
  severity: 'informational',
  argument:
    'An engine whose update stops every container is not updated. It opens no door by itself: informational. While the engine is away its firewall rules stay as they were, so whoever changes `iptables`, `ip6tables` or the address pools starts the containers again too.',
  needs: ['engine'],
  cis: ['2.15'],
  run: ({ engine }) => {
    if (engine.swarm.state !== 'inactive') {
      const explanation = 'Swarm does not work with live-restore, and moves tasks to other nodes instead.';
      return [{ outcome: 'not-applicable', objects: [], explanation }];
    }
    if (engine.liveRestore === undefined) {
      const explanation = 'The engine does not say whether live-restore is on.';
      const remedy = { what: 'Look in its daemon.json for "live-restore".' };
      return [{ outcome: 'unknown', objects: [ENGINE], explanation, remedy }];
    }
    const evidence = { liveRestore: engine.liveRestore };
    if (engine.liveRestore) {
      return [{ outcome: 'pass', objects: [ENGINE], explanation: 'live-restore is on.', evidence }];
    }
    return [
      {
        outcome: 'fail',
        objects: [ENGINE],
        explanation: 'live-restore is off: every update of the engine stops all containers, so updates wait.',
        evidence,
        remedy: {
          what: 'Turn it on; the engine takes it up on `systemctl reload docker`.',
          daemonJson: daemonJson({ 'live-restore': true }),
        },
      },
    ];
  },
});
