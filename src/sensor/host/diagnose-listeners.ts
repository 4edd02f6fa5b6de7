/** Whether it can be seen here which ports containers listen on, and by which process, and what that costs. */
import type { Diagnosis } from '../../model/diagnosis.ts';
import type { ContainerState } from '../docker/inventory-event.ts';
import { processesOfContainer } from './container-sockets.ts';
import { ListenerReader, type ListenerReaderOptions } from './listener-reader.ts';

const CHECK = 'listeners';
const ADVICE =
  "run the agent's container with pid: host; without it, nobody is told when a container opens a port";

/** One container stands for all: whether the way is open depends on how the agent runs, not on the container. */
export async function diagnoseListeners(
  containers: readonly ContainerState[],
  options: ListenerReaderOptions = {},
): Promise<Diagnosis> {
  const there = containers.find(
    ({ pid, workload }) =>
      pid !== undefined && workload.networkMode !== 'host' && !workload.networkMode.startsWith('container:'),
  );
  if (there === undefined)
    return { check: CHECK, outcome: 'ok', detail: 'no container runs whose ports could be tried' };
  const { name, containerId } = there.workload;
  const began = performance.now();
  const reading = await new ListenerReader(options).read(there);
  const tookMs = Math.ceil(performance.now() - began);
  if (!reading.ok)
    return { check: CHECK, outcome: 'warn', detail: `${name}: ${reading.reason}`, advice: ADVICE };
  const detail = `what ${name} listens on was read in ${tookMs} ms (sockets: ${reading.listeners.length})`;
  const processes = await processesOfContainer(containerId, there.pid!, options).catch(() => undefined);
  if (processes !== undefined) return { check: CHECK, outcome: 'ok', detail };
  return {
    check: CHECK,
    outcome: 'warn',
    detail: `${detail}, but not by which process: its processes are not to be seen from here`,
    advice:
      "run the agent's container with pid: host; without it, a shell that listens looks like any other program",
  };
}
