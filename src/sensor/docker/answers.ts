/** What attribution answers: a name with its method and confidence, several candidates and no name, or why nobody. */
import type { Attribution as AttributionFact, Endpoint } from '../../model/endpoint.ts';
import { type Workload, workloadLabel } from '../../model/network.ts';
import type { Holder, Interval } from './address-book.ts';

/** The attributed part of an Endpoint. Shared between callers: never change it. */
export type Attributed = Pick<Endpoint, 'scope' | 'workload' | 'names' | 'attribution'>;

export function found(
  scope: Attributed['scope'],
  method: AttributionFact['method'],
  confidence: 'certain' | 'likely',
  reason?: string,
): Attributed {
  return {
    scope,
    names: [],
    attribution: { method, confidence, ...(reason === undefined ? {} : { reason }) },
  };
}

export function ambiguous(reason: string, candidates: readonly string[]): Attributed {
  return {
    scope: 'container',
    names: [],
    attribution: { method: 'ip@time', confidence: 'ambiguous', reason, candidates },
  };
}

export function unknown(reason: string): Attributed {
  return { scope: 'unknown', names: [], attribution: { method: 'none', confidence: 'none', reason } };
}

/** One name a container, however many intervals it has; replicas of one service go by their container names. */
export function labels(claims: readonly { readonly holder: Holder }[]): string[] {
  return distinctNames(claims.map(({ holder }) => holder.workload));
}

export function distinctNames(workloads: readonly Workload[]): string[] {
  const distinct = [...new Map(workloads.map((workload) => [workload.containerId, workload])).values()];
  const isUnique = (names: readonly string[]): boolean => new Set(names).size === names.length;
  const names = distinct.map(workloadLabel);
  if (isUnique(names)) return names;
  const own = distinct.map(({ name }) => name);
  // A service that was made anew has the name of the one before.
  return isUnique(own)
    ? own
    : distinct.map(({ name, containerId }) => `${name} (${containerId.slice(0, 12)})`);
}

/** The frame carries the MAC of another. */
export function spoofed(owners: readonly Interval[], senders: readonly Interval[]): Attributed {
  const [whose, from] = [labels(owners), labels(senders)];
  return ambiguous(
    `the address belongs to ${whose.join(', ')}, but the frame carries the MAC of ${from.join(', ')}: spoofed or relayed`,
    [...new Set([...whose, ...from])],
  );
}
