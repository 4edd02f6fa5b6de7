/** Who lives in whose network namespace (`network_mode: container:ID`): their packets cannot be told apart. */
import type { Workload } from '../../model/network.ts';

type Containers = ReadonlyMap<string, { readonly id: string; readonly workload: Workload }>;

/** By the id of the namespace's owner. */
export function findSharers(containers: Containers): Map<string, Workload[]> {
  const sharers = new Map<string, Workload[]>();
  for (const { workload } of containers.values()) {
    const owner = ownerOf(workload, containers);
    if (owner === undefined) continue;
    const others = sharers.get(owner);
    if (others === undefined) sharers.set(owner, [workload]);
    else others.push(workload);
  }
  return sharers;
}

/** The API takes an id, its prefix or a name. */
function ownerOf({ networkMode }: Workload, containers: Containers): string | undefined {
  if (!networkMode.startsWith('container:')) return undefined;
  const target = networkMode.slice('container:'.length);
  if (containers.has(target)) return target;
  for (const { id, workload } of containers.values()) {
    if (workload.name === target || (target.length >= 12 && id.startsWith(target))) return id;
  }
  return undefined;
}
