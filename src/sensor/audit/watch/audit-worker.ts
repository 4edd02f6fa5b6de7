/**
 * The thread that one audit of the running agent is made in: hundreds of inspected containers are compared here without
 * holding up the taps. It gives way to them on the CPU, answers once, and ends.
 */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { summedUp } from '../audit.ts';
import { checks as allChecks } from '../checks.ts';
import { readSavedState, StateFileError } from '../drift/saved-state.ts';
import { type AuditFacts, type FactName, known, notKnown } from '../facts.ts';
import { gatherFacts } from '../gather.ts';
import type { AuditReply, AuditRequest } from './audit-request.ts';
import { runIsolated } from './isolated-checks.ts';

/** Of this thread alone: for Linux `0` is the thread that asks. */
const NICENESS = 5;

setPriority(0, NICENESS);
parentPort!.postMessage(await audited(workerData as AuditRequest));

async function audited({ docker, checks: ids, baseline }: AuditRequest): Promise<AuditReply> {
  const checks = allChecks.filter(({ id }) => ids.includes(id));
  const names = new Set<FactName>(checks.flatMap(({ needs, wants = [] }) => [...needs, ...wants]));
  try {
    const facts = await gatherFacts(docker, names, {
      ...(baseline === undefined ? {} : { baseline: () => readBaseline(baseline) }),
    });
    const { results, bugs } = runIsolated(checks, facts);
    const { engineVersion, containers, networks, results: sorted, scores } = summedUp(facts, results);
    return {
      audit: {
        ...(engineVersion === undefined ? {} : { engineVersion }),
        ...{ containers, networks, results: sorted, scores },
      },
      bugs,
    };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Read each time: who saves another state has it compared from then on. */
async function readBaseline(file: string): Promise<AuditFacts['baseline']> {
  try {
    const { savedAt, state } = await readSavedState(file);
    return known({ file, savedAt, state });
  } catch (error) {
    if (!(error instanceof StateFileError)) throw error;
    return notKnown(
      error.message,
      'Set audit.baseline to a file that `bridgewatch audit --save FILE` has written, or take the option out.',
    );
  }
}
