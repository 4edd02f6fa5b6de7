/** What a manager of a Swarm keeps on its disk: the keys of the cluster, in clear unless autolock is on. */
import { defineCheck, type Verdict } from '../check.ts';
import { ENGINE } from '../lib/verdicts.ts';

/** Swarm's default is 90 days. */
const MAX_CERT_DAYS = 90;
const DAY_SECS = 86_400;

export default defineCheck({
  id: 'swarm-autolock',
  title: "A Swarm's keys are locked, and its certificates short-lived",
  group: 'drivers',
  severity: 'low',
  argument:
    "Without autolock a copy of a manager's disk holds the keys of its encrypted overlays and its own certificate: low, as it takes the disk. Certificates of nodes that live longer than the 90 days of the default stay good so long in a thief's hands.",
  needs: ['engine', 'swarm'],
  cis: ['7.5', '7.7'],
  run: ({ engine, swarm }) => {
    if (engine.swarm.state === 'inactive') {
      return [{ outcome: 'not-applicable', objects: [], explanation: 'The engine is in no Swarm.' }];
    }
    if (swarm === undefined) {
      return [
        {
          outcome: 'unknown',
          objects: [ENGINE],
          explanation: `The engine is no manager of its Swarm (state ${engine.swarm.state}), and only managers tell its settings.`,
          remedy: { what: 'Run the audit on a manager.' },
        },
      ];
    }
    const days = swarm.nodeCertExpirySecs === undefined ? undefined : swarm.nodeCertExpirySecs / DAY_SECS;
    const evidence = {
      autolock: swarm.autoLock,
      ...(days === undefined ? {} : { nodeCertDays: Math.round(days) }),
    };
    const verdicts: Verdict[] = [];
    if (!swarm.autoLock) {
      verdicts.push({
        outcome: 'fail',
        objects: [ENGINE],
        topic: 'autolock',
        explanation: "Autolock is off: the keys of the Swarm lie on each manager's disk in clear.",
        evidence,
        remedy: {
          what: 'Turn it on, and keep the key that it prints: a manager that is started again asks for it.',
          commands: ['docker swarm update --autolock=true'],
        },
      });
    }
    if (days !== undefined && days > MAX_CERT_DAYS) {
      verdicts.push({
        outcome: 'fail',
        objects: [ENGINE],
        topic: 'certificates',
        explanation: `Certificates of nodes live ${Math.round(days)} days.`,
        evidence,
        remedy: {
          what: 'Let them live 90 days or less.',
          commands: ['docker swarm update --cert-expiry 2160h0m0s'],
        },
      });
    }
    return verdicts.length > 0
      ? verdicts
      : [
          {
            outcome: 'pass',
            objects: [ENGINE],
            explanation: 'Autolock is on, and certificates are short-lived.',
            evidence,
          },
        ];
  },
});
