/** Whether containers on the host's network can be told from the host here, and what is missing when they cannot. */
import type { Diagnosis } from '../../model/diagnosis.ts';
import type { ContainerState } from '../docker/inventory-event.ts';
import { type ProcPaths, socketsOfContainer } from './container-sockets.ts';
import { pidProblem } from './namespace-counters.ts';

const CHECK = 'host network';
const CONSEQUENCE = "so what it does on the host's network cannot be told from what the host does";

/** One container stands for all: whether its processes are in sight depends on how the agent runs. */
export async function diagnoseSockets(
  containers: readonly ContainerState[],
  paths: ProcPaths = {},
): Promise<Diagnosis> {
  const container = containers.find(
    ({ pid, workload }) => pid !== undefined && workload.networkMode === 'host',
  );
  if (container === undefined) return { check: CHECK, outcome: 'ok', detail: 'no container is on it' };
  const { pid, sandboxKey, workload } = container;
  const outOfSight = await pidProblem(container, sandboxKey, paths.proc ?? '/proc');
  if (outOfSight !== undefined) {
    return {
      check: CHECK,
      outcome: 'warn',
      detail: `${workload.name}: ${outOfSight}, ${CONSEQUENCE}`,
      advice: "run the agent's container with pid: host (docker run --pid host)",
    };
  }
  const inodes = await socketsOfContainer(workload.containerId, pid!, paths);
  if (inodes === undefined) {
    return {
      check: CHECK,
      outcome: 'warn',
      detail: `${workload.name}: not all of its open files can be read, or there are too many, ${CONSEQUENCE}`,
      advice: 'run as root, or the container with --privileged (it needs CAP_SYS_PTRACE)',
    };
  }
  const count = inodes.size === 1 ? '1 socket' : `${inodes.size} sockets`;
  return {
    check: CHECK,
    outcome: 'ok',
    detail: `containers on it are told from the host: ${workload.name} holds ${count}`,
  };
}
