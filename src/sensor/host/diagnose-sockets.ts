/** Whether containers on the host's network can be told from the host here, and what is missing when they cannot. */
import type { Diagnosis } from '../../model/diagnosis.ts';
import type { ContainerState } from '../docker/inventory-event.ts';
import { type ProcPaths, socketsOfContainer } from './container-sockets.ts';
import { pidProblem } from './namespace-counters.ts';

const CHECK = 'host network';

/** Each is tried: the agent's own container is one of them, and is always in sight. */
export async function diagnoseSockets(
  containers: readonly ContainerState[],
  paths: ProcPaths = {},
): Promise<Diagnosis> {
  const there = containers.filter(
    ({ pid, workload }) => pid !== undefined && workload.networkMode === 'host',
  );
  if (there.length === 0) return { check: CHECK, outcome: 'ok', detail: 'no container is on it' };
  for (const container of there) {
    const found = await problemOf(container, paths);
    if (found === undefined) continue;
    const detail = `${container.workload.name}: ${found.problem}, so what it does there cannot be told from what the host does`;
    return { check: CHECK, outcome: 'warn', detail, advice: found.advice };
  }
  const names = there.map(({ workload }) => workload.name).join(', ');
  return {
    check: CHECK,
    outcome: 'ok',
    detail: `containers on it are told from the host, by their sockets: ${names}`,
  };
}

async function problemOf(
  container: ContainerState,
  paths: ProcPaths,
): Promise<{ problem: string; advice: string } | undefined> {
  const outOfSight = await pidProblem(container, container.sandboxKey, paths.proc ?? '/proc');
  if (outOfSight !== undefined) {
    const advice = "run the agent's container with pid: host (docker run --pid host)";
    return { problem: outOfSight, advice };
  }
  const inodes = await socketsOfContainer(container.workload.containerId, container.pid!, paths);
  if (inodes !== undefined) return undefined;
  return {
    problem: 'not all of its open files can be read, or there are too many',
    advice: 'run as root, or the container with --privileged (it needs CAP_SYS_PTRACE)',
  };
}
