/** What of the host is not as it was when its state was saved: networks, members, ports, rights. */

import type { AuditObject } from '../../../model/audit.ts';
import type { DriftChange } from '../../../model/host-drift.ts';
import { clockText } from '../../../model/readable.ts';
import { shellWord } from '../../../model/shell.ts';
import { formatMicros } from '../../../model/time.ts';
import type { ContainerFacts } from '../../docker/container-facts.ts';
import type { NetworkFacts } from '../../docker/engine-facts.ts';
import { defineCheck, type Verdict } from '../check.ts';
import { diffStates, driftTopic } from '../drift/diff.ts';
import { stateOf } from '../drift/state.ts';
import type { Baseline } from '../facts.ts';
import { containerObject, HOST, networkObject } from '../lib/verdicts.ts';

export default defineCheck({
  id: 'baseline-drift',
  title: 'The host is as it was when its state was saved',
  group: 'drift',
  severity: 'medium',
  argument:
    'Each change is as grave as what it opens, if nobody meant it: a network that lost `internal`, a container that became privileged or a database that is published are high; another network, NET_ADMIN or a port medium. What only takes rights or ways away is told as informational, because it was changed all the same. Nothing is asked of who has saved no state: without one the check is not applicable, for an audit is no worse for want of a past.',
  needs: ['networks', 'containers'],
  wants: ['engine', 'baseline'],
  run: ({ networks, containers }, { engine, baseline }) => {
    if (!baseline.ok) {
      const { reason, remedy, isUnasked = false } = baseline;
      return [
        isUnasked
          ? { outcome: 'not-applicable', objects: [], explanation: `There is nothing to compare: ${reason}.` }
          : {
              outcome: 'unknown',
              objects: [],
              explanation: `Not known: ${reason}.`,
              remedy: { what: remedy },
            },
      ];
    }
    const pools = engine.ok ? engine.value.addressPools : [];
    const since = `saved on ${clockText(formatMicros(baseline.value.savedAt))}`;
    const changes = diffStates(baseline.value.state, stateOf(networks, containers, pools));
    if (changes.length === 0) {
      return [
        {
          outcome: 'pass',
          objects: [HOST],
          explanation: `Networks and services are as ${since}.`,
          evidence: { file: baseline.value.file },
        },
      ];
    }
    return changes.map((change) => verdictOf(change, baseline.value, since, networks, containers));
  },
});

function verdictOf(
  change: DriftChange,
  { file, savedAt }: Baseline,
  since: string,
  networks: readonly NetworkFacts[],
  containers: readonly ContainerFacts[],
): Verdict {
  const { field, before, after, sentence, severity } = change;
  const objects = objectsOf(change, networks, containers);
  return {
    outcome: 'fail',
    severity,
    objects,
    // What is gone cannot be named as an object that is here.
    topic: objects.includes(HOST) ? `${change.kind} ${change.name}` : driftTopic(change),
    explanation: `Not as ${since}: ${sentence}`,
    evidence: {
      ...{ file, savedAt: formatMicros(savedAt), field },
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    },
    remedy: {
      what: 'Find out who changed it, and take it back; where it was meant, save the state anew.',
      commands: [`bridgewatch audit --save ${shellWord(file)}`],
    },
  };
}

function objectsOf(
  { kind, name }: DriftChange,
  networks: readonly NetworkFacts[],
  containers: readonly ContainerFacts[],
): readonly AuditObject[] {
  const here =
    kind === 'network'
      ? networks.filter((network) => network.name === name).map(networkObject)
      : containers.filter(({ label }) => label === name).map(containerObject);
  return here.length > 0 ? here : [HOST];
}
