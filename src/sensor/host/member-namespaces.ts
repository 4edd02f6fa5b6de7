/**
 * What the network namespaces of containers say of themselves, for the audit: their default routes, what they tried
 * without one, and whether they pass on packets of others. Through /proc/<pid>, and only where that pid is verified to be
 * the container's; what cannot be read says why. Counts are since the container started.
 */
import type { ContainerFacts } from '../docker/container-facts.ts';
import { pidProblem } from './namespace-counters.ts';
import { type ForwardCounters, forwardCounters, type NoRouteCounters, noRouteCounters } from './proc-snmp.ts';
import { type HostRoute, readRoutes } from './routes.ts';
import { readSmallFile } from './small-file.ts';

export type NamespaceReading = { readonly containerId: string } & (
  | {
      readonly ok: true;
      readonly defaultRoutes: readonly HostRoute[];
      readonly noRoutes: NoRouteCounters;
      readonly forwards: ForwardCounters;
    }
  | { readonly ok: false; readonly reason: string }
);

const MAX_BYTES = 64 * 1024;
const AT_ONCE = 8;

/** Never rejects. Of containers that have a namespace of their own; in the order in which they were given. */
export async function readMemberNamespaces(
  containers: readonly ContainerFacts[],
  proc = '/proc',
): Promise<readonly NamespaceReading[]> {
  const readings: NamespaceReading[] = [];
  const waiting = containers.entries();
  const worker = async (): Promise<void> => {
    for (const [i, container] of waiting) readings[i] = await readOne(container, proc);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return readings;
}

async function readOne({ id, pid, sandboxKey }: ContainerFacts, proc: string): Promise<NamespaceReading> {
  const holder = { workload: { containerId: id }, ...(pid === undefined ? {} : { pid }) };
  const problem = await pidProblem(holder, sandboxKey, proc);
  if (problem !== undefined) return { containerId: id, ok: false, reason: problem };
  const net = `${proc}/${pid}/net`;
  const [routes, snmp, snmp6] = await Promise.all([
    readRoutes(net),
    readSmallFile(`${net}/snmp`, MAX_BYTES),
    readSmallFile(`${net}/snmp6`, MAX_BYTES),
  ]);
  if (routes === undefined || snmp === undefined)
    return { containerId: id, ok: false, reason: `${net} cannot be read` };
  return {
    containerId: id,
    ok: true,
    defaultRoutes: routes.filter(({ isDefault }) => isDefault),
    noRoutes: noRouteCounters(snmp, snmp6),
    forwards: forwardCounters(snmp, snmp6),
  };
}
